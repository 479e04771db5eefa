/* SPDX-License-Identifier: Apache-2.0 */
#include "server/admin/client.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/error.h"
#include "protocol/frame.h"
#include "protocol/memory.h"

#define READ_BYTES (64u << 10)
#define IN_MAX     (FRAME_CONTROL_MAX + FRAME_HEADER_BYTES + READ_BYTES)

int
client_open(struct client *client, const char *dir, struct error *err)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int len;

	memset(client, 0, sizeof(*client));
	buffer_init(&client->in, IN_MAX);
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0)
		return error_sys(err, "socket: %s", strerror(errno));
	/* a path of DIR may be longer than an address: go there first */
	if (chdir(dir) != 0)
		return error_sys(err, "%s: %s", dir, strerror(errno));
	len = snprintf(
	    address.sun_path, sizeof(address.sun_path), "run/admin.sock");
	if (connect(client->fd, (struct sockaddr *)&address,
	        (socklen_t)(sizeof(address.sun_family) + (size_t)len + 1)) == 0)
		return 0;
	if (errno == ENOENT || errno == ECONNREFUSED)
		return error_set(
		    err, ERROR_NOT_FOUND, "no gateway serves %s", dir);
	return error_sys(err, "%s/run/admin.sock: %s", dir, strerror(errno));
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
send_all(int fd, const uint8_t *bytes, size_t len, struct error *err)
{
	ssize_t done;

	while (len > 0) {
		done = send(fd, bytes, len, MSG_NOSIGNAL);
		if (done < 0 && errno == EINTR)
			continue;
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
		    client->fd, buffer_bytes(&frame), buffer_len(&frame), err);
	buffer_clear(&json);
	buffer_clear(&frame);
	return ret;
}

/* The next frame; its bytes are consumed by the next call. */
static int
next_frame(
    struct client *client, size_t *used, struct frame *frame, struct error *err)
{
	ssize_t got;
	uint8_t *room;
	int ret;

	buffer_consume(&client->in, *used);
	*used = 0;
	for (;;) {
		ret = frame_parse(buffer_bytes(&client->in),
		    buffer_len(&client->in), frame, used, err);
		if (ret != 0)
			return ret < 0 ? -1 : 0;
		if (buffer_reserve(&client->in, READ_BYTES, &room, err) != 0)
			return -1;
		got = read(client->fd, room, READ_BYTES);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return error_sys(
			    err, "the gateway: %s", strerror(errno));
		if (got == 0)
			return error_set(
			    err, ERROR_SYSTEM, "the gateway hung up");
		buffer_commit(&client->in, (size_t)got);
	}
}

struct answers {
	int64_t request;
	void (*on_item)(void *data, union control_body *item);
	void *data;
	bool is_done;
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
	struct answers answers = {.on_item = on_item, .data = data};
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
