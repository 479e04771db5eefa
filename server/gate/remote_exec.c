/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/remote_exec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/buffer.h"
#include "protocol/cleanup.h"
#include "protocol/memory.h"
#include "protocol/signal.h"
#include "server/common/log.h"
#include "server/gate/attachment_client.h"
#include "server/gate/gate.h"
#include "server/gate/session.h"

#define STATUS_NOT_FOUND 127 /* as a shell has it */
#define STATUS_NOT_RUN   126
#define STATUS_NO_TASK   255 /* as ssh has it for its own failures */

/* One frame that the client had no room for, and a last line. */
#define REST_MAX ((size_t)FRAME_DATA_MAX + 1024)

enum remote_state {
	REMOTE_ASKING = 0,
	REMOTE_READY,
	REMOTE_STARTING,
	REMOTE_RUNNING,
	REMOTE_ENDING,
	REMOTE_STATES
};

struct remote_exec {
	struct session *session; /* NULL: its stream is gone */
	struct stream *stream;   /* NULL until opened */
	enum remote_state state;
	struct ask *ask;
	struct attachment *attachment;
	struct attachment_exec exec;
	struct buffer rest[STREAM_OUTPUTS]; /* what the stream did not take */
	struct error refused; /* the manager's answer, when it was no */
	bool input_ended;     /* the client's EOF, not yet passed on */
	char signals[SESSION_SIGNALS_MAX][SESSION_SIGNAL_BYTES];
	unsigned signal_count; /* that came before the command ran */
	struct stream_end end;
	char signal[SESSION_SIGNAL_BYTES * 2];
	char text[64];
};

static void
release(struct remote_exec *remote)
{
	if (remote->session != NULL || remote->attachment != NULL ||
	    remote->ask != NULL)
		return;
	buffer_clear(&remote->rest[STREAM_STDOUT]);
	buffer_clear(&remote->rest[STREAM_STDERR]);
	free(remote);
}

/* Give the client what waits. True: nothing is left. */
static bool
flush_rest(struct remote_exec *remote)
{
	int i;

	for (i = 0; i < STREAM_OUTPUTS; i++) {
		struct buffer *rest = &remote->rest[i];
		size_t len = buffer_len(rest);

		if (len > 0)
			buffer_consume(rest,
			    stream_write(remote->stream, (enum stream_output)i,
			        buffer_bytes(rest), len));
		if (buffer_len(rest) > 0)
			return false;
	}
	return true;
}

/* End the stream as remote->end says, once everything before it was taken. */
static void
finish(struct remote_exec *remote)
{
	remote->state = REMOTE_ENDING;
	if (flush_rest(remote))
		stream_finish(remote->stream, &remote->end);
}

/* The gate's own word to a person, and a status; -1 for none. */
static void
fail(struct remote_exec *remote, int status, const char *text)
{
	remote->end.code = status;
	(void)buffer_printf(
	    &remote->rest[STREAM_STDERR], NULL, "sallyport: %s\n", text);
	finish(remote);
}

static const struct {
	const char *code;
	int status;
} refusals[] = {
    {"not_found", STATUS_NOT_FOUND},
    {"not_executable", STATUS_NOT_RUN},
    {"no_user", STATUS_NOT_RUN},
    {"bad_cwd", STATUS_NOT_RUN},
    {"limit", STATUS_NOT_RUN},
    {"system", STATUS_NOT_RUN},
};

static int
refusal_status(const char *code)
{
	size_t i;

	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (strcmp(refusals[i].code, code) == 0)
			return refusals[i].status;
	}
	return STATUS_NO_TASK;
}

/* Why the gateway ended it; NULL when it did not. */
static const char *
ended_by(struct remote_exec *remote, const struct attachment_exit *exit)
{
	if (exit->reason == REASON_OOM)
		return "out of memory";
	if (exit->reason == REASON_KILLED)
		return "the task was ended";
	if (exit->reason != REASON_TIMEOUT)
		return NULL;
	(void)snprintf(remote->text, sizeof(remote->text),
	    "timed out after %lld ms", (long long)exit->duration_ms);
	return remote->text;
}

