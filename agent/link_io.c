/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/link_io.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/uio.h>
#include <unistd.h>

#include "agent/receive.h"
#include "protocol/json.h"

/* A shorter frame is sent with others: copying it is cheaper than a call. */
#define LONG_BYTES 4096u

static void
end(struct link_io *link)
{
	link->ended = true;
	loop_remove(link->loop, &link->watch);
}

/* Ask epoll for what can be used now. */
static void
watch_again(struct link_io *link)
{
	uint32_t events = EPOLLIN;

	if (link->ended)
		return;
	if (buffer_len(&link->out) > 0)
		events |= EPOLLOUT;
	if (events != link->events)
		loop_change(link->loop, &link->watch, events);
	link->events = events;
}

/*
 * Bytes the kernel took. When it takes no more ever, a replacement may still
 * be waiting to be read: whoever sent it may be gone already.
 */
static size_t
put(struct link_io *link, const struct iovec *parts, int count)
{
	ssize_t n;

	if (link->ended || link->deaf)
		return 0;
	do
		n = writev(link->watch.fd, parts, count);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN) {
		link->deaf = true;
		buffer_clear(&link->out);
	}
	return n < 0 ? 0 : (size_t)n;
}

static void
queue(struct link_io *link, const void *bytes, size_t len)
{
	if (link->ended || link->deaf || len == 0)
		return;
	if (buffer_append(&link->out, bytes, len, &link->why) != 0)
		end(link);
}

static int
take_frames(struct link_io *link)
{
	size_t at = 0;

	while (!link->ended) {
		struct frame frame;
		size_t used;
		int got = frame_parse(link->in + at, link->in_len - at, &frame,
		    &used, &link->why);

		if (got < 0)
			return -1;
		if (got == 0)
			break;
		if (link->on_frame(link->owner, &frame, &link->why) != 0)
			return -1;
		at += used;
	}
	link->in_len -= at;
	memmove(link->in, link->in + at, link->in_len);
	return 0;
}

/* Take over fd; nothing is left of another one. */
static int
attach(struct link_io *link, int fd, struct error *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return error_sys(err, "the link, descriptor %d", fd);
	link->watch.fd = fd;
	link->events = EPOLLIN;
	link->in_len = 0;
	link->deaf = false;
	buffer_clear(&link->out);
	return loop_add(link->loop, &link->watch, link->events, err);
}

static int
replace(struct link_io *link, int fd, struct error *err)
{
	int old = link->watch.fd;

	loop_remove(link->loop, &link->watch);
	if (attach(link, fd, err) != 0) {
		(void)close(fd);
		link->watch.fd = old;
		return -1;
	}
	(void)close(old);
	link->on_replaced(link->owner);
	return 0;
}

static int
take_input(struct link_io *link, size_t len, int fd)
{
	/* the byte beside a descriptor may not complete what was half said */
	link->in_len += fd == RECEIVE_NONE ? len : len - 1;
	if (take_frames(link) != 0) {
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	if (fd == RECEIVE_LOST)
		return error_set(&link->why, ERROR_INVALID,
		    "not one descriptor that can be taken");
	return fd == RECEIVE_NONE ? 0 : replace(link, fd, &link->why);
}

static void
read_some(struct link_io *link)
{
	int fd;
	ssize_t n = receive(link->watch.fd, link->in + link->in_len,
	    sizeof(link->in) - link->in_len, &fd);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 || take_input(link, (size_t)n, fd) != 0)
		end(link);
}

static void
on_ready(struct watch *watch, uint32_t events)
{
	struct link_io *link = watch->data;

	if (events & EPOLLOUT)
		link_io_flush(link);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !link->ended)
		read_some(link);
}

int
link_io_open(struct link_io *link, struct loop *loop, int fd, struct error *err)
{
	link->loop = loop;
	link->watch = (struct watch){
	    .on_ready = on_ready, .data = link, .lane = LANE_MAIN};
	buffer_init(&link->out, LINK_QUEUE_MAX);
	buffer_init(&link->text, FRAME_CONTROL_MAX);
	return attach(link, fd, err);
}

void
link_io_close(struct link_io *link)
{
	if (link->watch.fd >= 0) {
		end(link);
		(void)close(link->watch.fd);
	}
	link->watch.fd = -1;
	buffer_clear(&link->out);
	buffer_clear(&link->text);
}

bool
link_io_has_room(struct link_io *link, size_t len)
{
	if (len >= LONG_BYTES && buffer_len(&link->out) > 0)
		link_io_flush(link);
	if (link->ended || link->deaf)
		return false;
	return len < LONG_BYTES ? buffer_len(&link->out) <= LINK_QUEUE_HIGH
	                        : buffer_len(&link->out) == 0;
}

void
link_io_send(struct link_io *link, enum frame_kind kind, uint32_t stream,
    const void *payload, size_t len)
{
	uint8_t header[FRAME_HEADER_BYTES];
	struct iovec parts[] = {
	    {.iov_base = header, .iov_len = sizeof(header)},
	    /* writev only reads it, whatever its prototype says */
	    {.iov_base = (void *)(uintptr_t)payload, .iov_len = len},
	};
	size_t sent = 0;
	size_t front;

	frame_header(header, kind, stream, len);
	if (len >= LONG_BYTES && buffer_len(&link->out) == 0)
		sent = put(link, parts, 2);
	front = sent < sizeof(header) ? sent : sizeof(header);
	queue(link, header + front, sizeof(header) - front);
	sent -= front;
	if (sent < len)
		queue(link, (const uint8_t *)payload + sent, len - sent);
}

void
link_io_send_message(struct link_io *link, uint32_t stream, enum link_type type,
    const void *body)
{
	struct error err;
	int ret = json_write(
	    link_shapes[type], link_types[type], body, &link->text, &err);

	/* every text in our messages was made here, within its limits */
	assert(ret == 0);
	(void)ret;
	link_io_send(link, FRAME_CONTROL, stream, buffer_bytes(&link->text),
	    buffer_len(&link->text));
	buffer_consume(&link->text, buffer_len(&link->text));
}

void
link_io_flush(struct link_io *link)
{
	const struct iovec part = {
	    .iov_base = (void *)(uintptr_t)buffer_bytes(&link->out),
	    .iov_len = buffer_len(&link->out)};

	if (part.iov_len > 0)
		buffer_consume(&link->out, put(link, &part, 1));
	watch_again(link);
}
