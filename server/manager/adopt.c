/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/adopt.h"

#include <signal.h>

#include "protocol/error.h"
#include "server/common/log.h"
#include "server/manager/lifecycle.h"
#include "server/manager/manager.h"
#include "server/manager/teardown.h"

static void
keep(struct task *task)
{
	task->keeper.events = &lifecycle_keeper_events;
	task->keeper.data = task;
	task->has_keeper = true;
	task->has_sandbox = true;
	/* where it fails, on_gone ends the task from the loop */
	if (keeper_adopt(&task->keeper, &task->manager->loop, task->record.id,
	        &task->record.keeper) != 0)
		return;
	lifecycle_arm(task);
	log_info("task %s: taken over", task->record.id);
}

/* Its keeper has nothing left to keep. */
static void
end_keeper(const struct task *task)
{
	if (task->record.keeper.pid != 0)
		process_kill(&task->record.keeper);
	else
		keeper_dismiss(task->record.id);
}

static void
on_task(void *data, struct task_record *record)
{
	struct task *task = lifecycle_new(data, record);
	struct error why;

	switch (task->record.state) {
	case TASK_READY:
		keep(task);
		return;
	case TASK_PROVISIONING:
		end_keeper(task);
		(void)error_set(
		    &why, ERROR_SYSTEM, "the manager ended while it was made");
		lifecycle_end(task, &why);
		return;
	case TASK_STOPPING:
	case TASK_FAILED:
		end_keeper(task);
		teardown_begin(task);
		return;
	case TASK_DESTROYED:
	case TASK_STATES:
		break;
	}
	lifecycle_free(task); /* the store does not load these */
}

int
adopt_tasks(struct manager *manager, struct error *err)
{
	return store_load_tasks(manager->store, on_task, manager, err);
}
