/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames over a stream socket on a libuv loop, with descriptor passing.
 *
 * Writes go to the kernel at once when nothing is queued, without a copy; what
 * it does not take is queued. The queue is bounded: a peer that lets it run
 * over is closed with ERROR_LIMIT. Reading can be paused, which is how
 * back-pressure travels: the kernel's socket buffer fills.
 */
#ifndef SERVER_COMMON_CHANNEL_H
#define SERVER_COMMON_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/frame.h"
#include "server/common/outbox.h"
#include "server/common/owner.h"

struct json_shape;
struct channel;

#define CHANNEL_FDS_MAX 4 /* received and not yet taken; more closes */

struct channel_events {
	size_t out_max; /* bytes that may be queued for the peer; read at
	                   channel_open */
	/*
	 * A frame has come; payload borrowed until the callback returns. May
	 * close the channel. Returning -1 with err set closes it as a peer's
	 * fault: on_closed gets err.
	 */
	int (*on_frame)(struct channel *channel, const struct frame *frame,
	    struct error *err);
	/* The queue has run empty after channel_pending() was above 0. NULL:
	 * not wanted. */
	void (*on_drained)(struct channel *channel);
	/*
	 * The last callback: the socket is closed and the channel's memory is
	 * the caller's again. why->code is ERROR_NONE when the peer ended the
	 * stream or the caller closed it. Descriptors not taken are closed
	 * before.
	 */
	void (*on_closed)(struct channel *channel, const struct error *why);
};

struct channel {
	const struct channel_events *events;
	void *data; /* the caller's */
	struct owner owner;
	uv_poll_t poll;
	uv_idle_t resumed; /* delivers what was read before a pause */
	int fd;
	int mask;         /* what poll watches for */
	struct buffer in; /* a frame's beginning; more only while paused */
	struct outbox out;
	int fds[CHANNEL_FDS_MAX]; /* received, oldest first */
	unsigned fd_count;
	struct error why;
	bool paused;
	bool broken; /* the peer reads no more; what it sent is still read */
	bool finishing;
	bool closing;
};

/*
 * Let a socket hold more on its way to the peer, as far as this process may:
 * processes that take turns on a core then hand over more at each turn. For
 * the ends that no channel is opened on.
 */
void channel_widen(int fd);

/*
 * Take over fd (stream socket, made non-blocking) and begin to read.
 *   events   borrowed while the channel is open
 *   data     becomes channel->data
 *   returns  0, or -1 with fd still the caller's
 */
int channel_open(struct channel *channel, uv_loop_t *loop, int fd,
    const struct channel_events *events, void *data, struct error *err);

/*
 * Send one frame. Never fails for the caller: a broken or overrun channel
 * closes itself and on_closed tells. No callback runs inside the call.
 */
void channel_send(struct channel *channel, enum frame_kind kind,
    uint32_t stream, const void *payload, size_t len);

/* Send a control message; body as for json_write. */
void channel_send_json(struct channel *channel, uint32_t stream,
    const struct json_shape *shape, const char *type, const void *body);

/*
 * As channel_send_json with a descriptor, which is taken: closed here once it
 * was sent.
 */
void channel_send_json_fd(struct channel *channel, uint32_t stream,
    const struct json_shape *shape, const char *type, const void *body, int fd);

/* The oldest descriptor received and not yet taken; -1 when there is none. */
int channel_take_fd(struct channel *channel);

/* Bytes queued and not yet taken by the kernel. */
size_t channel_pending(const struct channel *channel);

/*
 * Stop and resume reading. Frames already read are delivered after resume, from
 * the loop. While paused, a peer that went away is noticed only by sending.
 */
void channel_pause(struct channel *channel);
void channel_resume(struct channel *channel);

/* Close; what is queued is lost. on_closed follows from the loop. Safe twice,
 * and inside on_frame. */
void channel_close(struct channel *channel);

/* Close once everything queued has been sent. Nothing more is received or sent
 * from now on. */
void channel_finish(struct channel *channel);

#endif
