/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/attachment_client.h"

#include <stdlib.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/json.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "server/gate/attachment_state.h"

/* All stdin credit of some hundred execs; what more waits is a keeper that has
 * stopped reading. */
#define OUT_MAX ((size_t)64 << 20)

void
attachment_exec_end(
    struct attachment_exec *exec, enum exec_end how, const void *body)
{
	struct attachment_exec **at = &exec->attachment->execs;

	while (*at != exec)
		at = &(*at)->next;
	*at = exec->next;
	exec->next = NULL;
	exec->attachment = NULL;
	kept_clear(&exec->kept);
	exec->events->on_end(exec, how, body);
}

void
attachment_list_end(struct attachment *attachment, struct attachment_list *list,
    const struct error *err)
{
	struct attachment_list **at = &attachment->lists;

	while (*at != list)
		at = &(*at)->next;
	*at = list->next;
	list->next = NULL;
	list->on_done(list, err);
}

void
attachment_finish(struct attachment *attachment, enum exec_end how,
    const void *body, const struct error *why)
{
	struct error lost = {0};

	if (attachment->state == ATTACHMENT_CLOSED)
		return;
	(void)error_set(
	    &lost, ERROR_SYSTEM, "the connection to the task was lost");
	attachment->state = ATTACHMENT_CLOSED;
	while (attachment->execs != NULL)
		attachment_exec_end(attachment->execs, how, body);
	while (attachment->lists != NULL)
		attachment_list_end(attachment, attachment->lists, &lost);
	attachment->events->on_closed(attachment, attachment->data, why);
	owner_close(&attachment->owner);
}

static int
on_frame(struct channel *channel, const struct frame *frame, struct error *err)
{
	return attachment_take(channel->data, frame, err);
}

/* A keeper that broke the protocol is not asked again: it would once more. */
static void
on_closed(struct channel *channel, const struct error *why)
{
	struct attachment *attachment = channel->data;
	bool is_fault = why->code != ERROR_NONE && why->code != ERROR_SYSTEM;

	if (attachment->is_closing || is_fault || !reattach_begin(attachment))
		attachment_finish(attachment, EXEC_LOST, NULL, why);
}

static const struct channel_events channel_events = {
    .out_max = OUT_MAX, .on_frame = on_frame, .on_closed = on_closed};

int
attachment_connect(struct attachment *attachment, int fd, struct error *err)
{
	if (channel_open(&attachment->channel, attachment->loop, fd,
	        &channel_events, attachment, err) != 0) {
		(void)close(fd);
		return -1;
	}
	attachment->state = ATTACHMENT_OPEN;
	if (attachment->is_paused)
		channel_pause(&attachment->channel);
	return 0;
}

static void
on_gone(struct owner *owner)
{
	struct attachment *attachment =
	    (struct attachment *)(void *)((char *)owner -
	                                  offsetof(struct attachment, owner));

	reattach_clear(&attachment->reattach);
	free(attachment);
}

struct attachment *
attachment_open(uv_loop_t *loop, int fd, const struct attachment_again *again,
    const struct attachment_events *events, void *data, struct error *err)
{
	struct attachment *attachment = memory_new(1, sizeof(*attachment));

	attachment->loop = loop;
	attachment->events = events;
	attachment->data = data;
	if (attachment_connect(attachment, fd, err) != 0) {
		free(attachment);
		return NULL;
	}
	owner_init(&attachment->owner, on_gone);
	reattach_init(attachment, again);
	return attachment;
}

static bool
is_open(const struct attachment *attachment)
{
	return attachment->state == ATTACHMENT_OPEN;
}

/* On an attachment, with a keeper that knows the stream. */
static bool
is_heard(const struct attachment_exec *exec)
{
	return exec->attachment != NULL && is_open(exec->attachment) &&
	       !exec->is_resuming;
}

void
attachment_say(
    struct attachment_exec *exec, enum attachment_type type, const void *body)
{
	channel_send_json(&exec->attachment->channel, exec->stream,
	    attachment_shapes[type], attachment_types[type], body);
}

