/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes and descriptors (SCM_RIGHTS) through a non-blocking socket. */
#ifndef SERVER_COMMON_ANCILLARY_H
#define SERVER_COMMON_ANCILLARY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct iovec;

#define ANCILLARY_FDS_MAX 4 /* in one message; more truncates */

struct ancillary {
	int fds[ANCILLARY_FDS_MAX]; /* owned, close-on-exec */
	unsigned count;
	bool truncated; /* there were more; the kernel has dropped them */
};

/*
 * sendmsg(2) without SIGPIPE, again when a signal interrupts it.
 *   fd       goes with the first byte, stays the caller's; -1 for none
 *   returns  bytes taken, or -1 with errno
 */
ssize_t ancillary_send(
    int socket, const struct iovec *iov, size_t count, int fd);

/*
 * recvmsg(2).
 *   out      filled unless -1 is returned
 *   returns  bytes read, 0 at the end, or -1 with errno
 */
ssize_t ancillary_receive(
    int socket, void *bytes, size_t size, struct ancillary *out);

#endif
