/*
 * Fuzz driver of conf: any text is read without harm, and the dump of what was
 * accepted is accepted too.
 *
 * Thread: one.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int load(const char *text, struct conf **ret_conf)
{
	struct conf_errors errs;
	conf_errors_init(&errs);
	int rc = conf_load_text("fuzz", text, ret_conf, &errs);
	must((rc == 0) == (errs.count == 0));
	conf_errors_done(&errs);
	return rc;
}

static void load_dump(const struct conf *conf)
{
	char *text = NULL;
	size_t len = 0;
	struct conf *again = NULL;
	FILE *to = open_memstream(&text, &len);
	must(to);
	conf_dump(conf, to, NULL, NULL);
	must(fclose(to) == 0);
	must(load(text, &again) == 0);
	conf_free(&again);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	must(text);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	struct conf *conf = NULL;
	if (load(text, &conf) == 0)
		load_dump(conf);
	conf_free(&conf);
	free(text);
	return 0;
}