static bool
is_stream_used(const struct attachment *attachment, uint32_t stream)
{
	const struct attachment_exec *exec;
	const struct attachment_list *list;

	for (exec = attachment->execs; exec != NULL; exec = exec->next) {
		if (exec->stream == stream)
			return true;
	}
	for (list = attachment->lists; list != NULL; list = list->next) {
		if (list->stream == stream)
			return true;
	}
	return stream == 0;
}

static uint32_t
free_stream(struct attachment *attachment)
{
	do {
		attachment->last_stream++;
	} while (is_stream_used(attachment, attachment->last_stream));
	return attachment->last_stream;
}

void
attachment_say_opening(struct attachment_exec *exec)
{
	const struct buffer *json = &exec->kept.opening;

	exec->credit = WINDOW_STDIN;
	channel_send(&exec->attachment->channel, FRAME_CONTROL, exec->stream,
	    buffer_bytes(json), buffer_len(json));
}

/* Begin an exec; without a connection it is opened when there is one. */
static void
open_exec(struct attachment *attachment, struct attachment_exec *exec,
    enum attachment_type type, const void *body)
{
	struct error err = {0};

	exec->stream = free_stream(attachment);
	exec->attachment = attachment;
	exec->next = attachment->execs;
	attachment->execs = exec;
	exec->credit = WINDOW_STDIN;
	exec->wants_credit = false;
	exec->open = false;
	exec->is_leaving = false;
	exec->is_resuming = !is_open(attachment);
	if (kept_open(&exec->kept, type, body, &err) != 0) {
		/* its size was checked: what is left is a bug of ours */
		attachment_close(attachment);
		return;
	}
	if (is_open(attachment))
		attachment_say_opening(exec);
}

void
attachment_start(struct attachment *attachment, struct attachment_exec *exec,
    const struct attachment_start *start)
{
	open_exec(attachment, exec, ATTACHMENT_START, start);
}

void
attachment_session(struct attachment *attachment, struct attachment_exec *exec,
    const struct attachment_start *start)
{
	open_exec(attachment, exec, ATTACHMENT_SESSION, start);
}

void
attachment_attach(struct attachment *attachment, struct attachment_exec *exec,
    const struct attachment_attach *where)
{
	open_exec(attachment, exec, ATTACHMENT_ATTACH, where);
}

void
attachment_send_stdin(
    struct attachment_exec *exec, const uint8_t *bytes, size_t len)
{
	channel_send(
	    &exec->attachment->channel, FRAME_STDIN, exec->stream, bytes, len);
	exec->credit -= len;
}

size_t
attachment_stdin(struct attachment_exec *exec, const uint8_t *bytes, size_t len)
{
	size_t taken = 0;

	if (exec->attachment == NULL)
		return len;
	while (taken < len && exec->credit > 0 && is_heard(exec)) {
		size_t part = len - taken;

		if (part > FRAME_DATA_MAX)
			part = FRAME_DATA_MAX;
		if (part > exec->credit)
			part = exec->credit;
		kept_sent(&exec->kept, bytes + taken, part);
		attachment_send_stdin(exec, bytes + taken, part);
		taken += part;
	}
	if (taken < len)
		exec->wants_credit = true;
	return taken;
}

size_t
attachment_stdin_waiting(const struct attachment_exec *exec)
{
	if (exec->is_resuming)
		return buffer_len(&exec->kept.input);
	return WINDOW_STDIN - exec->credit;
}

void
attachment_stdin_end(struct attachment_exec *exec)
{
	exec->kept.is_input_ended = true;
	if (is_heard(exec))
		attachment_send_stdin(exec, (const uint8_t *)"", 0);
}

void
attachment_say_noted(struct attachment_exec *exec, struct kept_said *said)
{
	said->is_sent = true;
	channel_send(&exec->attachment->channel, FRAME_CONTROL, exec->stream,
	    buffer_bytes(&said->json), buffer_len(&said->json));
	/* keys are pressed once */
	if (said->type == ATTACHMENT_KEYS)
		buffer_clear(&said->json);
}