static void
ended(struct remote_exec *remote, const struct attachment_exit *exit)
{
	if (exit->reason == REASON_LOST) {
		fail(remote, -1, "sandbox lost, exit status unknown");
		return;
	}
	remote->end.code = (int)exit->code;
	if (exit->signal != NULL) {
		(void)snprintf(
		    remote->signal, sizeof(remote->signal), "%s", exit->signal);
		remote->end.signal = remote->signal;
		remote->end.core = exit->core;
		remote->end.text = ended_by(remote, exit);
	}
	finish(remote);
}

static void
on_started(
    struct attachment_exec *exec, const struct attachment_started *started)
{
	struct remote_exec *remote = exec->data;
	unsigned i;

	(void)started;
	remote->state = REMOTE_RUNNING;
	for (i = 0; i < remote->signal_count; i++)
		attachment_signal(exec, remote->signals[i], true);
	if (remote->input_ended)
		attachment_stdin_end(exec);
	else if (remote->session != NULL)
		stream_resume(remote->stream);
}

static void
on_output(struct attachment_exec *exec, enum output_stream stream,
    const uint8_t *bytes, size_t len)
{
	struct remote_exec *remote = exec->data;
	enum stream_output output =
	    stream == OUTPUT_STDERR ? STREAM_STDERR : STREAM_STDOUT;
	size_t taken;

	if (remote->session == NULL)
		return;
	taken = stream_write(remote->stream, output, bytes, len);
	if (taken == len)
		return;
	(void)buffer_append(
	    &remote->rest[output], bytes + taken, len - taken, NULL);
	attachment_pause(remote->attachment);
}

static void
on_credit(struct attachment_exec *exec)
{
	struct remote_exec *remote = exec->data;

	if (remote->session != NULL)
		stream_resume(remote->stream);
}

static void
on_end(struct attachment_exec *exec, enum exec_end how, const void *body)
{
	struct remote_exec *remote = exec->data;
	const struct attachment_refused *refused = body;

	if (remote->session == NULL)
		return;
	if (how == EXEC_ENDED)
		ended(remote, body);
	else if (how == EXEC_REFUSED)
		fail(remote, refusal_status(refused->code), refused->text);
	else
		fail(remote, -1, "sandbox lost, exit status unknown");
	attachment_close(remote->attachment);
}

static const struct exec_events exec_events = {
    .on_started = on_started,
    .on_output = on_output,
    .on_credit = on_credit,
    .on_end = on_end,
};

static void
on_attachment_closed(
    struct attachment *attachment, void *data, const struct error *why)
{
	struct remote_exec *remote = data;

	(void)attachment;
	if (why->code != ERROR_NONE)
		log_warning("attachment: %s", why->text);
	remote->attachment = NULL;
	if (remote->session != NULL && remote->state < REMOTE_STARTING) {
		(void)error_set(&remote->refused, ERROR_STATE,
		    "the sandbox ended before the command came");
		if (remote->stream != NULL)
			fail(remote, STATUS_NO_TASK, remote->refused.text);
	}
	release(remote);
}

static const struct attachment_events attachment_events = {
    .on_closed = on_attachment_closed};

static void
start(struct remote_exec *remote)
{
	struct session *session = remote->session;
	struct attachment_start start = {.tied = true};

	json_absent(attachment_shapes[ATTACHMENT_START], &start);
	start.tied = true;
	start.spec.command = session->command;
	start.spec.login = session->command == NULL;
	start.spec.env = session->env;
	start.spec.stdin_mode = EXEC_STDIN_OPEN;
	remote->state = REMOTE_STARTING;
	remote->exec.events = &exec_events;
	remote->exec.data = remote;
	attachment_start(remote->attachment, &remote->exec, &start);
}

