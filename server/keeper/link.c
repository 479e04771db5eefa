/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/link.h"

#include <endian.h>
#include <fcntl.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/link.h"
#include "server/common/log.h"
#include "server/keeper/exec.h"
#include "server/keeper/execs.h"
#include "server/keeper/keeper.h"

/* An agent that lets this much pile up does not read. */
#define OUT_MAX (16u << 20)

typedef int (*message_fn)(
    struct exec *exec, union link_body *body, struct error *err);

static int
on_started(struct exec *exec, union link_body *body, struct error *err)
{
	return exec_started(exec, body->started.pid, err);
}

static int
on_refused(struct exec *exec, union link_body *body, struct error *err)
{
	return exec_refused(exec,
	    refusal_name((enum refusal)body->refused.reason),
	    body->refused.text, err);
}

static int
on_terminal(struct exec *exec, union link_body *body, struct error *err)
{
	return exec_terminal(exec, &body->terminal, err);
}

static int
on_exit(struct exec *exec, union link_body *body, struct error *err)
{
	return exec_exited(exec, &body->exit, err);
}

/* What an agent may say of an exec; hello comes before any. */
static const message_fn messages[LINK_TYPES] = {
    [LINK_STARTED] = on_started,
    [LINK_REFUSED] = on_refused,
    [LINK_TERMINAL] = on_terminal,
    [LINK_EXIT] = on_exit,
};

static struct link *
of_channel(struct channel *channel)
{
	return channel->data;
}

/* It is up when everything was said that the agent holds. */
static int
settle_holding(struct link *link)
{
	if (link->holding > 0)
		return 0;
	link->state = LINK_UP;
	keeper_ready(link->keeper);
	return 0;
}

static int
greet(struct link *link, const struct frame *frame, int type,
    const union link_body *body, struct error *err)
{
	if (link->state != LINK_SILENT || type != LINK_HELLO ||
	    frame->stream != 0)
		return error_set(err, ERROR_STATE, "%s on stream %u",
		    link_types[type], frame->stream);
	if (body->hello.protocol != LINK_PROTOCOL)
		return error_set(err, ERROR_INVALID,
		    "the agent speaks protocol %lld",
		    (long long)body->hello.protocol);
	link->holding = body->hello.execs;
	link->state = LINK_HOLDING;
	if (keeper_greeted(link->keeper, &body->hello, err) != 0)
		return -1;
	return settle_holding(link);
}

static int
take_held(struct link *link, const struct frame *frame, int type,
    const union link_body *body, struct error *err)
{
	if (type != LINK_HELD)
		return error_set(
		    err, ERROR_STATE, "%s before all held", link_types[type]);
	if (resume_held(
	        &link->keeper->resume, frame->stream, &body->held, err) != 0)
		return -1;
	link->holding--;
	return settle_holding(link);
}

static int
obey(struct link *link, const struct frame *frame, struct exec *exec,
    struct error *err)
{
	union link_body body;
	int type;
	int rc = json_read_typed(&link_messages, (const char *)frame->payload,
	    frame->len, &type, &body, err);

	batch_flush(&link->keeper->batch);
	if (rc == 0 && link->state == LINK_HOLDING)
		rc = take_held(link, frame, type, &body, err);
	else if (rc == 0 && (type == LINK_HELLO || link->state != LINK_UP))
		rc = greet(link, frame, type, &body, err);
	else if (rc == 0 && (messages[type] == NULL || exec == NULL))
		rc = error_set(err, ERROR_STATE, "%s for exec %u",
		    link_types[type], frame->stream);
	else if (rc == 0)
		rc = messages[type](exec, &body, err);
	if (type >= 0)
		json_clear(link_shapes[type], &body);
	return rc;
}

static int
take_data(struct exec *exec, const struct frame *frame, struct error *err)
{
	switch (frame->kind) {
	case FRAME_STDOUT:
		return exec_output(exec, OUTPUT_STDOUT, frame, err);
	case FRAME_STDERR:
		return exec_output(exec, OUTPUT_STDERR, frame, err);
	case FRAME_PTY:
		return exec_output(exec, OUTPUT_PTY, frame, err);
	case FRAME_WINDOW:
		return exec_credit(exec, frame_credit(frame), err);
	case FRAME_STDIN:
	case FRAME_CONTROL:
	case FRAME_KINDS:
		break;
	}
	return error_set(err, ERROR_INVALID, "a frame of kind %s",
	    frame_kind_name(frame->kind));
}

