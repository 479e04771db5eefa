/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/brain_request.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "server/gate/brain_session.h"
#include "server/gate/manager_client.h"

/* A list may be long, so only a few are asked for at a time. */
#define LIST_HELD ((size_t)1 << 20)

static const struct verb *const verbs[] = {
    [REQUEST_TASK_CREATE] = &verb_task_create,
    [REQUEST_TASK_LIST] = &verb_task_list,
    [REQUEST_TASK_GET] = &verb_task_get,
    [REQUEST_TASK_UPDATE] = &verb_task_update,
    [REQUEST_TASK_DESTROY] = &verb_task_destroy,
    [REQUEST_LEASE] = &verb_lease,
    [REQUEST_EXEC] = &verb_exec,
    [REQUEST_STDIN] = &verb_stdin,
    [REQUEST_SIGNAL] = &verb_signal,
    [REQUEST_ATTACH] = &verb_attach,
    [REQUEST_DETACH] = &verb_detach,
    [REQUEST_RESIZE] = &verb_resize,
    [REQUEST_SCREEN] = &verb_screen,
    [REQUEST_KEYS] = &verb_keys,
    [REQUEST_WAIT] = &verb_wait,
    [REQUEST_SESSIONS] = &verb_sessions,
    [REQUEST_CANCEL] = &verb_cancel,
    [REQUEST_PING] = &verb_ping,
};
static_assert(
    sizeof(verbs) / sizeof(*verbs) == REQUEST_TYPES, "a request has no verb");

/* What can still be read of a line whose type is unknown. */
static const struct json_field id_fields[] = {
    {.name = "id",
        .kind = JSON_STRING,
        .offset = offsetof(struct request_plain, id),
        .min = 1,
        .max = LIMIT_REQUEST_ID_BYTES},
};

static const struct json_shape id_shape = {
    .fields = id_fields,
    .count = 1,
    .size = sizeof(struct request_plain),
};

static void
reply_init(struct event_reply *reply, char *id)
{
	json_absent(event_shapes[EVENT_REPLY], reply);
	reply->id = id;
	reply->ok = true;
}

static void
refuse(
    struct brain *brain, const char *id, const char *code, const char *message)
{
	/* read by json_write only, which changes nothing */
	char *words[] = {(char *)(uintptr_t)id, (char *)(uintptr_t)code,
	    (char *)(uintptr_t)message};
	struct event_reply reply;

	reply_init(&reply, words[0]);
	reply.ok = false;
	reply.error = (struct reply_error){true, words[1], words[2]};
	brain_event(brain, EVENT_REPLY, &reply);
}

void
brain_refuse_line(struct brain *brain, const char *id, const struct error *err)
{
	refuse(brain, id, error_code_name(err->code), err->text);
}

/* The line is no request: answer with its id if that can be read. */
static void
refuse_unread(struct brain *brain, const struct brain_request *request,
    int type, const char *line, size_t len, const struct error *err)
{
	struct request_plain plain;

	if (type >= 0) {
		brain_refuse_line(brain, request->body.id, err);
		return;
	}
	(void)json_read(&id_shape, line, len, &plain, NULL);
	brain_refuse_line(brain, plain.id, err);
	json_clear(&id_shape, &plain);
}

static int
check(const struct brain *brain, const struct brain_request *request,
    struct error *err)
{
	if (brain_request_find(brain, request->body.id) != NULL)
		return error_set(err, ERROR_INVALID,
		    "\"id\" is that of a request that is still open");
	if (brain->request_count >= LIMIT_OPEN_REQUESTS)
		return error_set(err, ERROR_LIMIT,
		    "%u requests are open, the most there may be",
		    LIMIT_OPEN_REQUESTS);
	return 0;
}

static void
open_request(struct brain *brain, struct brain_request *request, size_t held)
{
	request->held = held;
	brain->held += held;
	brain->request_count++;
	request->next = brain->requests;
	request->link = &brain->requests;
	if (request->next != NULL)
		request->next->link = &request->next;
	brain->requests = request;
}

static void
request_free(struct brain_request *request)
{
	struct brain *brain = request->brain;

	*request->link = request->next;
	if (request->next != NULL)
		request->next->link = request->link;
	brain->request_count--;
	brain->held -= request->held;
	ask_cancel(request->ask);
	brain_creation_free(request->creation);
	brain_listing_forget(request->listing);
	buffer_clear(&request->answer);
	json_clear(request_shapes[request->type], &request->body);
	free(request);
	brain_touch(brain);
}

