/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One stream of an attachment: a reader of one exec, at its own place in the
 * exec's output; or one with a view of its terminal (client.h); or a quiet one,
 * by which it is only asked about. Bytes go out straight from the link while
 * the reader keeps up, else from the spool, a share at a time in turn with the
 * attachment's other streams. The exec's exit goes last and ends the
 * subscription.
 */
#ifndef SERVER_KEEPER_SUBSCRIPTION_H
#define SERVER_KEEPER_SUBSCRIPTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "server/keeper/spool_cursor.h"

struct attachment;
struct client;
struct error;
struct exec;

/* Sent from the spool before another stream of the attachment has its turn. */
#define SUBSCRIPTION_SHARE (128u << 10)

enum subscription_step {
	SUBSCRIPTION_MORE = 0, /* its share is over, or the socket is full */
	SUBSCRIPTION_IDLE,     /* everything there is was sent */
	SUBSCRIPTION_OVER,     /* exit was sent */
	SUBSCRIPTION_STEPS
};

struct subscription {
	struct attachment *attachment; /* borrowed */
	struct exec *exec;             /* borrowed */
	uint32_t stream;
	bool is_open;   /* started or attached was said */
	bool is_ready;  /* waits for its turn */
	bool is_owner;  /* of the exec's principal */
	bool is_tied;   /* the exec's stdin ends with it */
	bool is_quiet;  /* it gets answers only */
	bool is_writer; /* it keeps the task active */
	bool is_input_refused;
	bool is_repeated;           /* of a start that was made before */
	uint64_t skip;              /* bytes of stdin that the command has had
	                               from another of that start */
	size_t credit;              /* of stdin: so much it may send */
	size_t owed;                /* ... and so much more, not yet told */
	struct client *client;      /* owned; NULL: no view */
	bool ended[OUTPUT_STREAMS]; /* the reader was told */
	struct spool_cursor cursor;
	TAILQ_ENTRY(subscription) of_exec;
	TAILQ_ENTRY(subscription) of_attachment;
	TAILQ_ENTRY(subscription) ready;
};

/* A reader at the end of what was written, not open yet. */
struct subscription *subscription_new(
    struct attachment *attachment, struct exec *exec, uint32_t stream);

/* Leave the attachment and the exec, which is freed with its last reader if it
 * is forgotten. */
void subscription_free(struct subscription *subscription);

/* Begin to send, from the cursor on. */
void subscription_open(struct subscription *subscription);

/* The exec runs: say so to who started it. */
void subscription_started(struct subscription *subscription);

/* Say refused. */
void subscription_refuse(
    struct subscription *subscription, const char *code, const char *text);

/* Show the exec's terminal on it, before it is open. */
void subscription_view(
    struct subscription *subscription, const struct attachment_view *view);

/* The exec is tied to it from now on, and to no other. */
void subscription_tie(struct subscription *subscription);

/* Answers only, before it is open. */
void subscription_hush(struct subscription *subscription);

/* Bytes of a stream's output, at most FRAME_DATA_MAX. */
void subscription_send(struct subscription *subscription,
    enum output_stream stream, const void *bytes, size_t len);

/* Stdin from the gate. Errors as input_write. */
int subscription_input(struct subscription *subscription, const uint8_t *bytes,
    size_t len, struct error *err);

/* Leave the exec, which runs on, as the gate asked. */
void subscription_detach(struct subscription *subscription);

/* Give the gate credit for stdin. */
void subscription_return_credit(
    struct subscription *subscription, uint32_t credit);

/*
 * Bytes have just been added to the spool.
 *   before  the spool's head then
 */
void subscription_offer(struct subscription *subscription,
    const struct spool_piece *piece, uint64_t before);

/* There may be something to send. */
void subscription_wake(struct subscription *subscription);

/* Send its share. */
enum subscription_step subscription_step(struct subscription *subscription);

#endif
