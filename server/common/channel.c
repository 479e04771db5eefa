/* SPDX-License-Identifier: Apache-2.0 */
#include "server/common/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/json.h"
#include "server/common/ancillary.h"

#define READ_BYTES ((size_t)256 << 10)
#define SEND_BYTES (512 << 10) /* asked of the kernel, which doubles it */
#define FRAME_MAX  ((size_t)FRAME_CONTROL_MAX + FRAME_HEADER_BYTES)

static void on_poll(uv_poll_t *poll, int status, int events);

static struct channel *
of_owner(struct owner *owner)
{
	return (struct channel *)(void *)((char *)owner -
	                                  offsetof(struct channel, owner));
}

static bool
is_reading(const struct channel *channel)
{
	return !channel->closing && !channel->finishing && !channel->paused;
}

static void
fail(struct channel *channel, const struct error *why)
{
	if (channel->closing)
		return;
	channel->why = *why;
	channel_close(channel);
}

/* The peer reads no more. What it said before may still wait for us, so that
 * is read to its end before the channel closes. */
static void
fail_sending(struct channel *channel, int sys)
{
	struct error err = {0};

	if (sys == EPIPE || sys == ECONNRESET) {
		channel->broken = true;
		outbox_clear(&channel->out);
		if (channel->finishing)
			channel_close(channel);
		return;
	}
	errno = sys;
	(void)error_sys(&err, "cannot send: %s", strerror(sys));
	fail(channel, &err);
}

/* What was read before a pause is delivered first: it may be a whole read, and
 * there is room for one. */
static bool
may_receive(const struct channel *channel)
{
	return is_reading(channel) &&
	       !uv_is_active((const uv_handle_t *)&channel->resumed);
}

static void
watch(struct channel *channel)
{
	int mask = 0;

	if (channel->closing)
		return;
	if (may_receive(channel))
		mask |= UV_READABLE;
	if (outbox_len(&channel->out) > 0)
		mask |= UV_WRITABLE;
	if (mask == channel->mask)
		return;
	channel->mask = mask;
	if (mask == 0)
		(void)uv_poll_stop(&channel->poll);
	else
		(void)uv_poll_start(&channel->poll, mask, on_poll);
}

static void
flush(struct channel *channel)
{
	if (outbox_flush(&channel->out, channel->fd) != 0)
		fail_sending(channel, errno);
}

/* fd is taken; -1 for none. */
static void
send_frame(struct channel *channel, const struct frame *frame, int fd)
{
	struct error err = {0};

	if (channel->closing || channel->finishing || channel->broken) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	switch (outbox_send(&channel->out, channel->fd, frame, fd, &err)) {
	case OUTBOX_DONE:
		break;
	case OUTBOX_FULL:
		fail(channel, &err);
		break;
	case OUTBOX_BROKEN:
		fail_sending(channel, errno);
		break;
	}
	watch(channel);
}

/* Hand out the frames at the front of bytes. Returns the bytes they took. */
static size_t
deliver(struct channel *channel, const uint8_t *bytes, size_t len)
{
	size_t done = 0;

	while (len > done && is_reading(channel)) {
		struct error err = {0};
		struct frame frame;
		size_t used;
		int rc =
		    frame_parse(bytes + done, len - done, &frame, &used, &err);

		if (rc == 0)
			break;
		if (rc > 0) {
			done += used;
			rc = channel->events->on_frame(channel, &frame, &err);
		}
		if (rc < 0)
			fail(channel, &err);
	}
	return done;
}

static void
deliver_kept(struct channel *channel)
{
	struct buffer *in = &channel->in;
	size_t len = buffer_len(in);

	if (len > 0)
		buffer_consume(in, deliver(channel, buffer_bytes(in), len));
	if (buffer_len(in) == 0)
		buffer_clear(in);
}

static void
keep(struct channel *channel, const uint8_t *bytes, size_t len)
{
	struct error err = {0};

	if (buffer_append(&channel->in, bytes, len, &err) != 0)
		fail(channel, &err);
}

