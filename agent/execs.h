/* SPDX-License-Identifier: Apache-2.0 */
/* The execs of this sandbox, by number; and what the agent reaps. */
#ifndef AGENT_EXECS_H
#define AGENT_EXECS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/exec.h"
#include "protocol/limits.h"

struct error;

struct execs {
	struct exec_shared shared;
	size_t count;
	uint32_t last; /* highest number ever used */
	bool orphans;  /* a subreaper left processes behind: they are killed */
	struct exec *items[LIMIT_EXECS_MAX]; /* owned, ascending by number */
};

/*
 * Start exec number, or send "refused" for it.
 * returns 0, or -1 ERROR_INVALID: the number is not above all before
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

/*
 * Between rounds: do what is due, kill orphans, free what is over.
 * returns ms until it should be called again, -1: nothing is waited for
 */
int execs_tick(struct execs *execs);

#endif
