/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/door.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/keeper/keeper.h"

/* Accepted in one turn of the loop. */
#define ACCEPT_MAX 64

/* For answers and messages, beyond the output that attachments queue. */
#define OUT_MAX (2u << 20)

enum first { FIRST_ADMIT = 0, FIRST_TAKE, FIRSTS };

struct visitor {
	struct door *door;
	struct channel *channel; /* owned until handed on */
	uint64_t deadline_ms;
	TAILQ_ENTRY(visitor) entry;
};

static struct visitor *
of_channel(struct channel *channel)
{
	return channel->data;
}

static void
leave(struct visitor *visitor)
{
	TAILQ_REMOVE(&visitor->door->visitors, visitor, entry);
	visitor->door->count--;
	free(visitor);
}

static int
admit(struct visitor *visitor, const struct attachment_admit *body,
    struct error *err)
{
	struct keeper *keeper = visitor->door->keeper;

	if (keeper->attachment_count >= KEEPER_ATTACHMENTS_MAX)
		return error_set(err, ERROR_LIMIT,
		    "%u attachments are open, the most a task has",
		    KEEPER_ATTACHMENTS_MAX);
	keeper_attach(keeper, visitor->channel, body);
	leave(visitor);
	return 0;
}

static void
hand_over(struct visitor *visitor)
{
	custody_take(&visitor->door->keeper->custody, visitor->channel);
	leave(visitor);
}

static int
on_frame(struct channel *channel, const struct frame *frame, struct error *err)
{
	static const char *const types[FIRSTS + 1] = {"admit", "take"};
	const struct json_shape *const shapes[FIRSTS] = {
	    attachment_shapes[ATTACHMENT_ADMIT], custody_shapes[CUSTODY_TAKE]};
	const struct json_messages messages = {types, shapes};
	struct attachment_admit body;
	int type, rc;

	if (frame->kind != FRAME_CONTROL || frame->stream != 0)
		return error_set(err, ERROR_INVALID, "first a %s on stream %u",
		    frame_kind_name(frame->kind), frame->stream);
	rc = json_read_typed(&messages, (const char *)frame->payload,
	    frame->len, &type, &body, err);
	if (rc == 0 && type == FIRST_ADMIT)
		rc = admit(of_channel(channel), &body, err);
	else if (rc == 0)
		hand_over(of_channel(channel));
	if (type >= 0)
		json_clear(shapes[type], &body);
	return rc;
}

static void
on_closed(struct channel *channel, const struct error *why)
{
	if (why->code != ERROR_NONE)
		log_warning("visitor: closed: %s", why->text);
	leave(of_channel(channel));
	free(channel);
}

static const struct channel_events events = {
    .out_max = OUT_MAX,
    .on_frame = on_frame,
    .on_closed = on_closed,
};

/* The first in the list is the first whose time is up. */
static void
arm(struct door *door, uv_timer_cb on_timer)
{
	const struct visitor *first = TAILQ_FIRST(&door->visitors);
	uint64_t now_ms = uv_now(door->keeper->loop);

	if (first != NULL)
		(void)uv_timer_start(&door->timer, on_timer,
		    first->deadline_ms > now_ms ? first->deadline_ms - now_ms
		                                : 0,
		    0);
}

static void
on_timer(uv_timer_t *timer)
{
	struct owner *owner = timer->data;
	struct door *door = &keeper_of_owner(owner)->door;
	uint64_t now_ms = uv_now(door->keeper->loop);
	struct visitor *visitor = TAILQ_FIRST(&door->visitors);
	bool is_late = false;

	for (; visitor != NULL && visitor->deadline_ms <= now_ms;
	     visitor = TAILQ_NEXT(visitor, entry)) {
		is_late = is_late || !visitor->channel->closing;
		channel_close(visitor->channel);
	}
	if (is_late)
		log_warning("visitor: said nothing in time");
	/* Those closed leave the list at the end of this turn. */
	if (visitor != NULL)
		(void)uv_timer_start(
		    timer, on_timer, visitor->deadline_ms - now_ms, 0);
}

