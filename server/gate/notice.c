/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/notice.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/memory.h"
#include "server/gate/session.h"
#include "server/gate/stream_rest.h"

#define REST_MAX ((size_t)64 << 10)

static void
on_writable(struct stream *stream)
{
	(void)stream_rest_flush(stream->data);
}

static void
on_closed(struct stream *stream)
{
	struct stream_rest *rest = stream->data;

	stream_rest_clear(rest);
	free(rest);
}

static const struct stream_events events = {
    .on_input = stream_ignore_input,
    .on_eof = stream_ignore_eof,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

void
notice_open(struct session *session, enum stream_output output,
    const char *text, int status)
{
	struct stream_rest *rest = memory_new(1, sizeof(*rest));
	const struct stream_end end = {.code = status};
	const char *eol = session->pty.present ? "\r\n" : "\n";

	stream_rest_init(rest, REST_MAX);
	rest->stream = &session->stream;
	rest->stream->events = &events;
	rest->stream->data = rest;
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		(void)stream_rest_write(rest, output, text, len);
		(void)stream_rest_write(rest, output, eol, strlen(eol));
		text += len + (text[len] == '\n');
	}
	stream_rest_finish(rest, &end);
}
