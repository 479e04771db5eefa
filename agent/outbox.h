/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the keeper is told of an exec, in the order that is promised, for as
 * long as it may have to be told again:
 *
 *   started, output with terminal and WINDOW between, the end of each stream,
 *   exit; or refused
 *
 * Who has something to say puts it here; outbox_say sends it when the link has
 * room. A link that is replaced takes nothing with it: the outbox holds until
 * the keeper says resume, and then says what that keeper has not.
 */
#ifndef AGENT_OUTBOX_H
#define AGENT_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/report.h"
#include "agent/send_queue.h"

struct error;
struct link_held;
struct link_io;
struct link_resume;
struct link_terminal;
struct refused;

enum outbox_last { OUTBOX_OPEN = 0, OUTBOX_EXITED, OUTBOX_REFUSED };

struct outbox {
	struct link_io *link; /* borrowed */
	uint32_t stream;
	bool is_terminal;        /* one output, PTY; else STDOUT and STDERR */
	bool is_held;            /* until the keeper says resume */
	bool is_forgotten;       /* nothing need be said any more */
	enum outbox_last last;   /* the last word, once it is known */
	pid_t pid;               /* of started; 0: not yet */
	struct ending ending;    /* OUTBOX_EXITED */
	struct refused *refused; /* OUTBOX_REFUSED, owned */
	bool ended[SEND_STREAMS];
	struct send_queue queue;
	struct {
		bool started;
		bool ends[SEND_STREAMS];
		bool last;
	} told; /* on this link */
};

/* Nothing to say yet. */
void outbox_init(
    struct outbox *outbox, struct link_io *link, uint32_t stream, bool is_pty);

/* Free what it owns. Safe twice. */
void outbox_clear(struct outbox *outbox);

/* Bytes of output that may be read now: what the window has left. */
size_t outbox_room(const struct outbox *outbox);

/* Memory to read output into, and what was read: see send_queue.h. */
uint8_t *outbox_reserve(struct outbox *outbox, size_t *len);
void outbox_commit(struct outbox *outbox, enum send_kind output, size_t len);

/* What is to be told, each behind what came before. */
void outbox_started(struct outbox *outbox, pid_t pid);
void outbox_terminal(struct outbox *outbox, const struct link_terminal *modes);
void outbox_credit(struct outbox *outbox, size_t bytes);
void outbox_end(struct outbox *outbox, enum send_kind output);
void outbox_exit(struct outbox *outbox, const struct ending *ending);
void outbox_refuse(struct outbox *outbox, const struct refused *refused);

/*
 * Say what there is, as far as the link has room, and no more than one whole
 * frame's worth of output: others wait.
 * returns whether more can be said at once
 */
bool outbox_say(struct outbox *outbox);

/* The keeper has so many more bytes of output. -1: ERROR_LIMIT */
int outbox_acknowledge(
    struct outbox *outbox, uint32_t bytes, struct error *err);

/*
 * The link was replaced: say held on the new one, and nothing more. stdin is
 * the caller's to fill in; the offsets are filled in here.
 */
void outbox_hold(struct outbox *outbox, struct link_held *held);

/* The keeper has this. -1: ERROR_INVALID, it cannot, or was not asked. */
int outbox_resume(
    struct outbox *outbox, const struct link_resume *resume, struct error *err);

/* The keeper knows the last word. -1: ERROR_INVALID, it was not yet spoken. */
int outbox_forget(struct outbox *outbox, struct error *err);

#endif
