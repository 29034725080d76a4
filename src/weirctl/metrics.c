/*
 * The numbers of /metrics, as they come, or as JSON: {"metrics": [{"name": ...,
 * "labels": {...}, "value": ...}]}, where an infinite value is "inf".
 *
 * Thread: one.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "weirctl/ctl.h"

/* A quoted value from `text`, its escapes undone in place. What follows it; NULL:
 * it does not end. */
static char *unquote(char *text)
{
	char *to = text;
	while (*text && *text != '"') {
		bool is_escaped = *text == '\\' && text[1];
		text += is_escaped;
		*to++ = (char)(is_escaped && *text == 'n' ? '\n' : *text);
		text++;
	}
	if (!*text)
		return NULL;
	*to = '\0';
	return text + 1;
}

/* NAME="VALUE",...} from `text`. What follows; NULL: it is not so. */
static char *read_labels(char *text, json_t *to)
{
	while (*text && *text != '}') {
		char *name = text, *value = strstr(text, "=\"");
		if (!value)
			return NULL;
		*value = '\0';
		text = unquote(value + 2);
		if (!text)
			return NULL;
		json_object_set_new(to, name, json_string(value + 2));
		text += *text == ',';
	}
	return *text ? text + 1 : NULL;
}

static void add_sample(json_t *list, char *line)
{
	size_t len = strcspn(line, "{ ");
	char *rest = line + len;
	bool has_labels = *rest == '{';
	json_t *labels = json_object();
	if (*rest)
		*rest++ = '\0';
	if (has_labels)
		rest = read_labels(rest, labels);
	double value = rest ? strtod(rest, NULL) : 0;
	if (rest)
		json_array_append_new(
			list, json_pack("{s:s, s:O, s:o}", "name", line, "labels", labels, "value",
					isinf(value) ? json_string("inf") : json_real(value)));
	json_decref(labels);
}

static int write_json(char *text)
{
	json_t *list = json_array(), *o = json_pack("{s:o}", "metrics", list);
	for (char *line = strtok(text, "\n"); o && line; line = strtok(NULL, "\n")) {
		if (line[0] != '#')
			add_sample(list, line);
	}
	int rc = o ? json_dumpf(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) : -1;
	putchar('\n');
	json_decref(o);
	return rc == 0 ? 0 : CTL_SYSTEM;
}

int ctl_metrics(const struct ctl *c)
{
	long status;
	char *text = NULL;
	int rc = ctl_ask(c, "GET", "/metrics", NULL, &status, &text);
	if (rc == 0 && status != 200)
		rc = ctl_complain(status, text);
	else if (rc == 0 && c->json)
		rc = write_json(text);
	else if (rc == 0)
		fputs(text, stdout);
	free(text);
	return rc;
}
