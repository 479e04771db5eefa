/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a stream of an attachment keeps, so that it can be opened again when the
 * keeper was replaced (reattach.h): how it was opened, which bytes have come,
 * which bytes of stdin the keeper has not given credit for, and what was said
 * and not answered. Pure: no socket.
 *
 * Stdin of a pipe is kept. What is typed into a terminal is not: several type
 * into it, so nobody can tell how much of whose came through.
 */
#ifndef SERVER_GATE_KEPT_H
#define SERVER_GATE_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/attachment.h"
#include "protocol/buffer.h"
#include "protocol/limits.h"

struct error;

/* Signals, sizes and questions kept to be said again, of one stream; what is
 * beyond is said once only. */
#define KEPT_SAID_MAX 1024u

#define KEPT_TOKEN_BYTES 33 /* 128 bits as digits, and NUL */

/* A signal, a resize or a question, until it is answered. */
struct kept_said {
	struct kept_said *next;
	enum attachment_type type;
	int64_t ask;      /* its number; 0 of signal and resize */
	bool is_sent;     /* to some keeper */
	bool is_canceled; /* a wait: it is not to be asked again */
	struct buffer json;
};

struct kept {
	enum attachment_type opening_type;
	struct buffer opening; /* start, session or attach; until answered */
	char exec[LIMIT_EXEC_ID_BYTES + 1]; /* empty until answered */
	bool is_tied;
	bool is_quiet;               /* attached to with ATTACH_NONE */
	bool is_terminal;            /* known once answered */
	struct attachment_view view; /* its size is the last one said */

	int64_t asked[OUTPUT_STREAMS]; /* the first byte wanted of each; -1:
	                                  what comes */
	int64_t has[OUTPUT_STREAMS];   /* the next byte that the user has not */
	int64_t comes[OUTPUT_STREAMS]; /* the next byte that comes */
	bool ended[OUTPUT_STREAMS];

	struct buffer input;   /* of a pipe: without credit yet */
	int64_t input_at;      /* where that begins */
	bool is_input_known;   /* input_at is right */
	bool is_input_ended;   /* the user's end was said, or is to be */
	bool is_input_refused; /* the keeper takes none */

	struct kept_said *said; /* oldest first */
	size_t said_count;
};

/* The exec token of a start whose user has given none, from getrandom(2). */
void kept_token(char token[KEPT_TOKEN_BYTES]);

/*
 * Begin with what opens the stream.
 *   type     start or session: body is a struct attachment_start; attach: a
 *            struct attachment_attach; borrowed for the call
 *   returns  0; -1 and err: it fits no frame. kept_clear is due all the same
 */
int kept_open(struct kept *kept, enum attachment_type type, const void *body,
    struct error *err);

/* Free what is kept; all zeroes is accepted. */
void kept_clear(struct kept *kept);

/* started has come: it begins at 0. */
void kept_started(struct kept *kept, const struct attachment_started *started);

/* The first attached has come. */
void kept_attached(
    struct kept *kept, const struct attachment_attached *attached);

/* What opens the stream again; its strings are kept's. */
void kept_where(const struct kept *kept, struct attachment_attach *where);

/*
 * attached has come again.
 *   gaps     what the user has not and will not get, by stream; from == to:
 *            nothing
 *   returns  0; -1 and err: it is another exec, or a liar's answer
 */
int kept_resume(struct kept *kept, const struct attachment_attached *attached,
    struct attachment_gap gaps[OUTPUT_STREAMS], struct error *err);

/* So many bytes of a stream have come. Returns how many of them, from the
 * front, the user has already. */
size_t kept_output(struct kept *kept, enum output_stream stream, size_t len);

/* The end of a stream has come. Returns whether that is news. */
bool kept_end(struct kept *kept, enum output_stream stream);

/* A gap has come: cut it to what the user has not. Returns whether anything of
 * it is left. */
bool kept_gap(struct kept *kept, struct attachment_gap *gap);

/* Stdin was sent, within the credit. */
void kept_sent(struct kept *kept, const uint8_t *bytes, size_t len);

/* Credit has come for stdin. */
void kept_credit(struct kept *kept, size_t len);

/* Note what is said until kept_answered; body is borrowed for the call.
 * Returns it, borrowed until then; NULL: it cannot be kept. */
struct kept_said *kept_say(struct kept *kept, enum attachment_type type,
    int64_t ask, const void *body);

/* The oldest signal or resize was answered. */
void kept_taken(struct kept *kept);

/* The question of this number was answered. */
void kept_answered(struct kept *kept, int64_t ask);

#endif
