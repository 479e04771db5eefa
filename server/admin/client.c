/* SPDX-License-Identifier: Apache-2.0 */
#include "server/admin/client.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/frame.h"
#include "protocol/memory.h"

#define READ_BYTES (64u << 10)
#define POLL_MS    20
#define IN_MAX     (FRAME_CONTROL_MAX + FRAME_HEADER_BYTES + READ_BYTES)

/* Whether somebody serves here, or is about to. */
static bool
is_locked(void)
{
	autoclose int lock = open("lock", O_RDONLY | O_CLOEXEC);

	return lock >= 0 && flock(lock, LOCK_SH | LOCK_NB) != 0 &&
	       errno == EWOULDBLOCK;
}

static int
connect_admin(int *out)
{
	const struct sockaddr_un address = {
	    .sun_family = AF_UNIX, .sun_path = "run/admin.sock"};
	autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || connect(fd, (const struct sockaddr *)&address,
	                  sizeof(address)) != 0)
		return -1;
	*out = take_fd(&fd);
	return 0;
}

int
client_open(struct client *client, const char *dir, struct error *err)
{
	int waited = 0;

	memset(client, 0, sizeof(*client));
	buffer_init(&client->in, IN_MAX);
	client->fd = -1;
	/* a path of DIR may be longer than an address: go there first */
	if (chdir(dir) != 0)
		return error_sys(err, "%s: %s", dir, strerror(errno));
	while (connect_admin(&client->fd) != 0) {
		if (errno != ENOENT && errno != ECONNREFUSED)
			return error_sys(
			    err, "%s/run/admin.sock: %s", dir, strerror(errno));
		if (waited >= CLIENT_WAIT_MS || !is_locked())
			return error_set(
			    err, ERROR_NOT_FOUND, "no gateway serves %s", dir);
		(void)poll(NULL, 0, POLL_MS);
		waited += POLL_MS;
	}
	return 0;
}

void
client_close(struct client *client)
{
	if (client->fd >= 0)
		(void)close(client->fd);
	client->fd = -1;
	buffer_clear(&client->in);
}

static int
send_all(
    struct client *client, const uint8_t *bytes, size_t len, struct error *err)
{
	ssize_t done;

	while (len > 0) {
		done = send(client->fd, bytes, len, MSG_NOSIGNAL);
		if (done < 0 && errno == EINTR)
			continue;
		client->has_ended = done < 0;
		if (done < 0)
			return error_sys(
			    err, "the gateway hung up: %s", strerror(errno));
		bytes += done;
		len -= (size_t)done;
	}
	return 0;
}

/* Read a message as the manager will, who hangs up on what it cannot read. */
static int
check(const struct buffer *json, struct error *err)
{
	union control_body body;
	int type, ret;

	ret =
	    json_read_typed(&control_messages, (const char *)buffer_bytes(json),
	        buffer_len(json), &type, &body, err);
	if (type >= 0)
		json_clear(control_shapes[type], &body);
	return ret;
}

static int
say(struct client *client, enum control_type type, const void *body,
    struct error *err)
{
	struct buffer json, frame;
	int ret;

	buffer_init(&json, FRAME_CONTROL_MAX);
	buffer_init(&frame, FRAME_CONTROL_MAX + FRAME_HEADER_BYTES);
	ret = json_write(
	    control_shapes[type], control_types[type], body, &json, err);
	if (ret == 0)
		ret = check(&json, err);
	if (ret == 0)
		ret = frame_append(&frame, FRAME_CONTROL, 0,
		    buffer_bytes(&json), buffer_len(&json), err);
	if (ret == 0)
		ret = send_all(
		    client, buffer_bytes(&frame), buffer_len(&frame), err);
	buffer_clear(&json);
	buffer_clear(&frame);
	return ret;
}

static int
read_more(struct client *client, struct error *err)
{
	ssize_t got;
	uint8_t *room;

	if (buffer_reserve(&client->in, READ_BYTES, &room, err) != 0)
		return -1;
	do {
		got = read(client->fd, room, READ_BYTES);
	} while (got < 0 && errno == EINTR);
	client->has_ended = got == 0 || (got < 0 && errno == ECONNRESET);
	if (got < 0)
		return error_sys(err, "the gateway: %s", strerror(errno));
	if (got == 0)
		return error_set(err, ERROR_SYSTEM, "the gateway hung up");
	buffer_commit(&client->in, (size_t)got);
	return 0;
}

/* The next frame; its bytes are consumed by the next call. */
static int
next_frame(
    struct client *client, size_t *used, struct frame *frame, struct error *err)
{
	int ret;

	buffer_consume(&client->in, *used);
	*used = 0;
	for (;;) {
		ret = frame_parse(buffer_bytes(&client->in),
		    buffer_len(&client->in), frame, used, err);
		if (ret != 0)
			return ret < 0 ? -1 : 0;
		if (read_more(client, err) != 0)
			return -1;
	}
}

struct answers {
	int64_t request;
	void (*on_item)(void *data, union control_body *item);
	void *data;
	bool is_done;
	char *note; /* borrowed: the client's */
};

static bool
is_item(int type)
{
	return type == CONTROL_TASK || type == CONTROL_RECORDING;
}

/* Each begins with its number. */
static_assert(offsetof(struct control_task, request) == 0 &&
                  offsetof(struct control_recording, request) == 0,
    "request comes first");

/* 0: go on or done; -1: refused. */
static int
take_message(
    const struct frame *frame, struct answers *answers, struct error *err)
{
	union control_body body;
	int type, ret;

	ret = json_read_typed(&control_messages, (const char *)frame->payload,
	    frame->len, &type, &body, err);
	if (ret == 0 && answers->on_item != NULL && is_item(type) &&
	    body.ask.request == answers->request)
		answers->on_item(answers->data, &body);
	if (ret == 0 && type == CONTROL_ANSWER &&
	    body.answer.request == answers->request) {
		answers->is_done = true;
		(void)snprintf(answers->note, LIMIT_TEXT_BYTES + 1, "%s",
		    body.answer.note == NULL ? "" : body.answer.note);
		if (body.answer.code != NULL)
			ret = error_set(err, error_code_named(body.answer.code),
			    "%s", body.answer.text);
	}
	if (type >= 0)
		json_clear(control_shapes[type], &body);
	return ret;
}

int
client_ask(struct client *client, enum control_type type,
    union control_body *body,
    void (*on_item)(void *data, union control_body *item), void *data,
    struct error *err)
{
	struct answers answers = {
	    .on_item = on_item, .data = data, .note = client->note};
	struct frame frame;
	size_t used = 0;
	int ret;

	answers.request = ++client->request;
	body->ask.request = answers.request;
	ret = say(client, type, body, err);
	while (ret == 0 && !answers.is_done) {
		ret = next_frame(client, &used, &frame, err);
		if (ret == 0)
			ret = take_message(&frame, &answers, err);
	}
	buffer_consume(&client->in, used);
	return ret;
}
