/* SPDX-License-Identifier: Apache-2.0 */
/* The execs of this sandbox, by number; and what the agent reaps. */
#ifndef AGENT_EXECS_H
#define AGENT_EXECS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/exec.h"
#include "protocol/limits.h"
#include "protocol/link.h"

struct error;

/*
 * LIMIT_EXECS_MAX may be alive, and as many more may wait for the keeper to
 * forget them. One too many of the first is refused, and waits too; of the
 * second, only a keeper that never forgets has one, and that is its end. As
 * many as these may have been forgotten in this round, and are freed after it.
 */
#define EXECS_TABLE_MAX (LINK_HELD_MAX + LIMIT_EXECS_MAX)

struct execs {
	struct exec_shared shared;
	size_t count;
	uint32_t last; /* highest number ever used */
	size_t turn;   /* index of the one that speaks first in this round */
	bool orphans;  /* a subreaper left processes behind: they are killed */
	struct exec *items[EXECS_TABLE_MAX]; /* owned, ascending by number */
};

/*
 * Start exec number, or refuse it.
 * returns 0, or -1: ERROR_INVALID, the number is not above all before, or
 *         ERROR_LIMIT, too many have ended that the keeper has not forgotten
 */
int execs_start(struct execs *execs, uint32_t number,
    const struct exec_spec *spec, struct error *err);

/*
 * The exec of a number; *out is NULL when it is no more.
 * returns 0, or -1 ERROR_INVALID: no exec ever had this number
 */
int execs_find(const struct execs *execs, uint32_t number, struct exec **out,
    struct error *err);

/* Reap whatever has died: subreapers, inherited commands, strays. */
void execs_reap(struct execs *execs);

/* The link was replaced: say hello on the new one, and what is held. */
void execs_hold(struct execs *execs);

/*
 * Between rounds: say what there is to say, one frame's worth of each exec's
 * output, as far as the link takes it.
 * returns whether to call again at once, after another turn of the loop
 */
bool execs_say(struct execs *execs);

/*
 * Between rounds: do what is due, kill orphans, free what is over.
 * returns ms until it should be called again, -1: nothing is waited for
 */
int execs_tick(struct execs *execs);

#endif
