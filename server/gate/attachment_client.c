/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/attachment_client.h"

#include <stdlib.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/json.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "server/common/channel.h"

/* All stdin credit of some hundred execs; what more waits is a keeper that has
 * stopped reading. */
#define OUT_MAX ((size_t)64 << 20)

struct attachment {
	struct channel channel;
	const struct attachment_events *events;
	void *data;
	struct attachment_exec *execs;
	struct attachment_list *lists;
	uint32_t last_stream;
};

static struct attachment_exec *
find(struct attachment *attachment, uint32_t stream)
{
	struct attachment_exec *exec;

	for (exec = attachment->execs; exec != NULL; exec = exec->next) {
		if (exec->stream == stream)
			return exec;
	}
	return NULL;
}

static struct attachment_list *
find_list(struct attachment *attachment, uint32_t stream)
{
	struct attachment_list *list;

	for (list = attachment->lists; list != NULL; list = list->next) {
		if (list->stream == stream)
			return list;
	}
	return NULL;
}

static void
unlink_exec(struct attachment_exec *exec)
{
	struct attachment_exec **at = &exec->attachment->execs;

	while (*at != exec)
		at = &(*at)->next;
	*at = exec->next;
	exec->next = NULL;
	exec->attachment = NULL;
}

static void
end(struct attachment_exec *exec, enum exec_end how, const void *body)
{
	unlink_exec(exec);
	exec->events->on_end(exec, how, body);
}

static void
end_list(struct attachment *attachment, struct attachment_list *list,
    const struct error *err)
{
	struct attachment_list **at = &attachment->lists;

	while (*at != list)
		at = &(*at)->next;
	*at = list->next;
	list->next = NULL;
	list->on_done(list, err);
}

static void
on_started(struct attachment_exec *exec, const union attachment_body *body)
{
	exec->open = true;
	if (exec->events->on_started != NULL)
		exec->events->on_started(exec, &body->started);
}

static void
on_attached(struct attachment_exec *exec, const union attachment_body *body)
{
	exec->open = true;
	if (exec->events->on_attached != NULL)
		exec->events->on_attached(exec, &body->attached);
}

static void
on_refused(struct attachment_exec *exec, const union attachment_body *body)
{
	if (!exec->open)
		end(exec, EXEC_REFUSED, &body->refused);
	else if (exec->events->on_refused != NULL)
		exec->events->on_refused(exec, &body->refused);
}

static void
on_taken(struct attachment_exec *exec, const union attachment_body *body)
{
	(void)body;
	if (exec->events->on_taken != NULL)
		exec->events->on_taken(exec);
}

static void
on_answer(struct attachment_exec *exec, const union attachment_body *body)
{
	if (exec->events->on_answer != NULL)
		exec->events->on_answer(exec, &body->answer);
}

static void
on_detached(struct attachment_exec *exec, const union attachment_body *body)
{
	(void)body;
	end(exec, EXEC_DETACHED, NULL);
}

static void
on_gap(struct attachment_exec *exec, const union attachment_body *body)
{
	if (exec->events->on_gap != NULL)
		exec->events->on_gap(exec, &body->gap);
}

static void
on_ended(struct attachment_exec *exec, const union attachment_body *body)
{
	end(exec, EXEC_ENDED, &body->exit);
}

/* Terminals are only told to lists. */
static void
on_terminal(struct attachment_exec *exec, const union attachment_body *body)
{
	(void)exec;
	(void)body;
}

/* What a keeper may say; the rest is its fault. */
static void (*const messages[ATTACHMENT_TYPES])(
    struct attachment_exec *exec, const union attachment_body *body) = {
    [ATTACHMENT_STARTED] = on_started,
    [ATTACHMENT_ATTACHED] = on_attached,
    [ATTACHMENT_REFUSED] = on_refused,
    [ATTACHMENT_TAKEN] = on_taken,
    [ATTACHMENT_TERMINAL] = on_terminal,
    [ATTACHMENT_ANSWER] = on_answer,
    [ATTACHMENT_DETACHED] = on_detached,
    [ATTACHMENT_GAP] = on_gap,
    [ATTACHMENT_EXIT] = on_ended,
};

