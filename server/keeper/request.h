/* SPDX-License-Identifier: Apache-2.0 */
/* What a gate asks on an attachment: one row a message in request.c. */
#ifndef SERVER_KEEPER_REQUEST_H
#define SERVER_KEEPER_REQUEST_H

#include <stdint.h>

struct attachment;
struct error;
struct frame;
struct subscription;

/* What a request is about. */
struct request_subject {
	struct attachment *attachment;
	struct subscription *subscription; /* NULL: the stream is free */
	uint32_t stream;
};

/*
 * Answer a control frame.
 *   subscription  what the frame's stream carries; NULL: it is free
 *   returns       0, answered or ignored; -1 the gate broke the protocol, and
 *                 the attachment is to be closed
 */
int request_take(struct attachment *attachment,
    struct subscription *subscription, const struct frame *frame,
    struct error *err);

#endif
