/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is on its way out of a channel: frames go to the kernel straight from
 * the caller's bytes while nothing waits; the rest is queued, up to a maximum,
 * with the descriptors that go with its bytes.
 */
#ifndef SERVER_COMMON_OUTBOX_H
#define SERVER_COMMON_OUTBOX_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/buffer.h"

struct error;
struct frame;
struct outbox_fd;

struct outbox {
	struct buffer queue;
	uint64_t sent;         /* bytes that the kernel has taken */
	struct outbox_fd *fds; /* oldest first */
	struct outbox_fd **fds_end;
};

enum outbox_result {
	OUTBOX_DONE = 0, /* sent or queued */
	OUTBOX_FULL,     /* the queue would run over; err says so */
	OUTBOX_BROKEN,   /* the kernel refused; errno says why */
};

/* At most max bytes may be queued. Not movable after this. */
void outbox_init(struct outbox *outbox, size_t max);

/* Drop what is queued and close its descriptors. */
void outbox_clear(struct outbox *outbox);

/* Bytes queued. */
size_t outbox_len(const struct outbox *outbox);

/*
 * Send frame through socket, or queue it behind what waits.
 *   fd  goes with the frame and is taken in any case; -1 for none
 */
enum outbox_result outbox_send(struct outbox *outbox, int socket,
    const struct frame *frame, int fd, struct error *err);

/* Send from the queue until it is empty or the kernel full: 0, or -1 with
 * errno. */
int outbox_flush(struct outbox *outbox, int socket);

#endif
