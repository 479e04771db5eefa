/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/ssh_channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/gate/detach_key.h"
#include "server/gate/gate.h"
#include "server/gate/remote_exec.h"
#include "server/gate/ssh_channel_input.h"
#include "server/gate/ssh_channel_request.h"
#include "server/gate/ssh_channel_yield.h"
#include "server/gate/ssh_connection.h"

static struct ssh_session_channel *
of_stream(const struct stream *stream)
{
	const struct session *session =
	    (const struct session *)(const void *)((const char *)stream -
	                                           offsetof(
	                                               struct session, stream));

	return (struct ssh_session_channel
	        *)(uintptr_t)((const char *)session -
	                      offsetof(struct ssh_session_channel, session));
}

static void
touch(struct ssh_session_channel *channel)
{
	channel->connection->dirty = true;
	connection_touch(channel->connection);
}

static size_t
writable(const struct stream *stream)
{
	struct ssh_session_channel *channel = of_stream(stream);

	if (channel->state != CHANNEL_OPEN ||
	    !connection_may_write(channel->connection))
		return 0;
	if (channel->peer_closed)
		return SIZE_MAX;
	return channel_yield_room(
	    channel, ssh_channel_window_size(channel->ssh));
}

/* Never more than the window: libssh would wait for it to open. */
static size_t
write_bytes(struct stream *stream, enum stream_output output, const void *bytes,
    size_t len)
{
	struct ssh_session_channel *channel = of_stream(stream);
	struct connection *connection = channel->connection;
	uint64_t sent = connection->packet_count.out_bytes;
	size_t room = writable(stream);
	int rc;

	if (room > len)
		room = len;
	if (room < len)
		channel->is_stalled = true;
	if (room == 0 || channel->peer_closed)
		return room;
	if (output == STREAM_STDERR)
		rc = ssh_channel_write_stderr(
		    channel->ssh, bytes, (uint32_t)room);
	else
		rc = ssh_channel_write(channel->ssh, bytes, (uint32_t)room);
	if (rc > 0)
		connection_wrote(connection, sent, (size_t)rc);
	connection_push(connection);
	connection_touch(connection);
	if (rc < (int)len)
		channel->is_stalled = true;
	return rc < 0 ? 0 : (size_t)rc;
}

static void
resume(struct stream *stream)
{
	struct ssh_session_channel *channel = of_stream(stream);

	if (!channel->is_stopped)
		return;
	channel->is_stopped = false;
	channel->idle_ns += uv_hrtime() - channel->stopped_ns;
	touch(channel);
}

static void
finish(struct stream *stream, const struct stream_end *end)
{
	struct ssh_session_channel *channel = of_stream(stream);

	if (channel->state != CHANNEL_OPEN)
		return;
	channel->state = CHANNEL_ENDED;
	channel->end = *end;
	if (end->signal != NULL) {
		(void)snprintf(channel->signal, sizeof(channel->signal), "%s",
		    end->signal);
		channel->end.signal = channel->signal;
	}
	(void)snprintf(channel->text, sizeof(channel->text), "%s",
	    end->text == NULL ? "" : end->text);
	channel->end.text = channel->text;
	touch(channel);
}

static const struct stream_methods methods = {
    .write = write_bytes,
    .resume = resume,
    .finish = finish,
};

/* The user goes, once. */
static void
tell_closed(struct ssh_session_channel *channel)
{
	struct stream *stream = &channel->session.stream;
	const struct stream_events *events = stream->events;

	stream->events = NULL;
	if (events != NULL)
		events->on_closed(stream);
	session_clear(&channel->session);
	channel_input_clear(channel);
}

/* Names of RFC 4254 section 6.10 stand alone; others need an "@". */
static const char *
signal_on_wire(
    const struct ssh_session_channel *channel, char *name, size_t size)
{
	static const char *const plain[] = {"ABRT", "ALRM", "FPE", "HUP", "ILL",
	    "INT", "KILL", "PIPE", "QUIT", "SEGV", "TERM", "USR1", "USR2"};
	size_t i;

	for (i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		if (strcmp(plain[i], channel->end.signal) == 0)
			return plain[i];
	}
	(void)snprintf(name, size, "%s@sallyport", channel->end.signal);
	return name;
}

static void
send_status(struct ssh_session_channel *channel)
{
	char name[sizeof(channel->signal) + 16];

	if (channel->end.signal != NULL)
		(void)ssh_channel_request_send_exit_signal(channel->ssh,
		    signal_on_wire(channel, name, sizeof(name)),
		    channel->end.core, channel->end.text, "");
	else if (channel->end.code >= 0)
		(void)ssh_channel_request_send_exit_status(
		    channel->ssh, channel->end.code);
}