void
brain_request_take(struct brain *brain, const char *line, size_t len)
{
	struct brain_request *request = memory_new(1, sizeof(*request));
	struct error err = {0};
	int type = -1;
	int rc;

	rc = json_read_typed(
	    &request_messages, line, len, &type, &request->body, &err);
	if (rc != 0)
		refuse_unread(brain, request, type, line, len, &err);
	else if ((rc = check(brain, request, &err)) != 0)
		brain_refuse_line(brain, request->body.id, &err);
	if (rc != 0) {
		if (type >= 0)
			json_clear(request_shapes[type], &request->body);
		free(request);
		return;
	}
	request->brain = brain;
	request->type = (enum request_type)type;
	buffer_init(&request->answer, BRAIN_OUT_MAX);
	open_request(brain, request, len);
	if (verbs[type]->begin(request, &err) != 0)
		request_fail(request, &err);
}

struct brain_request *
brain_request_find(const struct brain *brain, const char *id)
{
	struct brain_request *request;

	for (request = brain->requests; request != NULL;
	     request = request->next) {
		if (strcmp(request->body.id, id) == 0)
			return request;
	}
	return NULL;
}

int
request_cancel(struct brain_request *request, struct error *err)
{
	const struct verb *verb = verbs[request->type];

	if (verb->cancel == NULL)
		return error_set(err, ERROR_STATE, "a %s cannot be canceled",
		    request_types[request->type]);
	return verb->cancel(request, err);
}

void
brain_requests_abandon(struct brain *brain)
{
	struct brain_request *request;
	struct brain_request *next;

	for (request = brain->requests; request != NULL; request = next) {
		next = request->next;
		if (request->exec == NULL)
			request_free(request);
	}
}

void
request_reply_init(
    const struct brain_request *request, struct event_reply *reply)
{
	reply_init(reply, request->body.id);
}

void
request_reply(struct brain_request *request, const struct event_reply *reply)
{
	brain_event(request->brain, EVENT_REPLY, reply);
	request_free(request);
}

void
request_reply_lines(struct brain_request *request)
{
	brain_lines(request->brain, buffer_bytes(&request->answer),
	    buffer_len(&request->answer));
	request_free(request);
}

void
request_list_begin(struct brain_request *request)
{
	request->held += LIST_HELD;
	request->brain->held += LIST_HELD;
}

void
request_list_add(struct brain_request *request, const struct json_shape *shape,
    const void *body)
{
	struct buffer *answer = &request->answer;

	if ((buffer_len(answer) > 0 &&
	        buffer_append(answer, ",", 1, NULL) != 0) ||
	    json_write(shape, NULL, body, answer, NULL) != 0)
		brain_fail(request->brain, "a list is too long");
}

void
request_reply_list(struct brain_request *request, const char *member)
{
	struct buffer *out = &request->brain->out;
	const char *id = request->body.id;
	struct error err = {0};

	if (buffer_printf(out, &err, "{\"type\":\"reply\",\"id\":") != 0 ||
	    json_write_string(out, id, strlen(id), &err) != 0 ||
	    buffer_printf(out, &err, ",\"ok\":true,\"%s\":[", member) != 0 ||
	    buffer_append(out, buffer_bytes(&request->answer),
	        buffer_len(&request->answer), &err) != 0)
		brain_fail(request->brain, err.text);
	brain_lines(request->brain, "]}\n", 3);
	request_free(request);
}

void
request_done(struct brain_request *request)
{
	struct event_reply reply;

	request_reply_init(request, &reply);
	request_reply(request, &reply);
}

void
request_fail(struct brain_request *request, const struct error *err)
{
	request_fail_with(request, error_code_name(err->code), err->text);
}

void
request_fail_with(
    struct brain_request *request, const char *code, const char *message)
{
	refuse(request->brain, request->body.id, code, message);
	request_free(request);
}

void
request_queue_add(struct brain_request **queue, struct brain_request *request)
{
	while (*queue != NULL)
		queue = &(*queue)->queued;
	request->queued = NULL;
	*queue = request;
}

void
request_queue_remove(
    struct brain_request **queue, struct brain_request *request)
{
	while (*queue != NULL && *queue != request)
		queue = &(*queue)->queued;
	if (*queue != NULL)
		*queue = request->queued;
}

void
request_queue_fail(struct brain_request **queue, const struct error *err)
{
	struct brain_request *request;

	while ((request = *queue) != NULL) {
		*queue = request->queued;
		request_fail(request, err);
	}
}
