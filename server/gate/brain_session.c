/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/brain_session.h"

#include <stdlib.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "server/common/log.h"
#include "server/gate/brain_attachment.h"
#include "server/gate/brain_notice.h"

/* Hand the stream what it takes. */
static void
send_out(struct brain *brain)
{
	size_t taken;

	if (brain->finished || buffer_len(&brain->out) == 0)
		return;
	taken = stream_write(brain->stream, STREAM_STDOUT,
	    buffer_bytes(&brain->out), buffer_len(&brain->out));
	buffer_consume(&brain->out, taken);
}

static void
finish(struct brain *brain, int code)
{
	const struct stream_end end = {.code = code};

	if (brain->finished)
		return;
	brain->finished = true;
	buffer_clear(&brain->out);
	stream_finish(brain->stream, &end);
}

static bool
is_idle(const struct brain *brain)
{
	return brain->requests == NULL && brain->execs == NULL &&
	       buffer_len(&brain->out) == 0;
}

/* Stop or go on reading, by what is unsent and unanswered. */
static void
balance(struct brain *brain)
{
	size_t unsent = buffer_len(&brain->out);

	if (!brain->output_stopped && unsent > BRAIN_OUT_HIGH) {
		brain->output_stopped = true;
		brain_attachments_pause(brain);
	} else if (brain->output_stopped && unsent < BRAIN_OUT_LOW) {
		brain->output_stopped = false;
		brain_attachments_resume(brain);
		brain_notices_send(brain);
	}
	if (brain->input_stopped && !brain->output_stopped &&
	    brain->held <= LIMIT_UNANSWERED_BYTES) {
		brain->input_stopped = false;
		stream_resume(brain->stream);
	}
}

static void
settle(struct brain *brain)
{
	if (brain->finished || brain->closed)
		return;
	send_out(brain);
	balance(brain);
	if (brain->input_ended && is_idle(brain))
		finish(brain, 0);
}

static void
on_flush(uv_idle_t *flusher)
{
	(void)uv_idle_stop(flusher);
	settle(flusher->data);
}

void
brain_touch(struct brain *brain)
{
	if (brain->closed || brain->finished)
		return;
	/* An idle handle runs before the loop sleeps, so that the events of
	 * one turn leave together. A full queue does not wait for that. */
	if (buffer_len(&brain->out) > BRAIN_OUT_LOW) {
		send_out(brain);
		balance(brain);
	}
	(void)uv_idle_start(&brain->flusher, on_flush);
}

void
brain_lines(struct brain *brain, const void *bytes, size_t len)
{
	struct error err = {0};

	if (brain->closed || brain->finished)
		return;
	if (buffer_append(&brain->out, bytes, len, &err) != 0)
		brain_fail(brain, err.text);
	brain_touch(brain);
}

void
brain_event(struct brain *brain, enum event_type type, const void *body)
{
	struct error err = {0};

	if (brain->closed || brain->finished)
		return;
	if (json_write(event_shapes[type], event_types[type], body, &brain->out,
	        &err) != 0) {
		brain_fail(brain, err.text);
		return;
	}
	brain_lines(brain, "\n", 1);
}

void
brain_fail(struct brain *brain, const char *why)
{
	if (brain->closed || brain->finished)
		return;
	log_warning("brain of %s: connection ended: %s", brain->principal, why);
	finish(brain, 1);
}

void
brain_release(struct brain *brain)
{
	if (!brain->closed || !brain->flusher_closed ||
	    brain->attachments != NULL)
		return;
	brain_notices_clear(brain);
	brain_line_clear(&brain->lines);
	buffer_clear(&brain->out);
	free(brain);
}
