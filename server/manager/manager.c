/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/manager.h"

#include <stdio.h>
#include <string.h>

#include "keys/authorized_keys.h"
#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "server/common/log.h"
#include "server/manager/control.h"
#include "server/manager/lifecycle.h"
#include "server/manager/policy.h"
#include "server/manager/renewal.h"
#include "server/manager/ssh_config.h"
#include "server/manager/teardown.h"
#include "server/manager/token.h"

void
manager_forget_asker(struct manager *manager, struct asker *asker)
{
	struct task *task = NULL;

	if (asker->waiting == 0)
		return;
	while ((task = registry_next(&manager->registry, task)) != NULL) {
		waiters_drop(&task->creators, asker);
		waiters_drop(&task->destroyers, asker);
		parking_drop(task, asker);
		token_drop(&task->recreators, asker);
	}
	waiters_drop(&manager->downers, asker);
	waiters_drop(&manager->renewers, asker);
	waiters_drop(&manager->upgrade.waiters, asker);
	control_drop_listings(manager, asker);
}

void
manager_tell_task(struct manager *manager, const struct control_task *view)
{
	gates_say(&manager->gates, CONTROL_TASK, view);
}

void
manager_name_task(struct manager *manager, struct task *task, bool added)
{
	char *list[] = {task->record.id, task->record.spec.name, NULL};
	struct control_names names = {0};
	struct error err;

	if (strcmp(task->record.id, task->record.spec.name) == 0)
		list[1] = NULL;
	if (added)
		names.add = list;
	else
		names.remove = list;
	gates_say(&manager->gates, CONTROL_NAMES, &names);
	if (ssh_config_write_tasks(&manager->registry, &err) != 0)
		log_error("%s", err.text);
}

void
manager_reload_keys(struct manager *manager)
{
	struct authorized_keys *keys;
	struct error err;

	if (policy_read(manager->config->authorized_keys, &keys, &err) != 0) {
		log_error("the keys stay as they were: %s", err.text);
		return;
	}
	authorized_keys_free(manager->keys);
	manager->keys = keys;
	log_info("%zu authorized keys", authorized_keys_count(keys));
	gates_push_keys(&manager->gates);
}

void
manager_gate_ready(struct manager *manager)
{
	if (manager->serves)
		return;
	manager->serves = true;
	(void)printf("ready port=%d dir=%s\n", manager->port, manager->dir);
	(void)fflush(stdout);
}

static void
close_handles(struct manager *manager)
{
	doors_shut(&manager->doors);
	replays_leave(&manager->replays);
	retention_close(&manager->retention);
	upgrade_close(&manager->upgrade);
	owner_close(&manager->owner);
}

/* Nothing is under way any more: let go of what stays. */
static void
leave(struct manager *manager)
{
	struct task *task, *next;

	manager->leaving = true;
	if (manager->down)
		home_sweep();
	waiters_answer(&manager->downers, NULL, NULL);
	waiters_drop(&manager->renewers, NULL);
	waiters_drop(&manager->upgrade.waiters, NULL);
	task = registry_next(&manager->registry, NULL);
	for (; task != NULL; task = next) {
		next = registry_next(&manager->registry, task);
		lifecycle_leave(task);
	}
	doors_finish(&manager->doors);
	if (manager->doors.admin_count == 0)
		close_handles(manager);
}

static bool
is_busy(struct manager *manager)
{
	struct task *task = NULL;

	if (manager->down)
		return manager->registry.count > 0;
	while ((task = registry_next(&manager->registry, task)) != NULL) {
		if (lifecycle_is_busy(task))
			return true;
	}
	return false;
}

static uint64_t
drain_ms(const struct manager *manager)
{
	if (manager->only_down)
		return 0;
	return manager->down ? MANAGER_DOWN_MS
	                     : (uint64_t)manager->config->drain_ms;
}

/* Take the next step towards the end, if it can be taken. */
static void
proceed(struct manager *manager)
{
	if (!manager->stopping || manager->leaving)
		return;
	if (is_busy(manager) && manager->down)
		return;
	gates_stop(&manager->gates, drain_ms(manager));
	/* with no gate left that has called back already */
	if (!manager->leaving && manager->gates_over && !is_busy(manager))
		leave(manager);
}

void
manager_gates_gone(struct manager *manager)
{
	manager->gates_over = true;
	proceed(manager);
}

void
manager_task_settled(struct manager *manager)
{
	proceed(manager);
	renewal_proceed(manager);
	if (manager->upgrade.is_wanted && !manager->stopping &&
	    !is_busy(manager))
		upgrade_execute(manager);
}

void
manager_admin_gone(struct manager *manager)
{
	if (manager->leaving && manager->doors.admin_count == 0)
		close_handles(manager);
}

/* What waits for a stuck task is told; a gateway that was to go stays, for it
 * still has something to look after. */
void
manager_task_stuck(
    struct manager *manager, const struct task *task, const struct error *why)
{
	struct error told = *why;

	if (manager->down && manager->only_down) {
		if (task->tries < 3)
			return;
		manager->why = told;
		manager->down = false;
	} else if (manager->down) {
		(void)error_wrap(&told, "task %s remains", task->record.id);
		waiters_answer(&manager->downers, &told, NULL);
		manager->down = manager->stopping = false;
		return;
	}
	proceed(manager);
}

static void
on_leave_late(uv_timer_t *timer)
{
	struct manager *manager = timer->loop->data;

	log_error("some removals did not end: the next start completes them");
	uv_stop(&manager->loop);
}

void
manager_stop(struct manager *manager)
{
	struct task *task = NULL;
	struct error why;
	size_t stay = 0;

	if (manager->stopping) {
		gates_hurry(&manager->gates); /* who says it twice means it */
		return;
	}
	manager->stopping = true;
	(void)error_set(&why, ERROR_STATE, "the gateway is ending");
	while ((task = registry_next(&manager->registry, task)) != NULL) {
		if (task->record.state == TASK_PROVISIONING)
			lifecycle_end(task, &why);
		else if (task->record.state == TASK_READY)
			stay++;
	}
	if (stay > 0)
		log_info("%zu tasks stay; to end them: "
		         "sallyport down --dir %s",
		    stay, manager->dir);
	(void)uv_timer_start(&manager->leave, on_leave_late,
	    drain_ms(manager) + MANAGER_LEAVE_MS, 0);
	proceed(manager);
}

void
manager_destroy_all(struct manager *manager)
{
	struct task *task = NULL;
	struct error why;

	manager->stopping = manager->down = true;
	(void)error_set(&why, ERROR_STATE, "the gateway was taken down");
	while ((task = registry_next(&manager->registry, task)) != NULL) {
		if (task_is_living(task->record.state))
			lifecycle_end(task, &why);
		else
			teardown_retry(task);
	}
	proceed(manager);
}

int
manager_down(struct manager *manager, struct asker *asker, int64_t request,
    struct error *err)
{
	if (manager->leaving)
		return error_set(err, ERROR_STATE, "the gateway is ending");
	if (waiters_add(&manager->downers, asker, request, err) != 0)
		return -1;
	log_info("down: everything is destroyed");
	manager_destroy_all(manager);
	return 0;
}
