/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/remote.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/cleanup.h"
#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/gate/gate.h"

/* One frame that the client had no room for, and a last line. */
#define REST_MAX   ((size_t)FRAME_DATA_MAX + 2048)
#define LINE_BYTES 1024

static void
release(struct remote *remote)
{
	if (remote->session != NULL || remote->attachment != NULL ||
	    remote->ask != NULL)
		return;
	stream_rest_clear(&remote->rest);
	free(remote);
}

void
remote_run(struct remote *remote)
{
	remote->state = REMOTE_RUNNING;
	if (remote->session != NULL)
		stream_resume(remote->stream);
}

/* A terminal that was made raw for us needs the carriage return, too. */
void
remote_say(
    struct remote *remote, enum stream_output output, const char *format, ...)
{
	char line[LINE_BYTES];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	stream_rest_printf(&remote->rest, output, "%s%s", line,
	    remote->session->pty.present ? "\r\n" : "\n");
}

void
remote_finish(struct remote *remote, const struct stream_end *end)
{
	remote->state = REMOTE_ENDING;
	stream_rest_finish(&remote->rest, end);
	attachment_close(remote->attachment);
}

void
remote_fail(struct remote *remote, int status, const char *text)
{
	const struct stream_end end = {.code = status};

	remote_say(remote, STREAM_STDERR, "sallyport: %s", text);
	remote_finish(remote, &end);
}

static const struct {
	const char *code;
	int status;
} refusals[] = {
    {"not_found", REMOTE_STATUS_NOT_FOUND},
    {"not_executable", REMOTE_STATUS_NOT_RUN},
    {"no_user", REMOTE_STATUS_NOT_RUN},
    {"bad_cwd", REMOTE_STATUS_NOT_RUN},
    {"limit", REMOTE_STATUS_NOT_RUN},
    {"system", REMOTE_STATUS_NOT_RUN},
};

int
remote_refusal_status(const char *code)
{
	size_t i;

	for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
		if (strcmp(refusals[i].code, code) == 0)
			return refusals[i].status;
	}
	return REMOTE_STATUS_NO_TASK;
}

void
remote_on_output(struct attachment_exec *exec, enum output_stream stream,
    const uint8_t *bytes, size_t len)
{
	struct remote *remote = exec->data;

	if (remote->session != NULL &&
	    !stream_rest_write(&remote->rest,
	        stream == OUTPUT_STDERR ? STREAM_STDERR : STREAM_STDOUT, bytes,
	        len))
		attachment_pause(remote->attachment);
}

void
remote_on_credit(struct attachment_exec *exec)
{
	struct remote *remote = exec->data;

	if (remote->session != NULL)
		stream_resume(remote->stream);
}

static void
on_attachment_closed(
    struct attachment *attachment, void *data, const struct error *why)
{
	struct remote *remote = data;

	(void)attachment;
	if (why->code != ERROR_NONE)
		log_warning("attachment: %s", why->text);
	remote->attachment = NULL;
	if (remote->session != NULL && remote->state < REMOTE_STARTING) {
		(void)error_set(&remote->refused, ERROR_STATE,
		    "the sandbox ended before the command came");
		if (remote->stream != NULL)
			remote_fail(remote, remote->kind->no_task_status,
			    remote->refused.text);
	}
	release(remote);
}

static const struct attachment_events attachment_events = {
    .on_closed = on_attachment_closed};

/* The attachment or the refusal is there, and the session has opened. */
static void
go_on(struct remote *remote)
{
	if (remote->state == REMOTE_ENDING)
		return;
	if (remote->refused.code != ERROR_NONE) {
		remote_fail(
		    remote, remote->kind->no_task_status, remote->refused.text);
	} else if (remote->state == REMOTE_READY) {
		remote->state = REMOTE_STARTING;
		remote->exec.events = remote->kind->exec_events;
		remote->exec.data = remote;
		remote->kind->on_ready(remote);
	}
}

static void
use(struct remote *remote, const char *task, int fd)
{
	const struct session *session = remote->session;
	const struct attachment_again again = {
	    .manager = &session->gate->manager,
	    .principal = session->principal,
	    .session = session->id,
	    .task = task,
	    .right = remote->right,
	    .is_person = true,
	    .is_kept_idle = true,
	};

	remote->attachment = attachment_open(session->gate->loop, fd,
	    remote->is_replay ? NULL : &again, &attachment_events, remote,
	    &remote->refused);
	if (remote->attachment != NULL)
		remote->state = REMOTE_READY;
}

static void
on_answer(void *data, const struct error *err, const char *task, int fd)
{
	struct remote *remote = data;

	remote->ask = NULL;
	if (err != NULL)
		remote->refused = *err;
	else
		use(remote, task, fd);
	if (remote->stream != NULL)
		go_on(remote);
}

static const struct ask_events ask_events = {.on_answer = on_answer};

void
remote_on_resize(struct stream *stream, int rows, int cols)
{
	struct remote *remote = stream->data;

	if (remote->state == REMOTE_STARTING || remote->state == REMOTE_RUNNING)
		attachment_resize(
		    &remote->exec, (uint16_t)rows, (uint16_t)cols);
}

void
remote_on_writable(struct stream *stream)
{
	struct remote *remote = stream->data;

	if (stream_rest_flush(&remote->rest) && remote->attachment != NULL)
		attachment_resume(remote->attachment);
}

void
remote_drop(struct remote *remote)
{
	if (remote == NULL)
		return;
	ask_cancel(remote->ask);
	remote->ask = NULL;
	remote->session = NULL;
	remote->stream = NULL;
	remote->rest.stream = NULL;
	attachment_close(remote->attachment);
	release(remote);
}

void
remote_on_closed(struct stream *stream)
{
	remote_drop(stream->data);
}

void
remote_init(struct remote *remote, struct session *session,
    const struct remote_kind *kind)
{
	remote->session = session;
	remote->kind = kind;
	stream_rest_init(&remote->rest, REST_MAX);
}

void
remote_ask(struct remote *remote, const char *task, enum right right)
{
	const struct session *session = remote->session;
	union control_body body;

	remote->right = right;
	json_absent(control_shapes[CONTROL_ATTACH], &body.attach);
	autofree char *principal = memory_string(session->principal);
	autofree char *id = memory_string(session->id);
	autofree char *name = memory_string(task);
	body.attach.principal = principal;
	body.attach.session = id;
	body.attach.task = name;
	body.attach.right = (int)right;
	body.attach.person = true;
	remote->ask = manager_ask(&session->gate->manager, CONTROL_ATTACH,
	    &body, &ask_events, remote);
}

void
remote_ask_replay(struct remote *remote, const char *recording)
{
	const struct session *session = remote->session;
	union control_body body;

	remote->is_replay = true;
	json_absent(control_shapes[CONTROL_REPLAY], &body.replay);
	autofree char *principal = memory_string(session->principal);
	autofree char *id = memory_string(session->id);
	autofree char *name = memory_string(recording);
	body.replay.principal = principal;
	body.replay.session = id;
	body.replay.recording = name;
	remote->ask = manager_ask(&session->gate->manager, CONTROL_REPLAY,
	    &body, &ask_events, remote);
}

void
remote_open(struct remote *remote)
{
	remote->stream = &remote->session->stream;
	remote->rest.stream = remote->stream;
	remote->stream->events = remote->kind->stream_events;
	remote->stream->data = remote;
	go_on(remote);
}
