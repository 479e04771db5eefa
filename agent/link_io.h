/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's end of the link: frames in and out of one stream descriptor.
 *
 * Output goes the short way: a pipe is read into the stage, right behind the
 * room for a frame's header, and sent from there. Only what the kernel does
 * not take is copied into the queue, and while anything is queued the output
 * lane is held; so the queue holds at most one data frame and some messages.
 */
#ifndef AGENT_LINK_IO_H
#define AGENT_LINK_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/loop.h"
#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/frame.h"
#include "protocol/link.h"

/* The longest frame, and room to read more behind its beginning. */
#define LINK_IN_BYTES (FRAME_HEADER_BYTES + FRAME_CONTROL_MAX + FRAME_DATA_MAX)

/* The keeper is not read while more than this is queued for it. */
#define LINK_QUEUE_HIGH (1u << 20)
/* One read's worth of requests may each be answered on top of that. */
#define LINK_QUEUE_MAX (LINK_QUEUE_HIGH + (16u << 20))

struct link_io {
	struct watch watch;
	struct loop *loop; /* borrowed */
	/*
	 * A frame has come; its payload is borrowed until the callback
	 * returns. -1 with err set ends the link: the keeper broke the rules.
	 */
	int (*on_frame)(
	    void *owner, const struct frame *frame, struct error *err);
	void *owner;
	bool ended;       /* nothing more will be read or sent */
	struct error why; /* ERROR_NONE: the keeper closed it */
	uint32_t events;  /* asked of epoll */
	size_t in_len;
	struct buffer out;  /* not yet taken by the kernel */
	struct buffer text; /* a message being written */
	int pages[2];       /* a pipe of our own, for pages on their way; empty
	                       between calls; -1: the link cannot take pages */
	uint8_t stage[FRAME_HEADER_BYTES + FRAME_DATA_MAX];
	uint8_t in[LINK_IN_BYTES];
};

/*
 * Take over fd, made non-blocking, and watch it. on_frame and owner are set by
 * the caller before. returns 0, or -1 ERROR_SYSTEM.
 */
int link_io_open(
    struct link_io *link, struct loop *loop, int fd, struct error *err);

/* Queue a whole frame; it goes out with link_io_flush. */
void link_io_send(struct link_io *link, enum frame_kind kind, uint32_t stream,
    const void *payload, size_t len);

/* Queue a control message; body as link_shapes[type] has it. */
void link_io_send_message(struct link_io *link, uint32_t stream,
    enum link_type type, const void *body);

/* FRAME_DATA_MAX bytes to fill and hand to link_io_send_stage. */
uint8_t *link_io_stage(struct link_io *link);

/* Send the stage's first len bytes as one data frame, at once if possible. */
void link_io_send_stage(
    struct link_io *link, enum frame_kind kind, uint32_t stream, size_t len);

/*
 * Send what lies in a pipe as one data frame, at most max bytes (1 to
 * FRAME_DATA_MAX). The kernel hands the pipe's pages on instead of copying
 * them twice, so this pays for much at a time.
 * returns as read(2) of the pipe: bytes, 0 at its end, -1 with errno
 */
ssize_t link_io_send_pipe(struct link_io *link, enum frame_kind kind,
    uint32_t stream, int pipe, size_t max);

/* Write what is queued as far as the kernel takes it. Call once a round. */
void link_io_flush(struct link_io *link);

#endif
