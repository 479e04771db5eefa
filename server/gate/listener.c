/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/gate/connection.h"
#include "server/gate/gate.h"
#include "server/gate/refusal.h"

#define CLOSING_MAX 4096 /* accepted of a socket that is given up */

static void on_poll(uv_poll_t *poll, int status, int events);

static struct listener *
of_owner(struct owner *owner)
{
	return (struct listener *)(void *)((char *)owner -
	                                   offsetof(struct listener, owner));
}

static void
fill_peer(struct peer *peer, const struct sockaddr_storage *address)
{
	char text[INET6_ADDRSTRLEN] = "?";
	unsigned port = 0;

	memset(peer, 0, sizeof(*peer));
	if (address->ss_family == AF_INET) {
		const struct sockaddr_in *in =
		    (const struct sockaddr_in *)(const void *)address;

		memcpy(peer->key + 12, &in->sin_addr, 4);
		(void)inet_ntop(AF_INET, &in->sin_addr, text, sizeof(text));
		port = ntohs(in->sin_port);
	} else if (address->ss_family == AF_INET6) {
		const struct sockaddr_in6 *in =
		    (const struct sockaddr_in6 *)(const void *)address;
		bool is_mapped = IN6_IS_ADDR_V4MAPPED(&in->sin6_addr);

		memcpy(peer->key, &in->sin6_addr, is_mapped ? 16 : 8);
		(void)inet_ntop(AF_INET6, &in->sin6_addr, text, sizeof(text));
		port = ntohs(in->sin6_port);
	}
	(void)snprintf(peer->text, sizeof(peer->text), "%s:%u", text, port);
}

/* Why not; NULL: welcome. */
static const char *
refusal(const struct gate *gate, const struct peer *peer)
{
	const struct connection_set *set = &gate->connections;

	if (set->count >= (size_t)gate->config.connections)
		return "too many connections";
	if (connection_handshakes(set, peer) >=
	    (size_t)gate->config.connections_per_address)
		return "too many connections from this address";
	return NULL;
}

static void
close_refused(struct listener *listener, unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++)
		(void)close(listener->refused[i]);
	listener->refused_count -= count;
	memmove(listener->refused, listener->refused + count,
	    listener->refused_count * sizeof(*listener->refused));
}

static void
on_linger(uv_timer_t *timer)
{
	struct listener *listener = of_owner(timer->data);

	close_refused(listener, listener->refused_before);
	listener->refused_before = listener->refused_count;
	if (listener->refused_count == 0)
		(void)uv_timer_stop(timer);
}

/* fd is taken. */
static void
linger(struct listener *listener, int fd)
{
	if (listener->refused_count == LISTENER_LINGER_MAX) {
		close_refused(listener, 1);
		if (listener->refused_before > 0)
			listener->refused_before--;
	}
	listener->refused[listener->refused_count++] = fd;
	if (!uv_is_active((uv_handle_t *)&listener->linger) &&
	    !listener->owner.closing)
		(void)uv_timer_start(&listener->linger, on_linger,
		    LISTENER_LINGER_MS, LISTENER_LINGER_MS);
}

/* Tell the client, and now and then the log. */
static void
refuse(
    struct listener *listener, int fd, const struct peer *peer, const char *why)
{
	uint64_t now_ms = uv_now(listener->gate->loop);

	refusal_send(fd, why);
	if (now_ms - listener->told_ms < LISTENER_LOG_MS) {
		listener->untold++;
		return;
	}
	log_warning("connection from %s refused: %s (and %u before it)",
	    peer->text, why, listener->untold);
	listener->told_ms = now_ms;
	listener->untold = 0;
}

