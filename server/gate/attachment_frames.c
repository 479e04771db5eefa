/* SPDX-License-Identifier: Apache-2.0 */
/* What a keeper says on an attachment. */
#include "server/gate/attachment_state.h"

#include <string.h>

#include "protocol/error.h"
#include "protocol/json.h"
#include "protocol/limits.h"
#include "protocol/name.h"
#include "server/gate/reopen.h"

static struct attachment_exec *
find(struct attachment *attachment, uint32_t stream)
{
	struct attachment_exec *exec;

	for (exec = attachment->execs; exec != NULL; exec = exec->next) {
		if (exec->stream == stream)
			return exec;
	}
	return NULL;
}

static struct attachment_list *
find_list(struct attachment *attachment, uint32_t stream)
{
	struct attachment_list *list;

	for (list = attachment->lists; list != NULL; list = list->next) {
		if (list->stream == stream)
			return list;
	}
	return NULL;
}

static bool
is_answered(const struct attachment_exec *exec)
{
	return buffer_len(&exec->kept.opening) == 0;
}

/* Users follow execs by their ids: one of another task would be taken for
 * that task's. */
static int
check_exec(
    const struct attachment *attachment, const char *exec, struct error *err)
{
	const char *task = attachment->reattach.how.task;
	char named[LIMIT_NAME_BYTES + 1];
	uint32_t number;

	if (attachment->reattach.manager == NULL)
		return 0; /* a player's recording is of any task */
	if (name_split_exec(exec, named, &number, err) != 0)
		return -1;
	if (strcmp(named, task) != 0)
		return error_set(
		    err, ERROR_INVALID, "%s is no command of its task", exec);
	return 0;
}

static int
on_started(struct attachment_exec *exec, const union attachment_body *body,
    struct error *err)
{
	if (is_answered(exec))
		return 0;
	if (exec->kept.opening_type == ATTACHMENT_ATTACH)
		return error_set(err, ERROR_STATE, "started answers an attach");
	if (check_exec(exec->attachment, body->started.exec, err) != 0)
		return -1;
	kept_started(&exec->kept, &body->started);
	exec->open = true;
	exec_go_on(exec);
	if (exec->events->on_started != NULL)
		exec->events->on_started(exec, &body->started);
	return 0;
}

static int
on_attached(struct attachment_exec *exec, const union attachment_body *body,
    struct error *err)
{
	bool is_known = exec->open;

	if (is_answered(exec))
		return exec->is_resuming
		           ? exec_attached_again(exec, &body->attached, err)
		           : 0;
	if (check_exec(exec->attachment, body->attached.exec, err) != 0)
		return -1;
	kept_attached(&exec->kept, &body->attached);
	exec->open = true;
	exec_go_on(exec);
	if (!is_known && exec->events->on_attached != NULL)
		exec->events->on_attached(exec, &body->attached);
	return 0;
}

/* Of what was said on an open stream: stdin, or else a signal or a size. */
static void
refuse_said(struct attachment_exec *exec)
{
	struct kept *kept = &exec->kept;

	if (buffer_len(&kept->input) == 0) {
		kept_taken(kept);
		return;
	}
	kept->is_input_refused = true;
	buffer_consume(&kept->input, buffer_len(&kept->input));
}

static int
on_refused(struct attachment_exec *exec, const union attachment_body *body,
    struct error *err)
{
	(void)err;
	if (!exec->open) {
		attachment_exec_end(exec, EXEC_REFUSED, &body->refused);
	} else if (exec->is_resuming) {
		exec_refused_again(exec, &body->refused);
	} else {
		refuse_said(exec);
		if (exec->events->on_refused != NULL)
			exec->events->on_refused(exec, &body->refused);
	}
	return 0;
}

static int
on_taken(struct attachment_exec *exec, const union attachment_body *body,
    struct error *err)
{
	(void)body;
	(void)err;
	kept_taken(&exec->kept);
	if (exec->events->on_taken != NULL)
		exec->events->on_taken(exec);
	return 0;
}

static int
on_answer(struct attachment_exec *exec, const union attachment_body *body,
    struct error *err)
{
	(void)err;
	kept_answered(&exec->kept, body->answer.ask);
	if (exec->events->on_answer != NULL)
		exec->events->on_answer(exec, &body->answer);
	return 0;
}

static int
on_detached(struct attachment_exec *exec, const union attachment_body *body,
    struct error *err)
{
	(void)body;
	(void)err;
	attachment_exec_end(exec, EXEC_DETACHED, NULL);
	return 0;
}

static int
on_gap(struct attachment_exec *exec, const union attachment_body *body,
    struct error *err)
{
	struct attachment_gap gap = body->gap;

	(void)err;
	if (kept_gap(&exec->kept, &gap) && exec->events->on_gap != NULL)
		exec->events->on_gap(exec, &gap);
	return 0;
}

static int
on_ended(struct attachment_exec *exec, const union attachment_body *body,
    struct error *err)
{
	(void)err;
	attachment_exec_end(exec, EXEC_ENDED, &body->exit);
	return 0;
}

