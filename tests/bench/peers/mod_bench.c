/* Apache's equivalent: the same answer, a sleep, the length of a body. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <httpd.h>
#include <http_config.h>
#include <http_protocol.h>
#include <ap_config.h>

static long read_all(request_rec *r)
{
	char block[65536];
	long n, sum = 0;
	if (ap_setup_client_block(r, REQUEST_CHUNKED_DECHUNK) != OK || !ap_should_client_block(r))
		return 0;
	while ((n = ap_get_client_block(r, block, sizeof(block))) > 0)
		sum += n;
	return sum;
}

static int handle(request_rec *r)
{
	if (!r->handler || strcmp(r->handler, "bench") != 0)
		return DECLINED;
	ap_set_content_type(r, "text/plain");
	if (strcmp(r->uri, "/length") == 0) {
		ap_rprintf(r, "%ld\n", read_all(r));
		return OK;
	}
	if (strcmp(r->uri, "/sleep10") == 0) {
		const struct timespec t = { .tv_nsec = 10000000 };
		nanosleep(&t, NULL);
	}
	ap_rputs("hello, world\n", r);
	return OK;
}

static void hooks(apr_pool_t *p)
{
	(void)p;
	ap_hook_handler(handle, NULL, NULL, APR_HOOK_MIDDLE);
}

module AP_MODULE_DECLARE_DATA bench_module = {
	STANDARD20_MODULE_STUFF, NULL, NULL, NULL, NULL, NULL, hooks,
};
