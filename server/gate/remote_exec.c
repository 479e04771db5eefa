/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/remote_exec.h"

#include <stdio.h>
#include <string.h>

#include "protocol/cleanup.h"
#include "protocol/memory.h"
#include "server/gate/detach_key.h"
#include "server/gate/gate.h"
#include "server/gate/remote.h"
#include "server/gate/view_reset.h"

struct remote_exec {
	struct remote remote;
	struct detach_key detach;
	bool is_leaving;  /* the detach key was typed */
	bool input_ended; /* the client's EOF, not yet passed on */
	char signals[SESSION_SIGNALS_MAX][SESSION_SIGNAL_BYTES];
	unsigned signal_count; /* that came before the command ran */
};

static struct remote_exec *
of_remote(struct remote *remote)
{
	return (struct remote_exec *)(void *)remote;
}

static bool
is_named(const struct remote *remote)
{
	return remote->session->terminal[0] != '\0';
}

/* Why the gateway ended it; NULL when it did not. text has room for that. */
static const char *
ended_by(const struct attachment_exit *exit, char *text, size_t size)
{
	if (exit->reason == REASON_OOM)
		return "out of memory";
	if (exit->reason == REASON_KILLED)
		return "the task was ended";
	if (exit->reason != REASON_TIMEOUT)
		return NULL;
	(void)snprintf(text, size, "timed out after %lld ms",
	    (long long)exit->duration_ms);
	return text;
}

static void
ended(struct remote *remote, const struct attachment_exit *exit)
{
	struct stream_end end = {.code = (int)exit->code};
	char text[STREAM_REST_TEXT_BYTES];

	if (exit->reason == REASON_LOST) {
		remote_fail(remote, REMOTE_STATUS_UNKNOWN,
		    "sandbox lost, exit status unknown");
		return;
	}
	if (exit->signal != NULL) {
		end.signal = exit->signal;
		end.core = exit->core;
		end.text = ended_by(exit, text, sizeof(text));
	}
	/* OpenSSH's client keeps the text to itself */
	if (end.text != NULL && remote->session->pty.present)
		remote_say(remote, STREAM_STDOUT, "\r[%s]", end.text);
	remote_finish(remote, &end);
}

/* The keeper has gone for good, or why it cannot be reached. */
static void
lost(struct remote *remote, const struct error *why)
{
	if (is_named(remote) && remote->state == REMOTE_RUNNING)
		(void)stream_rest_write(&remote->rest, STREAM_STDOUT,
		    VIEW_RESET_CLIENT, sizeof(VIEW_RESET_CLIENT) - 1);
	remote_fail(remote, REMOTE_STATUS_UNKNOWN,
	    why != NULL ? why->text : "sandbox lost, exit status unknown");
}

/* The keeper has put the client's terminal right, below what was shown. */
static void
detached(struct remote *remote)
{
	const struct stream_end end = {.code = 0};

	remote_say(remote, STREAM_STDOUT, "\r[detached from %s]",
	    remote->session->user);
	remote_finish(remote, &end);
}

static void
running(struct remote *remote)
{
	struct remote_exec *exec = of_remote(remote);
	unsigned i;

	for (i = 0; i < exec->signal_count; i++)
		attachment_signal(&remote->exec, exec->signals[i], true);
	if (exec->input_ended && !is_named(remote))
		attachment_stdin_end(&remote->exec);
	remote_run(remote);
}

static void
on_started(
    struct attachment_exec *exec, const struct attachment_started *started)
{
	struct remote *remote = exec->data;

	(void)started;
	if (remote->session != NULL)
		running(remote);
}

static void
on_attached(
    struct attachment_exec *exec, const struct attachment_attached *attached)
{
	struct remote *remote = exec->data;

	(void)attached;
	if (remote->session != NULL)
		running(remote);
}

static void
on_end(struct attachment_exec *exec, enum exec_end how, const void *body)
{
	struct remote *remote = exec->data;
	const struct attachment_refused *refused = body;

	if (remote->session == NULL || remote->state == REMOTE_ENDING)
		return;
	if (how == EXEC_ENDED)
		ended(remote, body);
	else if (how == EXEC_REFUSED)
		remote_fail(remote, remote_refusal_status(refused->code),
		    refused->text);
	else if (how == EXEC_DETACHED)
		detached(remote);
	else
		lost(remote, how == EXEC_CUT ? body : NULL);
}

static const struct exec_events exec_events = {
    .on_started = on_started,
    .on_attached = on_attached,
    .on_output = remote_on_output,
    .on_credit = remote_on_credit,
    .on_end = on_end,
};