/* Bytes that the frame begun in channel->in still needs, or its header. */
static size_t
missing(const struct channel *channel)
{
	const uint8_t *bytes = buffer_bytes(&channel->in);
	size_t have = buffer_len(&channel->in);

	if (have < FRAME_HEADER_BYTES)
		return FRAME_HEADER_BYTES - have;
	return (((size_t)bytes[0] << 24) | ((size_t)bytes[1] << 16) |
	           ((size_t)bytes[2] << 8) | bytes[3]) +
	       4 - have;
}

/* Bytes have come. Frames are parsed where they lie; only one that the end of
 * bytes cuts off is copied. */
static void
feed(struct channel *channel, const uint8_t *bytes, size_t len)
{
	size_t part;

	deliver_kept(channel);
	while (is_reading(channel) && len > 0 && buffer_len(&channel->in) > 0) {
		part = missing(channel);
		if (part > len)
			part = len;
		keep(channel, bytes, part);
		bytes += part;
		len -= part;
		deliver_kept(channel);
	}
	if (buffer_len(&channel->in) == 0) {
		part = deliver(channel, bytes, len);
		bytes += part;
		len -= part;
	}
	if (len > 0 && !channel->closing)
		keep(channel, bytes, len);
}

/* Own the descriptors that came; -1 if they are too many. */
static int
take_fds(
    struct channel *channel, const struct ancillary *came, struct error *err)
{
	bool over = came->truncated;
	unsigned i;

	for (i = 0; i < came->count; i++) {
		if (channel->fd_count < CHANNEL_FDS_MAX) {
			channel->fds[channel->fd_count++] = came->fds[i];
		} else {
			(void)close(came->fds[i]);
			over = true;
		}
	}
	return over ? error_set(err, ERROR_LIMIT,
	                  "more than %d descriptors were sent", CHANNEL_FDS_MAX)
	            : 0;
}

static void
on_end(struct channel *channel, int sys)
{
	struct error err = {0};

	if (sys != 0 && sys != ECONNRESET) {
		errno = sys;
		(void)error_sys(&err, "cannot receive: %s", strerror(sys));
	} else if (buffer_len(&channel->in) > 0) {
		(void)error_set(
		    &err, ERROR_SYSTEM, "the stream ended inside a frame");
	}
	fail(channel, &err);
}

/* The bytes are read onto the stack: one buffer for all of a loop's channels,
 * of which an idle one keeps nothing. */
static void
receive(struct channel *channel)
{
	uint8_t bytes[READ_BYTES];
	struct ancillary came;
	struct error err = {0};
	ssize_t len =
	    ancillary_receive(channel->fd, bytes, sizeof(bytes), &came);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len > 0 && take_fds(channel, &came, &err) != 0)
		fail(channel, &err);
	else if (len > 0)
		feed(channel, bytes, (size_t)len);
	else
		on_end(channel, len == 0 ? 0 : errno);
}

static void
write_more(struct channel *channel)
{
	flush(channel);
	/* a peer that reads no more empties the queue too: whoever waits for
	 * that must go on, and will read its end */
	if (channel->closing || outbox_len(&channel->out) > 0)
		return;
	if (channel->finishing)
		channel_close(channel);
	else if (channel->events->on_drained != NULL)
		channel->events->on_drained(channel);
}

static void
on_poll(uv_poll_t *poll, int status, int events)
{
	struct channel *channel = of_owner(poll->data);

	/* After a socket error libuv has stopped the handle: find out with
	 * both calls, and watch again if there is more. */
	if (status != 0) {
		channel->mask = 0;
		events = UV_READABLE | UV_WRITABLE;
	}
	if ((events & UV_WRITABLE) != 0 && outbox_len(&channel->out) > 0)
		write_more(channel);
	if ((events & UV_READABLE) != 0 && may_receive(channel))
		receive(channel);
	watch(channel);
}

static void
on_resumed(uv_idle_t *idle)
{
	struct channel *channel = of_owner(idle->data);

	(void)uv_idle_stop(idle);
	if (is_reading(channel))
		deliver_kept(channel);
	watch(channel);
}

