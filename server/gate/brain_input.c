/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/brain_input.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/attachment.h"
#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/frame.h"
#include "server/gate/brain_attachment.h"
#include "server/gate/brain_exec.h"
#include "server/gate/brain_request.h"
#include "server/gate/brain_session.h"

static void
drop_given(struct brain_exec *exec)
{
	struct brain_input *input = &exec->input;

	free(input->given.bytes);
	input->given = (struct json_data){NULL, 0};
	exec->brain->held -= input->held;
	input->held = 0;
	brain_touch(exec->brain);
}

static bool
fits(const struct attachment_start *start)
{
	struct buffer json;
	int rc;

	buffer_init(&json, FRAME_CONTROL_MAX);
	rc = json_write(attachment_shapes[ATTACHMENT_START],
	    attachment_types[ATTACHMENT_START], start, &json, NULL);
	buffer_clear(&json);
	return rc == 0;
}

void
brain_input_join(struct brain_exec *exec, struct attachment_start *start)
{
	const struct brain_input *input = &exec->input;

	if (input->state != INPUT_GIVEN)
		return;
	start->spec.stdin_mode = EXEC_STDIN_CLOSED;
	start->spec.input = input->given;
	if (input->given.len < FRAME_CONTROL_MAX && fits(start))
		return;
	start->spec.stdin_mode = EXEC_STDIN_OPEN;
	start->spec.input = (struct json_data){NULL, 0};
}

void
brain_input_joined(
    struct brain_exec *exec, const struct attachment_start *start)
{
	if (start->spec.input.bytes != NULL)
		drop_given(exec);
}

void
brain_input_skip(struct brain_exec *exec, int64_t taken)
{
	struct brain_input *input = &exec->input;

	if (input->given.bytes == NULL)
		return;
	if (taken < 0)
		drop_given(exec);
	else if ((uint64_t)taken < input->given.len)
		input->given_sent = (size_t)taken;
	else
		input->given_sent = input->given.len;
}

/* Send the rest of data from *at on. True when all of it is sent. */
static bool
feed(struct brain_exec *exec, const struct json_data *data, size_t *at)
{
	size_t taken;

	if (*at < data->len) {
		taken = attachment_stdin(&exec->on,
		    (const uint8_t *)data->bytes + *at, data->len - *at);
		*at += taken;
		exec->input.sent += taken;
	}
	return *at == data->len;
}

static void
feed_given(struct brain_exec *exec)
{
	struct brain_input *input = &exec->input;

	if (input->given.bytes == NULL ||
	    !feed(exec, &input->given, &input->given_sent))
		return;
	attachment_stdin_end(&exec->on);
	drop_given(exec);
}

static void
feed_requests(struct brain_exec *exec)
{
	struct brain_request *request;

	for (request = exec->input.requests; request != NULL;
	     request = request->queued) {
		const struct request_stdin *asked = &request->body.stdin_data;

		if (request->is_sent)
			continue;
		if (!feed(exec, &asked->data, &request->sent))
			return;
		if (asked->eof)
			attachment_stdin_end(&exec->on);
		request->is_sent = true;
		request->sent_end = exec->input.sent;
	}
}

static void
answer_taken(struct brain_exec *exec)
{
	struct brain_input *input = &exec->input;
	uint64_t taken =
	    brain_input_taken(input->sent, attachment_stdin_waiting(&exec->on));
	struct brain_request *request;

	while ((request = input->requests) != NULL && request->is_sent &&
	       request->sent_end <= taken) {
		input->requests = request->queued;
		request_done(request);
	}
}

void
brain_input_pump(struct brain_exec *exec)
{
	if (exec->state != EXEC_FOLLOWING)
		return;
	feed_given(exec);
	feed_requests(exec);
	answer_taken(exec);
	/* more than "there is room again": each grant may answer a request */
	if (exec->input.requests != NULL)
		exec->on.wants_credit = true;
}

bool
brain_input_is_given(const struct brain_exec *exec)
{
	return exec->input.given.bytes == NULL;
}

void
brain_input_end(struct brain_exec *exec, const struct error *err)
{
	drop_given(exec);
	request_queue_fail(&exec->input.requests, err);
}

/* What was not begun yet is sent as if nothing had been. */
void
brain_input_lose(struct brain_exec *exec)
{
	struct brain_input *input = &exec->input;
	struct brain_request *request;
	struct error err = {0};

	(void)error_set(&err, ERROR_SYSTEM,
	    "the keeper was replaced: it is not known how much of this was "
	    "typed");
	while ((request = input->requests) != NULL &&
	       (request->is_sent || request->sent > 0)) {
		input->requests = request->queued;
		request_fail(request, &err);
	}
}

void
brain_input_refuse(
    struct brain_exec *exec, const struct attachment_refused *refused)
{
	struct brain_input *input = &exec->input;

	(void)error_set(
	    &input->why, error_code_named(refused->code), "%s", refused->text);
	input->state = INPUT_REFUSED;
	brain_input_end(exec, &input->why);
}

static int
check(const struct brain_exec *exec, struct error *err)
{
	static const char *const texts[] = {
	    [INPUT_OPEN] = "",
	    [INPUT_ENDED] = "its stdin was ended by \"eof\"",
	    [INPUT_CLOSED] =
	        "its stdin is closed; exec with \"stdin\": \"open\"",
	    [INPUT_GIVEN] = "its stdin was given with the exec request",
	    [INPUT_REFUSED] = "",
	};
	const struct brain_input *input = &exec->input;

	static_assert(sizeof(texts) / sizeof(*texts) == INPUT_STATES,
	    "a state has no text");
	if (exec->attachment->right < RIGHT_WRITE)
		return error_set(err, ERROR_DENIED,
		    "you may only look at this task's execs");
	if (input->state == INPUT_REFUSED)
		return error_set(err, input->why.code, "%s", input->why.text);
	if (input->state != INPUT_OPEN)
		return error_set(err, ERROR_STATE, "\"exec\" is %s: %s",
		    exec->id, texts[input->state]);
	return 0;
}

static int
begin(struct brain_request *request, struct error *err)
{
	const struct request_stdin *asked = &request->body.stdin_data;
	struct brain_exec *exec =
	    brain_exec_find(request->brain, asked->exec, err);

	if (exec == NULL || check(exec, err) != 0)
		return -1;
	if (asked->eof)
		exec->input.state = INPUT_ENDED;
	request->exec = exec;
	request_queue_add(&exec->input.requests, request);
	brain_input_pump(exec);
	return 0;
}

/* What the agent has been sent stays sent; the rest never is. */
static int
cancel(struct brain_request *request, struct error *err)
{
	const struct request_stdin *asked = &request->body.stdin_data;
	struct brain_exec *exec = request->exec;
	struct error text = {0};

	if (request->is_sent)
		return error_set(
		    err, ERROR_STATE, "all of it was sent already");
	(void)error_set(&text, ERROR_STATE,
	    "canceled: %zu of %zu bytes were sent", request->sent,
	    asked->data.len);
	if (asked->eof)
		exec->input.state = INPUT_OPEN;
	request_queue_remove(&exec->input.requests, request);
	request_fail_with(request, REQUEST_CANCELED, text.text);
	brain_input_pump(exec);
	return 0;
}

const struct verb verb_stdin = {begin, cancel};