/* The close goes out on the second call when output is pending: the first one
 * then ends with the EOF and SSH_AGAIN. */
static void
send_close(struct ssh_session_channel *channel)
{
	if (ssh_channel_close(channel->ssh) == SSH_AGAIN)
		(void)ssh_channel_close(channel->ssh);
}

static void
close_channel(struct ssh_session_channel *channel)
{
	if (channel->state == CHANNEL_ENDED && !channel->peer_closed) {
		(void)ssh_channel_send_eof(channel->ssh);
		send_status(channel);
	}
	channel->state = CHANNEL_CLOSING;
	send_close(channel);
	connection_check(channel->connection);
	tell_closed(channel);
}

static void
hand_on_signals(struct ssh_session_channel *channel)
{
	struct session *session = &channel->session;
	struct stream *stream = &session->stream;
	unsigned i;

	for (i = 0; i < session->signal_count; i++) {
		if (channel->state == CHANNEL_OPEN &&
		    stream->events->on_signal != NULL)
			stream->events->on_signal(stream, session->signals[i]);
	}
	session->signal_count = 0;
}

static void
hand_on_size(struct ssh_session_channel *channel)
{
	struct session_pty *pty = &channel->session.pty;
	struct stream *stream = &channel->session.stream;

	if (!pty->has_changed || channel->state != CHANNEL_OPEN)
		return;
	pty->has_changed = false;
	if (stream->events->on_resize != NULL)
		stream->events->on_resize(stream, pty->rows, pty->cols);
}

static void
run(struct ssh_session_channel *channel)
{
	struct stream *stream = &channel->session.stream;

	if (!channel->session.has_opened) {
		channel->session.has_opened = true;
		channel->session.open(&channel->session);
	}
	hand_on_size(channel);
	channel_input_settle(channel);
	hand_on_signals(channel);
	if (channel->state == CHANNEL_OPEN && channel->is_stalled &&
	    writable(stream) > 0) {
		channel->is_stalled = false;
		channel->has_written = true;
		stream->events->on_writable(stream);
	}
}

/* Of a client that has closed the channel already: what it sent before still
 * goes to the command, whose output is wanted no more. */
static bool
has_input(const struct ssh_session_channel *channel)
{
	return channel->session.open != NULL &&
	       (buffer_len(&channel->in) > 0 || channel->is_starved);
}

bool
session_channel_settle(struct ssh_session_channel *channel)
{
	if (channel->state == CHANNEL_OPEN && channel->session.open != NULL)
		run(channel);
	if (channel->state == CHANNEL_ENDED ||
	    (channel->state == CHANNEL_OPEN && channel->peer_closed &&
	        !has_input(channel)))
		close_channel(channel);
	return channel->state != CHANNEL_CLOSING || !channel->peer_closed;
}

void
session_channel_lose(struct ssh_session_channel *channel)
{
	channel->state = CHANNEL_CLOSING;
	tell_closed(channel);
}

void
session_channel_free(struct ssh_session_channel *channel)
{
	if (channel->connection->typist == channel)
		channel->connection->typist = NULL;
	ssh_remove_channel_callbacks(channel->ssh, &channel->callbacks);
	ssh_channel_free(channel->ssh);
	free(channel);
}

static void
describe(struct session *session, const struct connection *connection)
{
	session->stream.methods = &methods;
	session->gate = connection->gate;
	session->user = connection->user;
	session->task = connection->name.task;
	session->terminal = connection->name.terminal;
	session->principal = connection->principal;
	session->id = connection->id;
	session->kind = connection->kind;
	session->detach_key = DETACH_KEY_UNSET;
	session->size = -1;
}

struct ssh_session_channel *
session_channel_open(struct connection *connection)
{
	struct ssh_session_channel *channel;
	ssh_channel ssh = ssh_channel_new(connection->ssh);

	if (ssh == NULL)
		return NULL;
	channel = memory_new(1, sizeof(*channel));
	channel->ssh = ssh;
	channel->connection = connection;
	describe(&channel->session, connection);
	channel_input_init(channel);
	ssh_callbacks_init(&channel->callbacks);
	channel->callbacks.userdata = channel;
	channel_input_callbacks(&channel->callbacks);
	channel_request_callbacks(&channel->callbacks);
	(void)ssh_set_channel_callbacks(ssh, &channel->callbacks);
	if (channel->session.kind == ACCESS_TASK)
		channel->session.remote =
		    remote_exec_prepare(&channel->session);
	return channel;
}
