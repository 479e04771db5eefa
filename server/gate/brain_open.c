/* SPDX-License-Identifier: Apache-2.0 */
/* How an exec comes onto its attachment: started, attached to, or aside. */
#include <stddef.h>

#include "protocol/error.h"
#include "server/gate/brain_attachment.h"
#include "server/gate/brain_exec.h"
#include "server/gate/brain_input.h"
#include "server/gate/brain_request.h"
#include "server/gate/brain_session.h"
#include "server/gate/brain_terminal.h"

static void
send_start(struct brain_exec *exec)
{
	const struct request_exec *asked = &exec->opener->body.exec;
	struct attachment_start start = {.spec = asked->spec};
	char token[KEPT_TOKEN_BYTES];

	/* should it be said again, it is known to be the same */
	if (start.spec.token == NULL) {
		kept_token(token);
		start.spec.token = token;
	}
	brain_input_join(exec, &start);
	attachment_start(exec->attachment->client, &exec->on, &start);
	brain_input_joined(exec, &start);
}

static int64_t
offset_of(int64_t given)
{
	return given < 0 ? 0 : given;
}

static void
send_attach(struct brain_exec *exec)
{
	const struct request_attach *asked = &exec->opener->body.attach;
	const struct request_offsets *given = &asked->offsets;
	const struct attachment_attach where = {
	    .exec = asked->exec,
	    .from = asked->from,
	    .offsets.present = given->present,
	    .offsets.out = offset_of(given->pty >= 0 ? given->pty : given->out),
	    .offsets.err = offset_of(given->err),
	};

	attachment_attach(exec->attachment->client, &exec->on, &where);
}

static void
send_aside(struct brain_exec *exec)
{
	const struct attachment_attach where = {
	    .exec = exec->id, .from = ATTACH_NONE};

	attachment_attach(exec->attachment->client, &exec->on, &where);
	brain_terminal_send_all(exec);
}

void
brain_exec_begin(struct brain_exec *exec)
{
	if (exec->attachment->state != REACH_OPEN)
		return;
	exec->state = EXEC_OPENING;
	if (exec->aside)
		send_aside(exec);
	else if (exec->opener->type == REQUEST_EXEC)
		send_start(exec);
	else
		send_attach(exec);
}

void
brain_exec_open_all(struct brain_attachment *attachment)
{
	struct brain_exec *exec;

	for (exec = attachment->brain->execs; exec != NULL; exec = exec->next) {
		if (exec->attachment == attachment &&
		    exec->state == EXEC_WAITING)
			brain_exec_begin(exec);
	}
}

void
brain_exec_fail_all(
    struct brain_attachment *attachment, const struct error *err)
{
	struct brain_exec *exec;
	struct brain_exec *next;

	for (exec = attachment->brain->execs; exec != NULL; exec = next) {
		next = exec->next;
		if (exec->attachment != attachment ||
		    exec->state != EXEC_WAITING)
			continue;
		if (exec->opener != NULL)
			request_fail(exec->opener, err);
		request_queue_fail(&exec->asks, err);
		brain_exec_drop(exec);
	}
}

bool
brain_exec_wants_start(const struct brain_attachment *attachment)
{
	const struct brain_exec *exec;

	for (exec = attachment->brain->execs; exec != NULL; exec = exec->next) {
		if (exec->attachment == attachment && exec->opener != NULL &&
		    exec->opener->type == REQUEST_EXEC)
			return true;
	}
	return false;
}
