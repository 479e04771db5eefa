/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The exec table: every command that waits or runs, and the last
 * LIMIT_EXECS_KEPT that have ended. Also the clock that they share.
 */
#ifndef SERVER_KEEPER_EXECS_H
#define SERVER_KEEPER_EXECS_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "server/keeper/exec.h"
#include "server/keeper/journal.h"
#include "server/keeper/map.h"
#include "server/keeper/quota.h"

struct owner;

/* One that has left the table while the journal could not be written: the agent
 * is told to forget it when it can. */
struct execs_debt {
	uint32_t number;
	TAILQ_ENTRY(execs_debt) entry;
};

TAILQ_HEAD(execs_debts, execs_debt);

struct execs {
	struct keeper *keeper;
	struct map by_number;
	struct exec_list waiting; /* to be sent, in order */
	struct exec_list running; /* the agent has them */
	struct exec_list ended;   /* the one that ended first is first */
	size_t live;              /* waiting and running */
	size_t kept;              /* ended */
	size_t held;              /* bytes of output held in memory */
	struct quota quota;       /* of all rings */
	uv_timer_t deadline;      /* for the first time-out */
	uv_timer_t retry;         /* for a disk that took nothing */
	struct journal journal;
	bool has_signals; /* some wait for the link */
	struct execs_debts debts;
};

/* Empty; the timers are adopted by owner. */
void execs_init(
    struct execs *execs, struct keeper *keeper, struct owner *owner);

/* Free every exec. Nobody may be subscribed. */
void execs_clear(struct execs *execs);

/* Borrowed; NULL when there is none, or it is forgotten. */
struct exec *execs_get(const struct execs *execs, uint32_t number);

/*
 * The terminal that runs, or waits to: of a session's name, or with NULL the
 * one last in use. Borrowed; NULL when there is none.
 */
struct exec *execs_terminal(const struct execs *execs, const char *name);

/* One of the principal's that was started with this token. Borrowed; NULL when
 * there is none. */
struct exec *execs_of_token(
    const struct execs *execs, const char *principal, const char *token);

/*
 * Put a new command in the journal and the table, and send it when the agent is
 * ready.
 *   kept     emptied; its number is given here
 *   returns  NULL: ERROR_SYSTEM, the journal cannot be written
 */
struct exec *execs_add(struct execs *execs, struct journal_exec *kept,
    const struct exec_spec *spec, struct error *err);

/* Put one that an earlier keeper had into the table; in order: those that ended
 * first, then the others by number. exec is taken. */
void execs_restore(struct execs *execs, struct exec *exec);

/* It is to be sent once more: the agent never got it. */
void execs_send_again(struct execs *execs, struct exec *exec);

/* Note what has happened. Returns whether it is in the journal; if not it will
 * be, later. */
bool execs_note(struct execs *execs, enum journal_type type, const void *body);

/* Note a signal that waits for room on the link. */
void execs_note_signal(
    struct execs *execs, struct exec *exec, const struct link_signal *signal);

/* What waited for the link has left. */
void execs_note_delivered(struct execs *execs);

/* It has left the table for good; the agent is told to forget it. */
void execs_note_dropped(struct execs *execs, const struct exec *exec);

/* Write that one is sent. -1: not yet, the table tries again. */
int execs_commit_sent(struct execs *execs, struct exec *exec);

/* The journal is whole: tell the agent what it need not hold any more. */
void execs_settle(struct execs *execs);

/* journal_describe_fn: data is the table. */
void execs_describe(void *data, struct journal *journal);

/* Wake at the first deadline of all. */
void execs_arm(struct execs *execs);

/* End what was tied to attachments that did not come back. */
void execs_untie(struct execs *execs);

/* Send the commands that wait, as far as the link is up and has room. */
void execs_send(struct execs *execs);

/* The link has room again: send stdin and commands that wait. */
void execs_drained(struct execs *execs);

/* One has ended: keep it among the ended, and forget the oldest over the
 * limit. */
void execs_end(struct execs *execs, struct exec *exec);

/* Of the terminals that have ended, the last few keep their screens. */
void execs_forget_screens(struct execs *execs);

/* One was never started: it leaves the table, and is the caller's. */
void execs_drop(struct execs *execs, struct exec *exec);

/* The link is gone: end or drop all that wait or run. */
void execs_lose(struct execs *execs);

/* Serve an exec whose disk took nothing again later. */
void execs_retry(struct execs *execs);

/* An exec holds more or fewer bytes in memory than before. */
void execs_count_held(struct execs *execs, size_t before, size_t after);

#endif
