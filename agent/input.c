/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/input.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent/link_io.h"
#include "agent/output.h"
#include "protocol/error.h"
#include "protocol/limits.h"

/* Credit goes back in pieces of this size, or when the queue is empty. */
#define CREDIT_BYTES (WINDOW_STDIN / 4)

static void
give_credit(struct input *input)
{
	uint32_t credit = htonl((uint32_t)input->taken);

	if (input->taken == 0 ||
	    (buffer_len(&input->queue) > 0 && input->taken < CREDIT_BYTES))
		return;
	link_io_send(
	    input->link, FRAME_WINDOW, input->stream, &credit, sizeof(credit));
	input->credit += input->taken;
	input->taken = 0;
}

/* The pipe has taken, or nobody will take, len bytes. */
static void
count(struct input *input, size_t len)
{
	input->taken += len;
	give_credit(input);
}

/* Bytes that the pipe took; all of them once nobody reads it. */
static size_t
put(struct input *input, const uint8_t *bytes, size_t len)
{
	ssize_t n;

	if (!input->open)
		return len;
	n = write(input->watch.fd, bytes, len);
	if (n < (ssize_t)len && !input->grown) {
		input->grown = true;
		(void)fcntl(input->watch.fd, F_SETPIPE_SZ, PIPE_BUSY_BYTES);
		n = n < 0 ? 0 : n;
		return (size_t)n + put(input, bytes + n, len - (size_t)n);
	}
	if (n >= 0)
		return (size_t)n;
	if (errno == EAGAIN || errno == EINTR)
		return 0;
	input_close(input);
	return len;
}

static void
on_ready(struct watch *watch, uint32_t events)
{
	struct input *input = watch->data;
	size_t queued = buffer_len(&input->queue);
	size_t n;

	(void)events; /* an error shows when writing */
	n = put(input, buffer_bytes(&input->queue), queued);
	if (!input->open)
		return; /* input_close has credited all */
	buffer_consume(&input->queue, n);
	count(input, n);
	if (n < queued)
		return;
	loop_remove(input->loop, &input->watch);
	if (input->ending)
		input_close(input);
}

void
input_open(struct input *input, int fd)
{
	input->watch = (struct watch){
	    .on_ready = on_ready, .data = input, .fd = fd, .lane = LANE_MAIN};
	input->open = fd >= 0;
	input->credit = WINDOW_STDIN;
	buffer_init(&input->queue, WINDOW_STDIN);
}

int
input_take(
    struct input *input, const uint8_t *bytes, size_t len, struct error *err)
{
	size_t n = 0;

	if (len > input->credit)
		return error_set(err, ERROR_LIMIT,
		    "%zu bytes of stdin for exec %u, which had credit for %zu",
		    len, input->stream, input->credit);
	input->credit -= len;
	if (input->ending) {
		/* more after its end is nobody's: as if the pipe were closed */
		count(input, len);
		return 0;
	}
	if (len == 0) {
		input->ending = true;
		if (buffer_len(&input->queue) == 0)
			input_close(input);
		return 0;
	}
	if (buffer_len(&input->queue) == 0)
		n = put(input, bytes, len);
	if (n < len) {
		if (buffer_append(&input->queue, bytes + n, len - n, err) != 0)
			return -1;
		if (!input->watch.active &&
		    loop_add(input->loop, &input->watch, EPOLLOUT, err) != 0)
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
		(void)close(input->watch.fd);
		input->open = false;
	}
	buffer_clear(&input->queue);
	count(input, queued);
}
