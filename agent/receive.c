/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/receive.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

/* The kernel leaves out what there is no room for. */
#define FDS_MAX 2

union beside {
	struct cmsghdr header;
	char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

static int
take_one(struct msghdr *message)
{
	const struct cmsghdr *header = CMSG_FIRSTHDR(message);
	int fds[FDS_MAX];
	size_t count, i;

	if (header == NULL || header->cmsg_level != SOL_SOCKET ||
	    header->cmsg_type != SCM_RIGHTS)
		return message->msg_flags & MSG_CTRUNC ? RECEIVE_LOST
		                                       : RECEIVE_NONE;
	count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
	memcpy(fds, CMSG_DATA(header), count * sizeof(int));
	if (count == 1 && !(message->msg_flags & MSG_CTRUNC))
		return fds[0];
	for (i = 0; i < count; i++)
		(void)close(fds[i]);
	return RECEIVE_LOST;
}

ssize_t
receive(int socket, void *bytes, size_t size, int *fd)
{
	struct iovec part = {.iov_base = bytes, .iov_len = size};
	union beside beside;
	struct msghdr message = {.msg_iov = &part,
	    .msg_iovlen = 1,
	    .msg_control = &beside,
	    .msg_controllen = sizeof(beside)};
	ssize_t len =
	    recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	*fd = len < 0 ? RECEIVE_NONE : take_one(&message);
	return len;
}
