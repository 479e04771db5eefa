/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One wait: conditions on a terminal, and whether one of them holds. They are
 * looked at in their order and on the terminal's state, never on what passes
 * by, so that nothing is missed between two looks.
 *
 * A wait with a "since", or that was armed with keys, counts only what is
 * newer than that:
 *
 *   text, regex    a match begins in what is newer. Without a since: or it is
 *                  on the screen
 *   cursor, alt    it is so, and something newer has come
 *   echo           it is so; armed with keys: and something newer has come
 *   bell, prompt   the last one is newer. Without a since: than the arming
 *   change         something newer has come. Without a since: than the arming
 *   quiet_ms       nothing has come for so long, since the keys were sent at
 *   stable_ms      the earliest; with a since: and something newer has come
 *   exit           it has ended, whenever
 *
 * When the command has ended, nothing more can come: it is quiet and stable.
 */
#ifndef SERVER_KEEPER_WAIT_H
#define SERVER_KEEPER_WAIT_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/screen.h"

struct error;
struct terminal;
struct wait;

/* What has happened to a terminal, as far as waits look back. */
struct wait_past {
	struct terminal *terminal; /* borrowed */
	uint32_t bell;             /* generation of the last one; 0: none */
	uint32_t prompt;           /* the same */
	uint64_t texts;            /* counts what may have changed the text */
	uint64_t echoes;           /* changes of echo */
	uint64_t output_ms; /* when the last byte came; of the loop's clock */
	uint64_t text_ms;   /* when the text may last have changed */
	bool echo;          /* what is typed is shown */
	bool is_over;       /* the command has ended */
	bool is_hurried;    /* there is no time to look for text */
};

/* For the expressions of one wait at one look, and then of one more. */
#define WAIT_LOOK_US 20000

/*
 * Begin to wait.
 *   is_typed  with keys, which are sent next
 *   returns   NULL: ERROR_INVALID, an expression that is none, or a since that
 *             is yet to come
 */
struct wait *wait_new(const struct wait_past *past, const struct wait_ask *ask,
    bool is_typed, uint64_t now_ms, struct error *err);

/* NULL is accepted. */
void wait_free(struct wait *wait);

/*
 * Look whether it is over.
 *   out      which and where are set, on 1; json_clear frees them
 *   returns  1 a condition holds, or which is -1: the time is over; 0 not yet;
 *            -1: ERROR_LIMIT (the expressions take too many steps),
 *            ERROR_STATE (the command has ended, and nothing of this can hold
 *            any more)
 */
int wait_look(struct wait *wait, const struct wait_past *past, uint64_t now_ms,
    struct wait_answer *out, struct error *err);

/* After a look: when the next one is due, whatever happens. */
uint64_t wait_due_ms(const struct wait *wait);

#endif
