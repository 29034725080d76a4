bin_PROGRAMS += weir
# The API's files stand here and not in libwork.a: nothing in the daemon calls
# them, so the linker would leave them out.
weir_SOURCES = src/main.c src/boot.c src/boot.h src/daemon.h src/logs.c src/reload.c src/reload.h \
	src/work/api.h src/work/api_body.c src/work/api_form.c src/work/api_request.c \
	src/work/api_response.c \
	src/work/api_stream.c src/work/api_work.c
