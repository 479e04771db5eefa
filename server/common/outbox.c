/* SPDX-License-Identifier: Apache-2.0 */
#include "server/common/outbox.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include "protocol/frame.h"
#include "protocol/memory.h"
#include "server/common/ancillary.h"

/* A descriptor waiting for the byte that it goes with. */
struct outbox_fd {
	struct outbox_fd *next;
	uint64_t at; /* as outbox.sent counts */
	int fd;
};

static void
drop_fd(struct outbox *outbox)
{
	struct outbox_fd *first = outbox->fds;

	outbox->fds = first->next;
	if (outbox->fds == NULL)
		outbox->fds_end = &outbox->fds;
	(void)close(first->fd);
	free(first);
}

static void
append_fd(struct outbox *outbox, int fd)
{
	struct outbox_fd *last = memory_new(1, sizeof(*last));

	last->fd = fd;
	last->at = outbox->sent + buffer_len(&outbox->queue);
	*outbox->fds_end = last;
	outbox->fds_end = &last->next;
}

/* Queue what is left of a frame of which the kernel took sent bytes. */
static int
append_rest(struct outbox *outbox, const struct iovec iov[2], size_t sent,
    struct error *err)
{
	int i;

	for (i = 0; i < 2; i++) {
		const uint8_t *bytes = iov[i].iov_base;
		size_t len = iov[i].iov_len;
		size_t skip = sent < len ? sent : len;

		sent -= skip;
		if (len > skip && buffer_append(&outbox->queue, bytes + skip,
		                      len - skip, err) != 0)
			return -1;
	}
	return 0;
}

void
outbox_init(struct outbox *outbox, size_t max)
{
	buffer_init(&outbox->queue, max);
	outbox->sent = 0;
	outbox->fds = NULL;
	outbox->fds_end = &outbox->fds;
}

void
outbox_clear(struct outbox *outbox)
{
	while (outbox->fds != NULL)
		drop_fd(outbox);
	buffer_clear(&outbox->queue);
}

size_t
outbox_len(const struct outbox *outbox)
{
	return buffer_len(&outbox->queue);
}

enum outbox_result
outbox_send(struct outbox *outbox, int socket, const struct frame *frame,
    int fd, struct error *err)
{
	uint8_t header[FRAME_HEADER_BYTES];
	const struct iovec iov[2] = {{header, sizeof(header)},
	    {(void *)(uintptr_t)frame->payload, frame->len}};
	ssize_t sent = 0;
	int why = EAGAIN;

	assert(frame->len <= (frame->kind == FRAME_CONTROL ? FRAME_CONTROL_MAX
	                                                   : FRAME_DATA_MAX));
	frame_header(header, frame->kind, frame->stream, frame->len);
	if (buffer_len(&outbox->queue) == 0) {
		sent = ancillary_send(socket, iov, 2, fd);
		why = errno;
	}
	if (fd >= 0 && sent <= 0 && why == EAGAIN)
		append_fd(outbox, fd);
	else if (fd >= 0)
		(void)close(fd);
	if (sent < 0 && why != EAGAIN) {
		errno = why;
		return OUTBOX_BROKEN;
	}
	if (sent < 0)
		sent = 0;
	outbox->sent += (uint64_t)sent;
	if (append_rest(outbox, iov, (size_t)sent, err) != 0)
		return OUTBOX_FULL;
	return OUTBOX_DONE;
}

/* One sendmsg(2): as far as the descriptor after the next. */
static ssize_t
flush_part(struct outbox *outbox, int socket)
{
	const struct outbox_fd *stop = outbox->fds;
	struct iovec iov = {(void *)(uintptr_t)buffer_bytes(&outbox->queue),
	    buffer_len(&outbox->queue)};
	ssize_t sent;
	int fd = -1;

	if (stop != NULL && stop->at == outbox->sent) {
		fd = stop->fd;
		stop = stop->next;
	}
	if (stop != NULL && stop->at - outbox->sent < iov.iov_len)
		iov.iov_len = (size_t)(stop->at - outbox->sent);
	sent = ancillary_send(socket, &iov, 1, fd);
	if (sent <= 0)
		return sent;
	if (fd >= 0)
		drop_fd(outbox);
	outbox->sent += (uint64_t)sent;
	buffer_consume(&outbox->queue, (size_t)sent);
	return sent;
}

int
outbox_flush(struct outbox *outbox, int socket)
{
	while (buffer_len(&outbox->queue) > 0) {
		if (flush_part(outbox, socket) < 0)
			return errno == EAGAIN ? 0 : -1;
	}
	buffer_clear(&outbox->queue);
	return 0;
}
