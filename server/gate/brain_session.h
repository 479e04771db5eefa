/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection of a brain: what it has asked, what it follows, and its queue
 * of events. Shared by the brain_*.c of this folder; everyone else sees
 * brain.h.
 *
 * Back-pressure: while more than BRAIN_OUT_HIGH is unsent, neither the
 * attachments nor the brain are read; while more than LIMIT_UNANSWERED_BYTES of
 * requests is unanswered, the brain is not. The connection's memory is thereby
 * bounded, and nobody else waits.
 */
#ifndef SERVER_GATE_BRAIN_SESSION_H
#define SERVER_GATE_BRAIN_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include <uv.h>

#include "protocol/buffer.h"
#include "protocol/stream_json.h"
#include "server/gate/brain_line.h"
#include "server/gate/gate.h"
#include "server/gate/stream.h"

#define BRAIN_OUT_HIGH ((size_t)256 << 10) /* unsent: stop reading */
#define BRAIN_OUT_LOW  ((size_t)64 << 10)  /* ... and go on */
#define BRAIN_OUT_MAX  ((size_t)64 << 20)  /* no list of tasks is longer */

struct brain_attachment;
struct brain_exec;
struct brain_request;
struct brain_notice;

struct brain {
	struct gate *gate;     /* borrowed */
	struct stream *stream; /* borrowed until on_closed */
	const char *principal; /* borrowed until on_closed, as the next */
	const char *session;
	uv_idle_t flusher; /* sends what one turn of the loop has queued */
	struct brain_line lines;
	struct buffer out;
	struct brain_request *requests; /* open ones, newest first */
	size_t request_count;
	size_t held; /* bytes of requests kept until they are done */
	struct brain_attachment *attachments;
	size_t attachment_count;
	struct brain_exec *execs;
	size_t exec_count;
	struct task_watch watch;
	struct brain_notice *notices; /* task events that must wait */
	size_t notice_count;
	bool input_stopped;  /* on_input took less than it was given */
	bool input_ended;    /* the brain sends no more */
	bool output_stopped; /* attachments are paused */
	bool finished;       /* stream_finish was called */
	bool closed;         /* the stream is gone: nothing can be said */
	bool flusher_closed;
};

/* Queue one event, with its newline. */
void brain_event(struct brain *brain, enum event_type type, const void *body);

/* Queue len bytes of whole lines. */
void brain_lines(struct brain *brain, const void *bytes, size_t len);

/*
 * Something was queued, answered or has ended: send, stop, go on or finish
 * accordingly, at the end of this turn of the loop. Cheap; call it always.
 */
void brain_touch(struct brain *brain);

/* The connection cannot go on (its queue ran over): end it. */
void brain_fail(struct brain *brain, const char *why);

/* Free the brain once its stream, its attachments and its handle are gone. */
void brain_release(struct brain *brain);

#endif
