/* SPDX-License-Identifier: Apache-2.0 */
#include "server/common/ancillary.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

/* Room for the descriptors, aligned as the macros want it. */
union room {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(ANCILLARY_FDS_MAX * sizeof(int))];
};

ssize_t
ancillary_send(int socket, const struct iovec *iov, size_t count, int fd)
{
	struct msghdr message = {
	    .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = count};
	union room room = {0};
	struct cmsghdr *header;
	ssize_t sent;

	if (fd >= 0) {
		message.msg_control = room.bytes;
		message.msg_controllen = CMSG_SPACE(sizeof(fd));
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	}
	do {
		sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (sent < 0 && errno == EINTR);
	return sent;
}

/* The room holds ANCILLARY_FDS_MAX, so the kernel never installs more. */
static void
collect(struct msghdr *message, struct ancillary *out)
{
	struct cmsghdr *header;
	size_t len;

	out->count = 0;
	out->truncated = (message->msg_flags & MSG_CTRUNC) != 0;
	for (header = CMSG_FIRSTHDR(message); header != NULL;
	     header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET ||
		    header->cmsg_type != SCM_RIGHTS)
			continue;
		len = header->cmsg_len - CMSG_LEN(0);
		memcpy(out->fds + out->count, CMSG_DATA(header), len);
		out->count += (unsigned)(len / sizeof(int));
	}
}

ssize_t
ancillary_receive(int socket, void *bytes, size_t size, struct ancillary *out)
{
	union room room;
	struct iovec iov = {bytes, size};
	struct msghdr message = {.msg_iov = &iov,
	    .msg_iovlen = 1,
	    .msg_control = room.bytes,
	    .msg_controllen = sizeof(room.bytes)};
	ssize_t len =
	    recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (len >= 0)
		collect(&message, out);
	return len;
}
