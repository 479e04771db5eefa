/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ends tasks in time (lifetime.h) and warns of it before: the task event that
 * whoever may see the task gets has the warning, and so has what a list says,
 * until it is withdrawn.
 */
#ifndef SERVER_MANAGER_EXPIRY_H
#define SERVER_MANAGER_EXPIRY_H

#include <stdint.h>

#include "protocol/custody.h"

struct control_task;
struct error;
struct task;

/* uv's timers stand still while the machine is suspended: look again at least
 * so often. */
#define EXPIRY_LOOK_MS 60000

/* What a keeper says is looked at so much later, however often it says it. */
#define EXPIRY_SOON_MS 20

/* Something that the end of a ready task depends on has changed: mind it. Also
 * tells of a warning that has become due, or no longer is. */
void expiry_arm(struct task *task);

/* A task has become ready: its idleness counts from now. */
void expiry_begin(struct task *task);

/* What its keeper says. */
void expiry_activity(
    struct task *task, const struct custody_activity *activity);

/* Give another time to live, or to be idle, from now on; -1: as it was. */
void expiry_update(struct task *task, int64_t ttl_ms, int64_t idle_ms);

/*
 * Give a principal a lease, or take it back with 0.
 *   returns  0, or -1 ERROR_LIMIT
 */
int expiry_lease(struct task *task, const char *principal, int64_t ttl_ms,
    struct error *err);

/* Fill in what a task's view says of its end. */
void expiry_view(const struct task *task, struct control_task *view);

#endif
