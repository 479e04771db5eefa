/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/brain_terminal.h"

#include <assert.h>
#include <string.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/frame.h"
#include "protocol/limits.h"
#include "protocol/name.h"
#include "server/gate/brain_attachment.h"
#include "server/gate/brain_exec.h"
#include "server/gate/brain_request.h"
#include "server/gate/brain_session.h"

struct question {
	enum right right; /* that it takes */
	void (*send)(struct brain_exec *exec, struct brain_request *request);
};

/* What the frame carries besides the request's own members. */
#define HEAD_BYTES ((size_t)1 << 10)

static void
send_screen(struct brain_exec *exec, struct brain_request *request)
{
	const struct attachment_screen ask = {
	    request->number, request->body.screen.of};

	attachment_screen(&exec->on, &ask);
}

static void
send_keys(struct brain_exec *exec, struct brain_request *request)
{
	const struct request_keys *asked = &request->body.keys;
	const struct attachment_keys ask = {
	    request->number, asked->of, asked->wait};

	attachment_keys(&exec->on, &ask);
}

static void
send_wait(struct brain_exec *exec, struct brain_request *request)
{
	const struct attachment_wait ask = {
	    request->number, request->body.wait.of};

	attachment_wait(&exec->on, &ask);
}

static void
send_resize(struct brain_exec *exec, struct brain_request *request)
{
	const struct link_resize *size = &request->body.resize.size;

	attachment_resize(
	    &exec->on, (uint16_t)size->rows, (uint16_t)size->cols);
}

static const struct question questions[REQUEST_TYPES] = {
    [REQUEST_SCREEN] = {RIGHT_READ, send_screen},
    [REQUEST_KEYS] = {RIGHT_WRITE, send_keys},
    [REQUEST_WAIT] = {RIGHT_READ, send_wait},
    [REQUEST_RESIZE] = {RIGHT_WRITE, send_resize},
};

static struct brain_request *
find(const struct brain_exec *exec, int64_t number)
{
	struct brain_request *request;

	for (request = exec->asks; request != NULL; request = request->queued) {
		if (request->is_sent && request->number == number)
			return request;
	}
	return NULL;
}

/* A number, from 1, that no question of the exec has. */
static int64_t
next_number(struct brain_exec *exec)
{
	do {
		exec->last_ask = exec->last_ask % LIMIT_ASK + 1;
	} while (find(exec, exec->last_ask) != NULL);
	return exec->last_ask;
}

/* Send a question of the exec's queue; a resize is answered in the order of
 * signals and goes to theirs. */
static void
send_one(struct brain_exec *exec, struct brain_request *request)
{
	const struct question *question = &questions[request->type];
	struct error err = {0};

	if (exec->attachment->right < question->right) {
		(void)error_set(&err, ERROR_DENIED,
		    "you may only look at this task's execs");
		request_queue_remove(&exec->asks, request);
		request_fail(request, &err);
		return;
	}
	request->number = next_number(exec);
	request->is_sent = true;
	question->send(exec, request);
	if (request->type != REQUEST_RESIZE)
		return;
	request_queue_remove(&exec->asks, request);
	request_queue_add(&exec->signals, request);
}

void
brain_terminal_send_all(struct brain_exec *exec)
{
	struct brain_request *request;
	struct brain_request *next;

	for (request = exec->asks; request != NULL; request = next) {
		next = request->queued;
		if (!request->is_sent)
			send_one(exec, request);
	}
	brain_terminal_settle(exec);
}

/* What a keeper must have told. */
static bool
is_whole(
    const struct brain_request *request, const struct attachment_answer *answer)
{
	if (request->type == REQUEST_SCREEN)
		return answer->screen.present;
	if (request->type == REQUEST_WAIT || request->body.keys.wait.present)
		return answer->wait.present;
	return true;
}

void
brain_terminal_answer(
    struct brain_exec *exec, const struct attachment_answer *answer)
{
	struct brain_request *request = find(exec, answer->ask);
	struct event_reply reply;

	/* it was canceled */
	if (request == NULL)
		return;
	request_queue_remove(&exec->asks, request);
	if (answer->code != NULL) {
		request_fail_with(request, answer->code,
		    answer->text != NULL ? answer->text : answer->code);
	} else if (!is_whole(request, answer)) {
		request_fail_with(request, error_code_name(ERROR_BUG),
		    "the keeper's answer says nothing");
	} else {
		request_reply_init(request, &reply);
		reply.screen = answer->screen;
		reply.wait = answer->wait;
		request_reply(request, &reply);
	}
	brain_terminal_settle(exec);
}

