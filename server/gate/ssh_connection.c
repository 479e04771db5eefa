/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/ssh_connection.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/cleanup.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/gate/gate.h"
#include "server/gate/ssh_auth.h"
#include "server/gate/ssh_channel.h"
#include "server/gate/ssh_channel_request.h"
#include "server/gate/ssh_channel_yield.h"
#include "server/gate/ssh_host.h"

#define PARKED_MS_MAX 30000 /* a client that never answers a rekey */

static void on_timer(uv_timer_t *timer);

struct connection *
connection_of(struct owner *owner)
{
	return (
	    struct connection *)(void *)((char *)owner -
	                                 offsetof(struct connection, owner));
}

static void
tell_manager(const struct connection *connection, const char *event)
{
	autofree char *session = memory_string(connection->id);
	autofree char *address = memory_string(connection->peer.text);
	autofree char *name = memory_string(event);
	autofree char *denied = connection->denied.user[0] == '\0'
	                            ? NULL
	                            : memory_string(connection->denied.user);
	const struct control_session body = {
	    .session = session,
	    .principal = connection->principal,
	    .user = connection->user == NULL ? denied : connection->user,
	    .address = address,
	    .event = name,
	};

	manager_tell(&connection->gate->manager, &body);
}

/* When the timer must fire next. */
void
connection_schedule(struct connection *connection)
{
	uint64_t now_ms = uv_now(connection->gate->loop);
	uint64_t at_ms = connection->deadline_ms;
	uint64_t yield_ms = channel_yield_until(connection);

	if (yield_ms < at_ms)
		at_ms = yield_ms;
	if (connection->parked_until != 0 &&
	    connection->parked_ms + PARKED_MS_MAX < at_ms)
		at_ms = connection->parked_ms + PARKED_MS_MAX;
	if (at_ms == UINT64_MAX)
		(void)uv_timer_stop(&connection->timer);
	else
		(void)uv_timer_start(&connection->timer, on_timer,
		    at_ms > now_ms ? at_ms - now_ms : 0, 0);
}

static void
close_ssh(struct connection *connection)
{
	if (connection->event != NULL) {
		(void)ssh_event_remove_session(
		    connection->event, connection->ssh);
		ssh_event_free(connection->event);
	}
	if (connection->why != NULL)
		(void)ssh_session_set_disconnect_message(
		    connection->ssh, connection->why);
	ssh_disconnect(connection->ssh);
	ssh_free(connection->ssh);
	connection->ssh = NULL;
}

static void
log_end(const struct connection *connection)
{
	const struct connection_denied *denied = &connection->denied;
	const char *why =
	    connection->why == NULL ? "the client left" : connection->why;

	if (connection->state == CONNECTION_OPEN)
		log_info("session %s: closed: %s", connection->id, why);
	else if (denied->user[0] == '\0')
		log_info("session %s: refused: from %s: %s", connection->id,
		    connection->peer.text, why);
	else
		log_info("session %s: refused: %s with %s from %s: %s",
		    connection->id, denied->user, denied->key,
		    connection->peer.text, why);
}

void
connection_end(struct connection *connection)
{
	struct connection_set *set = &connection->gate->connections;
	struct ssh_session_channel *channel;

	if (connection->state == CONNECTION_HANDSHAKE)
		set->handshakes--;
	tell_manager(connection,
	    connection->state == CONNECTION_OPEN ? "closed" : "refused");
	log_end(connection);
	connection->state = CONNECTION_CLOSED;
	connection->dead = true;
	connection_untouch(connection);
	owner_close(&connection->owner);
	for (channel = connection->channels; channel != NULL;
	     channel = channel->next)
		session_channel_lose(channel);
	while (connection->channels != NULL) {
		channel = connection->channels;
		connection->channels = channel->next;
		session_channel_free(channel);
	}
	close_ssh(connection);
}

static void
keep_alive(struct connection *connection, uint64_t now_ms)
{
	const struct control_configure *config = &connection->gate->config;
	uint64_t packets = connection->packet_count.in_packets;

	if (packets != connection->seen_packets)
		connection->unanswered = 0;
	connection->seen_packets = packets;
	if (connection->unanswered >= config->keepalive_count) {
		connection_kill(connection, "the client does not answer");
		return;
	}
	connection->unanswered++;
	connection->deadline_ms = now_ms + (uint64_t)config->keepalive_ms;
	(void)ssh_send_keepalive(connection->ssh);
	connection_check(connection);
}

static void
on_timer(uv_timer_t *timer)
{
	struct connection *connection = connection_of(timer->data);
	uint64_t now_ms = uv_now(connection->gate->loop);

	if (connection->parked_until != 0 &&
	    now_ms - connection->parked_ms >= PARKED_MS_MAX)
		connection_kill(
		    connection, "the client does not finish a key exchange");
	else if (now_ms >= connection->deadline_ms &&
	         connection->state == CONNECTION_HANDSHAKE)
		connection_kill(connection, "not authenticated in time");
	else if (now_ms >= connection->deadline_ms)
		keep_alive(connection, now_ms);
	connection_schedule(connection);
	connection_go_on(connection);
}

