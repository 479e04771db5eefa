/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/lifecycle.h"

#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"
#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/manager/clock.h"
#include "server/manager/manager.h"
#include "server/manager/teardown.h"

/* uv timers end at 2^64 ms, but a clock may be set: look again at least so
 * often. */
#define TTL_LOOK_MS (24ll * 3600 * 1000)

static void
on_owner_gone(struct owner *owner)
{
	struct task *task = container_of(owner, struct task, owner);
	struct manager *manager = task->manager;

	task_record_clear(&task->record);
	free(task);
	manager_task_gone(manager);
}

struct task *
lifecycle_new(struct manager *manager, struct task_record *record)
{
	struct task *task = memory_new(1, sizeof(*task));

	task->manager = manager;
	task->record = *record;
	memset(record, 0, sizeof(*record));
	task->asked_ms = uv_now(&manager->loop);
	owner_init(&task->owner, on_owner_gone);
	(void)uv_timer_init(&manager->loop, &task->timer);
	owner_adopt(&task->owner, (uv_handle_t *)&task->timer);
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
	task_view(&task->record, task->running, clock_wall_ms(), created, view);
}

void
lifecycle_tell(struct task *task)
{
	struct control_task view;
	char created[32];

	lifecycle_view(task, created, &view);
	manager_tell_task(task->manager, &view);
}

static void
on_life_over(uv_timer_t *timer)
{
	struct task *task = container_of(timer, struct task, timer);
	struct error why;

	if (task_ttl_left(&task->record, clock_wall_ms()) > 1) {
		lifecycle_arm(task);
		return;
	}
	(void)error_set(&why, ERROR_STATE, "its time to live is over");
	lifecycle_end(task, &why);
}

void
lifecycle_arm(struct task *task)
{
	int64_t left = task_ttl_left(&task->record, clock_wall_ms());

	if (left == 0)
		(void)uv_timer_stop(&task->timer);
	else
		(void)uv_timer_start(&task->timer, on_life_over,
		    (uint64_t)(left > TTL_LOOK_MS ? TTL_LOOK_MS : left), 0);
}

void
lifecycle_ready(struct task *task)
{
	struct control_task view;
	char created[32];

	task_move(&task->record, TASK_READY, NULL);
	task->record.provision_ms =
	    (int64_t)(uv_now(&task->manager->loop) - task->asked_ms);
	lifecycle_save(task);
	lifecycle_tell(task);
	lifecycle_arm(task);
	manager_name_task(task->manager, task, true);
	lifecycle_view(task, created, &view);
	waiters_say_task(task->creators, &view);
	waiters_answer(&task->creators, NULL, task->record.id);
	log_info("task %s: ready after %lld ms, %s", task->record.id,
	    (long long)task->record.provision_ms, task->record.spec.runtime);
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
	case TASK_DESTROYED:
	case TASK_STATES:
		break;
	}
	return false;
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
	waiters_drop(&task->creators, NULL);
	waiters_drop(&task->destroyers, NULL);
	registry_remove(&task->manager->registry, task);
	owner_close(&task->owner);
}

static void
on_state(struct keeper *keeper, const struct custody_state *state)
{
	struct task *task = keeper->data;
	struct error why;

	task->running = state->running;
	/* before it is ready, waiting for the agent is what provision does */
	if (task->record.state != TASK_READY || state->ready)
		return;
	(void)error_set(&why, ERROR_SYSTEM, "the sandbox is gone");
	lifecycle_end(task, &why);
}

static void
on_ready(struct keeper *keeper)
{
	struct task *task = keeper->data;

	task->has_hello = true;
	if (task->record.state == TASK_PROVISIONING && task->has_sandbox)
		lifecycle_ready(task);
}

static void
on_started(struct keeper *keeper, const struct custody_started *started)
{
	struct task *task = keeper->data;

	if (task->running < LIMIT_EXECS_MAX) /* no honest keeper has more */
		task->running++;
	audit_exec_started(&task->manager->audit, task->record.id, started);
}

static void
on_ended(struct keeper *keeper, const struct custody_ended *ended)
{
	struct task *task = keeper->data;

	if (task->running > 0)
		task->running--;
	audit_exec_ended(&task->manager->audit, ended);
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

	task->has_keeper = false;
	if (task->manager->leaving) {
		lifecycle_free(task);
		return;
	}
	lifecycle_end(task, why);
	teardown_keeper_gone(task);
}

const struct keeper_events lifecycle_keeper_events = {
    .on_state = on_state,
    .on_ready = on_ready,
    .on_started = on_started,
    .on_ended = on_ended,
    .on_lost = on_lost,
    .on_gone = on_keeper_gone,
};
