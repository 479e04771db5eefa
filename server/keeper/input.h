/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An exec's standard input on its way to the agent: given with the command,
 * written by one subscription at a time, the feeder, or, into a terminal, typed
 * by any of them. Bytes wait here while the agent has given no credit; who
 * wrote them gets credit back as the agent returns it for those very bytes.
 */
#ifndef SERVER_KEEPER_INPUT_H
#define SERVER_KEEPER_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "protocol/buffer.h"
#include "protocol/exec_spec.h"

struct error;
struct exec;
struct link_held;
struct subscription;

/* Bytes on their way, in order: whose they are. */
struct input_share {
	struct subscription *from; /* borrowed; NULL: nobody's any more */
	uint32_t ask;              /* of pty_type; 0: none */
	size_t len;
	TAILQ_ENTRY(input_share) next;
};

TAILQ_HEAD(input_shares, input_share);

struct input {
	struct exec *exec;     /* borrowed */
	bool is_started;       /* the agent has the command */
	bool is_open;          /* more may be written */
	bool is_end_due;       /* its end is yet to be sent */
	bool is_shared;        /* a terminal's */
	struct buffer waiting; /* for credit; of what was given with the
	                          command all that the agent has not
	                          taken */
	bool is_given;
	uint64_t from;               /* offset of the first byte that waits, of
	                                what was given */
	size_t sent;                 /* of those bytes */
	uint64_t accepted;           /* offset behind the last byte that was
	                                written or given */
	size_t credit;               /* the agent takes so much */
	struct subscription *feeder; /* borrowed; NULL: none */
	struct input_shares shares;  /* of what waits and what the agent has not
	                                taken */
};

/* Begin as the command says: closed, open, or given with it (copied). exec is
 * borrowed for the input's life. */
void input_init(
    struct input *input, const struct exec_spec *spec, struct exec *exec);

/*
 * Go on where the agent stands, which an earlier keeper has fed.
 *   end      offset at which the input ended; -1: it has not
 *   returns  0, or -1 ERROR_INVALID: it cannot stand there
 */
int input_resume(struct input *input, const struct link_held *held, int64_t end,
    struct error *err);

/* What was given with the command and is still needed, borrowed, and its
 * offset. */
void input_describe(
    const struct input *input, struct json_data *given, int64_t *from);

/* Where whoever feeds it next begins; -1: a terminal, or closed. */
int64_t input_next(const struct input *input);

/* The command runs: send what has waited for that. */
void input_start(struct input *input);

/* Nobody will read any more; forget what waits. */
void input_clear(struct input *input);

/* Make a subscription the feeder, if the input is open. */
void input_feed_by(struct input *input, struct subscription *feeder);

/*
 * Bytes from a subscription; if there is no feeder, it becomes that.
 *   len      0: the end of the input
 *   returns  0, or -1: ERROR_STATE (closed, or another one feeds it; a
 *            terminal does not end), ERROR_LIMIT (too much waits),
 *            ERROR_INVALID (more than its credit: the peer broke the protocol)
 */
int input_write(struct input *input, struct subscription *from,
    const uint8_t *bytes, size_t len, struct error *err);

/*
 * Bytes of ours into a terminal, within no credit.
 *   from, ask  asks_typed is called with them once the agent has the bytes;
 *              NULL: nobody is told
 *   returns    as input_write
 */
int input_type(struct input *input, const struct input_share *share,
    const uint8_t *bytes, struct error *err);

/* So much of a subscription's credit was used for nothing. */
void input_return(struct input *input, struct subscription *from, size_t len);

/* No more is written; its end is sent behind what waits. */
void input_end(struct input *input);

/* A subscription goes; the next that writes feeds. Returns whether it fed. */
bool input_release(struct input *input, const struct subscription *feeder);

/*
 * The agent has taken bytes: give credit to who wrote them.
 *   returns  0, or -1 ERROR_INVALID: more than was sent
 */
int input_credit(struct input *input, size_t credit, struct error *err);

/* Send what there is credit for and room on the link. */
void input_flush(struct input *input);

#endif
