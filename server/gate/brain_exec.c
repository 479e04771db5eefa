/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/brain_exec.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/gate/brain_attachment.h"
#include "server/gate/brain_input.h"
#include "server/gate/brain_request.h"
#include "server/gate/brain_session.h"
#include "server/gate/brain_terminal.h"

void
brain_exec_name(struct brain_exec *exec, const char *id)
{
	memset(exec->id, 0, sizeof(exec->id));
	memcpy(exec->id, id, strnlen(id, sizeof(exec->id) - 1));
}

static bool
is_shown(const struct brain_exec *exec)
{
	return exec->state == EXEC_FOLLOWING && !exec->quiet &&
	       !exec->brain->finished && !exec->brain->closed;
}

static void
follow(struct brain_exec *exec, const char *id, int64_t out, int64_t err)
{
	const int64_t offsets[] = {
	    [OUTPUT_STDOUT] = out, [OUTPUT_STDERR] = err, [OUTPUT_PTY] = out};
	int stream;

	brain_exec_name(exec, id);
	exec->state = EXEC_FOLLOWING;
	exec->since_ms = uv_now(exec->brain->gate->loop);
	for (stream = 0; stream < OUTPUT_STREAMS; stream++)
		brain_output_init(&exec->output[stream],
		    (enum output_stream)stream, exec->id, offsets[stream]);
}

/* Output that nobody wants goes on being kept for whoever attaches. */
static void
leave_if_quiet(struct brain_exec *exec)
{
	if (exec->quiet && exec->state == EXEC_FOLLOWING &&
	    brain_input_is_given(exec))
		brain_exec_leave(exec, "the exec was started detached");
}

/* The start was canceled, and came too late for that. */
static void
kill_unwanted(struct brain_exec *exec)
{
	attachment_signal(&exec->on, "KILL", true);
	exec->state = EXEC_LEAVING;
	attachment_detach(&exec->on);
}

static void
on_started(struct attachment_exec *on, const struct attachment_started *started)
{
	struct brain_exec *exec = on->data;
	struct brain_request *opener = exec->opener;
	struct event_reply reply;

	if (exec->state == EXEC_UNWANTED) {
		kill_unwanted(exec);
		return;
	}
	if (exec->state != EXEC_OPENING)
		return;
	follow(exec, started->exec, 0, 0);
	exec->is_terminal = opener->body.exec.spec.pty.present;
	exec->opener = NULL;
	request_reply_init(opener, &reply);
	reply.exec = exec->id;
	reply.pid = started->pid;
	request_reply(opener, &reply);
	brain_input_pump(exec);
	leave_if_quiet(exec);
}

/* Offsets of streams that it has not got would let bytes be lost. */
static int
check_streams(const struct request_offsets *asked,
    const struct attachment_attached *attached, struct error *err)
{
	if (!asked->present)
		return 0;
	if (attached->pty && (asked->out >= 0 || asked->err >= 0))
		return error_set(err, ERROR_INVALID,
		    "\"from\" has no \"pty\", the stream of a terminal");
	if (!attached->pty && asked->pty >= 0)
		return error_set(err, ERROR_INVALID,
		    "\"from\" has \"pty\", but the exec has no terminal");
	return 0;
}

static void
answer_attach(
    struct brain_exec *exec, const struct attachment_attached *attached)
{
	struct brain_request *opener = exec->opener;
	struct event_reply reply;
	struct error err = {0};

	exec->opener = NULL;
	if (opener->type == REQUEST_ATTACH &&
	    check_streams(&opener->body.attach.offsets, attached, &err) != 0) {
		request_fail(opener, &err);
		brain_exec_leave(exec, "the attach was refused");
		return;
	}
	request_reply_init(opener, &reply);
	reply.exec = exec->id;
	reply.out = attached->pty ? -1 : attached->out;
	reply.err = attached->pty ? -1 : attached->err;
	reply.pty = attached->pty ? attached->out : -1;
	reply.running = attached->running;
	request_reply(opener, &reply);
}

static void
on_attached(
    struct attachment_exec *on, const struct attachment_attached *attached)
{
	struct brain_exec *exec = on->data;
	bool is_start =
	    exec->opener != NULL && exec->opener->type == REQUEST_EXEC;

	if (exec->state == EXEC_UNWANTED)
		kill_unwanted(exec);
	if (exec->state != EXEC_OPENING)
		return;
	follow(exec, attached->exec, attached->out, attached->err);
	exec->is_terminal = attached->pty;
	if (exec->opener != NULL)
		answer_attach(exec, attached);
	if (!is_start)
		return;
	brain_input_skip(exec, attached->taken);
	brain_input_pump(exec);
	leave_if_quiet(exec);
}