static void
tell_list(struct attachment *attachment, struct attachment_list *list, int type,
    const union attachment_body *body)
{
	const struct attachment_answer *answer = &body->answer;
	struct error err = {0};

	if (type == ATTACHMENT_TERMINAL) {
		list->on_terminal(list, &body->terminal.of);
	} else if (type == ATTACHMENT_ANSWER && answer->code == NULL) {
		end_list(attachment, list, NULL);
	} else if (type == ATTACHMENT_ANSWER) {
		(void)error_set(&err, error_code_named(answer->code), "%s",
		    answer->text != NULL ? answer->text : answer->code);
		end_list(attachment, list, &err);
	}
}

static int
on_control(
    struct attachment *attachment, const struct frame *frame, struct error *err)
{
	struct attachment_exec *exec = find(attachment, frame->stream);
	struct attachment_list *list = find_list(attachment, frame->stream);
	union attachment_body body;
	int type = -1;
	int rc;

	rc = json_read_typed(&attachment_messages, (const char *)frame->payload,
	    frame->len, &type, &body, err);
	if (rc == 0 && messages[type] == NULL)
		rc = error_set(err, ERROR_INVALID, "a keeper sent %s",
		    attachment_types[type]);
	else if (rc == 0 && exec != NULL)
		messages[type](exec, &body);
	else if (rc == 0 && list != NULL)
		tell_list(attachment, list, type, &body);
	if (type >= 0)
		json_clear(attachment_shapes[type], &body);
	return rc;
}

static int
on_output(struct attachment *attachment, const struct frame *frame,
    enum output_stream stream)
{
	struct attachment_exec *exec = find(attachment, frame->stream);

	if (exec != NULL && exec->events->on_output != NULL)
		exec->events->on_output(
		    exec, stream, frame->payload, frame->len);
	return 0;
}

static int
on_window(
    struct attachment *attachment, const struct frame *frame, struct error *err)
{
	struct attachment_exec *exec = find(attachment, frame->stream);
	size_t credit = frame_credit(frame);

	if (exec == NULL)
		return 0;
	if (credit > WINDOW_STDIN || exec->credit > WINDOW_STDIN - credit)
		return error_set(err, ERROR_LIMIT,
		    "a keeper granted %zu bytes of stdin over %zu", credit,
		    exec->credit);
	exec->credit += credit;
	if (exec->wants_credit && exec->events->on_credit != NULL) {
		exec->wants_credit = false;
		exec->events->on_credit(exec);
	}
	return 0;
}

static int
on_frame(struct channel *channel, const struct frame *frame, struct error *err)
{
	struct attachment *attachment = channel->data;

	switch (frame->kind) {
	case FRAME_CONTROL:
		return on_control(attachment, frame, err);
	case FRAME_STDOUT:
		return on_output(attachment, frame, OUTPUT_STDOUT);
	case FRAME_STDERR:
		return on_output(attachment, frame, OUTPUT_STDERR);
	case FRAME_PTY:
		return on_output(attachment, frame, OUTPUT_PTY);
	case FRAME_WINDOW:
		return on_window(attachment, frame, err);
	case FRAME_STDIN:
	case FRAME_KINDS:
		break;
	}
	return error_set(err, ERROR_INVALID, "a keeper sent a %s frame",
	    frame_kind_name(frame->kind));
}

static void
on_closed(struct channel *channel, const struct error *why)
{
	struct attachment *attachment = channel->data;
	struct error lost = {0};

	(void)error_set(
	    &lost, ERROR_SYSTEM, "the connection to the task was lost");
	while (attachment->execs != NULL)
		end(attachment->execs, EXEC_LOST, NULL);
	while (attachment->lists != NULL)
		end_list(attachment, attachment->lists, &lost);
	attachment->events->on_closed(attachment, attachment->data, why);
	free(attachment);
}

static const struct channel_events channel_events = {
    .out_max = OUT_MAX, .on_frame = on_frame, .on_closed = on_closed};

struct attachment *
attachment_open(uv_loop_t *loop, int fd, const struct attachment_events *events,
    void *data, struct error *err)
{
	struct attachment *attachment = memory_new(1, sizeof(*attachment));

	attachment->events = events;
	attachment->data = data;
	if (channel_open(&attachment->channel, loop, fd, &channel_events,
	        attachment, err) != 0) {
		(void)close(fd);
		free(attachment);
		return NULL;
	}
	return attachment;
}

static void
say(struct attachment_exec *exec, enum attachment_type type, const void *body)
{
	channel_send_json(&exec->attachment->channel, exec->stream,
	    attachment_shapes[type], attachment_types[type], body);
}

static uint32_t
free_stream(struct attachment *attachment)
{
	uint32_t stream;

	do {
		stream = ++attachment->last_stream;
	} while (stream == 0 || find(attachment, stream) != NULL ||
	         find_list(attachment, stream) != NULL);
	return stream;
}

