/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/parking.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

#include "protocol/control.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/manager/asker.h"
#include "server/manager/control.h"
#include "server/manager/lifecycle.h"
#include "server/manager/manager.h"

struct parked {
	struct parked *next;
	struct asker *asker; /* borrowed; parking_drop when it goes */
	struct control_attach attach;
	uint64_t until_ms;
};

static void
remove_at(struct parking *parking, struct parked **at)
{
	struct parked *parked = *at;

	*at = parked->next;
	if (parking->last == &parked->next)
		parking->last = at;
	parking->count--;
	parked->asker->waiting--;
	free(parked->attach.principal);
	free(parked->attach.session);
	free(parked->attach.task);
	free(parked);
}

static bool
is_open(const struct task *task)
{
	return task->has_keeper && task->replacement.state == REPLACEMENT_WHOLE;
}

static void
expire(struct task *task, uint64_t now_ms)
{
	struct parking *parking = &task->parking;
	struct error why;

	(void)error_set(&why, ERROR_STATE,
	    is_open(task) ? "task %s: its keeper does not answer"
	                  : "task %s: its keeper is being replaced",
	    task->record.id);
	while (parking->first != NULL && parking->first->until_ms <= now_ms) {
		asker_answer(parking->first->asker,
		    parking->first->attach.request, &why, NULL);
		remove_at(parking, &parking->first);
	}
}

static void
on_timer(uv_timer_t *timer)
{
	struct task *task = container_of(timer, struct task, parking.timer);

	expire(task, uv_now(timer->loop));
	parking_serve(task);
}

static void
arm(struct task *task)
{
	struct parking *parking = &task->parking;
	uint64_t now_ms = uv_now(&task->manager->loop);
	uint64_t wait_ms = PARKING_RETRY_MS;

	if (parking->first == NULL) {
		(void)uv_timer_stop(&parking->timer);
		return;
	}
	if (!is_open(task))
		wait_ms = parking->first->until_ms > now_ms
		              ? parking->first->until_ms - now_ms
		              : 0;
	(void)uv_timer_start(&parking->timer, on_timer, wait_ms, 0);
}

void
parking_init(struct task *task)
{
	struct parking *parking = &task->parking;

	parking->last = &parking->first;
	(void)uv_timer_init(&task->manager->loop, &parking->timer);
	owner_adopt(&task->owner, (uv_handle_t *)&parking->timer);
}

int
parking_add(struct task *task, struct asker *asker,
    const struct control_attach *attach, struct error *err)
{
	struct parking *parking = &task->parking;
	struct parked *parked;

	if (parking->count >= PARKING_MAX ||
	    asker->waiting >= ASKER_WAITING_MAX)
		return error_set(err, ERROR_LIMIT,
		    "task %s: %u attaches wait for its keeper already",
		    task->record.id, parking->count);
	parked = memory_new(1, sizeof(*parked));
	parked->asker = asker;
	parked->attach = *attach;
	parked->attach.principal = memory_string(attach->principal);
	parked->attach.session = memory_string(attach->session);
	parked->attach.task = memory_string(attach->task);
	parked->until_ms = uv_now(&task->manager->loop) + PARKING_MS;
	*parking->last = parked;
	parking->last = &parked->next;
	parking->count++;
	asker->waiting++;
	arm(task);
	return 0;
}

/* What was allowed when it was asked may no longer be: all is looked at again.
 */
void
parking_serve(struct task *task)
{
	struct parking *parking = &task->parking;
	struct parked *parked;
	struct error why = {0};

	while (is_open(task) && (parked = parking->first) != NULL) {
		switch (
		    control_attach_now(parked->asker, &parked->attach, &why)) {
		case CONTROL_ATTACH_DONE:
			break;
		case CONTROL_ATTACH_LATER:
			arm(task);
			return;
		case CONTROL_ATTACH_REFUSED:
			asker_answer(
			    parked->asker, parked->attach.request, &why, NULL);
			break;
		}
		remove_at(parking, &parking->first);
	}
	arm(task);
}

void
parking_refuse(struct task *task, const struct error *why)
{
	struct parking *parking = &task->parking;

	while (parking->first != NULL) {
		if (why != NULL)
			asker_answer(parking->first->asker,
			    parking->first->attach.request, why, NULL);
		remove_at(parking, &parking->first);
	}
	arm(task);
}

void
parking_drop(struct task *task, const struct asker *asker)
{
	struct parked **at = &task->parking.first;

	while (*at != NULL) {
		if ((*at)->asker == asker)
			remove_at(&task->parking, at);
		else
			at = &(*at)->next;
	}
	arm(task);
}
