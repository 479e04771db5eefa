/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Something in a task that a session shows: the pump between the session's
 * stream and one exec on an attachment of its own. What it is, and what becomes
 * of the client's input, is its user's (remote_exec.c, ops_view.c).
 *
 *   asking    the manager was asked for the attachment
 *   ready     the attachment is there     -> starting, when the session opened
 *   starting  on_ready was called, which says what to run or to attach to
 *                                         -> running, or ending
 *   running   bytes flow                  -> ending
 *   ending    all that is to be said is known -> gone, when the stream and the
 *             attachment have both closed
 */
#ifndef SERVER_GATE_REMOTE_H
#define SERVER_GATE_REMOTE_H

#include "protocol/error.h"
#include "server/gate/attachment_client.h"
#include "server/gate/manager_client.h"
#include "server/gate/session.h"
#include "server/gate/stream_rest.h"

#define REMOTE_STATUS_NOT_FOUND 127 /* as a shell has it */
#define REMOTE_STATUS_NOT_RUN   126
#define REMOTE_STATUS_NO_TASK   255 /* as ssh has it for its own failures */
#define REMOTE_STATUS_UNKNOWN   (-1)

enum remote_state {
	REMOTE_ASKING = 0,
	REMOTE_READY,
	REMOTE_STARTING,
	REMOTE_RUNNING,
	REMOTE_ENDING,
	REMOTE_STATES
};

struct remote;

struct remote_kind {
	/* Rows for on_input and so on; those for on_resize, on_writable and
	 * on_closed are the remote_on_ of the same name; data is the remote. */
	const struct stream_events *stream_events;
	/* That for on_output is remote_on_output; data is the remote. */
	const struct exec_events *exec_events;
	/* Start or attach remote->exec now. */
	void (*on_ready)(struct remote *remote);
	/* Of a session that has no attachment, as there is no such task. */
	int no_task_status;
};

/* The first member of the user's struct, which is freed with it. */
struct remote {
	const struct remote_kind *kind;
	struct session *session; /* NULL: its stream is gone */
	struct stream *stream;   /* NULL until opened */
	enum remote_state state;
	struct ask *ask;
	struct attachment *attachment;
	struct attachment_exec exec;
	struct stream_rest rest;
	struct error refused; /* the manager's answer, when it was no */
	enum right right;     /* asked for */
	bool is_replay;       /* a player is not replaced */
};

/* session is borrowed until the stream's on_closed or remote_drop. */
void remote_init(struct remote *remote, struct session *session,
    const struct remote_kind *kind);

/* Ask for an attachment to a task, as the session's principal. */
void remote_ask(struct remote *remote, const char *task, enum right right);

/* As remote_ask, for a player of a recording. */
void remote_ask_replay(struct remote *remote, const char *recording);

/* Become the user of the session's stream. */
void remote_open(struct remote *remote);

/* The session never opened. NULL is accepted. */
void remote_drop(struct remote *remote);

/* Bytes flow: from the user's on_started and on_attached. */
void remote_run(struct remote *remote);

/* A line of the gate's own to the client; format and its end of line apart. */
void remote_say(struct remote *remote, enum stream_output output,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* End the stream, once everything before it was taken, and the attachment. */
void remote_finish(struct remote *remote, const struct stream_end *end);

/* The gate's own word to a person on stderr, and a status. */
void remote_fail(struct remote *remote, int status, const char *text);

/* What a keeper's refusal means as a command's status. */
int remote_refusal_status(const char *code);

/* The generic rows; see struct remote_kind. */
void remote_on_output(struct attachment_exec *exec, enum output_stream stream,
    const uint8_t *bytes, size_t len);
void remote_on_credit(struct attachment_exec *exec);
void remote_on_resize(struct stream *stream, int rows, int cols);
void remote_on_writable(struct stream *stream);
void remote_on_closed(struct stream *stream);

#endif
