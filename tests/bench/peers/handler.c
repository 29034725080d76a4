/* uWSGI's symcall: the same answer, or a sleep, from one of its threads. */
#include <string.h>
#include <time.h>
#include <uwsgi.h>

int bench_request(struct wsgi_request *req)
{
	if (uwsgi_parse_vars(req))
		return -1;
	if (req->path_info_len == 8 && memcmp(req->path_info, "/sleep10", 8) == 0) {
		const struct timespec t = { .tv_nsec = 10000000 };
		nanosleep(&t, NULL);
	}
	uwsgi_response_prepare_headers(req, "200 OK", 6);
	uwsgi_response_add_content_type(req, "text/plain", 10);
	uwsgi_response_add_content_length(req, 13);
	uwsgi_response_write_body_do(req, "hello, world\n", 13);
	return UWSGI_OK;
}