void
brain_terminal_settle(struct brain_exec *exec)
{
	if (!exec->aside || exec->asks != NULL || exec->signals != NULL)
		return;
	if (exec->state == EXEC_WAITING)
		brain_exec_drop(exec);
	else if (exec->state < EXEC_LEAVING)
		brain_exec_leave(exec, "nothing is asked of the exec");
}

static bool
takes_questions(const struct brain_exec *exec)
{
	if (exec->aside)
		return exec->state < EXEC_LEAVING;
	return exec->state == EXEC_FOLLOWING && !exec->quiet;
}

/* The exec over which to ask; its questions are sent in the order in which
 * they were put. */
static struct brain_exec *
reach(struct brain *brain, const char *id, struct error *err)
{
	char task[LIMIT_NAME_BYTES + 1];
	struct brain_exec *exec;
	uint32_t number;

	for (exec = brain->execs; exec != NULL; exec = exec->next) {
		if (takes_questions(exec) && strcmp(exec->id, id) == 0)
			return exec;
	}
	if (name_split_exec(id, task, &number, err) != 0)
		return NULL;
	exec = brain_exec_new(brain, task, NULL, err);
	if (exec == NULL)
		return NULL;
	exec->aside = true;
	exec->quiet = true;
	brain_exec_name(exec, id);
	return exec;
}

static void
put(struct brain_exec *exec, struct brain_request *request)
{
	request->exec = exec;
	request->is_sent = false;
	request_queue_add(&exec->asks, request);
	if (exec->state == EXEC_WAITING)
		brain_exec_begin(exec);
	else
		send_one(exec, request);
}

void
brain_terminal_ask_again(struct brain *brain, struct brain_request *asks)
{
	struct brain_request *request;
	struct brain_exec *exec;
	struct error err = {0};

	while ((request = asks) != NULL) {
		asks = request->queued;
		exec = reach(brain, request->body.on_exec.exec, &err);
		if (exec == NULL)
			request_fail(request, &err);
		else
			put(exec, request);
	}
}

/* Refuse what no frame holds. The request's own length is a bound for most. */
static int
check_size(const struct brain_request *request, struct error *err)
{
	struct buffer json;
	int rc;

	if (request->held < FRAME_CONTROL_MAX / 2)
		return 0;
	buffer_init(&json, FRAME_CONTROL_MAX - HEAD_BYTES);
	rc = json_write(request_shapes[request->type],
	    request_types[request->type], &request->body, &json, NULL);
	buffer_clear(&json);
	if (rc == 0)
		return 0;
	return error_set(err, ERROR_LIMIT,
	    "the request has more than %zu bytes, as the gateway writes it",
	    FRAME_CONTROL_MAX - HEAD_BYTES);
}

static int
begin(struct brain_request *request, struct error *err)
{
	const char *id = request->body.on_exec.exec;
	struct brain_exec *exec;

	if (check_size(request, err) != 0)
		return -1;
	exec = reach(request->brain, id, err);
	if (exec == NULL)
		return -1;
	/* of a followed exec it is known; of another the keeper says it */
	if (!exec->aside && !exec->is_terminal)
		return error_set(err, ERROR_STATE,
		    "\"exec\" is %s, which has no \"pty\"", id);
	put(exec, request);
	return 0;
}

static int
cancel(struct brain_request *request, struct error *err)
{
	struct brain_exec *exec = request->exec;
	const char *text = "the request was canceled";

	(void)err;
	if (request->is_sent && request->type == REQUEST_KEYS)
		text = "canceled: the keys were sent";
	if (request->is_sent && request->type != REQUEST_SCREEN)
		attachment_cancel(&exec->on, (uint32_t)request->number);
	request_queue_remove(&exec->asks, request);
	request_fail_with(request, REQUEST_CANCELED, text);
	brain_terminal_settle(exec);
	return 0;
}

const struct verb verb_screen = {begin, cancel};
const struct verb verb_keys = {begin, cancel};
const struct verb verb_wait = {begin, cancel};
const struct verb verb_resize = {begin, NULL};
