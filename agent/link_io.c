/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/link_io.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "protocol/json.h"

static void
end(struct link_io *link)
{
	link->ended = true;
	loop_remove(link->loop, &link->watch);
}

/* Ask epoll for what can be used now: no reading for an overfull queue. */
static void
watch_again(struct link_io *link)
{
	size_t queued = buffer_len(&link->out);
	uint32_t events = 0;

	if (link->ended)
		return;
	if (queued > 0)
		events |= EPOLLOUT;
	if (queued <= LINK_QUEUE_HIGH)
		events |= EPOLLIN;
	if (events != link->events)
		loop_change(link->loop, &link->watch, events);
	link->events = events;
	loop_hold(link->loop, queued > 0);
}

/* Bytes the kernel took of bytes[0..len), 0..len. */
static size_t
put(struct link_io *link, const uint8_t *bytes, size_t len)
{
	size_t done = 0;

	while (done < len && !link->ended) {
		ssize_t n = write(link->watch.fd, bytes + done, len - done);

		if (n > 0) {
			done += (size_t)n;
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		/* the keeper is gone: the reader sees the same end */
		end(link);
	}
	return done;
}

static void
queue(struct link_io *link, const void *bytes, size_t len)
{
	if (link->ended)
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

static void
take_input(struct link_io *link)
{
	ssize_t n = read(link->watch.fd, link->in + link->in_len,
	    sizeof(link->in) - link->in_len);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		end(link);
		return;
	}
	link->in_len += (size_t)n;
	if (take_frames(link) != 0)
		end(link);
}

static void
on_ready(struct watch *watch, uint32_t events)
{
	struct link_io *link = watch->data;

	if (events & EPOLLOUT)
		link_io_flush(link);
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) && !link->ended)
		take_input(link);
}

int
link_io_open(struct link_io *link, struct loop *loop, int fd, struct error *err)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		return error_sys(err, "the link, descriptor %d", fd);
	link->loop = loop;
	link->watch = (struct watch){
	    .on_ready = on_ready, .data = link, .fd = fd, .lane = LANE_MAIN};
	link->events = EPOLLIN;
	buffer_init(&link->out, LINK_QUEUE_MAX);
	buffer_init(&link->text, FRAME_CONTROL_MAX);
	if (pipe2(link->pages, O_CLOEXEC | O_NONBLOCK) != 0)
		link->pages[0] = -1;
	return loop_add(loop, &link->watch, link->events, err);
}

void
link_io_send(struct link_io *link, enum frame_kind kind, uint32_t stream,
    const void *payload, size_t len)
{
	uint8_t header[FRAME_HEADER_BYTES];

	frame_header(header, kind, stream, len);
	queue(link, header, sizeof(header));
	queue(link, payload, len);
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

uint8_t *
link_io_stage(struct link_io *link)
{
	return link->stage + FRAME_HEADER_BYTES;
}

void
link_io_send_stage(
    struct link_io *link, enum frame_kind kind, uint32_t stream, size_t len)
{
	size_t whole = FRAME_HEADER_BYTES + len;
	size_t sent = 0;

	assert(len <= FRAME_DATA_MAX);
	frame_header(link->stage, kind, stream, len);
	link_io_flush(link);
	if (buffer_len(&link->out) == 0)
		sent = put(link, link->stage, whole);
	if (sent < whole) {
		queue(link, link->stage + sent, whole - sent);
		watch_again(link);
	}
}

/* What the link does not take at once, or at all in this way, is copied. */
static void
copy_pages(struct link_io *link, size_t left)
{
	while (left > 0) {
		uint8_t *bytes = link->stage;
		ssize_t n = read(link->pages[0], bytes,
		    left < sizeof(link->stage) ? left : sizeof(link->stage));

		/* nobody else can have read from this pipe */
		assert(n > 0);
		queue(link, bytes, (size_t)n);
		left -= (size_t)n;
	}
}

static void
send_pages(
    struct link_io *link, enum frame_kind kind, uint32_t stream, size_t len)
{
	uint8_t header[FRAME_HEADER_BYTES];
	size_t left = len;
	size_t sent;

	frame_header(header, kind, stream, len);
	sent = put(link, header, sizeof(header));
	queue(link, header + sent, sizeof(header) - sent);
	while (sent == sizeof(header) && left > 0) {
		ssize_t n = splice(link->pages[0], NULL, link->watch.fd, NULL,
		    left, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (n <= 0)
			break;
		left -= (size_t)n;
	}
	copy_pages(link, left);
	link_io_flush(link);
}

ssize_t
link_io_send_pipe(struct link_io *link, enum frame_kind kind, uint32_t stream,
    int pipe, size_t max)
{
	ssize_t n;

	link_io_flush(link);
	if (link->pages[0] < 0 || buffer_len(&link->out) > 0) {
		n = read(pipe, link_io_stage(link), max);
		if (n > 0)
			link_io_send_stage(link, kind, stream, (size_t)n);
		return n;
	}
	n = splice(pipe, NULL, link->pages[1], NULL, max,
	    SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
	if (n > 0)
		send_pages(link, kind, stream, (size_t)n);
	return n;
}

void
link_io_flush(struct link_io *link)
{
	size_t len = buffer_len(&link->out);

	if (len > 0 && !link->ended)
		buffer_consume(
		    &link->out, put(link, buffer_bytes(&link->out), len));
	watch_again(link);
}
