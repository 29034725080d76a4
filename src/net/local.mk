noinst_LIBRARIES += src/net/libnet.a
src_net_libnet_a_SOURCES = \
	src/net/access.c src/net/access.h \
	src/net/conn.c src/net/conn.h src/net/conn_private.h \
	src/net/conn_call.c src/net/conn_in.c src/net/conn_out.c \
	src/net/listen.c src/net/listen.h \
	src/net/loop.c src/net/loop.h \
	src/net/reply.c src/net/reply.h \
	src/net/signals.c src/net/signals.h
