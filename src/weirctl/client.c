/*
 * Requests to the control socket, by libcurl.
 *
 * Thread: one.
 */
#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "weirctl/ctl.h"

enum { TIMEOUT_S = 10, ANSWER_MAX = 64 << 20 };

struct answer {
	char *text;
	size_t len;
};

static size_t take(char *data, size_t size, size_t count, void *ctx)
{
	struct answer *a = ctx;
	size_t more = size * count;
	if (a->len + more > ANSWER_MAX)
		return 0;
	char *text = realloc(a->text, a->len + more + 1);
	if (!text)
		return 0;
	memcpy(text + a->len, data, more);
	a->text = text;
	a->len += more;
	text[a->len] = '\0';
	return more;
}

static int connect_error(const struct ctl *c)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int err = ENAMETOOLONG;
	if (strlen(c->socket) < sizeof(addr.sun_path)) {
		memcpy(addr.sun_path, c->socket, strlen(c->socket) + 1);
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		err = fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ? errno : 0;
		if (fd >= 0)
			close(fd);
	}
	return err;
}

bool ctl_is_gone(const struct ctl *c)
{
	int err = connect_error(c);
	return err == ENOENT || err == ECONNREFUSED;
}

static int no_answer(const struct ctl *c, CURLcode rc)
{
	int err = rc == CURLE_COULDNT_CONNECT ? connect_error(c) : 0;
	fprintf(stderr, "weirctl: no answer from %s: %s\n", c->socket,
		err ? strerror(err) : curl_easy_strerror(rc));
	if (err == EACCES || err == EPERM) {
		fprintf(stderr, "weirctl: root, the daemon's user and the group of its [admin] "
				"section may use it\n");
		return CTL_NOPERM;
	}
	if (err == ENOENT || err == ECONNREFUSED)
		fprintf(stderr, "weirctl: does the daemon run, and does its [admin] section listen "
				"there? Another socket is named with -s\n");
	return CTL_UNAVAILABLE;
}

static CURLcode perform(const struct ctl *c, const char *method, const char *url, const char *body,
			struct answer *answer, long *ret_status)
{
	CURL *curl = curl_easy_init();
	if (!curl)
		return CURLE_OUT_OF_MEMORY;
	curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, c->socket);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
	if (strcmp(method, "GET") != 0) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body ? body : "");
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
	}
	CURLcode rc = curl_easy_perform(curl);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
	curl_easy_cleanup(curl);
	return rc;
}

int ctl_ask(const struct ctl *c, const char *method, const char *path, const char *body,
	    long *ret_status, char **ret_text)
{
	char url[512];
	struct answer answer = { NULL, 0 };
	snprintf(url, sizeof(url), "http://weir%s", path);
	CURLcode rc = perform(c, method, url, body, &answer, ret_status);
	if (rc != CURLE_OK) {
		free(answer.text);
		return no_answer(c, rc);
	}
	*ret_text = answer.text ? answer.text : strdup("");
	return *ret_text ? 0 : CTL_SYSTEM;
}

int ctl_complain(long status, const char *text)
{
	json_t *o = json_loads(text, 0, NULL);
	const char *why = json_string_value(json_object_get(o, "error"));
	fprintf(stderr, "weirctl: the daemon answered %ld: %s\n", status, why ? why : text);
	json_decref(o);
	return status == 403 ? CTL_NOPERM : CTL_REFUSED;
}

int ctl_send(const struct ctl *c, const char *method, const char *path, const char *body,
	     json_t **ret)
{
	long status = 0;
	char *text = NULL;
	json_error_t error;
	*ret = NULL;
	int rc = ctl_ask(c, method, path, body, &status, &text);
	if (rc == 0 && status >= 400)
		rc = ctl_complain(status, text);
	if (rc == 0 && c->json)
		fputs(text, stdout);
	if (rc == 0 && !(*ret = json_loads(text, 0, &error))) {
		fprintf(stderr, "weirctl: the answer is no JSON: %s\n", error.text);
		rc = CTL_REFUSED;
	}
	free(text);
	return rc;
}

int ctl_get(const struct ctl *c, const char *path, json_t **ret)
{
	return ctl_send(c, "GET", path, NULL, ret);
}
