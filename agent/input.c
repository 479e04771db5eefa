/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/input.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent/outbox.h"
#include "agent/output.h"
#include "agent/pty.h"
#include "protocol/error.h"
#include "protocol/limits.h"

/* Credit goes back in pieces of this size, or when the queue is empty. */
#define CREDIT_BYTES (WINDOW_STDIN / 4)

/* A key's echo is on its way: let it go first, and wake the keeper once. */
static bool
may_wait(const struct input *input)
{
	return input->open && input->taken < CREDIT_BYTES &&
	       (input->pty != NULL || buffer_len(&input->queue) > 0);
}

static void
give_credit(struct input *input)
{
	if (input->taken == 0)
		return;
	outbox_credit(input->outbox, input->taken);
	input->credit += input->taken;
	input->taken = 0;
}

/* The pipe has taken, or nobody will take, len bytes. */
static void
count(struct input *input, size_t len)
{
	if (input->taken == 0)
		input->taken_ms = input->loop->now_ms;
	input->taken += len;
	if (!may_wait(input))
		give_credit(input);
}

/* As write(2), into a pipe that grows when it is full, or a terminal. */
static ssize_t
put_some(struct input *input, const uint8_t *bytes, size_t len)
{
	ssize_t n, more;

	if (input->pty != NULL)
		return pty_write(input->pty, bytes, len);
	n = write(input->watch.fd, bytes, len);
	if (n == (ssize_t)len || input->grown)
		return n;
	input->grown = true;
	(void)fcntl(input->watch.fd, F_SETPIPE_SZ, PIPE_BUSY_BYTES);
	n = n < 0 ? 0 : n;
	more = write(input->watch.fd, bytes + n, len - (size_t)n);
	return more < 0 && n > 0 ? n : n + more;
}

/* Bytes that were taken; all of them once nobody reads them. */
static size_t
put(struct input *input, const uint8_t *bytes, size_t len)
{
	ssize_t n;

	if (!input->open)
		return len;
	n = put_some(input, bytes, len);
	if (n >= 0)
		return (size_t)n;
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	input_close(input);
	return len;
}

/* -1: ERROR_SYSTEM. A terminal that has not come is watched when it has. */
static int
watch_room(struct input *input, struct error *err)
{
	if (input->watch.active || input->watch.fd < 0)
		return 0;
	return loop_add(input->loop, &input->watch, EPOLLOUT, err);
}

/* Nothing is queued any more. */
static int
end(struct input *input, struct error *err)
{
	if (input->pty != NULL && !pty_type_end(input->pty))
		return watch_room(input, err);
	input_close(input);
	return 0;
}

static void
on_ready(struct watch *watch, uint32_t events)
{
	struct input *input = watch->data;
	size_t queued = buffer_len(&input->queue);
	size_t n;

	/* A terminal that nobody has open still takes some, and then says for
	 * ever that it is ready. A pipe's error shows when writing. */
	if (input->pty != NULL && events & EPOLLHUP) {
		input_close(input);
		return;
	}
	n = put(input, buffer_bytes(&input->queue), queued);
	if (!input->open)
		return; /* input_close has credited all */
	buffer_consume(&input->queue, n);
	count(input, n);
	if (n < queued)
		return;
	if (input->ending)
		(void)end(input, NULL);
	else
		loop_remove(input->loop, &input->watch);
}

static void
open_any(struct input *input, int fd)
{
	input->watch = (struct watch){
	    .on_ready = on_ready, .data = input, .fd = fd, .lane = LANE_MAIN};
	input->credit = WINDOW_STDIN;
	buffer_init(&input->queue, WINDOW_STDIN);
}

void
input_open(struct input *input, int fd)
{
	open_any(input, fd);
	input->open = fd >= 0;
}

static void
on_change(void *data)
{
	give_credit(data);
}

void
input_open_pty(struct input *input, struct pty *pty)
{
	open_any(input, pty->fd);
	pty->on_change = on_change;
	pty->data = input;
	input->pty = pty;
	input->open = true;
}

int
input_begin(struct input *input, struct error *err)
{
	input->watch.fd = input->pty->fd;
	if (buffer_len(&input->queue) == 0 && !input->ending)
		return 0;
	return watch_room(input, err);
}

int
input_take(
    struct input *input, const uint8_t *bytes, size_t len, struct error *err)
{
	size_t n = 0;

	if (len > input->credit)
		return error_set(err, ERROR_LIMIT,
		    "%zu bytes of stdin for exec %u, which had credit for %zu",
		    len, input->outbox->stream, input->credit);
	input->credit -= len;
	input->come += len;
	if (input->ending) {
		/* more after its end is nobody's: as if the pipe were closed */
		count(input, len);
		return 0;
	}
	if (len == 0) {
		input->ending = true;
		return buffer_len(&input->queue) > 0 ? 0 : end(input, err);
	}
	if (buffer_len(&input->queue) == 0)
		n = put(input, bytes, len);
	if (n < len) {
		if (buffer_append(&input->queue, bytes + n, len - n, err) != 0)
			return -1;
		if (watch_room(input, err) != 0)
			return -1;
	}
	count(input, n);
	return 0;
}

void
input_close(struct input *input)
{
	size_t queued = buffer_len(&input->queue);

	if (input->open) {
		loop_remove(input->loop, &input->watch);
		if (input->pty == NULL)
			(void)close(input->watch.fd);
		input->open = false;
	}
	buffer_clear(&input->queue);
	input->taken += queued;
	give_credit(input);
}

void
input_answered(struct input *input)
{
	if (input->pty != NULL && buffer_len(&input->queue) == 0)
		give_credit(input);
}

int
input_tick(struct input *input, int64_t now_ms)
{
	if (input->taken == 0 || buffer_len(&input->queue) > 0)
		return -1;
	if (now_ms - input->taken_ms < INPUT_CREDIT_MS)
		return INPUT_CREDIT_MS;
	give_credit(input);
	return -1;
}

void
input_hold(struct input *input)
{
	input->credit += input->taken;
	input->taken = 0;
}
