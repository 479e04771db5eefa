/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recordings, replay. They may be of tasks that are gone: the store knows whose
 * those were. Who may read a task's output may see its recordings.
 */
#include "server/manager/control.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/manager/asker.h"
#include "server/manager/lifecycle.h"
#include "server/manager/manager.h"
#include "server/manager/policy.h"
#include "server/manager/recordings.h"

struct control_listing {
	uv_work_t work;
	struct manager *manager;
	struct control_listing *next;
	struct waiter *waiter; /* NULL: it has gone */
	char *principal;
	char *task;               /* id or name; NULL: all */
	char only[NAME_ID_BYTES]; /* the task's id, where it is known; "" */
	struct recordings found;
	struct error err;
};

/* What one task's recordings have in common. */
struct origin {
	char *name;
	char *owner;
};

/* A recording that is told, and whose it is. */
struct row {
	const struct recording *recording;
	const struct origin *origin;
};

static bool
may_read(struct asker *asker, const char *principal,
    const struct task_record *record)
{
	const struct action_target target = {.owner = record->owner,
	    .id = record->id,
	    .name = record->spec.name};

	return policy_may_target(asker, principal, &target, ACTION_READ);
}

/* Whether the recordings of a task are to be told; then origin is filled in. */
static bool
find_origin(const struct control_listing *listing, const char *id,
    struct origin *origin)
{
	const char *wanted = listing->task;
	struct asker *asker = listing->waiter->asker;
	struct task_record record = {0};
	bool is_told = false;
	struct error err;

	if (store_find_task(listing->manager->store, id, &record, &err) != 0) {
		if (err.code != ERROR_NOT_FOUND)
			log_error("recordings of %s: %s", id, err.text);
		return false;
	}
	if (may_read(asker, listing->principal, &record))
		is_told = wanted == NULL || strcmp(wanted, id) == 0 ||
		          strcmp(wanted, record.spec.name) == 0;
	if (is_told) {
		origin->name = take(&record.spec.name);
		origin->owner = take(&record.owner);
	}
	task_record_clear(&record);
	return is_told;
}

static int
newest_first(const void *a, const void *b)
{
	const struct recording *one = ((const struct row *)a)->recording;
	const struct recording *other = ((const struct row *)b)->recording;

	if (one->modified_ms != other->modified_ms)
		return one->modified_ms < other->modified_ms ? 1 : -1;
	return strcmp(one->id, other->id);
}

static void
say_row(const struct waiter *waiter, const struct row *row)
{
	char id[sizeof(row->recording->id)];
	char modified[32];
	struct control_recording body = {
	    .request = waiter->request,
	    .recording = id,
	    .task = row->origin->name,
	    .owner = row->origin->owner,
	    .bytes = row->recording->bytes,
	    .modified = modified,
	};

	memcpy(id, row->recording->id, sizeof(id));
	task_format_time(row->recording->modified_ms, modified);
	asker_say(waiter->asker, CONTROL_RECORDING, &body);
}

/* Those of a task are neighbours: each task is looked up once. */
static void
say_rows(const struct control_listing *listing)
{
	const struct recordings *found = &listing->found;
	struct row *rows = memory_new(found->count + 1, sizeof(*rows));
	struct origin *origins = memory_new(found->count + 1, sizeof(*origins));
	size_t count = 0, known = 0, i;
	bool is_told = false;

	for (i = 0; i < found->count; i++) {
		const struct recording *each = &found->items[i];

		if (i == 0 || strcmp(each->task, each[-1].task) != 0) {
			is_told =
			    find_origin(listing, each->task, &origins[known]);
			known += is_told ? 1 : 0;
		}
		if (is_told)
			rows[count++] = (struct row){each, &origins[known - 1]};
	}
	qsort(rows, count, sizeof(*rows), newest_first);
	for (i = 0; i < count && i < CONTROL_RECORDINGS_MAX; i++)
		say_row(listing->waiter, &rows[i]);
	for (i = 0; i < known; i++) {
		free(origins[i].name);
		free(origins[i].owner);
	}
	free(origins);
	free(rows);
}

