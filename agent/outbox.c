/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/outbox.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "agent/link_io.h"
#include "agent/notice.h"
#include "agent/refused.h"
#include "protocol/error.h"
#include "protocol/frame.h"
#include "protocol/limits.h"
#include "protocol/link.h"
#include "protocol/memory.h"

#define MODE_ECHO      1u
#define MODE_CANONICAL 2u

void
outbox_init(
    struct outbox *outbox, struct link_io *link, uint32_t stream, bool is_pty)
{
	*outbox = (struct outbox){
	    .link = link, .stream = stream, .is_terminal = is_pty};
	/* there is no second stream to wait for */
	outbox->ended[SEND_ERR] = is_pty;
	send_queue_init(&outbox->queue, is_pty ? WINDOW_PTY : WINDOW_OUTPUT);
}

void
outbox_clear(struct outbox *outbox)
{
	send_queue_clear(&outbox->queue);
	free(outbox->refused);
	outbox->refused = NULL;
}

size_t
outbox_room(const struct outbox *outbox)
{
	return send_queue_room(&outbox->queue);
}

uint8_t *
outbox_reserve(struct outbox *outbox, size_t *len)
{
	return send_queue_reserve(&outbox->queue, len);
}

void
outbox_commit(struct outbox *outbox, enum send_kind output, size_t len)
{
	send_queue_commit(&outbox->queue, output, len);
}

void
outbox_started(struct outbox *outbox, pid_t pid)
{
	outbox->pid = pid;
}

void
outbox_terminal(struct outbox *outbox, const struct link_terminal *modes)
{
	send_queue_put(&outbox->queue, SEND_TERMINAL,
	    (modes->echo ? MODE_ECHO : 0) |
	        (modes->canonical ? MODE_CANONICAL : 0));
}

void
outbox_credit(struct outbox *outbox, size_t bytes)
{
	send_queue_put(&outbox->queue, SEND_CREDIT, (uint32_t)bytes);
}

void
outbox_end(struct outbox *outbox, enum send_kind output)
{
	outbox->ended[output] = true;
}

void
outbox_exit(struct outbox *outbox, const struct ending *ending)
{
	outbox->last = OUTBOX_EXITED;
	outbox->ending = *ending;
}

void
outbox_refuse(struct outbox *outbox, const struct refused *refused)
{
	outbox->last = OUTBOX_REFUSED;
	outbox->refused = memory_copy(refused, sizeof(*refused));
}

/* A pty has no end of stderr to tell. */
static bool
has_end_due(const struct outbox *outbox, enum send_kind output)
{
	return outbox->ended[output] && !outbox->told.ends[output] &&
	       !(outbox->is_terminal && output == SEND_ERR) &&
	       send_queue_is_sent(&outbox->queue, output);
}

static bool
has_more(const struct outbox *outbox)
{
	struct send_item item;

	if (outbox->is_held || outbox->is_forgotten || outbox->told.last)
		return false;
	if (outbox->last == OUTBOX_REFUSED)
		return true;
	if (outbox->pid == 0)
		return false;
	return !outbox->told.started || outbox->last == OUTBOX_EXITED ||
	       send_queue_next(&outbox->queue, &item) ||
	       has_end_due(outbox, SEND_OUT) || has_end_due(outbox, SEND_ERR);
}

static enum frame_kind
frame_kind_of(const struct outbox *outbox, enum send_kind output)
{
	if (outbox->is_terminal)
		return FRAME_PTY;
	return output == SEND_OUT ? FRAME_STDOUT : FRAME_STDERR;
}

static void
say_between(struct outbox *outbox, const struct send_item *item)
{
	uint32_t credit = htonl(item->value);

	if (item->kind == SEND_CREDIT)
		link_io_send(outbox->link, FRAME_WINDOW, outbox->stream,
		    &credit, sizeof(credit));
	else
		notice_terminal(outbox->link, outbox->stream,
		    (item->value & MODE_ECHO) != 0,
		    (item->value & MODE_CANONICAL) != 0);
}

