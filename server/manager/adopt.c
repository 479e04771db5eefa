/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/adopt.h"

#include <string.h>

#include "protocol/error.h"
#include "server/common/log.h"
#include "server/manager/clock.h"
#include "server/manager/expiry.h"
#include "server/manager/lifecycle.h"
#include "server/manager/manager.h"
#include "server/manager/provision.h"
#include "server/manager/teardown.h"

/* One that was started in another's place, by a manager that could not write
 * it down any more; what cannot be found is not to stay behind either. */
static void
find_keeper(struct task *task)
{
	if (process_is_alive(&task->record.keeper))
		return;
	if (process_find(KEEPER_PROGRAM, task->record.id,
	        provision_keeper_uid(task), &task->record.keeper) == 0)
		lifecycle_save(task);
	else
		keeper_dismiss(task->record.id);
}

static void
keep(struct task *task)
{
	find_keeper(task);
	task->keeper.events = &lifecycle_keeper_events;
	task->keeper.data = task;
	task->has_keeper = true;
	task->has_sandbox = true;
	/* where it fails, on_gone ends the task from the loop */
	if (keeper_adopt(&task->keeper, &task->manager->loop, task->record.id,
	        &task->record.keeper) != 0)
		return;
	expiry_arm(task);
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

struct adoption {
	struct manager *manager;
	bool is_rebooted;
};

/* Nothing of it is alive; another process may have its keeper's number. */
static void
forget_life(struct task *task)
{
	task->record.keeper = (struct process_id){0};
	task->record.ends_ms = 0;
	task->record.idle_from_ms = 0;
	leases_clear(&task->record.leases);
}

static void
on_task(void *data, struct task_record *record)
{
	const struct adoption *adoption = data;
	struct task *task = lifecycle_new(adoption->manager, record);
	struct error why;

	(void)error_set(&why, ERROR_SYSTEM,
	    adoption->is_rebooted ? "the machine was restarted"
	                          : "the manager ended while it was made");
	if (adoption->is_rebooted)
		forget_life(task);
	switch (task->record.state) {
	case TASK_READY:
		if (!adoption->is_rebooted) {
			keep(task);
			return;
		}
		end_keeper(task);
		lifecycle_end(task, &why);
		return;
	case TASK_PROVISIONING:
		end_keeper(task);
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
	struct adoption adoption = {.manager = manager};
	char now[CLOCK_BOOT_ID_BYTES], before[CLOCK_BOOT_ID_BYTES];

	if (clock_boot_id(now, err) != 0 ||
	    store_get_boot(manager->store, before, err) != 0)
		return -1;
	adoption.is_rebooted = before[0] != '\0' && strcmp(now, before) != 0;
	if (adoption.is_rebooted)
		log_info("the machine was restarted: no task is alive");
	if (store_load_tasks(manager->store, on_task, &adoption, err) != 0)
		return -1;
	/* only now, so that whoever comes after a crash in between knows */
	if (adoption.is_rebooted || before[0] == '\0')
		return store_set_boot(manager->store, now, err);
	return 0;
}
