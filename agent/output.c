/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/output.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "agent/outbox.h"
#include "agent/pty.h"
#include "protocol/frame.h"

void
output_open(struct output *output, int fd,
    void (*on_ready)(struct watch *watch, uint32_t events), void *owner)
{
	output->watch = (struct watch){
	    .on_ready = on_ready, .data = owner, .fd = fd, .lane = LANE_OUTPUT};
	output->open = true;
}

void
output_open_pty(struct output *output, struct pty *pty,
    void (*on_ready)(struct watch *watch, uint32_t events), void *owner)
{
	output_open(output, pty->fd, on_ready, owner);
	output->pty = pty;
}

int
output_watch(struct output *output, bool wanted, struct error *err)
{
	if (!output->open || wanted == output->watch.active)
		return 0;
	if (wanted)
		return loop_add(output->loop, &output->watch, EPOLLIN, err);
	loop_remove(output->loop, &output->watch);
	return 0;
}

/* Idle pipes stay small: what all of a user's pipes may hold is bounded. */
static void
grow(struct output *output)
{
	if (!output->grown)
		(void)fcntl(output->watch.fd, F_SETPIPE_SZ, PIPE_BUSY_BYTES);
	output->grown = true;
}

/* Straight to where it is kept. */
static ssize_t
take(struct output *output)
{
	size_t len = FRAME_DATA_MAX;
	uint8_t *room = outbox_reserve(output->outbox, &len);
	ssize_t n;

	if (output->pty != NULL)
		n = pty_read(output->pty, room, len);
	else
		n = read(output->watch.fd, room, len);
	if (n > 0)
		outbox_commit(output->outbox, output->kind, (size_t)n);
	return n;
}

size_t
output_pump(struct output *output)
{
	ssize_t n;

	if (!output->open || outbox_room(output->outbox) == 0)
		return 0;
	n = take(output);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n <= 0) {
		output_finish(output);
		return 0;
	}
	if ((size_t)n == FRAME_DATA_MAX && output->pty == NULL)
		grow(output);
	output->owed -= (size_t)n < output->owed ? (size_t)n : output->owed;
	return (size_t)n;
}

size_t
output_pending(const struct output *output)
{
	int pending = 0;

	if (!output->open)
		return 0;
	if (output->pty != NULL)
		return pty_pending(output->pty);
	if (ioctl(output->watch.fd, FIONREAD, &pending) != 0 || pending < 0)
		return 0;
	return (size_t)pending;
}

void
output_owe(struct output *output)
{
	output->owed =
	    output->pty != NULL ? PTY_KEPT_BYTES : output_pending(output);
}

void
output_finish(struct output *output)
{
	if (!output->open)
		return;
	outbox_end(output->outbox, output->kind);
	output_close(output);
}

void
output_close(struct output *output)
{
	if (!output->open)
		return;
	loop_remove(output->loop, &output->watch);
	if (output->pty == NULL)
		(void)close(output->watch.fd);
	output->open = false;
	output->owed = 0;
}
