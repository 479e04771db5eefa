/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/lifecycle.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/limits.h"
#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/manager/expiry.h"
#include "server/manager/manager.h"
#include "server/manager/teardown.h"
#include "server/manager/token.h"

static void
on_owner_gone(struct owner *owner)
{
	struct task *task = container_of(owner, struct task, owner);
	struct manager *manager = task->manager;

	task_record_clear(&task->record);
	running_clear(&task->running);
	free(task);
	manager_task_settled(manager);
}

struct task *
lifecycle_new(struct manager *manager, struct task_record *record)
{
	struct task *task = memory_new(1, sizeof(*task));

	task->manager = manager;
	task->record = *record;
	memset(record, 0, sizeof(*record));
	task->asked_ms = uv_now(&manager->loop);
	task->is_active = true;
	task->look.end = TASK_END_NONE;
	owner_init(&task->owner, on_owner_gone);
	(void)uv_timer_init(&manager->loop, &task->timer);
	owner_adopt(&task->owner, (uv_handle_t *)&task->timer);
	replacement_init(task);
	parking_init(task);
	registry_add(&manager->registry, task);
	return task;
}

void
lifecycle_path(const struct task *task, char path[static TASK_PATH_MAX])
{
	(void)snprintf(path, TASK_PATH_MAX, "tasks/%s", task->record.id);
}

void
lifecycle_save(struct task *task)
{
	struct error err;

	if (store_save_task(task->manager->store, &task->record, &err) != 0)
		log_error(
		    "task %s is not saved: %s", task->record.id, err.text);
}

void
lifecycle_view(
    struct task *task, char created[static 32], struct control_task *view)
{
	task_view(&task->record, running_count(&task->running), created, view);
	expiry_view(task, view);
}

void
lifecycle_tell(struct task *task)
{
	struct control_task view;
	char created[32];

	lifecycle_view(task, created, &view);
	manager_tell_task(task->manager, &view);
}

void
lifecycle_ready(struct task *task)
{
	struct control_task view;
	char created[32];

	task_move(&task->record, TASK_READY, NULL);
	task->record.provision_ms =
	    (int64_t)(uv_now(&task->manager->loop) - task->asked_ms);
	expiry_begin(task);
	lifecycle_save(task);
	lifecycle_tell(task);
	expiry_arm(task);
	manager_name_task(task->manager, task, true);
	lifecycle_view(task, created, &view);
	waiters_say_task(task->creators, &view);
	waiters_answer(&task->creators, NULL, task->record.id);
	log_info("task %s: ready after %lld ms, %s", task->record.id,
	    (long long)task->record.provision_ms, task->record.spec.runtime);
	manager_task_settled(task->manager);
}

void
lifecycle_end(struct task *task, const struct error *why)
{
	enum task_state state = task->record.state;

	if (!task_is_living(state))
		return;
	task->why = *why;
	log_info("task %s: ends: %s", task->record.id, why->text);
	task_move(&task->record,
	    state == TASK_PROVISIONING ? TASK_FAILED : TASK_STOPPING,
	    why->text);
	lifecycle_save(task);
	lifecycle_tell(task);
	if (state == TASK_READY)
		manager_name_task(task->manager, task, false);
	teardown_begin(task);
}

bool
lifecycle_is_busy(const struct task *task)
{
	switch (task->record.state) {
	case TASK_PROVISIONING:
		return true;
	case TASK_STOPPING:
	case TASK_FAILED:
		/* while the timer runs nothing else does */
		return !uv_is_active((const uv_handle_t *)&task->timer);
	case TASK_READY:
		return task->replacement.state != REPLACEMENT_WHOLE;
	case TASK_DESTROYED:
	case TASK_STATES:
		break;
	}
	return false;
}