/* The client's terminal, and with it the command's. */
static void
describe_pty(const struct session *session, struct attachment_start *start)
{
	const struct session_pty *pty = &session->pty;

	start->spec.pty = (struct exec_pty){
	    .present = true,
	    .rows = pty->rows,
	    .cols = pty->cols,
	    .size = session->size >= 0 ? session->size : SIZE_LATEST,
	};
	start->view = (struct attachment_view){
	    .present = true,
	    .kind = VIEW_NAME_CLIENT,
	    .rows = pty->rows,
	    .cols = pty->cols,
	    .size = session->size,
	};
}

static void
start(struct remote *remote)
{
	const struct session *session = remote->session;
	autofree char *term = memory_string(session->pty.term);
	autofree char *name = memory_string(session->terminal);
	struct attachment_start body;
	char token[KEPT_TOKEN_BYTES];

	if (is_named(remote) && !session->pty.present) {
		remote_fail(remote, REMOTE_STATUS_NOT_RUN,
		    "a session needs a terminal: ssh -t");
		return;
	}
	json_absent(attachment_shapes[ATTACHMENT_START], &body);
	body.spec.command = session->command;
	body.spec.login = session->command == NULL;
	body.spec.env = session->env;
	body.spec.stdin_mode = EXEC_STDIN_OPEN;
	/* should it be said again, it is known to be the same */
	kept_token(token);
	body.spec.token = token;
	if (session->pty.present) {
		describe_pty(session, &body);
		body.spec.pty.term = term;
	}
	if (is_named(remote)) {
		body.spec.name = name;
		attachment_session(remote->attachment, &remote->exec, &body);
	} else {
		body.tied = true;
		attachment_start(remote->attachment, &remote->exec, &body);
	}
}

/* The key is looked for in what the keeper takes, and never twice. */
static size_t
type(struct remote_exec *exec, const uint8_t *bytes, size_t len)
{
	struct attachment_exec *to = &exec->remote.exec;
	struct detach_key next = exec->detach;
	bool found;
	size_t go = detach_key_scan(&next, bytes, len, &found);
	size_t taken = attachment_stdin(to, bytes, go);

	if (taken < go) {
		(void)detach_key_scan(&exec->detach, bytes, taken, &found);
		return taken;
	}
	exec->detach = next;
	if (!found)
		return len;
	exec->is_leaving = true;
	attachment_detach(to);
	return len;
}

static size_t
on_input(struct stream *stream, const uint8_t *bytes, size_t len)
{
	struct remote *remote = stream->data;
	struct remote_exec *exec = of_remote(remote);

	if (remote->state == REMOTE_ENDING || exec->is_leaving)
		return len;
	if (remote->state != REMOTE_RUNNING)
		return 0;
	return is_named(remote) ? type(exec, bytes, len)
	                        : attachment_stdin(&remote->exec, bytes, len);
}

/* A named terminal has other clients, or will have: nobody's end of input is
 * its end. */
static void
on_eof(struct stream *stream)
{
	struct remote *remote = stream->data;

	if (remote->state != REMOTE_RUNNING)
		of_remote(remote)->input_ended = true;
	else if (!is_named(remote))
		attachment_stdin_end(&remote->exec);
}

static void
on_signal(struct stream *stream, const char *name)
{
	struct remote *remote = stream->data;
	struct remote_exec *exec = of_remote(remote);

	if (remote->state == REMOTE_RUNNING)
		attachment_signal(&remote->exec, name, true);
	else if (exec->signal_count < SESSION_SIGNALS_MAX)
		(void)snprintf(exec->signals[exec->signal_count++],
		    SESSION_SIGNAL_BYTES, "%s", name);
}

static const struct stream_events stream_events = {
    .on_input = on_input,
    .on_eof = on_eof,
    .on_resize = remote_on_resize,
    .on_writable = remote_on_writable,
    .on_signal = on_signal,
    .on_closed = remote_on_closed,
};

static const struct remote_kind kind = {
    .stream_events = &stream_events,
    .exec_events = &exec_events,
    .on_ready = start,
    .no_task_status = REMOTE_STATUS_NO_TASK,
};

struct remote *
remote_exec_prepare(struct session *session)
{
	struct remote_exec *exec = memory_new(1, sizeof(*exec));

	remote_init(&exec->remote, session, &kind);
	remote_ask(&exec->remote, session->task, RIGHT_WRITE);
	return &exec->remote;
}

/* What the client chose, else what the gateway says. */
static int
detach_key(const struct session *session)
{
	const char *text = session->gate->config.detach_key;
	int key = DETACH_KEY_NONE;

	if (session->detach_key != DETACH_KEY_UNSET)
		return session->detach_key;
	if (text != NULL)
		(void)detach_key_parse(text, &key);
	return key;
}

void
remote_exec_open(struct session *session)
{
	struct remote *remote = session->remote;

	session->remote = NULL;
	detach_key_init(&of_remote(remote)->detach, detach_key(session));
	remote_open(remote);
}
