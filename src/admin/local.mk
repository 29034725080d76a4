noinst_LIBRARIES += src/admin/libadmin.a
src_admin_libadmin_a_SOURCES = \
	src/admin/admin.c src/admin/admin.h src/admin/admin_private.h src/admin/change.c \
	src/admin/metrics.c src/admin/status.c
src_admin_libadmin_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS)
