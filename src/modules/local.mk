# Modules that are installed. Each folder has its code, its page and a sample.

MODULES += \
	src/modules/hello/hello.so \
	src/modules/demo/demo.so \
	src/modules/notes/notes.so
LIBS_notes = $(SQLITE_CFLAGS) $(JANSSON_CFLAGS) $(SQLITE_LIBS) $(JANSSON_LIBS)

EXTRA_DIST += \
	src/modules/hello/hello.c src/modules/hello/README.md src/modules/hello/hello.ini \
	src/modules/demo/demo.c src/modules/demo/README.md src/modules/demo/demo.ini \
	src/modules/notes/notes.c src/modules/notes/README.md src/modules/notes/notes.ini
