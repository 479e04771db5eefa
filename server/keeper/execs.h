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
#include "server/keeper/map.h"

struct owner;

struct execs {
	struct keeper *keeper;
	struct map by_number;
	struct exec_list waiting; /* to be sent, in order */
	struct exec_list running; /* the agent has them */
	struct exec_list ended;   /* the one that ended first is first */
	size_t live;              /* waiting and running */
	size_t kept;              /* ended */
	size_t held;              /* bytes of output held in memory */
	uint32_t last;            /* number given out */
	uv_timer_t deadline;      /* for the first time-out */
	uv_timer_t retry;         /* for a disk that took nothing */
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

/*
 * Put a new command in the table and send it when the agent is ready.
 *   message   taken
 */
struct exec *execs_add(struct execs *execs, const struct exec_origin *origin,
    const struct exec_spec *spec, struct buffer *message);

/* Send the commands that wait, as far as the link is up and has room. */
void execs_send(struct execs *execs);

/* The link has room again: send stdin and commands that wait. */
void execs_drained(struct execs *execs);

/* One has ended: keep it among the ended, and forget the oldest over the
 * limit. */
void execs_end(struct execs *execs, struct exec *exec);

/* One was never started: it leaves the table. May free it. */
void execs_drop(struct execs *execs, struct exec *exec);

/* The link is gone: end or drop all that wait or run. */
void execs_lose(struct execs *execs);

/* Serve an exec whose disk took nothing again later. */
void execs_retry(struct execs *execs);

/* An exec holds more or fewer bytes in memory than before. */
void execs_count_held(struct execs *execs, size_t before, size_t after);

#endif
