/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/ssh_channel_yield.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "server/gate/gate.h"
#include "server/gate/ssh_channel.h"
#include "server/gate/ssh_connection.h"

static uint64_t
now_ms(const struct ssh_session_channel *channel)
{
	return uv_now(channel->connection->gate->loop);
}

void
channel_yield_measure(struct connection *connection)
{
	struct tcp_info info = {0};
	socklen_t len = sizeof(info);
	size_t bytes;

	if (getsockopt(ssh_get_fd(connection->ssh), IPPROTO_TCP, TCP_INFO,
	        &info, &len) != 0)
		return;
	bytes = (size_t)info.tcpi_rtt * YIELD_RTT_RATE;
	if (connection->line_bytes == 0 || bytes < connection->line_bytes)
		connection->line_bytes = bytes;
}

void
channel_yield_typed(struct ssh_session_channel *channel, size_t len)
{
	struct connection *connection = channel->connection;

	if (!channel->session.pty.present || len > YIELD_KEY_BYTES)
		return;
	if (connection->typed_until_ms < now_ms(channel))
		channel_yield_measure(connection);
	connection->typed_until_ms = now_ms(channel) + YIELD_TYPING_MS;
	connection->typist = channel;
}

static bool
is_yielding(const struct ssh_session_channel *channel)
{
	const struct connection *connection = channel->connection;

	return connection->typist != NULL && connection->typist != channel &&
	       now_ms(channel) < connection->typed_until_ms &&
	       !channel->is_unheld;
}

/* The client gives no window: it waits for more than it is let have. */
static void
hold(struct ssh_session_channel *channel)
{
	if (channel->held_ms == 0) {
		channel->held_ms = now_ms(channel);
		connection_schedule(channel->connection);
	} else if (now_ms(channel) - channel->held_ms >= YIELD_PATIENCE_MS) {
		channel->is_unheld = true;
	}
}

size_t
channel_yield_room(struct ssh_session_channel *channel, size_t window)
{
	size_t limit = YIELD_BYTES + channel->connection->line_bytes;
	size_t under_way;

	if (window > channel->window_max)
		channel->window_max = window;
	if (window > channel->window_seen)
		channel->held_ms = 0;
	channel->window_seen = window;
	if (!is_yielding(channel))
		return window;
	under_way = channel->window_max - window;
	if (under_way < limit)
		return limit - under_way < window ? limit - under_way : window;
	hold(channel);
	return channel->is_unheld ? window : 0;
}

uint64_t
channel_yield_until(const struct connection *connection)
{
	const struct ssh_session_channel *channel;

	for (channel = connection->channels; channel != NULL;
	     channel = channel->next) {
		if (channel->held_ms != 0 && is_yielding(channel))
			return channel->held_ms + YIELD_PATIENCE_MS;
	}
	return UINT64_MAX;
}