static void
adopt(struct attachment *attachment, struct attachment_exec *exec)
{
	exec->stream = free_stream(attachment);
	exec->attachment = attachment;
	exec->next = attachment->execs;
	attachment->execs = exec;
	exec->credit = WINDOW_STDIN;
	exec->wants_credit = false;
	exec->open = false;
}

void
attachment_start(struct attachment *attachment, struct attachment_exec *exec,
    const struct attachment_start *start)
{
	adopt(attachment, exec);
	say(exec, ATTACHMENT_START, start);
}

void
attachment_session(struct attachment *attachment, struct attachment_exec *exec,
    const struct attachment_start *start)
{
	adopt(attachment, exec);
	say(exec, ATTACHMENT_SESSION, start);
}

void
attachment_attach(struct attachment *attachment, struct attachment_exec *exec,
    const struct attachment_attach *where)
{
	adopt(attachment, exec);
	say(exec, ATTACHMENT_ATTACH, where);
}

size_t
attachment_stdin(struct attachment_exec *exec, const uint8_t *bytes, size_t len)
{
	size_t taken = 0;

	if (exec->attachment == NULL)
		return len;
	while (taken < len && exec->credit > 0) {
		size_t part = len - taken;

		if (part > FRAME_DATA_MAX)
			part = FRAME_DATA_MAX;
		if (part > exec->credit)
			part = exec->credit;
		channel_send(&exec->attachment->channel, FRAME_STDIN,
		    exec->stream, bytes + taken, part);
		exec->credit -= part;
		taken += part;
	}
	if (taken < len)
		exec->wants_credit = true;
	return taken;
}

void
attachment_stdin_end(struct attachment_exec *exec)
{
	if (exec->attachment != NULL)
		channel_send(&exec->attachment->channel, FRAME_STDIN,
		    exec->stream, "", 0);
}

void
attachment_signal(struct attachment_exec *exec, const char *name, bool tree)
{
	autofree char *copy = memory_string(name);
	const struct link_signal body = {.signal = copy, .tree = tree};

	if (exec->attachment != NULL)
		say(exec, ATTACHMENT_SIGNAL, &body);
}

void
attachment_resize(struct attachment_exec *exec, uint16_t rows, uint16_t cols)
{
	const struct link_resize body = {.rows = rows, .cols = cols};

	if (exec->attachment != NULL)
		say(exec, ATTACHMENT_RESIZE, &body);
}

void
attachment_screen(
    struct attachment_exec *exec, const struct attachment_screen *ask)
{
	if (exec->attachment != NULL)
		say(exec, ATTACHMENT_SCREEN, ask);
}

void
attachment_keys(struct attachment_exec *exec, const struct attachment_keys *ask)
{
	if (exec->attachment != NULL)
		say(exec, ATTACHMENT_KEYS, ask);
}

void
attachment_wait(struct attachment_exec *exec, const struct attachment_wait *ask)
{
	if (exec->attachment != NULL)
		say(exec, ATTACHMENT_WAIT, ask);
}

void
attachment_cancel(struct attachment_exec *exec, uint32_t ask)
{
	const struct attachment_cancel body = {.ask = ask};

	if (exec->attachment != NULL)
		say(exec, ATTACHMENT_CANCEL, &body);
}

void
attachment_play(struct attachment_exec *exec, const struct attachment_play *how)
{
	if (exec->attachment != NULL)
		say(exec, ATTACHMENT_PLAY, how);
}

void
attachment_terminals(
    struct attachment *attachment, struct attachment_list *list)
{
	const struct attachment_terminals body = {.ask = 1};

	list->stream = free_stream(attachment);
	list->next = attachment->lists;
	attachment->lists = list;
	channel_send_json(&attachment->channel, list->stream,
	    attachment_shapes[ATTACHMENT_TERMINALS],
	    attachment_types[ATTACHMENT_TERMINALS], &body);
}

void
attachment_detach(struct attachment_exec *exec)
{
	if (exec->attachment != NULL)
		say(exec, ATTACHMENT_DETACH, NULL);
}

void
attachment_pause(struct attachment *attachment)
{
	channel_pause(&attachment->channel);
}

void
attachment_resume(struct attachment *attachment)
{
	channel_resume(&attachment->channel);
}

void
attachment_close(struct attachment *attachment)
{
	if (attachment != NULL)
		channel_close(&attachment->channel);
}
