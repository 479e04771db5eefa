/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/reattach.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/limits.h"
#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/gate/attachment_state.h"
#include "server/gate/manager_client.h"
#include "server/gate/reopen.h"

static void on_timer(uv_timer_t *timer);

static struct attachment *
of_owner(struct owner *owner)
{
	return (
	    struct attachment *)(void *)((char *)owner -
	                                 offsetof(struct attachment, owner));
}

static uint64_t
now_ms(const struct attachment *attachment)
{
	return uv_now(attachment->loop);
}

void
reattach_init(
    struct attachment *attachment, const struct attachment_again *again)
{
	struct reattach *reattach = &attachment->reattach;
	struct control_attach *how = &reattach->how;

	(void)uv_timer_init(attachment->loop, &reattach->timer);
	owner_adopt(&attachment->owner, (uv_handle_t *)&reattach->timer);
	reattach->opened_ms = now_ms(attachment);
	reattach->heard_ms = reattach->opened_ms;
	if (again == NULL)
		return;
	reattach->manager = again->manager;
	reattach->is_kept_idle = again->is_kept_idle;
	how->principal = memory_string(again->principal);
	how->session = memory_string(again->session);
	how->task = memory_string(again->task);
	how->right = (int)again->right;
	how->person = again->is_person;
}

void
reattach_clear(struct reattach *reattach)
{
	json_clear(control_shapes[CONTROL_ATTACH], &reattach->how);
}

void
reattach_remind(struct attachment *attachment, uint64_t in_ms)
{
	attachment->reattach.due_ms = now_ms(attachment) + in_ms;
	(void)uv_timer_start(&attachment->reattach.timer, on_timer, in_ms, 0);
}

void
reattach_hurry(struct attachment *attachment)
{
	(void)uv_timer_start(&attachment->reattach.timer, on_timer, 0, 0);
}

void
reattach_stop(struct attachment *attachment)
{
	ask_cancel(attachment->reattach.ask);
	attachment->reattach.ask = NULL;
	reattach_hurry(attachment);
}

static void
lengthen_pause(struct reattach *reattach)
{
	reattach->pause_ms *= 2;
	if (reattach->pause_ms < REATTACH_PAUSE_MS)
		reattach->pause_ms = REATTACH_PAUSE_MS;
	if (reattach->pause_ms > REATTACH_PAUSE_MAX_MS)
		reattach->pause_ms = REATTACH_PAUSE_MAX_MS;
}

static bool
is_wanted(const struct attachment *attachment)
{
	return attachment->execs != NULL || attachment->lists != NULL ||
	       attachment->reattach.is_kept_idle;
}

bool
reattach_begin(struct attachment *attachment)
{
	struct reattach *reattach = &attachment->reattach;
	uint64_t lasted_ms = now_ms(attachment) - reattach->opened_ms;
	struct attachment_exec *exec;

	if (reattach->manager == NULL || !is_wanted(attachment))
		return false;
	attachment->state = ATTACHMENT_AWAY;
	if (lasted_ms >= REATTACH_STEADY_MS)
		reattach->pause_ms = 0;
	else if (reattach->has_gained)
		reattach->pause_ms = REATTACH_PAUSE_MS;
	else
		lengthen_pause(reattach);
	reattach->has_gained = false;
	reattach_remind(attachment, reattach->pause_ms);
	/* a callback puts new ones in front, and takes none away */
	for (exec = attachment->execs; exec != NULL; exec = exec->next)
		exec_suspend(exec);
	exec_end_leaving(attachment);
	return true;
}

static void
reopen_all(struct attachment *attachment)
{
	struct attachment_exec *exec;
	struct attachment_list *list;

	for (exec = attachment->execs; exec != NULL; exec = exec->next) {
		exec->refusals = 0;
		exec_reopen(exec);
	}
	for (list = attachment->lists; list != NULL; list = list->next) {
		if (list->on_again != NULL)
			list->on_again(list);
		attachment_ask_list(attachment, list);
	}
}

static void
lose(struct attachment *attachment, const struct error *why)
{
	attachment_finish(attachment, EXEC_LOST, NULL, why);
}

