/* SPDX-License-Identifier: Apache-2.0 */
/* exec: start a command. */
#include "protocol/error.h"
#include "protocol/frame.h"
#include "server/gate/brain_exec.h"
#include "server/gate/brain_request.h"
#include "server/gate/brain_session.h"

/* What the frame carries besides the command itself. */
#define START_BYTES ((size_t)4 << 10)

/* Refuse what no frame holds. The request's own length is a bound for most. */
static int
check_size(const struct brain_request *request, struct error *err)
{
	struct attachment_start start = {.spec = request->body.exec.spec};
	struct buffer json;
	int rc;

	if (request->held < FRAME_CONTROL_MAX / 2)
		return 0;
	start.spec.input = (struct json_data){NULL, 0};
	buffer_init(&json, FRAME_CONTROL_MAX - START_BYTES);
	rc = json_write(attachment_shapes[ATTACHMENT_START],
	    attachment_types[ATTACHMENT_START], &start, &json, NULL);
	buffer_clear(&json);
	if (rc == 0)
		return 0;
	return error_set(err, ERROR_LIMIT,
	    "the command, its arguments and \"env\" have more than %zu bytes",
	    FRAME_CONTROL_MAX - START_BYTES);
}

/* "stdin" as the exec has it: the bytes of the request move to it. */
static void
take_input(struct brain_exec *exec, struct brain_request *request)
{
	struct exec_spec *spec = &request->body.exec.spec;
	struct brain_input *input = &exec->input;

	if (spec->input.bytes != NULL) {
		input->state = INPUT_GIVEN;
		input->given = spec->input;
		spec->input = (struct json_data){NULL, 0};
		/* it outlives the request, and so does its share */
		input->held = input->given.len;
		exec->brain->held += input->held;
	} else if (spec->stdin_mode == EXEC_STDIN_CLOSED &&
	           !spec->pty.present) {
		input->state = INPUT_CLOSED;
	}
}

static int
begin(struct brain_request *request, struct error *err)
{
	const struct request_exec *asked = &request->body.exec;
	struct brain_exec *exec;

	if (check_size(request, err) != 0)
		return -1;
	exec = brain_exec_new(request->brain, asked->task, request, err);
	if (exec == NULL)
		return -1;
	exec->quiet = !asked->attach;
	take_input(exec, request);
	brain_exec_begin(exec);
	return 0;
}

static int
cancel(struct brain_request *request, struct error *err)
{
	struct brain_exec *exec = request->exec;

	(void)err;
	if (exec->state == EXEC_WAITING) {
		brain_exec_drop(exec);
	} else {
		exec->state = EXEC_UNWANTED;
		exec->opener = NULL;
	}
	request_fail_with(request, REQUEST_CANCELED,
	    "the exec was canceled: should it have started, it is killed");
	return 0;
}

const struct verb verb_exec = {begin, cancel};
