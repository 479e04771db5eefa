/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/replacement.h"

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/manager/lifecycle.h"
#include "server/manager/manager.h"
#include "server/manager/parking.h"
#include "server/manager/provision.h"

#define MINUTE_MS 60000u

static void
close_links(struct replacement *replacement, unsigned but)
{
	while (replacement->link_count > but)
		(void)close(replacement->links[--replacement->link_count]);
}

static void
on_late(uv_timer_t *timer)
{
	struct task *task = container_of(timer, struct task, replacement.timer);
	struct error why;

	(void)error_set(&why, ERROR_SYSTEM,
	    "keeper lost: the one in its place was not ready in %d ms",
	    HELLO_MS);
	lifecycle_end(task, &why);
}

static void
expect(struct task *task)
{
	task->replacement.state = REPLACEMENT_RESUMING;
	(void)uv_timer_start(&task->replacement.timer, on_late, HELLO_MS, 0);
}

/* What it is to know besides its links. */
static int
equip(struct task *task, struct error *err)
{
	if (provision_configure(task, err) != 0)
		return -1;
	return provision_cgroup(task, err);
}

static void
on_start(uv_timer_t *timer)
{
	struct task *task = container_of(timer, struct task, replacement.timer);
	struct replacement *replacement = &task->replacement;
	struct error err;

	expect(task);
	task->has_keeper = true;
	/* where it fails, on_gone comes from the loop, and the next one with
	 * it */
	if (keeper_resume(&task->keeper, timer->loop, task->record.id,
	        provision_keeper_uid(task), replacement->links,
	        replacement->link_count) != 0)
		return;
	task->record.keeper = task->keeper.process.id;
	lifecycle_save(task);
	if (equip(task, &err) != 0)
		lifecycle_end(task, &err);
}

void
replacement_init(struct task *task)
{
	struct replacement *replacement = &task->replacement;

	(void)uv_timer_init(&task->manager->loop, &replacement->timer);
	owner_adopt(&task->owner, (uv_handle_t *)&replacement->timer);
}

void
replacement_link(struct task *task, int fd)
{
	struct replacement *replacement = &task->replacement;

	close_links(replacement, REPLACEMENT_LINKS - 1);
	memmove(replacement->links + 1, replacement->links,
	    replacement->link_count * sizeof(*replacement->links));
	replacement->links[0] = fd;
	replacement->link_count++;
}

static int
check(struct task *task, const struct error *why, struct error *err)
{
	struct replacement *replacement = &task->replacement;
	uint64_t now_ms = uv_now(&task->manager->loop);

	if (task->keeper.is_faulty) {
		*err = *why;
		return -1;
	}
	if (replacement->link_count == 0)
		return error_set(err, ERROR_SYSTEM,
		    "%s, and it left no link to go on with", why->text);
	if (replacement->link_count == REPLACEMENT_LINKS)
		return error_set(err, ERROR_SYSTEM,
		    "%s, as all that took its place", why->text);
	if (now_ms - replacement->minute_ms >= MINUTE_MS) {
		replacement->minute_ms = now_ms;
		replacement->started = 0;
	}
	if (replacement->started == REPLACEMENT_PER_MINUTE)
		return error_set(err, ERROR_SYSTEM,
		    "%s, once more after %u times in a minute", why->text,
		    REPLACEMENT_PER_MINUTE);
	replacement->started++;
	return 0;
}

int
replacement_begin(struct task *task, const struct error *why, struct error *err)
{
	struct replacement *replacement = &task->replacement;
	uint64_t now_ms = uv_now(&task->manager->loop);

	if (check(task, why, err) != 0)
		return -1;
	log_warning("task %s: %s: it is replaced", task->record.id, why->text);
	if (replacement->state == REPLACEMENT_WHOLE) {
		audit_note(&task->manager->audit, "keeper.lost", NULL, NULL,
		    task->record.id, why->text);
		replacement->gone_ms = now_ms;
		if (now_ms - replacement->ready_ms >= REPLACEMENT_LIVES_MS)
			replacement->wait_ms = 0;
	}
	replacement->state = REPLACEMENT_WAITING;
	(void)uv_timer_start(
	    &replacement->timer, on_start, replacement->wait_ms, 0);
	replacement->wait_ms = replacement->wait_ms == 0
	                           ? REPLACEMENT_WAIT_MS
	                           : 2 * replacement->wait_ms;
	if (replacement->wait_ms > REPLACEMENT_WAIT_MS_MAX)
		replacement->wait_ms = REPLACEMENT_WAIT_MS_MAX;
	return 0;
}

void
replacement_resume(struct task *task, const struct custody_state *state)
{
	struct error err;

	if (task->replacement.state != REPLACEMENT_WHOLE)
		return;
	log_info("task %s: its keeper is not ready", task->record.id);
	task->replacement.gone_ms = uv_now(&task->manager->loop);
	expect(task);
	/* the manager that started it came no further */
	if (!state->configured && equip(task, &err) != 0)
		lifecycle_end(task, &err);
}

void
replacement_ready(struct task *task)
{
	struct replacement *replacement = &task->replacement;
	uint64_t now_ms = uv_now(&task->manager->loop);

	if (replacement->state != REPLACEMENT_RESUMING)
		return;
	replacement->state = REPLACEMENT_WHOLE;
	task->renewal = RENEWAL_NONE;
	replacement->ready_ms = now_ms;
	(void)uv_timer_stop(&replacement->timer);
	close_links(replacement, 1);
	audit_note(&task->manager->audit, "keeper.replaced", NULL, NULL,
	    task->record.id, NULL);
	log_info("task %s: its keeper was replaced in %llu ms", task->record.id,
	    (unsigned long long)(now_ms - replacement->gone_ms));
	parking_serve(task);
	manager_task_settled(task->manager);
}

void
replacement_end(struct task *task, const struct error *why)
{
	struct replacement *replacement = &task->replacement;
	struct error told;

	(void)uv_timer_stop(&replacement->timer);
	replacement->state = REPLACEMENT_WHOLE;
	close_links(replacement, 0);
	if (why == NULL) {
		parking_refuse(task, NULL);
		return;
	}
	(void)error_set(&told, ERROR_STATE, "task %s has ended: %s",
	    task->record.id, why->text);
	parking_refuse(task, &told);
}
