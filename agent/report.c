/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/report.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent/receive.h"

/* Room for one descriptor beside a message, aligned as it must be. */
union beside {
	struct cmsghdr header;
	char room[CMSG_SPACE(sizeof(int))];
};

void
report_send(int socket, const struct report *report, int fd)
{
	/* sendmsg only reads it, whatever its prototype says */
	struct report copy = *report;
	struct iovec part = {.iov_base = &copy, .iov_len = sizeof(copy)};
	union beside beside = {.header = {.cmsg_len = CMSG_LEN(sizeof(fd)),
	                           .cmsg_level = SOL_SOCKET,
	                           .cmsg_type = SCM_RIGHTS}};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	if (fd >= 0) {
		memcpy(CMSG_DATA(&beside.header), &fd, sizeof(fd));
		message.msg_control = &beside;
		message.msg_controllen = sizeof(beside.room);
	}
	while (sendmsg(socket, &message, MSG_NOSIGNAL) < 0) {
		if (errno != EINTR)
			return;
	}
}

int
report_receive(int socket, struct report *report, int *fd)
{
	ssize_t len;

	/* who goes with orders unread resets the socket, and the kernel tells
	 * that once, before what was said before */
	do
		len = receive(socket, report, sizeof(*report), fd);
	while (len < 0 && errno == ECONNRESET);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (len == sizeof(*report))
		return 1;
	if (*fd >= 0)
		(void)close(*fd);
	return -1;
}