static int
check_peer(const struct door *door, int fd, struct error *err)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0)
		return error_sys(err, "who connects");
	if (peer.uid != 0 && peer.uid != door->manager)
		return error_set(
		    err, ERROR_DENIED, "uid %u is not the manager's", peer.uid);
	if (door->count >= DOOR_SILENT_MAX)
		return error_set(err, ERROR_LIMIT,
		    "%u connections have not said anything yet",
		    DOOR_SILENT_MAX);
	return 0;
}

static int
receive(struct door *door, int *fd, struct error *err)
{
	struct visitor *visitor;

	if (check_peer(door, *fd, err) != 0)
		return -1;
	visitor = memory_new(1, sizeof(*visitor));
	visitor->door = door;
	visitor->deadline_ms = uv_now(door->keeper->loop) + DOOR_SILENT_MS;
	visitor->channel = memory_new(1, sizeof(*visitor->channel));
	if (channel_open(visitor->channel, door->keeper->loop, *fd, &events,
	        visitor, err) != 0) {
		free(visitor->channel);
		free(visitor);
		return -1;
	}
	(void)take_fd(fd);
	TAILQ_INSERT_TAIL(&door->visitors, visitor, entry);
	door->count++;
	if (!uv_is_active((uv_handle_t *)&door->timer))
		arm(door, on_timer);
	return 0;
}

/* With no descriptor left, whoever waits would be announced for ever. */
static void
send_away(struct door *door)
{
	(void)close(door->spare);
	door->spare = accept4(door->fd, NULL, NULL, SOCK_CLOEXEC);
	if (door->spare >= 0)
		(void)close(door->spare);
	door->spare = fcntl(door->fd, F_DUPFD_CLOEXEC, 0);
	log_error("visitor: sent away: no descriptors are left");
}

static void
on_poll(uv_poll_t *poll, int status, int events_seen)
{
	struct owner *owner = poll->data;
	struct door *door = &keeper_of_owner(owner)->door;
	int i;

	(void)status;
	(void)events_seen;
	for (i = 0; i < ACCEPT_MAX; i++) {
		autoclose int fd =
		    accept4(door->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		struct error err = {0};

		if (fd < 0 && (errno == EMFILE || errno == ENFILE))
			send_away(door);
		if (fd < 0)
			return;
		if (receive(door, &fd, &err) != 0)
			log_warning("visitor: refused: %s", err.text);
	}
}

int
door_open(struct door *door, struct keeper *keeper, int fd, struct owner *owner,
    struct error *err)
{
	struct stat socket;
	int flags = fcntl(fd, F_GETFL);
	int rc;

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    fstat(fd, &socket) != 0)
		return error_sys(err, "listening socket");
	door->keeper = keeper;
	door->fd = fd;
	door->spare = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	door->manager = socket.st_uid;
	TAILQ_INIT(&door->visitors);
	door->count = 0;
	rc = uv_poll_init(keeper->loop, &door->poll, fd);
	if (rc != 0) {
		errno = -rc;
		return error_sys(err, "watch the listening socket");
	}
	owner_adopt(owner, (uv_handle_t *)&door->poll);
	(void)uv_timer_init(keeper->loop, &door->timer);
	owner_adopt(owner, (uv_handle_t *)&door->timer);
	(void)uv_poll_start(&door->poll, UV_READABLE, on_poll);
	return 0;
}

void
door_close(struct door *door)
{
	struct visitor *visitor = TAILQ_FIRST(&door->visitors);

	(void)uv_poll_stop(&door->poll);
	for (; visitor != NULL; visitor = TAILQ_NEXT(visitor, entry))
		channel_close(visitor->channel);
}

void
door_clear(struct door *door)
{
	(void)close(door->fd);
	(void)close(door->spare);
}
