/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/brain_notice.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/gate/brain_attachment.h"
#include "server/gate/brain_session.h"

static void
notice_free(struct brain_notice *notice)
{
	buffer_clear(&notice->line);
	free(notice->task);
	free(notice);
}

static struct brain_notice *
notice_of(struct brain *brain, const char *task)
{
	struct brain_notice **at = &brain->notices;
	struct brain_notice *notice;

	for (; *at != NULL; at = &(*at)->next) {
		if (strcmp((*at)->task, task) == 0)
			return *at;
	}
	if (brain->notice_count == BRAIN_NOTICES_MAX)
		return NULL;
	notice = memory_new(1, sizeof(*notice));
	notice->task = memory_string(task);
	buffer_init(&notice->line, BRAIN_OUT_MAX);
	brain->notice_count++;
	*at = notice;
	return notice;
}

/* Keep the task's newest state; its place is that of its oldest one unsent. */
static void
keep(struct brain *brain, const struct control_task *task)
{
	const struct event_task event = {.of = *task};
	struct brain_notice *notice = notice_of(brain, task->task);
	struct error err = {0};

	if (notice == NULL) {
		brain_fail(brain, "too many task events are unread");
		return;
	}
	buffer_consume(&notice->line, buffer_len(&notice->line));
	if (json_write(event_shapes[EVENT_TASK], event_types[EVENT_TASK],
	        &event, &notice->line, &err) != 0 ||
	    buffer_append(&notice->line, "\n", 1, &err) != 0)
		brain_fail(brain, err.text);
}

static void
on_task(struct task_watch *watch, const struct control_task *task)
{
	struct brain *brain =
	    (struct brain *)(void *)((char *)watch -
	                             offsetof(struct brain, watch));
	const struct event_task event = {.of = *task};

	if (task->state == TASK_STOPPING || task->state == TASK_DESTROYED)
		brain_attachment_forget(brain, task->task);
	if (brain->output_stopped || brain->notices != NULL)
		keep(brain, task);
	else
		brain_event(brain, EVENT_TASK, &event);
}

void
brain_notices_watch(struct brain *brain)
{
	brain->watch.on_task = on_task;
	brain->watch.principal = brain->principal;
	manager_watch(&brain->gate->manager, &brain->watch);
}

void
brain_notices_send(struct brain *brain)
{
	struct brain_notice *notice;

	while (!brain->output_stopped && brain->notices != NULL) {
		notice = brain->notices;
		brain->notices = notice->next;
		brain->notice_count--;
		brain_lines(brain, buffer_bytes(&notice->line),
		    buffer_len(&notice->line));
		notice_free(notice);
	}
}

void
brain_notices_clear(struct brain *brain)
{
	struct brain_notice *notice;

	while ((notice = brain->notices) != NULL) {
		brain->notices = notice->next;
		notice_free(notice);
	}
	brain->notice_count = 0;
}
