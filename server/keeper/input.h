/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An exec's standard input on its way to the agent: given with the command, or
 * written by one subscription at a time, the feeder. Bytes wait here while the
 * agent has given no credit; the feeder gets its credit back as the agent
 * returns it for the feeder's own bytes.
 */
#ifndef SERVER_KEEPER_INPUT_H
#define SERVER_KEEPER_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/buffer.h"
#include "protocol/exec_spec.h"

struct error;
struct link;
struct subscription;

struct input {
	struct link *link;           /* borrowed */
	uint32_t number;             /* the exec's */
	bool is_started;             /* the agent has the command */
	bool is_open;                /* more may be written */
	bool is_end_due;             /* its end is yet to be sent */
	struct buffer waiting;       /* for credit */
	size_t credit;               /* the agent takes so much */
	struct subscription *feeder; /* borrowed; NULL: none */
	size_t feeder_credit;
	size_t foreign; /* bytes under way that the feeder did not write */
};

/* Begin as the command says: closed, open, or given with it (copied). */
void input_init(struct input *input, const struct exec_spec *spec,
    struct link *link, uint32_t number);

/* The command runs: send what has waited for that. */
void input_start(struct input *input);

/* Nobody will read any more; forget what waits. */
void input_clear(struct input *input);

/* Make a subscription the feeder, if the input is open. */
void input_feed_by(struct input *input, struct subscription *feeder);

/*
 * Bytes from a subscription, which becomes the feeder if there is none.
 *   len      0: the end of the input
 *   returns  0, or -1: ERROR_STATE (closed, or another one feeds it),
 *            ERROR_LIMIT (earlier feeders left too much), ERROR_INVALID (more
 *            than its credit: the peer broke the protocol)
 */
int input_write(struct input *input, struct subscription *from,
    const uint8_t *bytes, size_t len, struct error *err);

/* No more is written; its end is sent behind what waits. */
void input_end(struct input *input);

/* A subscription goes; the next that writes feeds. Returns whether it fed. */
bool input_release(struct input *input, const struct subscription *feeder);

/*
 * The agent has returned credit.
 *   back     set to what of it is the feeder's
 *   returns  0, or -1 ERROR_INVALID: more than was used
 */
int input_credit(
    struct input *input, size_t credit, size_t *back, struct error *err);

/* Send what there is credit for and room on the link. */
void input_flush(struct input *input);

#endif
