/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an exec has written: from the link into the spool first, and then out
 * to whoever is subscribed.
 *
 * The ring keeps what the exec's owner has not been sent, and a quarter of
 * itself behind that for an owner who comes back, unless the exec's overflow is
 * to drop the oldest. A terminal's waits for an
 * owner only who is there: nobody may be for days, and the screen is kept
 * (pty.h). While it is full of that, or while the disk takes nothing, what the
 * agent still had credit for is held in memory, and no credit is returned: the
 * command is slowed, nothing is lost.
 */
#ifndef SERVER_KEEPER_OUTPUT_H
#define SERVER_KEEPER_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "protocol/attachment.h"
#include "protocol/buffer.h"
#include "protocol/exec_spec.h"
#include "server/keeper/spool.h"

struct error;
struct quota;
struct subscription;

TAILQ_HEAD(subscription_list, subscription);

/* A ring is never smaller, so that the window an exec begins with fits. */
#define OUTPUT_RING_MIN SPOOL_FREE_BYTES

struct output {
	struct spool spool;
	struct buffer held; /* records that are not in the spool yet */
	size_t held_bytes;  /* output in held */
	size_t credit;      /* the agent may send so much */
	size_t waiting;     /* ... has sent this, which is not in the spool, */
	size_t owed;        /* and this, which is, and was not credited */
	uint64_t taken;     /* ring position up to which the owner was sent */
	bool is_stalled;    /* the disk takes nothing; it was logged */
	bool is_pty;        /* PTY alone, else STDOUT and STDERR */
	bool may_drop;      /* the ring turns over what the owner has not had */
	size_t owners;      /* subscriptions of the owner */
	bool ended[OUTPUT_STREAMS];
	struct subscription_list subscriptions;
};

/*
 * Nothing written yet.
 *   dir, number  as for spool_init
 *   keep         bytes to keep; OUTPUT_RING_MIN at least is kept
 */
void output_init(struct output *output, int dir, uint32_t number, uint64_t keep,
    bool is_pty);

/*
 * Of an output to which nothing was written yet: take over what an earlier
 * keeper wrote. All that it had kept is there, spool.end says how much, and the
 * owner counts as having had what is not kept any more. The agent's credit is
 * that of the beginning.
 *   until    of each stream so much at least must have been kept, because it
 *            was acknowledged to the agent; NULL: nothing is known of it. There
 *            may be more, which readers may have seen: the agent is asked for
 *            what follows spool.end.
 *   returns  0, or -1 and the output is as it was: ERROR_SYSTEM,
 *            ERROR_INVALID (the file is damaged, or acknowledged bytes are
 *            missing)
 */
int output_restore(struct output *output, const uint64_t until[OUTPUT_STREAMS],
    struct error *err);

/* What is in force when the ring is full, and the quota it belongs to, from now
 * on. quota is borrowed; NULL: none. */
void output_bind(
    struct output *output, enum exec_overflow overflow, struct quota *quota);

/* Free what is in memory; the spool's file stays. */
void output_clear(struct output *output);

/* Forget every byte; readers get gaps. */
void output_discard(struct output *output);

/* Whether an exec of this kind has such a stream. */
bool output_has(const struct output *output, enum output_stream stream);

/*
 * Whether the agent may send so many bytes, and count them; they go to
 * output_put later.
 *   len      0: the stream's end
 *   returns  0, or -1 ERROR_INVALID: more than the credit, no such stream, or
 *            behind the stream's end
 */
int output_admit(struct output *output, enum output_stream stream, size_t len,
    struct error *err);

/* Keep bytes that were admitted and send them on. len is 1..FRAME_DATA_MAX. */
void output_put(struct output *output, enum output_stream stream,
    const uint8_t *bytes, size_t len);

/* Every stream has ended. */
bool output_is_over(const struct output *output);

/* End every stream, because nobody is left to do it. */
void output_end(struct output *output);

/* The owner has been sent everything before a ring position. */
void output_sent(struct output *output, uint64_t position);

/*
 * Move what is held into the spool, as far as that goes.
 *   returns  0, or -1 ERROR_SYSTEM: try again later
 */
int output_settle(struct output *output, struct error *err);

/*
 * Credit to return to the agent now, and counted as returned; 0: none. It is
 * the acknowledgement: it is given for bytes that are in the spool only, in the
 * order in which they came.
 */
uint32_t output_grant(struct output *output);

#endif