static void
look(uv_work_t *work)
{
	struct control_listing *listing = work->data;

	(void)recordings_list(listing->only[0] == '\0' ? NULL : listing->only,
	    &listing->found, &listing->err);
}

static void
on_looked(uv_work_t *work, int status)
{
	struct control_listing *listing = work->data;
	struct control_listing **link = &listing->manager->listings;
	const struct error *why = NULL;

	(void)status; /* never cancelled */
	while (*link != listing)
		link = &(*link)->next;
	*link = listing->next;
	listing->manager->listing_count--;
	if (listing->err.code != ERROR_NONE)
		why = &listing->err;
	else if (listing->waiter != NULL)
		say_rows(listing);
	waiters_answer(&listing->waiter, why, NULL);
	free(listing->found.items);
	free(listing->principal);
	free(listing->task);
	free(listing);
}

int
control_recordings(
    struct asker *asker, union control_body *body, struct error *err)
{
	struct control_ask *ask = &body->ask;
	struct manager *manager = asker->manager;
	struct control_listing *listing;
	struct waiter *waiter = NULL;
	struct task *task;

	if (manager->listing_count >= CONTROL_LISTINGS_MAX)
		return error_set(err, ERROR_LIMIT,
		    "%u lists of recordings are being made already",
		    CONTROL_LISTINGS_MAX);
	if (waiters_add(&waiter, asker, ask->request, err) != 0)
		return -1;
	listing = memory_new(1, sizeof(*listing));
	listing->manager = manager;
	listing->waiter = waiter;
	listing->principal = take(&ask->principal);
	listing->task = take(&ask->task);
	task = listing->task == NULL
	           ? NULL
	           : registry_find(&manager->registry, listing->task);
	/* a name may also have been that of others, which are gone */
	if (task != NULL && strcmp(task->record.id, listing->task) == 0)
		memcpy(listing->only, task->record.id, sizeof(listing->only));
	listing->next = manager->listings;
	manager->listings = listing;
	manager->listing_count++;
	listing->work.data = listing;
	(void)uv_queue_work(&manager->loop, &listing->work, look, on_looked);
	return 0;
}

void
control_drop_listings(struct manager *manager, const struct asker *asker)
{
	struct control_listing *listing = manager->listings;

	for (; listing != NULL; listing = listing->next)
		waiters_drop(&listing->waiter, asker);
}

/* The task that a recording is of, if the principal may read it; who may not is
 * told what it would be told if there were none. */
static int
find_recorded(struct asker *asker, const struct control_replay *replay,
    char id[static LIMIT_NAME_BYTES + 1], struct error *err)
{
	struct task_record record = {0};
	struct error why = {0};
	uint32_t number;
	int ret;

	ret = name_split_exec(replay->recording, id, &number, NULL);
	if (ret == 0)
		ret = store_find_task(asker->manager->store, id, &record, &why);
	if (why.code == ERROR_SYSTEM) {
		*err = why;
		return -1;
	}
	if (ret == 0 && !may_read(asker, replay->principal, &record))
		ret = -1;
	task_record_clear(&record);
	return ret == 0 ? 0
	                : error_set(err, ERROR_NOT_FOUND, "no recording %s",
	                      replay->recording);
}

int
control_replay(struct asker *asker, union control_body *body, struct error *err)
{
	const struct control_replay *replay = &body->replay;
	struct control_answer answer = {.request = replay->request};
	struct manager *manager = asker->manager;
	char id[LIMIT_NAME_BYTES + 1];
	autoclose int file = -1;
	int fd = -1;

	if (find_recorded(asker, replay, id, err) != 0 ||
	    recordings_open(replay->recording, &file, err) != 0 ||
	    replays_start(
	        &manager->replays, replay->recording, file, &fd, err) != 0)
		return -1;
	answer.task = id;
	asker_say_fd(asker, CONTROL_ANSWER, &answer, fd);
	audit_note(&manager->audit, "replay", replay->principal,
	    replay->session, id, replay->recording);
	return 0;
}