static int
on_frame(struct channel *channel, const struct frame *frame, struct error *err)
{
	struct link *link = of_channel(channel);
	struct exec *exec = execs_get(&link->keeper->execs, frame->stream);
	int rc;

	if (channel->fd_count > 0)
		return error_set(err, ERROR_INVALID, "it sent a descriptor");
	if (frame->kind == FRAME_CONTROL)
		rc = obey(link, frame, exec, err);
	else if (link->state != LINK_UP)
		return error_set(err, ERROR_STATE, "%s before %s",
		    frame_kind_name(frame->kind),
		    link->state == LINK_SILENT ? "hello" : "all held");
	else if (exec == NULL)
		return error_set(err, ERROR_INVALID, "%s for exec %u",
		    frame_kind_name(frame->kind), frame->stream);
	else
		rc = take_data(exec, frame, err);
	return rc == 0 || exec == NULL ? rc : error_wrap(err, "%s", exec->id);
}

static void
on_drained(struct channel *channel)
{
	execs_drained(&of_channel(channel)->keeper->execs);
}

static void
on_closed(struct channel *channel, const struct error *why)
{
	struct link *link = of_channel(channel);

	if (why->code != ERROR_NONE)
		log_warning("agent: link closed: %s", why->text);
	batch_flush(&link->keeper->batch);
	link->state = LINK_DOWN;
	keeper_lost(link->keeper);
}

static const struct channel_events events = {
    .out_max = OUT_MAX,
    .on_frame = on_frame,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

void
link_init(struct link *link, struct keeper *keeper)
{
	link->keeper = keeper;
	link->state = LINK_NONE;
}

int
link_open(struct link *link, int fd, struct error *err)
{
	if (channel_open(&link->channel, link->keeper->loop, fd, &events, link,
	        err) != 0)
		return -1;
	link->state = LINK_SILENT;
	return 0;
}

int
link_duplicate(const struct link *link)
{
	if (link->state == LINK_NONE || link->state == LINK_DOWN ||
	    link->channel.closing)
		return -1;
	return fcntl(link->channel.fd, F_DUPFD_CLOEXEC, 0);
}

void
link_close(struct link *link)
{
	if (link->state == LINK_NONE) {
		link->state = LINK_DOWN;
		keeper_lost(link->keeper);
	} else if (link->state != LINK_DOWN) {
		channel_close(&link->channel);
	}
}

bool
link_has_room(const struct link *link)
{
	return link->state == LINK_UP &&
	       channel_pending(&link->channel) < LINK_QUEUED_MAX;
}

bool
link_is_clear(const struct link *link)
{
	return link->state != LINK_UP || channel_pending(&link->channel) == 0;
}

void
link_send_exec(
    struct link *link, uint32_t number, const uint8_t *json, size_t len)
{
	channel_send(&link->channel, FRAME_CONTROL, number, json, len);
}

void
link_send_stdin(
    struct link *link, uint32_t number, const uint8_t *bytes, size_t len)
{
	if (link->state == LINK_UP)
		channel_send(&link->channel, FRAME_STDIN, number, bytes, len);
}

void
link_send_credit(struct link *link, uint32_t number, uint32_t credit)
{
	uint32_t payload = htobe32(credit);

	if (link->state == LINK_UP)
		channel_send(&link->channel, FRAME_WINDOW, number, &payload,
		    sizeof(payload));
}

static void
say(struct link *link, uint32_t number, enum link_type type, const void *body)
{
	if (link->state == LINK_UP || link->state == LINK_HOLDING)
		channel_send_json(&link->channel, number, link_shapes[type],
		    link_types[type], body);
}

void
link_send_signal(
    struct link *link, uint32_t number, const struct link_signal *signal)
{
	say(link, number, LINK_SIGNAL, signal);
}

void
link_send_kill(struct link *link, uint32_t number)
{
	say(link, number, LINK_KILL, NULL);
}

void
link_send_resize(
    struct link *link, uint32_t number, const struct link_resize *size)
{
	say(link, number, LINK_RESIZE, size);
}

void
link_send_hangup(struct link *link, uint32_t number)
{
	say(link, number, LINK_HANGUP, NULL);
}

void
link_send_resume(
    struct link *link, uint32_t number, const struct link_resume *resume)
{
	say(link, number, LINK_RESUME, resume);
}

void
link_send_forget(struct link *link, uint32_t number)
{
	say(link, number, LINK_FORGET, NULL);
}

void
link_pause(struct link *link, bool is_paused)
{
	if (link->state != LINK_UP)
		return;
	if (is_paused)
		channel_pause(&link->channel);
	else
		channel_resume(&link->channel);
}
