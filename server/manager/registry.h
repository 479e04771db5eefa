/* SPDX-License-Identifier: Apache-2.0 */
/* The tasks that exist, by id and by name, and the slots they occupy. */
#ifndef SERVER_MANAGER_REGISTRY_H
#define SERVER_MANAGER_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "server/manager/task.h"

struct error;
struct task;

#define REGISTRY_BUCKETS 1024u /* a power of two */

struct registry {
	struct task *by_id[REGISTRY_BUCKETS];
	struct task *by_name[REGISTRY_BUCKETS];
	bool slots[TASK_SLOTS]; /* taken */
	unsigned next_slot;     /* where to look first */
	size_t count;
};

/* Add; id, name and slot must be free (asserted). */
void registry_add(struct registry *registry, struct task *task);
void registry_remove(struct registry *registry, struct task *task);

/* By id or by name; NULL when there is none. */
struct task *registry_find(
    const struct registry *registry, const char *id_or_name);

/* By the creator's token; NULL when there is none. */
struct task *registry_find_token(
    const struct registry *registry, const char *owner, const char *token);

/*
 * The next task in no special order; the first after NULL. The one returned
 * may be removed once the one after it is known.
 */
struct task *registry_next(
    const struct registry *registry, const struct task *after);

/* A slot that no task has; the same one is not given again soon. ERROR_LIMIT.
 */
int registry_slot(struct registry *registry, unsigned *out, struct error *err);

#endif