/* Terminals are only told to lists. */
static int
on_terminal(struct attachment_exec *exec, const union attachment_body *body,
    struct error *err)
{
	(void)exec;
	(void)body;
	(void)err;
	return 0;
}

/* What a keeper may say; the rest is its fault. */
static int (*const messages[ATTACHMENT_TYPES])(struct attachment_exec *exec,
    const union attachment_body *body, struct error *err) = {
    [ATTACHMENT_STARTED] = on_started,
    [ATTACHMENT_ATTACHED] = on_attached,
    [ATTACHMENT_REFUSED] = on_refused,
    [ATTACHMENT_TAKEN] = on_taken,
    [ATTACHMENT_TERMINAL] = on_terminal,
    [ATTACHMENT_ANSWER] = on_answer,
    [ATTACHMENT_DETACHED] = on_detached,
    [ATTACHMENT_GAP] = on_gap,
    [ATTACHMENT_EXIT] = on_ended,
};

static void
tell_list(struct attachment *attachment, struct attachment_list *list, int type,
    const union attachment_body *body)
{
	const struct attachment_answer *answer = &body->answer;
	struct error err = {0};

	if (type == ATTACHMENT_TERMINAL) {
		list->on_terminal(list, &body->terminal.of);
	} else if (type == ATTACHMENT_ANSWER && answer->code == NULL) {
		attachment_list_end(attachment, list, NULL);
	} else if (type == ATTACHMENT_ANSWER) {
		(void)error_set(&err, error_code_named(answer->code), "%s",
		    answer->text != NULL ? answer->text : answer->code);
		attachment_list_end(attachment, list, &err);
	}
}

static int
on_control(
    struct attachment *attachment, const struct frame *frame, struct error *err)
{
	struct attachment_exec *exec = find(attachment, frame->stream);
	struct attachment_list *list = find_list(attachment, frame->stream);
	union attachment_body body;
	int type = -1;
	int rc;

	rc = json_read_typed(&attachment_messages, (const char *)frame->payload,
	    frame->len, &type, &body, err);
	if (type != ATTACHMENT_ATTACHED && type != ATTACHMENT_REFUSED)
		attachment->reattach.has_gained = true;
	if (rc == 0 && messages[type] == NULL)
		rc = error_set(err, ERROR_INVALID, "a keeper sent %s",
		    attachment_types[type]);
	else if (rc == 0 && exec != NULL)
		rc = messages[type](exec, &body, err);
	else if (rc == 0 && list != NULL)
		tell_list(attachment, list, type, &body);
	if (type >= 0)
		json_clear(attachment_shapes[type], &body);
	return rc;
}

static int
on_output(struct attachment *attachment, const struct frame *frame,
    enum output_stream stream)
{
	struct attachment_exec *exec = find(attachment, frame->stream);
	size_t had;

	if (exec == NULL || exec->events->on_output == NULL)
		return 0;
	if (frame->len == 0) {
		if (kept_end(&exec->kept, stream))
			exec->events->on_output(exec, stream, NULL, 0);
		return 0;
	}
	attachment->reattach.has_gained = true;
	had = kept_output(&exec->kept, stream, frame->len);
	if (had < frame->len)
		exec->events->on_output(
		    exec, stream, frame->payload + had, frame->len - had);
	return 0;
}

static int
on_window(
    struct attachment *attachment, const struct frame *frame, struct error *err)
{
	struct attachment_exec *exec = find(attachment, frame->stream);
	size_t credit = frame_credit(frame);

	if (exec == NULL)
		return 0;
	if (credit > WINDOW_STDIN || exec->credit > WINDOW_STDIN - credit)
		return error_set(err, ERROR_LIMIT,
		    "a keeper granted %zu bytes of stdin over %zu", credit,
		    exec->credit);
	attachment->reattach.has_gained = true;
	exec->credit += credit;
	kept_credit(&exec->kept, credit);
	if (exec->wants_credit && exec->events->on_credit != NULL) {
		exec->wants_credit = false;
		exec->events->on_credit(exec);
	}
	return 0;
}

int
attachment_take(
    struct attachment *attachment, const struct frame *frame, struct error *err)
{
	attachment->reattach.heard_ms = uv_now(attachment->loop);
	switch (frame->kind) {
	case FRAME_CONTROL:
		return on_control(attachment, frame, err);
	case FRAME_STDOUT:
		return on_output(attachment, frame, OUTPUT_STDOUT);
	case FRAME_STDERR:
		return on_output(attachment, frame, OUTPUT_STDERR);
	case FRAME_PTY:
		return on_output(attachment, frame, OUTPUT_PTY);
	case FRAME_WINDOW:
		return on_window(attachment, frame, err);
	case FRAME_STDIN:
	case FRAME_KINDS:
		break;
	}
	return error_set(err, ERROR_INVALID, "a keeper sent a %s frame",
	    frame_kind_name(frame->kind));
}