static void
check_out(struct brain_exec *exec, int rc)
{
	if (rc != 0)
		brain_fail(exec->brain, "its events are not read");
	else
		brain_touch(exec->brain);
}

static void
on_output(struct attachment_exec *on, enum output_stream stream,
    const uint8_t *bytes, size_t len)
{
	struct brain_exec *exec = on->data;
	struct brain_output *output = &exec->output[stream];
	struct buffer *out = &exec->brain->out;
	struct event_eof eof = {exec->id, stream, 0};

	if (!is_shown(exec))
		return;
	if (len > 0) {
		check_out(exec, brain_output_bytes(output, (const char *)bytes,
		                    len, out, NULL));
		return;
	}
	check_out(exec, brain_output_flush(output, out, NULL));
	eof.total = output->offset;
	brain_event(exec->brain, EVENT_EOF, &eof);
}

static void
on_gap(struct attachment_exec *on, const struct attachment_gap *gap)
{
	struct brain_exec *exec = on->data;
	struct brain_output *output = &exec->output[gap->stream];
	const struct event_gap event = {
	    exec->id, gap->stream, gap->from, gap->to};

	if (!is_shown(exec))
		return;
	check_out(exec, brain_output_flush(output, &exec->brain->out, NULL));
	output->offset = gap->to;
	brain_event(exec->brain, EVENT_GAP, &event);
}

static void
on_credit(struct attachment_exec *on)
{
	struct brain_exec *exec = on->data;

	brain_input_pump(exec);
	leave_if_quiet(exec);
}

static void
on_typing_lost(struct attachment_exec *on)
{
	brain_input_lose(on->data);
}

static void
on_taken(struct attachment_exec *on)
{
	struct brain_exec *exec = on->data;
	struct brain_request *request = exec->signals;

	if (request == NULL)
		return;
	exec->signals = request->queued;
	request_done(request);
	brain_terminal_settle(exec);
}

static void
on_answer(struct attachment_exec *on, const struct attachment_answer *answer)
{
	brain_terminal_answer(on->data, answer);
}

/* A keeper refuses stdin once, and a signal or a resize each time. */
static void
on_refused(struct attachment_exec *on, const struct attachment_refused *refused)
{
	struct brain_exec *exec = on->data;
	struct brain_request *request = exec->signals;

	if (exec->input.requests != NULL || request == NULL) {
		brain_input_refuse(exec, refused);
		return;
	}
	exec->signals = request->queued;
	request_fail_with(request, refused->code, refused->text);
	brain_terminal_settle(exec);
}

static void
exec_free(struct brain_exec *exec)
{
	struct brain *brain = exec->brain;
	struct brain_exec **at = &brain->execs;

	while (*at != exec)
		at = &(*at)->next;
	*at = exec->next;
	brain->exec_count--;
	exec->attachment->execs--;
	free(exec);
	brain_touch(brain);
}

/* What is held back goes out first: the exit is always last. */
static void
show_exit(struct brain_exec *exec, const struct attachment_exit *exit)
{
	struct event_exit event = {.exec = exec->id, .exit = *exit};
	int stream;

	for (stream = 0; stream < OUTPUT_STREAMS; stream++)
		check_out(exec, brain_output_flush(&exec->output[stream],
		                    &exec->brain->out, NULL));
	brain_event(exec->brain, EVENT_EXIT, &event);
}

/* The keeper has gone; how the command ended is unknown and said to
 * be. Its time is that for which it was followed. */
static void
show_lost(struct brain_exec *exec)
{
	struct attachment_exit exit;

	json_absent(attachment_shapes[ATTACHMENT_EXIT], &exit);
	exit.reason = REASON_LOST;
	exit.duration_ms =
	    (int64_t)(uv_now(exec->brain->gate->loop) - exec->since_ms);
	show_exit(exec, &exit);
}

/* Answer every request that waits for the exec. */
static void
end_requests(struct brain_exec *exec, const struct error *why)
{
	if (exec->opener != NULL)
		request_fail(exec->opener, why);
	if (exec->leaver != NULL)
		request_done(exec->leaver);
	request_queue_fail(&exec->signals, why);
	request_queue_fail(&exec->asks, why);
	brain_input_end(exec, why);
}

