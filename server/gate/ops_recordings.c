/* SPDX-License-Identifier: Apache-2.0 */
/* recordings [TASK]: what can be replayed, a line each. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/cleanup.h"
#include "protocol/memory.h"
#include "protocol/name.h"
#include "server/gate/gate.h"
#include "server/gate/manager_client.h"
#include "server/gate/ops.h"
#include "server/gate/printable.h"
#include "server/gate/session.h"
#include "server/gate/stream_rest.h"

#define REST_MAX      ((size_t)16 << 20)
#define ROW_MAX       1024
#define STATUS_FAILED 1

#define WIDTH_RECORDING 16
#define WIDTH_TASK      16
#define WIDTH_OWNER     16
#define WIDTH_BYTES     12
#define WIDTH_MODIFIED  40

struct recordings {
	struct session *session; /* borrowed */
	struct stream_rest rest;
	struct ask *ask;
};

static void
print_row(struct recordings *recordings, const char *const fields[5])
{
	static const size_t widths[] = {WIDTH_RECORDING, WIDTH_TASK,
	    WIDTH_OWNER, WIDTH_BYTES, WIDTH_MODIFIED};
	const char *eol = recordings->session->pty.present ? "\r\n" : "\n";
	struct buffer row;

	buffer_init(&row, ROW_MAX);
	printable_row(&row, fields, widths, sizeof(widths) / sizeof(widths[0]));
	(void)buffer_append(&row, eol, strlen(eol), NULL);
	(void)stream_rest_write(&recordings->rest, STREAM_STDOUT,
	    buffer_bytes(&row), buffer_len(&row));
	buffer_clear(&row);
}

static void
on_recording(void *data, const struct control_recording *recording)
{
	char bytes[24];

	(void)snprintf(
	    bytes, sizeof(bytes), "%lld", (long long)recording->bytes);
	print_row(
	    data, (const char *const[]){recording->recording, recording->task,
	              recording->owner, bytes, recording->modified});
}

static void
on_answer(void *data, const struct error *err, const char *task, int fd)
{
	struct recordings *recordings = data;
	const struct stream_end end = {.code = err == NULL ? 0 : STATUS_FAILED};

	(void)task;
	(void)fd;
	recordings->ask = NULL;
	if (err != NULL)
		stream_rest_printf(&recordings->rest, STREAM_STDERR,
		    "sallyport: %s%s", err->text,
		    recordings->session->pty.present ? "\r\n" : "\n");
	stream_rest_finish(&recordings->rest, &end);
}

static const struct ask_events ask_events = {
    .on_recording = on_recording, .on_answer = on_answer};

static void
on_writable(struct stream *stream)
{
	struct recordings *recordings = stream->data;

	(void)stream_rest_flush(&recordings->rest);
}

static void
on_closed(struct stream *stream)
{
	struct recordings *recordings = stream->data;

	ask_cancel(recordings->ask);
	stream_rest_clear(&recordings->rest);
	free(recordings);
}

static const struct stream_events stream_events = {
    .on_input = stream_ignore_input,
    .on_eof = stream_ignore_eof,
    .on_writable = on_writable,
    .on_closed = on_closed,
};

static bool
open_recordings(struct session *session, char *const *words)
{
	struct recordings *recordings;
	union control_body body;

	if (words[0] != NULL && (words[1] != NULL || !name_is_valid(words[0])))
		return false;
	recordings = memory_new(1, sizeof(*recordings));
	recordings->session = session;
	stream_rest_init(&recordings->rest, REST_MAX);
	recordings->rest.stream = &session->stream;
	session->stream.events = &stream_events;
	session->stream.data = recordings;
	print_row(recordings, (const char *const[]){"RECORDING", "TASK",
	                          "OWNER", "BYTES", "MODIFIED"});
	json_absent(control_shapes[CONTROL_RECORDINGS], &body.ask);
	autofree char *principal = memory_string(session->principal);
	body.ask.principal = principal;
	body.ask.task = words[0];
	recordings->ask = manager_ask(&session->gate->manager,
	    CONTROL_RECORDINGS, &body, &ask_events, recordings);
	return true;
}

const struct ops_verb ops_recordings = {"recordings", "[TASK]",
    "what was recorded of a task, or of all", false, open_recordings};
