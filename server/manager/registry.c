/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/registry.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "protocol/error.h"
#include "server/manager/lifecycle.h"

/* FNV-1a: names are chosen by principals, but their number is bounded. */
static unsigned
bucket_of(const char *text)
{
	uint32_t hash = 2166136261u;

	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return hash & (REGISTRY_BUCKETS - 1);
}

void
registry_add(struct registry *registry, struct task *task)
{
	unsigned id = bucket_of(task->record.id);
	unsigned name = bucket_of(task->record.spec.name);

	assert(registry_find(registry, task->record.id) == NULL);
	assert(registry_find(registry, task->record.spec.name) == NULL);
	assert(!registry->slots[task->record.slot]);
	task->next_by_id = registry->by_id[id];
	registry->by_id[id] = task;
	task->next_by_name = registry->by_name[name];
	registry->by_name[name] = task;
	registry->slots[task->record.slot] = true;
	registry->count++;
}

void
registry_remove(struct registry *registry, struct task *task)
{
	struct task **link = &registry->by_id[bucket_of(task->record.id)];

	while (*link != task)
		link = &(*link)->next_by_id;
	*link = task->next_by_id;
	link = &registry->by_name[bucket_of(task->record.spec.name)];
	while (*link != task)
		link = &(*link)->next_by_name;
	*link = task->next_by_name;
	registry->slots[task->record.slot] = false;
	registry->count--;
}

struct task *
registry_find(const struct registry *registry, const char *id_or_name)
{
	unsigned bucket = bucket_of(id_or_name);
	struct task *task;

	for (task = registry->by_id[bucket]; task != NULL;
	     task = task->next_by_id) {
		if (strcmp(task->record.id, id_or_name) == 0)
			return task;
	}
	for (task = registry->by_name[bucket]; task != NULL;
	     task = task->next_by_name) {
		if (strcmp(task->record.spec.name, id_or_name) == 0)
			return task;
	}
	return NULL;
}

struct task *
registry_find_token(
    const struct registry *registry, const char *owner, const char *token)
{
	struct task *task = NULL;

	while ((task = registry_next(registry, task)) != NULL) {
		if (task->record.spec.token != NULL &&
		    strcmp(task->record.spec.token, token) == 0 &&
		    strcmp(task->record.owner, owner) == 0)
			return task;
	}
	return NULL;
}

struct task *
registry_next(const struct registry *registry, const struct task *after)
{
	unsigned bucket = 0;

	if (after != NULL) {
		if (after->next_by_id != NULL)
			return after->next_by_id;
		bucket = bucket_of(after->record.id) + 1;
	}
	for (; bucket < REGISTRY_BUCKETS; bucket++) {
		if (registry->by_id[bucket] != NULL)
			return registry->by_id[bucket];
	}
	return NULL;
}

int
registry_slot(struct registry *registry, unsigned *out, struct error *err)
{
	unsigned tried, slot;

	for (tried = 0; tried < TASK_SLOTS; tried++) {
		slot = (registry->next_slot + tried) % TASK_SLOTS;
		if (registry->slots[slot])
			continue;
		registry->next_slot = (slot + 1) % TASK_SLOTS;
		*out = slot;
		return 0;
	}
	return error_set(
	    err, ERROR_LIMIT, "all %d slots are taken", TASK_SLOTS);
}
