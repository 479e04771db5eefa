/* SPDX-License-Identifier: Apache-2.0 */
/* attach, detach and signal: an exec that somebody started. */
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/name.h"
#include "protocol/signal.h"
#include "server/gate/brain_attachment.h"
#include "server/gate/brain_exec.h"
#include "server/gate/brain_request.h"
#include "server/gate/brain_session.h"

static int
begin_attach(struct brain_request *request, struct error *err)
{
	const struct request_attach *asked = &request->body.attach;
	char task[LIMIT_NAME_BYTES + 1];
	const struct brain_exec *before;
	struct brain_exec *exec;
	uint32_t number;

	if (name_split_exec(asked->exec, task, &number, err) != 0)
		return -1;
	/* one that is leaving has left before the keeper hears of this */
	before = brain_exec_of(request->brain, asked->exec);
	if (before != NULL && before->state != EXEC_LEAVING)
		return error_set(err, ERROR_STATE,
		    "this connection is attached to \"%s\" already",
		    asked->exec);
	exec = brain_exec_new(request->brain, task, request, err);
	if (exec == NULL)
		return -1;
	exec->input.state = INPUT_OPEN;
	brain_exec_name(exec, asked->exec);
	brain_exec_begin(exec);
	return 0;
}

static int
cancel_attach(struct brain_request *request, struct error *err)
{
	struct brain_exec *exec = request->exec;

	(void)err;
	exec->opener = NULL;
	if (exec->state == EXEC_WAITING)
		brain_exec_drop(exec);
	else
		brain_exec_leave(exec, "the attach was canceled");
	request_fail_with(request, REQUEST_CANCELED, "the attach was canceled");
	return 0;
}

static int
begin_detach(struct brain_request *request, struct error *err)
{
	struct brain_exec *exec =
	    brain_exec_find(request->brain, request->body.on_exec.exec, err);

	if (exec == NULL)
		return -1;
	exec->leaver = request;
	request->exec = exec;
	brain_exec_leave(exec, "this connection has detached from the exec");
	return 0;
}

static int
begin_signal(struct brain_request *request, struct error *err)
{
	const struct request_signal *asked = &request->body.signal;
	struct brain_exec *exec =
	    brain_exec_find(request->brain, asked->exec, err);
	int number = signal_number(asked->signal);

	if (exec == NULL)
		return -1;
	if (exec->attachment->right < RIGHT_WRITE)
		return error_set(err, ERROR_DENIED,
		    "you may only look at this task's execs");
	if (number < 0)
		return error_set(err, ERROR_INVALID,
		    "\"signal\" is \"%.32s\", which is no signal's name",
		    asked->signal);
	request->exec = exec;
	request_queue_add(&exec->signals, request);
	attachment_signal(&exec->on, signal_name(number), asked->tree);
	return 0;
}

const struct verb verb_attach = {begin_attach, cancel_attach};
const struct verb verb_detach = {begin_detach, NULL};
const struct verb verb_signal = {begin_signal, NULL};