/* The attachment or the refusal is there, and so is the command. */
static void
go_on(struct remote_exec *remote)
{
	if (remote->refused.code != ERROR_NONE)
		fail(remote, STATUS_NO_TASK, remote->refused.text);
	else if (remote->state == REMOTE_READY)
		start(remote);
}

static void
on_answer(void *data, const struct error *err, const char *task, int fd)
{
	struct remote_exec *remote = data;
	const struct gate *gate = remote->session->gate;

	(void)task;
	remote->ask = NULL;
	if (err != NULL) {
		remote->refused = *err;
	} else {
		remote->attachment = attachment_open(gate->loop, fd,
		    &attachment_events, remote, &remote->refused);
		if (remote->attachment != NULL)
			remote->state = REMOTE_READY;
	}
	if (remote->stream != NULL)
		go_on(remote);
}

static const struct ask_events ask_events = {.on_answer = on_answer};

static size_t
on_input(struct stream *stream, const uint8_t *bytes, size_t len)
{
	struct remote_exec *remote = stream->data;

	if (remote->state == REMOTE_ENDING)
		return len;
	if (remote->state != REMOTE_RUNNING)
		return 0;
	return attachment_stdin(&remote->exec, bytes, len);
}

static void
on_eof(struct stream *stream)
{
	struct remote_exec *remote = stream->data;

	if (remote->state == REMOTE_RUNNING)
		attachment_stdin_end(&remote->exec);
	else
		remote->input_ended = true;
}

static void
on_writable(struct stream *stream)
{
	struct remote_exec *remote = stream->data;

	if (!flush_rest(remote))
		return;
	if (remote->state == REMOTE_ENDING)
		finish(remote);
	else if (remote->attachment != NULL)
		attachment_resume(remote->attachment);
}

static void
on_signal(struct stream *stream, const char *name)
{
	struct remote_exec *remote = stream->data;

	if (remote->state == REMOTE_RUNNING)
		attachment_signal(&remote->exec, name, true);
	else if (remote->signal_count < SESSION_SIGNALS_MAX)
		(void)snprintf(remote->signals[remote->signal_count++],
		    SESSION_SIGNAL_BYTES, "%s", name);
}

static void
drop(struct remote_exec *remote)
{
	ask_cancel(remote->ask);
	remote->ask = NULL;
	remote->session = NULL;
	remote->stream = NULL;
	attachment_close(remote->attachment);
	release(remote);
}

static void
on_closed(struct stream *stream)
{
	drop(stream->data);
}

static const struct stream_events stream_events = {
    .on_input = on_input,
    .on_eof = on_eof,
    .on_writable = on_writable,
    .on_signal = on_signal,
    .on_closed = on_closed,
};

struct remote_exec *
remote_exec_prepare(struct session *session)
{
	struct remote_exec *remote = memory_new(1, sizeof(*remote));
	union control_body body;

	remote->session = session;
	buffer_init(&remote->rest[STREAM_STDOUT], REST_MAX);
	buffer_init(&remote->rest[STREAM_STDERR], REST_MAX);
	json_absent(control_shapes[CONTROL_ATTACH], &body.attach);
	autofree char *principal = memory_string(session->principal);
	autofree char *id = memory_string(session->id);
	autofree char *task = memory_string(session->user);
	body.attach.principal = principal;
	body.attach.session = id;
	body.attach.task = task;
	body.attach.right = RIGHT_WRITE;
	body.attach.person = true;
	remote->ask = manager_ask(&session->gate->manager, CONTROL_ATTACH,
	    &body, &ask_events, remote);
	return remote;
}

void
remote_exec_open(struct session *session)
{
	struct remote_exec *remote = session->remote;

	session->remote = NULL;
	remote->stream = &session->stream;
	remote->stream->events = &stream_events;
	remote->stream->data = remote;
	go_on(remote);
}

void
remote_exec_drop(struct remote_exec *remote)
{
	if (remote != NULL)
		drop(remote);
}