static void
cut(struct attachment *attachment, const struct error *why)
{
	struct error err = {0};

	(void)error_set(&err, why->code,
	    "the task cannot be reached, and the command may run on: %s",
	    why->text);
	attachment_finish(attachment, EXEC_CUT, &err, why);
}

static void
ask_later(struct attachment *attachment, const struct error *why)
{
	attachment->reattach.why = *why;
	lengthen_pause(&attachment->reattach);
	reattach_remind(attachment, attachment->reattach.pause_ms);
}

static void
on_task(void *data, const struct control_task *task)
{
	struct attachment *attachment = data;

	attachment->reattach.task_state = task->state;
}

static void
on_state(void *data, const struct error *err, const char *task, int fd)
{
	struct attachment *attachment = data;
	struct reattach *reattach = &attachment->reattach;
	struct error why = reattach->why;

	(void)task;
	(void)fd;
	reattach->ask = NULL;
	if ((err != NULL && err->code == ERROR_NOT_FOUND) ||
	    reattach->task_state > TASK_READY)
		lose(attachment, &why);
	else
		ask_later(attachment, &why);
}

static const struct ask_events state_events = {
    .on_task = on_task, .on_answer = on_state};

/* It is not to be attached to: because it ends, or its keeper is late? */
static void
ask_state(struct attachment *attachment)
{
	struct reattach *reattach = &attachment->reattach;
	union control_body body = {0};

	reattach->task_state = -1;
	body.ask.principal = reattach->how.principal;
	body.ask.task = reattach->how.task;
	reattach->ask = manager_ask(reattach->manager, CONTROL_TASK_GET, &body,
	    &state_events, attachment);
}

static void
on_refusal(struct attachment *attachment, const struct error *err)
{
	attachment->reattach.why = *err;
	if (err->code == ERROR_NOT_FOUND)
		lose(attachment, err);
	else if (err->code == ERROR_STATE)
		ask_state(attachment);
	else if (err->code == ERROR_DENIED)
		cut(attachment, err);
	else
		ask_later(attachment, err);
}

static void
on_answer(void *data, const struct error *err, const char *task, int fd)
{
	struct attachment *attachment = data;
	struct reattach *reattach = &attachment->reattach;
	struct error why = {0};

	(void)task;
	reattach->ask = NULL;
	if (err != NULL) {
		on_refusal(attachment, err);
		return;
	}
	if (attachment_connect(attachment, fd, &why) != 0) {
		ask_later(attachment, &why);
		return;
	}
	reattach->opened_ms = now_ms(attachment);
	log_info("session %s: attached to %s again", reattach->how.session,
	    reattach->how.task);
	reopen_all(attachment);
}

static const struct ask_events attach_events = {.on_answer = on_answer};

static void
ask(struct attachment *attachment)
{
	struct reattach *reattach = &attachment->reattach;
	const union control_body body = {.attach = reattach->how};

	reattach->ask = manager_ask(reattach->manager, CONTROL_ATTACH, &body,
	    &attach_events, attachment);
}

static void
on_time_away(struct attachment *attachment)
{
	struct reattach *reattach = &attachment->reattach;
	uint64_t now = now_ms(attachment);

	if (reattach->ask != NULL)
		return;
	if (now < reattach->due_ms)
		reattach_remind(attachment, reattach->due_ms - now);
	else if (!is_wanted(attachment))
		lose(attachment, &(const struct error){0});
	else if (now - reattach->heard_ms > REATTACH_MS &&
	         reattach->why.code != ERROR_NONE)
		cut(attachment, &reattach->why);
	else
		ask(attachment);
}

/* Ask a keeper again that did not know all of an exec yet. */
static void
on_time_open(struct attachment *attachment)
{
	struct attachment_exec *exec;

	for (exec = attachment->execs; exec != NULL; exec = exec->next) {
		if (exec->is_refused)
			exec_reopen(exec);
	}
}

static void
on_timer(uv_timer_t *timer)
{
	struct attachment *attachment = of_owner(timer->data);

	if (attachment->is_closing && attachment->state == ATTACHMENT_AWAY) {
		lose(attachment, &(const struct error){0});
		return;
	}
	exec_end_leaving(attachment);
	if (attachment->state == ATTACHMENT_AWAY)
		on_time_away(attachment);
	else if (attachment->state == ATTACHMENT_OPEN)
		on_time_open(attachment);
}
