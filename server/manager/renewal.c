/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/renewal.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#include "protocol/control.h"
#include "protocol/error.h"
#include "server/common/log.h"
#include "server/manager/asker.h"
#include "server/manager/lifecycle.h"
#include "server/manager/manager.h"
#include "server/manager/policy.h"

/* One without a link would take its task along. */
static bool
is_replaceable(const struct task *task)
{
	return task->record.state == TASK_READY && task->has_keeper &&
	       task->replacement.link_count > 0;
}

static int
mark_one(struct asker *asker, const struct control_ask *ask, struct error *err)
{
	struct task *task;

	if (policy_find(asker, ask->principal, ask->task, ACTION_DESTROY, &task,
	        err) != 0)
		return -1;
	if (!is_replaceable(task))
		return error_set(err, ERROR_STATE,
		    "task %s: its keeper cannot be replaced now",
		    task->record.id);
	task->renewal = RENEWAL_DUE;
	return 0;
}

static void
mark_all(struct manager *manager)
{
	struct task *task = NULL;

	while ((task = registry_next(&manager->registry, task)) != NULL) {
		if (is_replaceable(task))
			task->renewal = RENEWAL_DUE;
		else if (task->record.state == TASK_READY)
			log_warning("task %s: its keeper cannot be replaced",
			    task->record.id);
	}
}

void
renewal_proceed(struct manager *manager)
{
	struct task *task = NULL, *next = NULL;

	if (manager->renewers == NULL)
		return;
	while ((task = registry_next(&manager->registry, task)) != NULL) {
		if (task->record.state != TASK_READY)
			continue;
		if (task->renewal == RENEWAL_UNDER_WAY)
			return; /* one at a time */
		if (task->renewal == RENEWAL_DUE)
			next = task;
	}
	if (next == NULL) {
		waiters_answer(&manager->renewers, NULL, NULL);
		return;
	}
	log_info("task %s: its keeper is replaced on request", next->record.id);
	next->renewal = RENEWAL_UNDER_WAY;
	process_signal(&next->keeper.process, SIGKILL);
}

int
renewal_begin(
    struct asker *asker, const struct control_ask *ask, struct error *err)
{
	struct manager *manager = asker->manager;

	if (manager->stopping)
		return error_set(err, ERROR_STATE, "the gateway is ending");
	if (ask->task != NULL && mark_one(asker, ask, err) != 0)
		return -1;
	if (waiters_add(&manager->renewers, asker, ask->request, err) != 0)
		return -1;
	if (ask->task == NULL)
		mark_all(manager);
	renewal_proceed(manager);
	return 0;
}
