/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the task is active, as custody.h has it: the manager is told when
 * that changes, and once the task has been idle for a moment only, so that a
 * row of short commands is not told one by one.
 */
#ifndef SERVER_KEEPER_ACTIVITY_H
#define SERVER_KEEPER_ACTIVITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

struct keeper;
struct owner;
struct subscription;

#define ACTIVITY_QUIET_MS 100u /* idle for so long, and the manager is told */

struct activity {
	struct keeper *keeper; /* borrowed */
	uv_timer_t quiet;      /* adopted by the keeper's owner */
	size_t writers;
	bool is_known;        /* what ran before this keeper was heard of */
	bool is_active;       /* as the manager knows it */
	int64_t idle_from_ms; /* of the clock that runs through a suspend */
};

void activity_init(
    struct activity *activity, struct keeper *keeper, struct owner *owner);

/* The keeper knows all that its task runs: tell the manager, from now on. */
void activity_begin(struct activity *activity);

/* A command has come or gone. */
void activity_look(struct activity *activity);

/* A stream is open, or goes; whether it counts as a writer from now on. */
bool activity_join(
    struct activity *activity, const struct subscription *subscription);
void activity_part(struct activity *activity);

/* Tell the manager how it stands, once that is known. */
void activity_tell(struct activity *activity);

#endif