void
connection_opened(struct connection *connection, const char *user,
    const char *principal, enum access_user kind)
{
	const struct gate *gate = connection->gate;

	connection->state = CONNECTION_OPEN;
	channel_yield_measure(connection);
	connection->gate->connections.handshakes--;
	connection->user = memory_string(user);
	connection->principal = memory_string(principal);
	(void)access_split(user, &connection->name);
	connection->kind = kind;
	connection->deadline_ms =
	    gate->config.keepalive_ms == 0
	        ? UINT64_MAX
	        : uv_now(gate->loop) + (uint64_t)gate->config.keepalive_ms;
	connection_schedule(connection);
	log_info("session %s: %s as %s from %s", connection->id, principal,
	    user, connection->peer.text);
	tell_manager(connection, "opened");
}

static ssh_channel
on_channel(ssh_session ssh, void *data)
{
	struct connection *connection = data;
	struct ssh_session_channel *channel;

	(void)ssh;
	if (connection->state != CONNECTION_OPEN ||
	    connection->channel_count >=
	        (size_t)connection->gate->config.channels)
		return NULL;
	channel = session_channel_open(connection);
	if (channel == NULL)
		return NULL;
	channel->next = connection->channels;
	connection->channels = channel;
	connection->channel_count++;
	connection->dirty = true;
	return channel->ssh;
}

/* Everything without a callback of its own. What is not for us is refused, as
 * the RFCs say: by libssh, when this is not 0. */
static int
on_message(ssh_session ssh, ssh_message message, void *data)
{
	(void)ssh;
	return channel_request_message(data, message) ? 0 : 1;
}

static void
on_gone(struct owner *owner)
{
	struct connection *connection = connection_of(owner);

	*connection->link = connection->next;
	if (connection->next != NULL)
		connection->next->link = connection->link;
	connection->gate->connections.count--;
	gate_connection_gone(connection->gate);
	free(connection->user);
	free(connection->principal);
	free(connection);
}

static void
enlist(struct connection *connection)
{
	struct connection_set *set = &connection->gate->connections;

	connection->next = set->first;
	connection->link = &set->first;
	if (set->first != NULL)
		set->first->link = &connection->next;
	set->first = connection;
	set->count++;
	if (set->count > set->most)
		set->most = set->count;
	set->handshakes++;
}

/* Everything that can fail, before any handle is there. */
static int
open_ssh(struct connection *connection, int fd, struct error *err)
{
	struct ssh_server_callbacks_struct *callbacks = &connection->callbacks;

	connection->ssh = host_accept(connection->gate->host, fd,
	    connection->gate->config.rekey_bytes, err);
	if (connection->ssh == NULL)
		return -1;
	ssh_set_counters(connection->ssh, &connection->socket_count,
	    &connection->packet_count);
	ssh_callbacks_init(callbacks);
	callbacks->userdata = connection;
	callbacks->channel_open_request_session_function = on_channel;
	auth_set_callbacks(callbacks);
	(void)ssh_set_server_callbacks(connection->ssh, callbacks);
	ssh_set_message_callback(connection->ssh, on_message, connection);
	ssh_set_auth_methods(connection->ssh, SSH_AUTH_METHOD_PUBLICKEY);
	return 0;
}

int
connection_open(
    struct gate *gate, int fd, const struct peer *peer, struct error *err)
{
	struct connection *connection = memory_new(1, sizeof(*connection));

	connection->gate = gate;
	connection->peer = *peer;
	if (open_ssh(connection, fd, err) != 0) {
		free(connection);
		return -1;
	}
	name_generate(connection->id);
	owner_init(&connection->owner, on_gone);
	(void)uv_poll_init_socket(gate->loop, &connection->poll, fd);
	owner_adopt(&connection->owner, (uv_handle_t *)&connection->poll);
	(void)uv_timer_init(gate->loop, &connection->timer);
	owner_adopt(&connection->owner, (uv_handle_t *)&connection->timer);
	enlist(connection);
	connection->deadline_ms =
	    uv_now(gate->loop) + (uint64_t)gate->config.grace_ms;
	connection_schedule(connection);
	/* sends the banner; the rest comes through callbacks. Only then has the
	 * session something to poll */
	if (ssh_handle_key_exchange(connection->ssh) == SSH_ERROR)
		connection_kill(connection, NULL);
	connection->event = ssh_event_new();
	if (connection->event == NULL ||
	    ssh_event_add_session(connection->event, connection->ssh) != SSH_OK)
		connection_kill(connection, "libssh has no event");
	connection_drive(connection);
	connection_go_on(connection);
	return 0;
}

size_t
connection_handshakes(const struct connection_set *set, const struct peer *peer)
{
	const struct connection *connection;
	size_t seen = set->handshakes;
	size_t count = 0;

	/* the newest are in front: of many that are idle few are looked at */
	for (connection = set->first; connection != NULL && seen > 0;
	     connection = connection->next) {
		if (connection->state != CONNECTION_HANDSHAKE)
			continue;
		seen--;
		count += memcmp(connection->peer.key, peer->key,
		             sizeof(peer->key)) == 0;
	}
	return count;
}
