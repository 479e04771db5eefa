/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/teardown.h"

#include <assert.h>
#include <fcntl.h>
#include <stddef.h>

#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/common/tree.h"
#include "server/manager/clock.h"
#include "server/manager/lifecycle.h"
#include "server/manager/manager.h"
#include "server/manager/recordings.h"
#include "server/manager/token.h"

static void step(struct task *task);

static void
on_retry(uv_timer_t *timer)
{
	step(container_of(timer, struct task, timer));
}

static void
fail(struct task *task, const struct error *err)
{
	uint64_t wait = TEARDOWN_RETRY_MS;

	if (task->tries < 16)
		wait <<= task->tries;
	if (wait > TEARDOWN_RETRY_MS_MAX)
		wait = TEARDOWN_RETRY_MS_MAX;
	task->tries++;
	log_error("task %s is not removed, tried again in %llu ms: %s",
	    task->record.id, (unsigned long long)wait, err->text);
	waiters_answer(&task->creators, &task->why, task->record.id);
	waiters_answer(&task->destroyers, err, task->record.id);
	token_fail(&task->recreators, &task->why);
	(void)uv_timer_start(&task->timer, on_retry, wait, 0);
	manager_task_stuck(task->manager, task, err);
}

static void
next(struct task *task, enum teardown_step now)
{
	task->step = now;
	task->tries = 0;
	step(task);
}

static void
on_destroyed(void *data, const struct error *err)
{
	struct task *task = data;

	task->is_driven = false;
	task->has_sandbox = false;
	if (err != NULL)
		fail(task, err);
	else
		next(task, TEARDOWN_KEEPER);
}

static void
remove_files(uv_work_t *work)
{
	struct task *task = container_of(work, struct task, work);
	char path[TASK_PATH_MAX];
	int ret;

	lifecycle_path(task, path);
	task->work_err.code = ERROR_NONE;
	if (task->manager->config->recordings_days == 0)
		ret = recordings_remove(task->record.id, &task->work_err);
	else
		ret = recordings_seal(task->record.id, &task->work_err);
	if (ret == 0)
		(void)tree_remove(AT_FDCWD, path, &task->work_err);
}

static void
done(struct task *task)
{
	struct token_waiter *recreators = task->recreators;

	task_move(&task->record, TASK_DESTROYED, NULL);
	task->record.ended_ms = clock_boot_ms();
	lifecycle_save(task);
	token_ended(task);
	lifecycle_tell(task);
	lifecycle_lose_execs(task);
	audit_note(&task->manager->audit, "task.destroyed", NULL, NULL,
	    task->record.id, task->record.reason);
	log_info("task %s: destroyed", task->record.id);
	waiters_answer(&task->creators, &task->why, task->record.id);
	waiters_answer(&task->destroyers, NULL, task->record.id);
	task->recreators = NULL;
	lifecycle_free(task);
	token_again(recreators);
}

static void
on_files_removed(uv_work_t *work, int status)
{
	struct task *task = container_of(work, struct task, work);

	(void)status; /* never cancelled */
	if (task->work_err.code != ERROR_NONE)
		fail(task, &task->work_err);
	else
		done(task);
}

static void
step(struct task *task)
{
	struct manager *manager = task->manager;

	switch (task->step) {
	case TEARDOWN_SANDBOX:
		manager->driver->verbs->destroy(
		    manager->driver, task->record.id, on_destroyed, task);
		return;
	case TEARDOWN_KEEPER:
		if (task->has_keeper)
			keeper_stop(&task->keeper);
		else
			next(task, TEARDOWN_FILES);
		return;
	case TEARDOWN_FILES:
		(void)uv_queue_work(&manager->loop, &task->work, remove_files,
		    on_files_removed);
		return;
	case TEARDOWN_NONE:
	case TEARDOWN_STEPS:
		break;
	}
	assert(!"a step");
}

void
teardown_begin(struct task *task)
{
	assert(task->step == TEARDOWN_NONE);
	(void)uv_timer_stop(&task->timer);
	replacement_end(task, &task->why);
	if (task->has_keeper)
		keeper_ending(&task->keeper);
	next(task, TEARDOWN_SANDBOX);
}

void
teardown_keeper_gone(struct task *task)
{
	if (task->step == TEARDOWN_KEEPER)
		next(task, TEARDOWN_FILES);
}

void
teardown_retry(struct task *task)
{
	if (uv_is_active((uv_handle_t *)&task->timer))
		(void)uv_timer_start(&task->timer, on_retry, 0, 0);
}
