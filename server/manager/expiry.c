/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/expiry.h"

#include <inttypes.h>
#include <stddef.h>

#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/manager/clock.h"
#include "server/manager/lease.h"
#include "server/manager/lifecycle.h"

static void
look(const struct task *task, int64_t now_ms, struct lifetime_look *out)
{
	const struct task_record *record = &task->record;
	const struct lifetime lifetime = {
	    .ttl_ms = record->spec.ttl_ms,
	    .ends_ms = record->ends_ms,
	    .idle_ms = record->spec.idle_ms,
	    .idle_from_ms = task->idle_from_ms > record->idle_from_ms
	                        ? task->idle_from_ms
	                        : record->idle_from_ms,
	    .leased_ms = leases_end(&record->leases),
	    .is_active = task->is_active,
	};

	lifetime_look(&lifetime, now_ms, out);
}

static void
end(struct task *task, enum task_end which)
{
	struct error why;

	if (which == TASK_END_IDLE)
		(void)error_set(&why, ERROR_STATE,
		    "it was idle for %" PRId64 " ms",
		    task->record.spec.idle_ms);
	else
		(void)error_set(&why, ERROR_STATE, "its time to live is over");
	lifecycle_end(task, &why);
}

static void
on_timer(uv_timer_t *timer)
{
	struct task *task = container_of(timer, struct task, timer);
	struct lifetime_look now;

	look(task, clock_boot_ms(), &now);
	if (now.stage == LIFETIME_OVER)
		end(task, now.end);
	else
		expiry_arm(task);
}

void
expiry_arm(struct task *task)
{
	struct lifetime_look before = task->look;
	int64_t now_ms = clock_boot_ms();
	int64_t wait;

	if (task->record.state != TASK_READY)
		return;
	look(task, now_ms, &task->look);
	wait = task->look.next_ms - now_ms;
	if (wait < 0)
		wait = 0;
	if (task->look.end == TASK_END_NONE)
		(void)uv_timer_stop(&task->timer);
	else
		(void)uv_timer_start(&task->timer, on_timer,
		    (uint64_t)(wait > EXPIRY_LOOK_MS ? EXPIRY_LOOK_MS : wait),
		    0);
	/* what is over is told by its end */
	if (task->look.stage == LIFETIME_OVER ||
	    (task->look.stage == before.stage &&
	        (before.stage == LIFETIME_FAR || task->look.end == before.end)))
		return;
	lifecycle_tell(task);
}

void
expiry_begin(struct task *task)
{
	task->record.idle_from_ms = clock_boot_ms();
}

void
expiry_activity(struct task *task, const struct custody_activity *activity)
{
	/* one that takes another's place does not know since when */
	if (activity->active == task->is_active)
		return;
	task->is_active = activity->active;
	task->idle_from_ms = clock_boot_ms() - activity->idle_ms;
	if (task->record.state == TASK_READY && task->record.spec.idle_ms > 0 &&
	    (!uv_is_active((uv_handle_t *)&task->timer) ||
	        uv_timer_get_due_in(&task->timer) > EXPIRY_SOON_MS))
		(void)uv_timer_start(&task->timer, on_timer, EXPIRY_SOON_MS, 0);
}

void
expiry_update(struct task *task, int64_t ttl_ms, int64_t idle_ms)
{
	int64_t now_ms = clock_boot_ms();

	if (ttl_ms >= 0)
		task_set_ttl(&task->record, ttl_ms, now_ms);
	if (idle_ms >= 0) {
		task->record.spec.idle_ms = idle_ms;
		task->record.idle_from_ms = now_ms;
	}
	expiry_arm(task);
}

int
expiry_lease(
    struct task *task, const char *principal, int64_t ttl_ms, struct error *err)
{
	int64_t now_ms = clock_boot_ms();

	if (ttl_ms == 0)
		leases_drop(&task->record.leases, principal, now_ms);
	else if (leases_set(&task->record.leases, principal, now_ms + ttl_ms,
	             now_ms, err) != 0)
		return -1;
	expiry_arm(task);
	return 0;
}

void
expiry_view(const struct task *task, struct control_task *view)
{
	int64_t now_ms = clock_boot_ms();
	int64_t lease_ms = leases_end(&task->record.leases) - now_ms;

	view->ttl_ms = task_ttl_left(&task->record, now_ms);
	view->idle_ms = task->record.spec.idle_ms;
	if (view->ttl_ms > 0 && lease_ms > view->ttl_ms)
		lease_ms = view->ttl_ms;
	view->lease_ms = lease_ms > 0 ? lease_ms : 0;
	view->warning = TASK_END_NONE;
	if (task->record.state != TASK_READY ||
	    task->look.stage == LIFETIME_FAR)
		return;
	view->warning = task->look.end;
	view->ends_in_ms =
	    task->look.at_ms > now_ms ? task->look.at_ms - now_ms : 1;
}