/* fd is taken. */
static void
serve(struct listener *listener, int fd, const struct sockaddr_storage *address)
{
	struct gate *gate = listener->gate;
	autoclose int own = fd;
	struct error err = {0};
	struct peer peer;
	const char *why;
	int on = 1;

	fill_peer(&peer, address);
	why = refusal(gate, &peer);
	if (why != NULL) {
		refuse(listener, own, &peer, why);
		linger(listener, take_fd(&own));
		return;
	}
	/* libssh does not: without it a short answer waits for the client's
	 * delayed ACK, 40 ms */
	(void)setsockopt(own, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connection_open(gate, own, &peer, &err) != 0)
		log_error("connection from %s: %s", peer.text, err.text);
	else
		(void)take_fd(&own);
}

static void
on_rest(uv_timer_t *timer)
{
	struct listener *listener = of_owner(timer->data);

	(void)uv_poll_start(&listener->poll, UV_READABLE, on_poll);
}

static int
spare_fd(const struct listener *listener)
{
	return fcntl(listener->fd, F_DUPFD_CLOEXEC, 0);
}

/* No descriptor is left: one that is kept for that lets the next client be told
 * so, instead of waiting for it. Returns whether it was. */
static bool
refuse_next(struct listener *listener)
{
	struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(address);
	struct peer peer;
	int fd;

	if (listener->spare < 0)
		return false;
	(void)close(listener->spare);
	fd = accept4(listener->fd, (struct sockaddr *)&address, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0) {
		fill_peer(&peer, &address);
		refuse(listener, fd, &peer, "too many open files");
		(void)close(fd);
	}
	listener->spare = spare_fd(listener);
	return fd >= 0;
}

/* Returns whether there may be more. */
static bool
accept_one(struct listener *listener)
{
	struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
	socklen_t len = sizeof(address);
	int fd = accept4(listener->fd, (struct sockaddr *)&address, &len,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd >= 0) {
		serve(listener, fd, &address);
		return true;
	}
	if ((errno == EMFILE || errno == ENFILE) && refuse_next(listener))
		return true;
	if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
	    errno == ENOMEM) {
		log_error("cannot accept: %s", strerror(errno));
		(void)uv_poll_stop(&listener->poll);
		if (!listener->owner.closing)
			(void)uv_timer_start(
			    &listener->rest, on_rest, LISTENER_REST_MS, 0);
		return false;
	}
	return errno != EAGAIN && errno != EINVAL;
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct listener *listener = of_owner(poll->data);
	int left = LISTENER_BATCH;

	(void)status;
	(void)events;
	while (left-- > 0 && accept_one(listener))
		;
}

static void
on_gone(struct owner *owner)
{
	struct listener *listener = of_owner(owner);

	(void)close(listener->fd);
	close_refused(listener, listener->refused_count);
	if (listener->spare >= 0)
		(void)close(listener->spare);
	free(listener);
}

struct listener *
listener_open(struct gate *gate, int fd, struct error *err)
{
	struct listener *listener = memory_new(1, sizeof(*listener));
	int rc;

	listener->gate = gate;
	listener->fd = fd;
	owner_init(&listener->owner, on_gone);
	rc = uv_poll_init(gate->loop, &listener->poll, fd);
	if (rc != 0) {
		(void)close(fd);
		free(listener);
		(void)error_set(err, ERROR_SYSTEM, "cannot watch the port: %s",
		    strerror(-rc));
		return NULL;
	}
	owner_adopt(&listener->owner, (uv_handle_t *)&listener->poll);
	(void)uv_timer_init(gate->loop, &listener->rest);
	owner_adopt(&listener->owner, (uv_handle_t *)&listener->rest);
	(void)uv_timer_init(gate->loop, &listener->linger);
	owner_adopt(&listener->owner, (uv_handle_t *)&listener->linger);
	(void)uv_poll_start(&listener->poll, UV_READABLE, on_poll);
	listener->spare = spare_fd(listener);
	return listener;
}

void
listener_close(struct listener *listener)
{
	int left = CLOSING_MAX;

	if (listener == NULL || listener->owner.closing)
		return;
	while (left-- > 0 && accept_one(listener))
		;
	owner_close(&listener->owner);
}
