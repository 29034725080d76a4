/*
 * System calls that are made for each request. Those of the C library can be
 * cancelled, and pay two atomic operations a call for it once there are threads; no
 * thread of ours is ever cancelled.
 *
 * Thread: any.
 */
#ifndef WEIR_BASE_SYS_H
#define WEIR_BASE_SYS_H

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline ssize_t sys_recv(int fd, void *to, size_t size, int flags)
{
	return syscall(SYS_recvfrom, fd, to, size, flags, NULL, NULL);
}

static inline ssize_t sys_send(int fd, const void *data, size_t len, int flags)
{
	return syscall(SYS_sendto, fd, data, len, flags, NULL, 0);
}

#endif
