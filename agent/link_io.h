/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The agent's end of the link: frames in and out of one stream socket, which
 * can be replaced.
 *
 * A descriptor that comes on the link is the link from then on, and the byte
 * that it came with says nothing. Of the old one, frames that were read whole
 * are done; the rest of it, in both directions, is dropped.
 *
 * The link is always read, since its keeper may be dead and its replacement
 * is to be heard of there. So nothing may be queued for each thing that comes:
 * who has much to say keeps it and asks for room (link_io_has_room).
 */
#ifndef AGENT_LINK_IO_H
#define AGENT_LINK_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/loop.h"
#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/frame.h"
#include "protocol/link.h"

/* The longest frame, and room to read more behind its beginning. */
#define LINK_IN_BYTES (FRAME_HEADER_BYTES + FRAME_CONTROL_MAX + FRAME_DATA_MAX)

/* With more than this queued there is no room. */
#define LINK_QUEUE_HIGH (64u << 10)
/* What a new link is told of every exec, and one exec's turn behind that. */
#define LINK_QUEUE_MAX (1u << 20)

struct link_io {
	struct watch watch;
	struct loop *loop; /* borrowed */
	/*
	 * A frame has come; its payload is borrowed until the callback
	 * returns. -1 with err set ends the link: the keeper broke the rules.
	 */
	int (*on_frame)(
	    void *owner, const struct frame *frame, struct error *err);
	void (*on_replaced)(void *owner); /* another one is there: greet it */
	void *owner;
	bool ended;       /* nothing more will be read or sent */
	bool deaf;        /* it takes nothing more: what is left to read is its
	                     end, or a replacement */
	struct error why; /* ERROR_NONE: the keeper closed it */
	uint32_t events;  /* asked of epoll */
	size_t in_len;
	struct buffer out;  /* not yet taken by the kernel */
	struct buffer text; /* a message being written */
	uint8_t in[LINK_IN_BYTES];
};

/*
 * Take over fd, made non-blocking, and watch it. The callbacks and owner are
 * set by the caller before. returns 0, or -1 ERROR_SYSTEM, fd still the
 * caller's.
 */
int link_io_open(
    struct link_io *link, struct loop *loop, int fd, struct error *err);

/* Close it and free what it owns. Safe twice. */
void link_io_close(struct link_io *link);

/*
 * Whether a frame with so many bytes may be sent now. A long one only when it
 * goes out at once, as far as the kernel takes it, without being copied.
 */
bool link_io_has_room(struct link_io *link, size_t len);

/* Send a whole frame: a long one now if it can be, others with link_io_flush.
 */
void link_io_send(struct link_io *link, enum frame_kind kind, uint32_t stream,
    const void *payload, size_t len);

/* Queue a control message; body as link_shapes[type] has it. */
void link_io_send_message(struct link_io *link, uint32_t stream,
    enum link_type type, const void *body);

/* Write what is queued as far as the kernel takes it. Call once a round. */
void link_io_flush(struct link_io *link);

#endif
