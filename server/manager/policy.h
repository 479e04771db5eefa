/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a principal may do to a task. A gate says who it is; the role comes
 * from authorized_keys as it is now, and so does the answer. Who may not see a
 * task is told what it would be told if there were none. Whoever asks on
 * admin.sock is root, and may do everything.
 */
#ifndef SERVER_MANAGER_POLICY_H
#define SERVER_MANAGER_POLICY_H

#include <stdbool.h>

#include "keys/role.h"

struct asker;
struct authorized_keys;
struct error;
struct task;

/*
 * Read a file of authorized keys; lines that are refused are logged and
 * skipped.
 *   out      owned: authorized_keys_free; set on 0
 *   returns  0, or -1: ERROR_NOT_FOUND, ERROR_LIMIT, ERROR_SYSTEM
 */
int policy_read(
    const char *path, struct authorized_keys **out, struct error *err);

/*
 * The task, if the principal may do this to it.
 *   out      borrowed
 *   returns  0, or -1: ERROR_NOT_FOUND (none, or not to be seen),
 *            ERROR_DENIED (to be seen, but not this)
 */
int policy_find(struct asker *asker, const char *principal, const char *name,
    enum action action, struct task **out, struct error *err);

/* Whether the principal may do this; task is NULL where there is none. */
bool policy_may(struct asker *asker, const char *principal,
    const struct task *task, enum action action);

/* As policy_may for a task that may be gone. */
bool policy_may_target(struct asker *asker, const char *principal,
    const struct action_target *target, enum action action);

#endif
