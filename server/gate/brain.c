/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/brain.h"

#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "server/gate/brain_attachment.h"
#include "server/gate/brain_notice.h"
#include "server/gate/brain_request.h"
#include "server/gate/brain_session.h"

static void
greet(struct brain *brain)
{
	char server[] = "sallyport/" SALLYPORT_VERSION;
	struct event_hello hello;

	json_absent(event_shapes[EVENT_HELLO], &hello);
	hello.protocol = STREAM_JSON_PROTOCOL;
	hello.server = server;
	hello.limits = (struct hello_limits){
	    .present = true,
	    .line = LIMIT_LINE_BYTES,
	    .requests = LIMIT_OPEN_REQUESTS,
	    .execs = LIMIT_ATTACHED_EXECS,
	    .stdin_bytes = LIMIT_STDIN_BYTES,
	};
	brain_event(brain, EVENT_HELLO, &hello);
}

static bool
may_read(const struct brain *brain)
{
	return !brain->finished && !brain->output_stopped &&
	       brain->held <= LIMIT_UNANSWERED_BYTES;
}

static void
take(struct brain *brain, enum line_result result, const char *line, size_t len)
{
	struct error err = {0};

	if (result == LINE_WHOLE) {
		brain_request_take(brain, line, len);
	} else if (result == LINE_TOO_LONG) {
		(void)error_set(&err, ERROR_LIMIT,
		    "a line has more than %u bytes; it is skipped",
		    LIMIT_LINE_BYTES);
		brain_refuse_line(brain, NULL, &err);
	}
}

static size_t
on_input(struct stream *stream, const uint8_t *bytes, size_t len)
{
	struct brain *brain = stream->data;
	size_t taken = 0;

	while (taken < len && may_read(brain)) {
		enum line_result result;
		const char *line;
		size_t line_len;
		size_t used;

		result =
		    brain_line_next(&brain->lines, (const char *)bytes + taken,
		        len - taken, &used, &line, &line_len);
		taken += used;
		take(brain, result, line, line_len);
	}
	brain->input_stopped = taken < len;
	return taken;
}

static void
on_eof(struct stream *stream)
{
	struct brain *brain = stream->data;
	enum line_result result;
	const char *line;
	size_t len;

	result = brain_line_last(&brain->lines, &line, &len);
	take(brain, result, line, len);
	brain->input_ended = true;
	brain_touch(brain);
}

static void
on_writable(struct stream *stream)
{
	brain_touch(stream->data);
}

static void
on_flusher_closed(uv_handle_t *handle)
{
	struct brain *brain = handle->data;

	brain->flusher_closed = true;
	brain_release(brain);
}

static void
on_closed(struct stream *stream)
{
	struct brain *brain = stream->data;
	struct brain_attachment *attachment;
	struct brain_attachment *next;

	brain->closed = true;
	manager_unwatch(&brain->gate->manager, &brain->watch);
	for (attachment = brain->attachments; attachment != NULL;
	     attachment = next) {
		next = attachment->next;
		brain_attachment_close(attachment);
	}
	brain_requests_abandon(brain);
	uv_close((uv_handle_t *)&brain->flusher, on_flusher_closed);
}

static const struct stream_events events = {
    .on_input = on_input,
    .on_eof = on_eof,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

void
brain_open(struct stream *stream, struct gate *gate, const char *principal,
    const char *session)
{
	struct brain *brain = memory_new(1, sizeof(*brain));

	brain->gate = gate;
	brain->stream = stream;
	brain->principal = principal;
	brain->session = session;
	brain_line_init(&brain->lines);
	buffer_init(&brain->out, BRAIN_OUT_MAX);
	(void)uv_idle_init(gate->loop, &brain->flusher);
	brain->flusher.data = brain;
	stream->events = &events;
	stream->data = brain;
	brain_notices_watch(brain);
	greet(brain);
}
