/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/task.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "protocol/memory.h"

#define BIT(state) (1u << (state))

static const unsigned moves[] = {
    [TASK_PROVISIONING] =
        BIT(TASK_READY) | BIT(TASK_FAILED) | BIT(TASK_STOPPING),
    [TASK_READY] = BIT(TASK_STOPPING),
    [TASK_STOPPING] = BIT(TASK_DESTROYED),
    [TASK_DESTROYED] = 0,
    [TASK_FAILED] = BIT(TASK_DESTROYED),
};
static_assert(
    sizeof(moves) / sizeof(moves[0]) == TASK_STATES, "a row for each state");

void
task_record_clear(struct task_record *record)
{
	free(record->owner);
	free(record->reason);
	json_clear(&task_spec_shape, &record->spec);
	leases_clear(&record->leases);
	memset(record, 0, sizeof(*record));
}

bool
task_may_move(enum task_state from, enum task_state to)
{
	assert(from < TASK_STATES && to < TASK_STATES);
	return (moves[from] & BIT(to)) != 0;
}

bool
task_is_living(enum task_state state)
{
	return state == TASK_PROVISIONING || state == TASK_READY;
}

void
task_move(struct task_record *record, enum task_state to, const char *reason)
{
	assert(task_may_move(record->state, to));
	record->state = to;
	if (reason == NULL)
		return;
	free(record->reason);
	record->reason = memory_string(reason);
}

bool
task_holds_token(const struct task_record *record)
{
	return record->state != TASK_DESTROYED || record->provision_ms >= 0;
}

int64_t
task_ttl_left(const struct task_record *record, int64_t now_ms)
{
	if (record->ends_ms == 0)
		return 0;
	return record->ends_ms > now_ms ? record->ends_ms - now_ms : 1;
}

void
task_set_ttl(struct task_record *record, int64_t ttl_ms, int64_t now_ms)
{
	record->spec.ttl_ms = ttl_ms;
	record->ends_ms = ttl_ms == 0 ? 0 : now_ms + ttl_ms;
}

void
task_format_time(int64_t ms, char text[static 32])
{
	time_t seconds = (time_t)(ms / 1000);
	char day[24];
	struct tm tm;

	(void)gmtime_r(&seconds, &tm);
	(void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
	(void)snprintf(text, 32, "%s.%03dZ", day, (int)(ms % 1000));
}

void
task_view(struct task_record *record, int64_t running, char created[static 32],
    struct control_task *view)
{
	memset(view, 0, sizeof(*view));
	task_format_time(record->created_ms, created);
	view->task = record->id;
	view->name = record->spec.name;
	view->owner = record->owner;
	view->state = (int)record->state;
	view->reason = record->reason;
	view->profile = record->spec.profile;
	view->image = record->spec.image;
	view->runtime = record->spec.runtime;
	view->limits = record->spec.limits;
	view->limits.present = true;
	view->labels = record->spec.labels;
	view->idle_ms = record->spec.idle_ms;
	view->warning = TASK_END_NONE;
	view->running = running;
	view->created = created;
	view->provision_ms = record->provision_ms;
}
