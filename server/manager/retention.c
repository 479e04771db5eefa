/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/retention.h"

#include <stdint.h>
#include <stdlib.h>

#include "server/common/log.h"
#include "server/manager/clock.h"
#include "server/manager/manager.h"
#include "server/manager/recordings.h"

#define DAY_MS (24ll * 3600 * 1000)

static void
finish(struct retention *retention)
{
	free(retention->tasks);
	retention->tasks = NULL;
	retention->count = 0;
	retention->is_busy = false;
}

static void
remove_them(uv_work_t *work)
{
	struct retention *retention = work->data;
	size_t i;

	for (i = 0; i < retention->count; i++)
		(void)recordings_remove(
		    retention->tasks[i].task, &retention->err);
}

static void
on_removed(uv_work_t *work, int status)
{
	struct retention *retention = work->data;

	(void)status; /* never cancelled */
	if (retention->err.code != ERROR_NONE)
		log_error("old recordings: %s", retention->err.text);
	else
		log_info("recordings of %zu tasks were old and are removed",
		    retention->count);
	finish(retention);
}

static void
list_them(uv_work_t *work)
{
	struct retention *retention = work->data;

	(void)recordings_tasks(
	    &retention->tasks, &retention->count, &retention->err);
}

/* Leave those that are over, for long enough. */
static void
choose(struct retention *retention)
{
	const struct manager *manager = retention->manager;
	int64_t before =
	    clock_wall_ms() - manager->config->recordings_days * DAY_MS;
	size_t kept = 0, i;

	for (i = 0; i < retention->count; i++) {
		const struct recordings_task *task = &retention->tasks[i];

		if (task->modified_ms <= before &&
		    registry_find(&manager->registry, task->task) == NULL)
			retention->tasks[kept++] = *task;
	}
	retention->count = kept;
}

static void
on_listed(uv_work_t *work, int status)
{
	struct retention *retention = work->data;

	(void)status; /* never cancelled */
	if (retention->err.code != ERROR_NONE)
		log_error("recordings: %s", retention->err.text);
	choose(retention);
	if (retention->count == 0) {
		finish(retention);
		return;
	}
	retention->err.code = ERROR_NONE;
	(void)uv_queue_work(
	    &retention->manager->loop, work, remove_them, on_removed);
}

static void
on_timer(uv_timer_t *timer)
{
	struct manager *manager = timer->loop->data;
	struct retention *retention = &manager->retention;

	if (retention->is_busy)
		return;
	retention->is_busy = true;
	retention->err.code = ERROR_NONE;
	retention->work.data = retention;
	(void)uv_queue_work(
	    &manager->loop, &retention->work, list_them, on_listed);
}

static void
on_gone(struct owner *owner)
{
	(void)owner; /* part of the manager, which outlives its loop */
}

void
retention_open(struct retention *retention, struct manager *manager)
{
	retention->manager = manager;
	owner_init(&retention->owner, on_gone);
	(void)uv_timer_init(&manager->loop, &retention->timer);
	owner_adopt(&retention->owner, (uv_handle_t *)&retention->timer);
	(void)uv_timer_start(
	    &retention->timer, on_timer, 0, RETENTION_EVERY_MS);
}

void
retention_close(struct retention *retention)
{
	if (retention->owner.count > 0)
		owner_close(&retention->owner);
}
