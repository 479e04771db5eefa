/* SPDX-License-Identifier: Apache-2.0 */
/* task.create, list, get, update and destroy, and lease: questions to the
 * manager. */
#include <stdlib.h>

#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/gate/brain_request.h"
#include "server/gate/brain_session.h"

/* A create outlives its request when that is canceled: what was created is
 * destroyed again. */
struct brain_creation {
	struct brain_request *request; /* NULL: canceled */
	struct manager_client *manager;
	char *principal; /* owned */
};

/* A body whose members are borrowed; manager_ask changes none. */
static char *
principal_of(const struct brain_request *request)
{
	return (char *)(uintptr_t)request->brain->principal;
}

static void
ask(struct brain_request *request, enum control_type type,
    const union control_body *body, const struct ask_events *events)
{
	request->ask = manager_ask(
	    &request->brain->gate->manager, type, body, events, request);
}

/* The reply is written when the task is told, and sent with the answer. */
static void
on_task(void *data, const struct control_task *task)
{
	struct brain_request *request = data;
	struct event_reply reply;

	request_reply_init(request, &reply);
	reply.task = task->task;
	reply.view.present = true;
	reply.view.of = *task;
	buffer_consume(&request->answer, buffer_len(&request->answer));
	if (json_write(event_shapes[EVENT_REPLY], event_types[EVENT_REPLY],
	        &reply, &request->answer, NULL) != 0 ||
	    buffer_append(&request->answer, "\n", 1, NULL) != 0)
		buffer_clear(&request->answer);
}

static void
on_answer(void *data, const struct error *err, const char *task, int fd)
{
	struct brain_request *request = data;
	struct event_reply reply;

	(void)fd;
	request->ask = NULL;
	if (err != NULL) {
		request_fail(request, err);
	} else if (buffer_len(&request->answer) > 0) {
		request_reply_lines(request);
	} else {
		request_reply_init(request, &reply);
		reply.task = (char *)(uintptr_t)task;
		request_reply(request, &reply);
	}
}

static const struct ask_events task_events = {
    .on_task = on_task, .on_answer = on_answer};

static void
on_undone(void *data, const struct error *err, const char *task, int fd)
{
	(void)data;
	(void)err;
	(void)task;
	(void)fd;
}

static const struct ask_events undo_events = {.on_answer = on_undone};

static void
on_creating(void *data, const struct control_task *task)
{
	struct brain_creation *creation = data;

	if (creation->request != NULL)
		on_task(creation->request, task);
}

static void
on_created(void *data, const struct error *err, const char *task, int fd)
{
	struct brain_creation *creation = data;
	union control_body body = {0};

	if (creation->request != NULL) {
		on_answer(creation->request, err, task, fd);
		return;
	}
	if (err == NULL) {
		body.ask.principal = creation->principal;
		body.ask.task = (char *)(uintptr_t)task;
		(void)manager_ask(creation->manager, CONTROL_TASK_DESTROY,
		    &body, &undo_events, NULL);
	}
	brain_creation_free(creation);
}

static const struct ask_events create_events = {
    .on_task = on_creating, .on_answer = on_created};

void
brain_creation_free(struct brain_creation *creation)
{
	if (creation == NULL)
		return;
	free(creation->principal);
	free(creation);
}

static int
begin_create(struct brain_request *request, struct error *err)
{
	struct brain_creation *creation = memory_new(1, sizeof(*creation));
	union control_body body = {0};

	(void)err;
	creation->request = request;
	creation->manager = &request->brain->gate->manager;
	creation->principal = memory_string(request->brain->principal);
	request->creation = creation;
	body.create.principal = creation->principal;
	body.create.spec = request->body.create.spec;
	request->ask = manager_ask(creation->manager, CONTROL_TASK_CREATE,
	    &body, &create_events, creation);
	return 0;
}

static int
cancel_create(struct brain_request *request, struct error *err)
{
	(void)err;
	request->creation->request = NULL;
	request->creation = NULL;
	request->ask = NULL;
	request_fail_with(request, REQUEST_CANCELED,
	    "the create was canceled: the task is destroyed once it is there");
	return 0;
}

static int
begin_get(struct brain_request *request, struct error *err)
{
	union control_body body = {0};

	(void)err;
	body.ask.principal = principal_of(request);
	body.ask.task = request->body.task.task;
	ask(request, CONTROL_TASK_GET, &body, &task_events);
	return 0;
}

static int
begin_destroy(struct brain_request *request, struct error *err)
{
	union control_body body = {0};

	(void)err;
	body.ask.principal = principal_of(request);
	body.ask.task = request->body.task.task;
	ask(request, CONTROL_TASK_DESTROY, &body, &task_events);
	return 0;
}

static int
begin_update(struct brain_request *request, struct error *err)
{
	union control_body body = {0};

	(void)err;
	body.update.principal = principal_of(request);
	body.update.task = request->body.update.task;
	body.update.labels = request->body.update.labels;
	body.update.ttl_ms = request->body.update.ttl_ms;
	body.update.idle_ms = request->body.update.idle_ms;
	ask(request, CONTROL_TASK_UPDATE, &body, &task_events);
	return 0;
}

static int
begin_lease(struct brain_request *request, struct error *err)
{
	union control_body body = {0};

	(void)err;
	body.lease.principal = principal_of(request);
	body.lease.task = request->body.lease.task;
	body.lease.ttl_ms = request->body.lease.ttl_ms;
	ask(request, CONTROL_LEASE, &body, &task_events);
	return 0;
}

/* Nothing was changed: the answer is only not waited for. */
static int
cancel_question(struct brain_request *request, struct error *err)
{
	(void)err;
	request_fail_with(
	    request, REQUEST_CANCELED, "the question was canceled");
	return 0;
}

static void
on_listed_task(void *data, const struct control_task *task)
{
	request_list_add(data, &control_view_shape, task);
}

static void
on_listed(void *data, const struct error *err, const char *task, int fd)
{
	struct brain_request *request = data;

	(void)task;
	(void)fd;
	request->ask = NULL;
	if (err != NULL)
		request_fail(request, err);
	else
		request_reply_list(request, "tasks");
}

static const struct ask_events list_events = {
    .on_task = on_listed_task, .on_answer = on_listed};

static int
begin_list(struct brain_request *request, struct error *err)
{
	union control_body body = {0};

	(void)err;
	request_list_begin(request);
	body.ask.principal = principal_of(request);
	ask(request, CONTROL_TASK_LIST, &body, &list_events);
	return 0;
}

const struct verb verb_task_create = {begin_create, cancel_create};
const struct verb verb_task_list = {begin_list, cancel_question};
const struct verb verb_task_get = {begin_get, cancel_question};
const struct verb verb_task_update = {begin_update, NULL};
const struct verb verb_lease = {begin_lease, NULL};
const struct verb verb_task_destroy = {begin_destroy, NULL};