void
lifecycle_lose_execs(struct task *task)
{
	struct running *running = &task->running;
	char exec[LIMIT_EXEC_ID_BYTES + 1];
	struct custody_ended ended = {
	    .exec = exec, .exit = {.code = -1, .reason = REASON_LOST}};
	size_t i;

	for (i = 0; i < running->count; i++) {
		(void)snprintf(exec, sizeof(exec), "%s-%u", task->record.id,
		    running->numbers[i]);
		audit_exec_ended(&task->manager->audit, &ended);
	}
	running_clear(running);
}

void
lifecycle_leave(struct task *task)
{
	if (task->has_keeper)
		keeper_leave(&task->keeper);
	else
		lifecycle_free(task);
}

void
lifecycle_free(struct task *task)
{
	assert(!task->has_keeper);
	replacement_end(task, NULL);
	waiters_drop(&task->creators, NULL);
	waiters_drop(&task->destroyers, NULL);
	token_drop(&task->recreators, NULL);
	registry_remove(&task->manager->registry, task);
	owner_close(&task->owner);
}

static void
on_state(struct keeper *keeper, const struct custody_state *state)
{
	struct task *task = keeper->data;

	/* one that begins to resume has not counted yet */
	if (state->configured)
		running_set(&task->running, state->running);
	/* before it is ready, waiting for the agent is what provision does */
	if (task->record.state == TASK_READY && !state->ready)
		replacement_resume(task, state);
}

static void
on_link(struct keeper *keeper, int fd)
{
	struct task *task = keeper->data;

	if (task_is_living(task->record.state))
		replacement_link(task, fd);
	else
		(void)close(fd);
}

static void
on_ready(struct keeper *keeper)
{
	struct task *task = keeper->data;

	task->has_hello = true;
	if (task->record.state == TASK_PROVISIONING && task->has_sandbox)
		lifecycle_ready(task);
	else if (task->record.state == TASK_READY)
		replacement_ready(task);
}

/* Its number; the keeper's messages about execs of its own task alone come
 * here. */
static uint32_t
number_of(const char *exec)
{
	char task[LIMIT_NAME_BYTES + 1];
	uint32_t number = 0;

	(void)name_split_exec(exec, task, &number, NULL);
	return number;
}

static void
on_started(struct keeper *keeper, const struct custody_started *started)
{
	struct task *task = keeper->data;

	if (!running_add(&task->running, number_of(started->exec)))
		return;
	audit_exec_started(&task->manager->audit, task->record.id, started);
}

static void
on_ended(struct keeper *keeper, const struct custody_ended *ended)
{
	struct task *task = keeper->data;

	if (!running_remove(&task->running, number_of(ended->exec)))
		return;
	audit_exec_ended(&task->manager->audit, ended);
}

static void
on_activity(struct keeper *keeper, const struct custody_activity *activity)
{
	expiry_activity(keeper->data, activity);
}

static void
on_lost(struct keeper *keeper)
{
	struct task *task = keeper->data;
	struct error why;

	/* while the driver works its own fault says more than this one */
	task->is_lost = true;
	if (task->is_driven)
		return;
	(void)error_set(&why, ERROR_SYSTEM, "the sandbox is gone");
	lifecycle_end(task, &why);
}

static void
on_keeper_gone(struct keeper *keeper, const struct error *why)
{
	struct task *task = keeper->data;
	struct error lost;

	task->has_keeper = false;
	/* until the next one says what it is */
	task->is_active = true;
	if (task->manager->leaving) {
		lifecycle_free(task);
		return;
	}
	if (task->record.state != TASK_READY)
		lifecycle_end(task, why);
	else if (replacement_begin(task, why, &lost) == 0)
		return;
	else
		lifecycle_end(task, &lost);
	teardown_keeper_gone(task);
}

const struct keeper_events lifecycle_keeper_events = {
    .on_state = on_state,
    .on_link = on_link,
    .on_ready = on_ready,
    .on_started = on_started,
    .on_ended = on_ended,
    .on_activity = on_activity,
    .on_lost = on_lost,
    .on_gone = on_keeper_gone,
};
