/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/ops_view.h"

#include <stdio.h>
#include <string.h>

#include "protocol/cleanup.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "server/gate/remote.h"
#include "server/gate/typed.h"
#include "server/gate/view_reset.h"

#define STATUS_REFUSED 1

struct ops_view {
	struct remote remote;
	char terminal[LIMIT_NAME_BYTES + 1]; /* its name; "": the last used */
	bool is_replay;
	bool is_leaving; /* a key asked for it */
	struct typed typed;
	struct attachment_play play;
};

static struct ops_view *
of_remote(struct remote *remote)
{
	return (struct ops_view *)(void *)remote;
}

static void
finish(struct remote *remote)
{
	const struct stream_end end = {.code = 0};

	remote_finish(remote, &end);
}

static void
on_attached(
    struct attachment_exec *exec, const struct attachment_attached *attached)
{
	struct remote *remote = exec->data;
	struct ops_view *view = of_remote(remote);

	(void)attached;
	if (view->is_replay)
		attachment_play(exec, &view->play);
	remote_run(remote);
}

/* Whoever paints has gone without a word. */
static void
lost(struct remote *remote)
{
	if (remote->state == REMOTE_RUNNING)
		(void)stream_rest_write(&remote->rest, STREAM_STDOUT,
		    VIEW_RESET_WATCH, sizeof(VIEW_RESET_WATCH) - 1);
	remote_say(remote, STREAM_STDOUT, "\r[the terminal is gone]");
	finish(remote);
}

static void
on_end(struct attachment_exec *exec, enum exec_end how, const void *body)
{
	struct remote *remote = exec->data;
	const struct attachment_refused *refused = body;

	if (remote->session == NULL || remote->state == REMOTE_ENDING)
		return;
	if (how == EXEC_REFUSED) {
		remote_fail(remote, STATUS_REFUSED, refused->text);
	} else if (how == EXEC_LOST || how == EXEC_CUT) {
		lost(remote);
	} else {
		if (how == EXEC_ENDED)
			remote_say(remote, STREAM_STDOUT, "\r[ended]");
		finish(remote);
	}
}

static const struct exec_events exec_events = {
    .on_attached = on_attached,
    .on_output = remote_on_output,
    .on_end = on_end,
};

static void
attach(struct remote *remote)
{
	const struct session_pty *pty = &remote->session->pty;
	struct ops_view *view = of_remote(remote);
	struct attachment_attach where;

	json_absent(attachment_shapes[ATTACHMENT_ATTACH], &where);
	if (view->terminal[0] != '\0')
		where.session = view->terminal;
	where.view.present = true;
	where.view.kind = VIEW_NAME_WATCH;
	where.view.rows = pty->rows;
	where.view.cols = pty->cols;
	where.view.size = -1;
	attachment_attach(remote->attachment, &remote->exec, &where);
}

/* The first time the painter gives the terminal back; who does not want to wait
 * for that asks again. */
static void
leave(struct ops_view *view)
{
	struct remote *remote = &view->remote;

	if (remote->state == REMOTE_RUNNING && !view->is_leaving) {
		view->is_leaving = true;
		attachment_detach(&remote->exec);
		return;
	}
	if (remote->state == REMOTE_RUNNING)
		(void)stream_rest_write(&remote->rest, STREAM_STDOUT,
		    VIEW_RESET_WATCH, sizeof(VIEW_RESET_WATCH) - 1);
	finish(remote);
}

static void
play_on(struct ops_view *view, int key)
{
	struct attachment_play *play = &view->play;

	if (key == ' ')
		play->paused = !play->paused;
	else if (key == '+' || key == '=')
		play->speed_milli *= 2;
	else if (key == '-')
		play->speed_milli /= 2;
	else
		return;
	if (play->speed_milli > OPS_VIEW_SPEED_MAX)
		play->speed_milli = OPS_VIEW_SPEED_MAX;
	if (play->speed_milli < OPS_VIEW_SPEED_MIN)
		play->speed_milli = OPS_VIEW_SPEED_MIN;
	if (view->remote.state == REMOTE_RUNNING && !view->is_leaving)
		attachment_play(&view->remote.exec, play);
}

static size_t
on_input(struct stream *stream, const uint8_t *bytes, size_t len)
{
	struct remote *remote = stream->data;
	struct ops_view *view = of_remote(remote);
	size_t i;

	for (i = 0; i < len && remote->state != REMOTE_ENDING; i++) {
		int key = typed_key(&view->typed, bytes[i]);

		if (key == 'q' || key == TYPED_INTERRUPT)
			leave(view);
		else if (view->is_replay && key >= 0)
			play_on(view, key);
	}
	return len;
}

static const struct stream_events stream_events = {
    .on_input = on_input,
    .on_eof = stream_ignore_eof, /* who types nothing can still watch */
    .on_resize = remote_on_resize,
    .on_writable = remote_on_writable,
    .on_closed = remote_on_closed,
};

static const struct remote_kind kind = {
    .stream_events = &stream_events,
    .exec_events = &exec_events,
    .on_ready = attach,
    .no_task_status = STATUS_REFUSED,
};

static struct ops_view *
view_new(struct session *session)
{
	struct ops_view *view = memory_new(1, sizeof(*view));

	remote_init(&view->remote, session, &kind);
	return view;
}

void
ops_view_watch(struct session *session, const char *task, const char *terminal)
{
	struct ops_view *view = view_new(session);

	(void)snprintf(view->terminal, sizeof(view->terminal), "%s", terminal);
	remote_ask(&view->remote, task, RIGHT_READ);
	remote_open(&view->remote);
}

void
ops_view_replay(struct session *session, const char *recording,
    int64_t speed_milli, int64_t idle_ms)
{
	struct ops_view *view = view_new(session);

	view->is_replay = true;
	view->play.speed_milli = speed_milli;
	view->play.idle_ms = idle_ms;
	remote_ask_replay(&view->remote, recording);
	remote_open(&view->remote);
}
