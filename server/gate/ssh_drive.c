/* SPDX-License-Identifier: Apache-2.0 */
/* libssh driven by libuv: reading, settling, sending, in turns. */
#include "server/gate/ssh_connection.h"

#include "protocol/limits.h"
#include "server/gate/gate.h"
#include "server/gate/ssh_channel.h"

#define TURNS_MAX      64   /* of 4 KiB each: then others have their turn */
#define READ_BYTES     4096 /* what libssh reads at once */
#define TURNS_TOGETHER 16   /* 64 KiB of a stream: what a frame holds */
#define PASSES_MAX     64

static void on_poll(uv_poll_t *poll, int status, int events);

void
connection_touch(struct connection *connection)
{
	struct connection_set *set = &connection->gate->connections;

	if (connection->touched_link != NULL ||
	    connection->state == CONNECTION_CLOSED)
		return;
	connection->touched_next = set->touched;
	connection->touched_link = &set->touched;
	if (set->touched != NULL)
		set->touched->touched_link = &connection->touched_next;
	set->touched = connection;
}

void
connection_untouch(struct connection *connection)
{
	if (connection->touched_link == NULL)
		return;
	*connection->touched_link = connection->touched_next;
	if (connection->touched_next != NULL)
		connection->touched_next->touched_link =
		    connection->touched_link;
	connection->touched_link = NULL;
}

void
connection_kill(struct connection *connection, const char *why)
{
	if (!connection->dead)
		connection->why = why;
	connection->dead = true;
	connection_touch(connection);
}

/* libssh closes the socket when it fails: the handle must not outlive it, or it
 * would watch whatever gets the number next. */
void
connection_check(struct connection *connection)
{
	if ((ssh_get_status(connection->ssh) &
	        (SSH_CLOSED | SSH_CLOSED_ERROR)) == 0)
		return;
	(void)uv_poll_stop(&connection->poll);
	connection->events = 0;
	connection_kill(connection, NULL);
}

static bool
is_pending(const struct connection *connection)
{
	return (ssh_get_status(connection->ssh) & SSH_WRITE_PENDING) != 0;
}

bool
connection_may_write(const struct connection *connection)
{
	return !connection->dead && connection->parked_until == 0 &&
	       !is_pending(connection);
}

void
connection_wrote(struct connection *connection, uint64_t out_bytes, size_t len)
{
	if (connection->packet_count.out_bytes - out_bytes >= len)
		return;
	connection->parked_until = out_bytes + len;
	connection->parked_ms = uv_now(connection->gate->loop);
	connection_schedule(connection);
}

static void
unpark(struct connection *connection)
{
	if (connection->parked_until == 0 ||
	    connection->packet_count.out_bytes < connection->parked_until)
		return;
	connection->parked_until = 0;
	connection->dirty = true;
	connection_schedule(connection);
}

void
connection_push(struct connection *connection)
{
	connection_check(connection);
	if (connection->dead || !is_pending(connection))
		return;
	if (ssh_event_dopoll(connection->event, 0) == SSH_ERROR)
		connection_kill(connection, NULL);
	connection_check(connection);
}

static void
drop(struct connection *connection, struct ssh_session_channel *channel)
{
	struct ssh_session_channel **at = &connection->channels;

	while (*at != channel)
		at = &(*at)->next;
	*at = channel->next;
	connection->channel_count--;
	session_channel_free(channel);
}

/* Who has had its turn at sending what waited goes behind all others. */
static void
give_way(struct connection *connection, struct ssh_session_channel *channel)
{
	struct ssh_session_channel **at = &connection->channels;
	bool had_turn = channel->has_written;

	channel->has_written = false;
	if (!had_turn || channel->next == NULL)
		return;
	while (*at != channel)
		at = &(*at)->next;
	*at = channel->next;
	while (*at != NULL)
		at = &(*at)->next;
	*at = channel;
	channel->next = NULL;
}

/* One pass over the channels with a terminal, or those without. New ones come
 * in at the head, and only this frees or moves one: what comes next stays. */
static void
settle_channels(struct connection *connection, bool has_terminal)
{
	struct ssh_session_channel *channel = connection->channels;

	while (channel != NULL && !connection->dead) {
		bool is_now = channel->session.pty.present == has_terminal;
		bool is_over = is_now && !session_channel_settle(channel);
		struct ssh_session_channel *next = channel->next;

		if (is_over)
			drop(connection, channel);
		else if (is_now)
			give_way(connection, channel);
		channel = next;
	}
}

/* Let every channel do what is left to be done, until nothing more comes. What
 * a person sees goes ahead of what is only much. */
static void
settle(struct connection *connection)
{
	unsigned passes = 0;

	do {
		connection->dirty = false;
		unpark(connection);
		settle_channels(connection, true);
		settle_channels(connection, false);
	} while (
	    connection->dirty && !connection->dead && ++passes < PASSES_MAX);
}

static void
arm(struct connection *connection)
{
	int events = UV_READABLE | (is_pending(connection) ? UV_WRITABLE : 0);

	if (events == connection->events)
		return;
	connection->events = events;
	(void)uv_poll_start(&connection->poll, events, on_poll);
}

/* What a client may send before it is authenticated. Packets are counted, not
 * attempts: libssh tells nothing of most that fail. */
static void
check_budget(struct connection *connection)
{
	if (connection->state == CONNECTION_HANDSHAKE &&
	    (connection->packet_count.in_packets > LIMIT_HANDSHAKE_PACKETS ||
	        connection->socket_count.in_bytes > LIMIT_HANDSHAKE_BYTES))
		connection_kill(
		    connection, "too much was sent without authenticating");
}

/* Read and write until the socket has no more, or others must have a turn. */
void
connection_drive(struct connection *connection)
{
	unsigned turn;

	for (turn = 0; turn < TURNS_MAX && !connection->dead; turn++) {
		uint64_t before = connection->socket_count.in_bytes;
		int rc = ssh_event_dopoll(connection->event, 0);
		uint64_t got = connection->socket_count.in_bytes - before;

		if (rc == SSH_ERROR)
			connection_kill(connection, NULL);
		connection_check(connection);
		check_budget(connection);
		if (!connection->dead &&
		    (got < READ_BYTES || turn % TURNS_TOGETHER == 0))
			settle(connection);
		if (rc == SSH_AGAIN ||
		    (got < READ_BYTES &&
		        (connection->dead || !is_pending(connection))))
			break;
	}
}

/* Settle, send and wait again; or end. Sending lets input in, which no event
 * will tell of again. */
void
connection_go_on(struct connection *connection)
{
	if (!connection->dead)
		settle(connection);
	connection_push(connection);
	if (connection->dead) {
		connection_end(connection);
		return;
	}
	arm(connection);
	connection_untouch(connection);
	if (connection->dirty)
		connection_touch(connection);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct connection *connection = connection_of(poll->data);

	(void)events;
	if (status < 0) {
		(void)uv_poll_stop(&connection->poll);
		connection->events = 0;
		connection_kill(connection, NULL);
	}
	connection_drive(connection);
	connection_go_on(connection);
}

bool
connection_flush(struct connection_set *set)
{
	struct connection *list = set->touched;

	/* those touched while this runs wait for the next time */
	set->touched = NULL;
	if (list != NULL)
		list->touched_link = &list;
	while (list != NULL) {
		struct connection *connection = list;

		connection_untouch(connection);
		connection_go_on(connection);
	}
	return set->touched != NULL;
}
