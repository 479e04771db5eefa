/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/brain_attachment.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "server/gate/attachment_client.h"
#include "server/gate/brain_exec.h"
#include "server/gate/brain_listing.h"
#include "server/gate/brain_session.h"

static void ask(struct brain_attachment *attachment);

static void
attachment_free(struct brain_attachment *attachment)
{
	struct brain *brain = attachment->brain;
	struct brain_attachment **at = &brain->attachments;

	while (*at != attachment)
		at = &(*at)->next;
	*at = attachment->next;
	brain->attachment_count--;
	free(attachment->name);
	free(attachment->task);
	free(attachment);
	brain_touch(brain);
	brain_release(brain);
}

static void
on_closed(struct attachment *client, void *data, const struct error *why)
{
	(void)client;
	(void)why;
	attachment_free(data);
}

static const struct attachment_events client_events = {
    .on_closed = on_closed,
};

/* The manager refused, or the socket cannot be used. */
static void
refused(struct brain_attachment *attachment, const struct error *err)
{
	/* who may only look at a task can still follow what runs there */
	if (err->code == ERROR_DENIED && attachment->right == RIGHT_WRITE &&
	    !brain_exec_wants_start(attachment)) {
		attachment->right = RIGHT_READ;
		ask(attachment);
		return;
	}
	brain_exec_fail_all(attachment, err);
	brain_listing_fail_all(attachment, err);
	attachment_free(attachment);
}

static struct attachment *
connect_client(struct brain_attachment *attachment, const char *task, int fd,
    struct error *err)
{
	const struct brain *brain = attachment->brain;
	const struct attachment_again again = {
	    .manager = &attachment->brain->gate->manager,
	    .principal = brain->principal,
	    .session = brain->session,
	    .task = task,
	    .right = attachment->right,
	};

	return attachment_open(
	    brain->gate->loop, fd, &again, &client_events, attachment, err);
}

static void
on_answer(void *data, const struct error *err, const char *task, int fd)
{
	struct brain_attachment *attachment = data;
	struct error why = {0};

	attachment->ask = NULL;
	if (err != NULL) {
		refused(attachment, err);
		return;
	}
	attachment->client = connect_client(attachment, task, fd, &why);
	if (attachment->client == NULL) {
		refused(attachment, &why);
		return;
	}
	attachment->task = memory_string(task);
	attachment->state = REACH_OPEN;
	if (attachment->brain->output_stopped)
		attachment_pause(attachment->client);
	brain_exec_open_all(attachment);
	brain_listing_ask_all(attachment);
}

static const struct ask_events ask_events = {.on_answer = on_answer};

static void
ask(struct brain_attachment *attachment)
{
	struct brain *brain = attachment->brain;
	union control_body body = {0};

	/* borrowed by manager_ask, which changes nothing */
	body.attach.principal = (char *)(uintptr_t)brain->principal;
	body.attach.session = (char *)(uintptr_t)brain->session;
	body.attach.task = attachment->name;
	body.attach.right = attachment->right;
	attachment->ask = manager_ask(&brain->gate->manager, CONTROL_ATTACH,
	    &body, &ask_events, attachment);
}

static bool
leads_to(const struct brain_attachment *attachment, const char *task)
{
	if (attachment->state == REACH_CLOSING)
		return false;
	return strcmp(attachment->name, task) == 0 ||
	       (attachment->task != NULL &&
	           strcmp(attachment->task, task) == 0);
}

/* Room for one more, if need be by closing one that is idle. */
static int
make_room(struct brain *brain, struct error *err)
{
	struct brain_attachment *attachment;
	struct brain_attachment *idle = NULL;

	if (brain->attachment_count < LIMIT_ATTACHED_TASKS)
		return 0;
	for (attachment = brain->attachments; attachment != NULL;
	     attachment = attachment->next) {
		if (attachment->state == REACH_OPEN && attachment->execs == 0)
			idle = attachment;
	}
	if (idle == NULL)
		return error_set(err, ERROR_LIMIT,
		    "commands of %u tasks are followed, the most there may be",
		    LIMIT_ATTACHED_TASKS);
	brain_attachment_close(idle);
	return 0;
}

struct brain_attachment *
brain_attachment_get(struct brain *brain, const char *task, struct error *err)
{
	struct brain_attachment *attachment;

	for (attachment = brain->attachments; attachment != NULL;
	     attachment = attachment->next) {
		if (leads_to(attachment, task))
			return attachment;
	}
	if (make_room(brain, err) != 0)
		return NULL;
	attachment = memory_new(1, sizeof(*attachment));
	attachment->brain = brain;
	attachment->name = memory_string(task);
	attachment->right = RIGHT_WRITE;
	attachment->next = brain->attachments;
	brain->attachments = attachment;
	brain->attachment_count++;
	ask(attachment);
	return attachment;
}

void
brain_attachment_close(struct brain_attachment *attachment)
{
	struct error err = {0};

	if (attachment->state == REACH_ASKED) {
		(void)error_set(&err, ERROR_STATE, "the connection has ended");
		ask_cancel(attachment->ask);
		brain_exec_fail_all(attachment, &err);
		brain_listing_fail_all(attachment, &err);
		attachment_free(attachment);
	} else if (attachment->state == REACH_OPEN) {
		attachment->state = REACH_CLOSING;
		attachment_close(attachment->client);
	}
}

void
brain_attachment_forget(struct brain *brain, const char *task)
{
	struct brain_attachment *attachment;

	for (attachment = brain->attachments; attachment != NULL;
	     attachment = attachment->next) {
		if (attachment->task == NULL ||
		    strcmp(attachment->task, task) != 0)
			continue;
		/* another task may get the name */
		free(attachment->name);
		attachment->name = memory_string(attachment->task);
	}
}

void
brain_attachments_pause(struct brain *brain)
{
	struct brain_attachment *attachment;

	for (attachment = brain->attachments; attachment != NULL;
	     attachment = attachment->next) {
		if (attachment->client != NULL)
			attachment_pause(attachment->client);
	}
}

void
brain_attachments_resume(struct brain *brain)
{
	struct brain_attachment *first = brain->attachments;
	struct brain_attachment *attachment;

	if (first == NULL)
		return;
	/* what was first goes to the end, so that another one is */
	brain->attachments = first->next;
	first->next = NULL;
	for (attachment = brain->attachments;
	     attachment != NULL && attachment->next != NULL;
	     attachment = attachment->next)
		;
	if (attachment != NULL)
		attachment->next = first;
	else
		brain->attachments = first;
	for (attachment = brain->attachments; attachment != NULL;
	     attachment = attachment->next) {
		if (attachment->client != NULL)
			attachment_resume(attachment->client);
	}
}