static void
on_gone(struct owner *owner)
{
	struct channel *channel = of_owner(owner);
	struct error why = channel->why;
	int fd;

	while ((fd = channel_take_fd(channel)) >= 0)
		(void)close(fd);
	outbox_clear(&channel->out);
	buffer_clear(&channel->in);
	channel->events->on_closed(channel, &why);
}

void
channel_widen(int fd)
{
	int bytes = 0;
	socklen_t size = sizeof(bytes);

	(void)getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, &size);
	if (bytes >= 2 * SEND_BYTES)
		return;
	bytes = SEND_BYTES;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) !=
	    0)
		(void)setsockopt(
		    fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

int
channel_open(struct channel *channel, uv_loop_t *loop, int fd,
    const struct channel_events *events, void *data, struct error *err)
{
	int rc;

	memset(channel, 0, sizeof(*channel));
	channel->events = events;
	channel->data = data;
	channel->fd = fd;
	channel_widen(fd);
	buffer_init(&channel->in, READ_BYTES + FRAME_MAX);
	outbox_init(&channel->out, events->out_max);
	owner_init(&channel->owner, on_gone);
	rc = uv_poll_init(loop, &channel->poll, fd);
	if (rc != 0) {
		errno = -rc;
		return error_sys(err, "cannot watch: %s", strerror(-rc));
	}
	owner_adopt(&channel->owner, (uv_handle_t *)&channel->poll);
	(void)uv_idle_init(loop, &channel->resumed);
	owner_adopt(&channel->owner, (uv_handle_t *)&channel->resumed);
	watch(channel);
	return 0;
}

void
channel_send(struct channel *channel, enum frame_kind kind, uint32_t stream,
    const void *payload, size_t len)
{
	const struct frame frame = {kind, stream, payload, len};

	send_frame(channel, &frame, -1);
}

void
channel_send_json(struct channel *channel, uint32_t stream,
    const struct json_shape *shape, const char *type, const void *body)
{
	channel_send_json_fd(channel, stream, shape, type, body, -1);
}

void
channel_send_json_fd(struct channel *channel, uint32_t stream,
    const struct json_shape *shape, const char *type, const void *body, int fd)
{
	struct error err = {0};
	struct buffer json;

	buffer_init(&json, FRAME_CONTROL_MAX);
	if (json_write(shape, type, body, &json, &err) == 0) {
		const struct frame frame = {FRAME_CONTROL, stream,
		    buffer_bytes(&json), buffer_len(&json)};

		send_frame(channel, &frame, fd);
	} else {
		if (fd >= 0)
			(void)close(fd);
		fail(channel, &err);
	}
	buffer_clear(&json);
}

int
channel_take_fd(struct channel *channel)
{
	int fd;

	if (channel->fd_count == 0)
		return -1;
	fd = channel->fds[0];
	channel->fd_count--;
	memmove(channel->fds, channel->fds + 1,
	    channel->fd_count * sizeof(channel->fds[0]));
	return fd;
}

size_t
channel_pending(const struct channel *channel)
{
	return outbox_len(&channel->out);
}

void
channel_pause(struct channel *channel)
{
	channel->paused = true;
	watch(channel);
}

void
channel_resume(struct channel *channel)
{
	if (!channel->paused || channel->closing)
		return;
	channel->paused = false;
	if (buffer_len(&channel->in) > 0)
		(void)uv_idle_start(&channel->resumed, on_resumed);
	watch(channel);
}

void
channel_close(struct channel *channel)
{
	if (channel->closing)
		return;
	channel->closing = true;
	owner_close(&channel->owner);
	/* also where another process has a duplicate */
	(void)shutdown(channel->fd, SHUT_RDWR);
	(void)close(channel->fd);
	channel->fd = -1;
}

void
channel_finish(struct channel *channel)
{
	channel->finishing = true;
	if (outbox_len(&channel->out) == 0)
		channel_close(channel);
	else
		watch(channel);
}