/* Say what is answered, now or when the keeper is there. */
static void
say_or_note(struct attachment_exec *exec, enum attachment_type type,
    int64_t ask, const void *body)
{
	struct kept_said *said;

	if (exec->attachment == NULL)
		return;
	said = kept_say(&exec->kept, type, ask, body);
	if (!is_heard(exec))
		return;
	if (said != NULL)
		attachment_say_noted(exec, said);
	else
		attachment_say(exec, type, body);
}

void
attachment_signal(struct attachment_exec *exec, const char *name, bool tree)
{
	autofree char *copy = memory_string(name);
	const struct link_signal body = {.signal = copy, .tree = tree};

	say_or_note(exec, ATTACHMENT_SIGNAL, 0, &body);
}

void
attachment_resize(struct attachment_exec *exec, uint16_t rows, uint16_t cols)
{
	const struct link_resize body = {.rows = rows, .cols = cols};

	say_or_note(exec, ATTACHMENT_RESIZE, 0, &body);
	exec->kept.view.rows = rows;
	exec->kept.view.cols = cols;
}

void
attachment_screen(
    struct attachment_exec *exec, const struct attachment_screen *ask)
{
	say_or_note(exec, ATTACHMENT_SCREEN, ask->ask, ask);
}

void
attachment_keys(struct attachment_exec *exec, const struct attachment_keys *ask)
{
	say_or_note(exec, ATTACHMENT_KEYS, ask->ask, ask);
}

void
attachment_wait(struct attachment_exec *exec, const struct attachment_wait *ask)
{
	say_or_note(exec, ATTACHMENT_WAIT, ask->ask, ask);
}

void
attachment_cancel(struct attachment_exec *exec, uint32_t ask)
{
	const struct attachment_cancel body = {.ask = ask};
	struct kept_said *said;

	if (exec->attachment == NULL)
		return;
	for (said = exec->kept.said; said != NULL; said = said->next) {
		if (said->ask == ask)
			said->is_canceled = true;
	}
	if (is_heard(exec))
		attachment_say(exec, ATTACHMENT_CANCEL, &body);
}

void
attachment_play(struct attachment_exec *exec, const struct attachment_play *how)
{
	if (is_heard(exec))
		attachment_say(exec, ATTACHMENT_PLAY, how);
}

void
attachment_ask_list(struct attachment *attachment, struct attachment_list *list)
{
	const struct attachment_terminals body = {.ask = 1};

	channel_send_json(&attachment->channel, list->stream,
	    attachment_shapes[ATTACHMENT_TERMINALS],
	    attachment_types[ATTACHMENT_TERMINALS], &body);
}

void
attachment_terminals(
    struct attachment *attachment, struct attachment_list *list)
{
	list->stream = free_stream(attachment);
	list->next = attachment->lists;
	attachment->lists = list;
	if (is_open(attachment))
		attachment_ask_list(attachment, list);
}

void
attachment_detach(struct attachment_exec *exec)
{
	if (exec->attachment == NULL)
		return;
	exec->is_leaving = true;
	if (is_heard(exec))
		attachment_say(exec, ATTACHMENT_DETACH, NULL);
	else
		reattach_hurry(exec->attachment);
}

void
attachment_pause(struct attachment *attachment)
{
	attachment->is_paused = true;
	if (is_open(attachment))
		channel_pause(&attachment->channel);
}

void
attachment_resume(struct attachment *attachment)
{
	attachment->is_paused = false;
	if (is_open(attachment))
		channel_resume(&attachment->channel);
}

void
attachment_close(struct attachment *attachment)
{
	if (attachment == NULL || attachment->state == ATTACHMENT_CLOSED)
		return;
	attachment->is_closing = true;
	if (is_open(attachment))
		channel_close(&attachment->channel);
	else
		reattach_stop(attachment);
}