/* What the requests of an exec that has left its attachment are told. */
static void
explain(enum exec_end end, const void *body, struct error *why)
{
	static const char *const texts[] = {
	    [EXEC_ENDED] = "the exec has ended",
	    [EXEC_REFUSED] = "",
	    [EXEC_DETACHED] = "the exec was detached from",
	    [EXEC_LOST] = "the connection to the task was lost",
	    [EXEC_CUT] = "",
	};
	const struct attachment_refused *refused = body;
	const struct error *cut = body;

	static_assert(
	    sizeof(texts) / sizeof(*texts) == EXEC_ENDS, "an end has no text");
	if (end == EXEC_REFUSED)
		(void)error_set(
		    why, error_code_named(refused->code), "%s", refused->text);
	else if (end == EXEC_CUT)
		*why = *cut;
	else
		(void)error_set(why,
		    end == EXEC_LOST ? ERROR_SYSTEM : ERROR_STATE, "%s",
		    texts[end]);
}

static void
on_end(struct attachment_exec *on, enum exec_end end, const void *body)
{
	struct brain_exec *exec = on->data;
	struct brain *brain = exec->brain;
	const struct attachment_refused *refused = body;
	struct brain_request *unseen = NULL;
	struct error why = {0};

	explain(end, body, &why);
	if (end == EXEC_REFUSED && exec->opener != NULL) {
		request_fail_with(exec->opener, refused->code, refused->text);
		exec->opener = NULL;
	}
	if (end == EXEC_ENDED && !exec->aside) {
		unseen = exec->asks;
		exec->asks = NULL;
	}
	end_requests(exec, &why);
	if (end == EXEC_ENDED && is_shown(exec))
		show_exit(exec, body);
	else if (end == EXEC_LOST && is_shown(exec))
		show_lost(exec);
	/* there is no event for "it may run on, but not for you": whoever
	 * connects again and attaches is told the truth */
	else if (end == EXEC_CUT)
		brain_fail(brain, why.text);
	exec_free(exec);
	brain_terminal_ask_again(brain, unseen);
}

static const struct exec_events exec_events = {
    .on_started = on_started,
    .on_attached = on_attached,
    .on_output = on_output,
    .on_gap = on_gap,
    .on_credit = on_credit,
    .on_typing_lost = on_typing_lost,
    .on_taken = on_taken,
    .on_answer = on_answer,
    .on_refused = on_refused,
    .on_end = on_end,
};

struct brain_exec *
brain_exec_new(struct brain *brain, const char *task,
    struct brain_request *opener, struct error *err)
{
	struct brain_attachment *attachment;
	struct brain_exec *exec;

	if (brain->exec_count >= LIMIT_ATTACHED_EXECS) {
		(void)error_set(err, ERROR_LIMIT,
		    "%u execs are attached, the most there may be",
		    LIMIT_ATTACHED_EXECS);
		return NULL;
	}
	attachment = brain_attachment_get(brain, task, err);
	if (attachment == NULL)
		return NULL;
	exec = memory_new(1, sizeof(*exec));
	exec->brain = brain;
	exec->attachment = attachment;
	attachment->execs++;
	exec->on.events = &exec_events;
	exec->on.data = exec;
	exec->opener = opener;
	if (opener != NULL)
		opener->exec = exec;
	exec->next = brain->execs;
	brain->execs = exec;
	brain->exec_count++;
	return exec;
}

struct brain_exec *
brain_exec_of(const struct brain *brain, const char *id)
{
	struct brain_exec *exec;

	for (exec = brain->execs; exec != NULL; exec = exec->next) {
		if (!exec->aside && strcmp(exec->id, id) == 0)
			return exec;
	}
	return NULL;
}

struct brain_exec *
brain_exec_find(const struct brain *brain, const char *id, struct error *err)
{
	struct brain_exec *exec = brain_exec_of(brain, id);

	if (exec != NULL && exec->state == EXEC_FOLLOWING)
		return exec;
	(void)error_set(err, ERROR_STATE,
	    "this connection is not attached to \"%s\": attach to it first",
	    id);
	return NULL;
}

void
brain_exec_leave(struct brain_exec *exec, const char *why)
{
	struct error err = {0};

	(void)error_set(&err, ERROR_STATE, "%s", why);
	request_queue_fail(&exec->signals, &err);
	request_queue_fail(&exec->asks, &err);
	brain_input_end(exec, &err);
	exec->state = EXEC_LEAVING;
	attachment_detach(&exec->on);
}

void
brain_exec_drop(struct brain_exec *exec)
{
	struct error err = {0};

	(void)error_set(&err, ERROR_STATE, "the exec was not opened");
	exec->opener = NULL;
	brain_input_end(exec, &err);
	exec_free(exec);
}
