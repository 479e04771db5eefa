/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/ssh_channel_input.h"

#include <stdlib.h>

#include "protocol/memory.h"
#include "server/gate/gate.h"
#include "server/gate/ssh_channel.h"
#include "server/gate/ssh_channel_yield.h"
#include "server/gate/ssh_connection.h"

/* Bytes after which a channel is an upload and not a few lines. */
#define GROW_AFTER ((size_t)1 << 20)

static size_t
held_max(const struct ssh_session_channel *channel)
{
	return CHANNEL_WINDOW_MAX + (channel->is_grown ? CHANNEL_GROWN : 0);
}

/* A client that sends beyond its window is not believed to mean well. */
static int
on_data(ssh_session ssh, ssh_channel libssh_channel, void *bytes, uint32_t len,
    int is_stderr, void *data)
{
	struct ssh_session_channel *channel = data;
	size_t room = CHANNEL_INPUT_MAX;

	(void)ssh;
	(void)libssh_channel;
	channel->connection->dirty = true;
	if (is_stderr != 0 || channel->state != CHANNEL_OPEN)
		return (int)len;
	if (len > held_max(channel)) {
		connection_kill(channel->connection,
		    "the client sent more than the window allows");
		return (int)len;
	}
	channel_yield_typed(channel, len);
	if (channel->input_lent || buffer_len(&channel->in) >= room)
		room = 0;
	else
		room -= buffer_len(&channel->in);
	if (room > len)
		room = len;
	if (room < len)
		channel->is_starved = true;
	(void)buffer_append(&channel->in, bytes, room, NULL);
	return (int)room;
}

static void
on_eof(ssh_session ssh, ssh_channel libssh_channel, void *data)
{
	struct ssh_session_channel *channel = data;

	(void)ssh;
	(void)libssh_channel;
	channel->input_ended = true;
	channel->connection->dirty = true;
}

static void
on_close(ssh_session ssh, ssh_channel libssh_channel, void *data)
{
	struct ssh_session_channel *channel = data;

	(void)ssh;
	(void)libssh_channel;
	channel->input_ended = true;
	channel->peer_closed = true;
	channel->connection->dirty = true;
}

void
channel_input_callbacks(struct ssh_channel_callbacks_struct *callbacks)
{
	callbacks->channel_data_function = on_data;
	callbacks->channel_eof_function = on_eof;
	callbacks->channel_close_function = on_close;
}

void
channel_input_init(struct ssh_session_channel *channel)
{
	buffer_init(&channel->in,
	    CHANNEL_INPUT_MAX + CHANNEL_WINDOW_MAX + CHANNEL_GROWN);
	channel->grown_ns = uv_hrtime();
}

static void
shrink(struct ssh_session_channel *channel)
{
	if (channel->is_grown)
		channel->connection->gate->connections.grown--;
	channel->is_grown = false;
}

void
channel_input_clear(struct ssh_session_channel *channel)
{
	buffer_clear(&channel->in);
	channel->is_starved = false;
	shrink(channel);
}

static void
hand_on(struct ssh_session_channel *channel)
{
	struct stream *stream = &channel->session.stream;

	while (channel->state == CHANNEL_OPEN && !channel->is_stopped &&
	       buffer_len(&channel->in) > 0) {
		size_t len = buffer_len(&channel->in);
		size_t taken;

		/* what the user writes makes libssh handle packets: on_data
		 * must not move the bytes that the user is looking at */
		channel->input_lent = true;
		taken = stream->events->on_input(
		    stream, buffer_bytes(&channel->in), len);
		channel->input_lent = false;
		if (taken < len) {
			channel->is_stopped = true;
			channel->stopped_ns = uv_hrtime();
		}
		buffer_consume(&channel->in, taken);
		channel->since_grown += taken;
	}
}

/* Everything that libssh kept, in one read. */
static void
fetch(struct ssh_session_channel *channel)
{
	uint8_t *to;
	int len;

	channel->is_starved = false;
	channel->input_lent = true;
	len = ssh_channel_poll(channel->ssh, 0);
	if (len > 0 &&
	    buffer_reserve(&channel->in, (size_t)len, &to, NULL) == 0) {
		len = ssh_channel_read_nonblocking(
		    channel->ssh, to, (uint32_t)len, 0);
		if (len > 0)
			buffer_commit(&channel->in, (size_t)len);
	}
	channel->input_lent = false;
	connection_check(channel->connection);
}

/* Whether the program takes what comes: it has been stopped for less than half
 * of the time. A larger window would only hold more of what waits. */
static bool
may_grow(const struct ssh_session_channel *channel)
{
	const struct connection *connection = channel->connection;
	const struct ssh_session_channel *other;
	unsigned grown = 0;

	if (channel->since_grown <
	        (channel->is_grown ? CHANNEL_GROWN / 4 : GROW_AFTER) ||
	    channel->idle_ns > (uv_hrtime() - channel->grown_ns) / 2)
		return false;
	if (channel->is_grown)
		return true;
	if (connection->gate->connections.grown >= CHANNEL_GROWN_GATE)
		return false;
	for (other = connection->channels; other != NULL; other = other->next)
		grown += other->is_grown;
	return grown < CHANNEL_GROWN_CONNECTION;
}

/* libssh's window of 1.3 MB makes uploads slow over distance. Asking to read
 * more than it makes libssh announce that much, though nothing is there. */
static void
grow(struct ssh_session_channel *channel)
{
	uint8_t *to = memory_new(1, CHANNEL_GROWN);
	int len;

	if (!channel->is_grown)
		channel->connection->gate->connections.grown++;
	channel->is_grown = true;
	channel->since_grown = 0;
	channel->grown_ns = uv_hrtime();
	channel->idle_ns = 0;
	len = ssh_channel_read_timeout(
	    channel->ssh, to, (uint32_t)CHANNEL_GROWN, 0, 0);
	if (len > 0)
		(void)buffer_append(&channel->in, to, (size_t)len, NULL);
	free(to);
	connection_check(channel->connection);
}

void
channel_input_settle(struct ssh_session_channel *channel)
{
	struct stream *stream = &channel->session.stream;

	hand_on(channel);
	if (channel->state != CHANNEL_OPEN || channel->is_stopped)
		return;
	if (channel->is_starved) {
		fetch(channel);
		channel->connection->dirty = true;
	} else if (channel->input_ended && !channel->input_end_told) {
		channel->input_end_told = true;
		stream->events->on_eof(stream);
	} else if (!channel->input_ended && may_grow(channel)) {
		grow(channel);
		channel->connection->dirty = true;
	}
}
