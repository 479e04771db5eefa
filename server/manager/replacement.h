/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A keeper that ended takes its task along only when no other can take its
 * place: docs/decisions/0012. Meanwhile its task is ready as before, and who
 * wants to attach waits (parking.h).
 *
 *   whole    the keeper serves                -> waiting (it is gone)
 *   waiting  until the next one is started    -> resuming
 *   resuming until it is ready                -> whole (ready)
 *                                             -> waiting (it is gone, too)
 *
 * In the last two the task ends as lost when a bound is reached, or when there
 * is no link to go on with. A manager that finds a keeper which is not ready
 * begins with resuming.
 */
#ifndef SERVER_MANAGER_REPLACEMENT_H
#define SERVER_MANAGER_REPLACEMENT_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

struct custody_state;
struct error;
struct task;

#define REPLACEMENT_LINKS      8u  /* that the agent may be on */
#define REPLACEMENT_PER_MINUTE 60u /* started for a task */
#define REPLACEMENT_LIVES_MS                                                  \
	250u                        /* ready for so long: the next is at once \
	                             */
#define REPLACEMENT_WAIT_MS     50u /* before the next; doubles up to */
#define REPLACEMENT_WAIT_MS_MAX 2000u

enum replacement_state {
	REPLACEMENT_WHOLE = 0,
	REPLACEMENT_WAITING,
	REPLACEMENT_RESUMING,
	REPLACEMENT_STATES
};

struct replacement {
	enum replacement_state state;
	uv_timer_t timer;             /* adopted by the task's owner */
	int links[REPLACEMENT_LINKS]; /* owned; newest first */
	unsigned link_count;
	unsigned started;   /* since minute_ms */
	uint64_t minute_ms; /* these, on the loop's clock */
	uint64_t gone_ms;   /* when it was whole for the last time */
	uint64_t ready_ms;
	uint64_t wait_ms;
};

void replacement_init(struct task *task);

/* The keeper has this link, too; fd is taken. */
void replacement_link(struct task *task, int fd);

/*
 * The task is ready and its keeper is gone: find it another.
 *   returns  0, or -1: why there will be none
 */
int replacement_begin(
    struct task *task, const struct error *why, struct error *err);

/* A keeper that was taken over from an earlier manager is not ready. */
void replacement_resume(struct task *task, const struct custody_state *state);

/* The keeper is ready. */
void replacement_ready(struct task *task);

/* The task ends: no more of it. Links are closed; who waits is told why. NULL:
 * the manager ends, and the task does not. */
void replacement_end(struct task *task, const struct error *why);

#endif