/* What is in the queue; whether all of it went. */
static bool
say_queue(struct outbox *outbox)
{
	struct send_item item;
	size_t said = 0;

	while (send_queue_next(&outbox->queue, &item)) {
		if (said >= FRAME_DATA_MAX ||
		    !link_io_has_room(outbox->link, item.len))
			return false;
		if (item.bytes == NULL)
			say_between(outbox, &item);
		else
			link_io_send(outbox->link,
			    frame_kind_of(outbox, item.kind), outbox->stream,
			    item.bytes, item.len);
		said += item.len;
		send_queue_sent(&outbox->queue, &item, item.len);
	}
	return true;
}

static void
say_ends(struct outbox *outbox)
{
	enum send_kind output;

	for (output = SEND_OUT; output < SEND_STREAMS; output++) {
		if (!has_end_due(outbox, output))
			continue;
		link_io_send(outbox->link, frame_kind_of(outbox, output),
		    outbox->stream, NULL, 0);
		outbox->told.ends[output] = true;
	}
}

/* Behind everything else. */
static void
say_last(struct outbox *outbox)
{
	assert(outbox->last != OUTBOX_EXITED ||
	       (outbox->ended[SEND_OUT] && outbox->ended[SEND_ERR]));
	if (outbox->last == OUTBOX_EXITED)
		notice_exit(outbox->link, outbox->stream, &outbox->ending);
	else if (outbox->last == OUTBOX_REFUSED)
		notice_refused(outbox->link, outbox->stream, outbox->refused);
	outbox->told.last = outbox->last != OUTBOX_OPEN;
}

bool
outbox_say(struct outbox *outbox)
{
	bool all = true;

	if (!has_more(outbox) || !link_io_has_room(outbox->link, 0))
		return false;
	if (outbox->last != OUTBOX_REFUSED) {
		if (!outbox->told.started)
			notice_started(
			    outbox->link, outbox->stream, outbox->pid);
		outbox->told.started = true;
		all = say_queue(outbox);
		say_ends(outbox);
	}
	if (all)
		say_last(outbox);
	return !all && link_io_has_room(outbox->link, FRAME_DATA_MAX);
}

int
outbox_acknowledge(struct outbox *outbox, uint32_t bytes, struct error *err)
{
	if (send_queue_acknowledge(&outbox->queue, bytes, err) != 0)
		return error_wrap(err, "exec %u", outbox->stream);
	return 0;
}

void
outbox_hold(struct outbox *outbox, struct link_held *held)
{
	send_queue_rewind(&outbox->queue);
	memset(&outbox->told, 0, sizeof(outbox->told));
	outbox->is_held = true;
	held->out = (int64_t)outbox->queue.streams[SEND_OUT].from;
	held->err = (int64_t)outbox->queue.streams[SEND_ERR].from;
	link_io_send_message(outbox->link, outbox->stream, LINK_HELD, held);
}

int
outbox_resume(
    struct outbox *outbox, const struct link_resume *resume, struct error *err)
{
	const uint64_t from[SEND_STREAMS] = {
	    [SEND_OUT] = (uint64_t)resume->out,
	    [SEND_ERR] = (uint64_t)resume->err,
	};

	if (!outbox->is_held)
		return error_set(err, ERROR_INVALID,
		    "exec %u does not wait to be resumed", outbox->stream);
	if (send_queue_resume(&outbox->queue, from, err) != 0)
		return error_wrap(err, "resume exec %u", outbox->stream);
	outbox->is_held = false;
	return 0;
}

int
outbox_forget(struct outbox *outbox, struct error *err)
{
	if (outbox->last == OUTBOX_OPEN)
		return error_set(err, ERROR_INVALID,
		    "exec %u has not ended: it is not to be forgotten",
		    outbox->stream);
	outbox->is_forgotten = true;
	outbox->is_held = false;
	outbox_clear(outbox);
	return 0;
}
