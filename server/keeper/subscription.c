/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/subscription.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/keeper/asks.h"
#include "server/keeper/attachment.h"
#include "server/keeper/client.h"
#include "server/keeper/exec.h"
#include "server/keeper/keeper.h"
#include "server/keeper/pty.h"

static const enum frame_kind kinds[OUTPUT_STREAMS] = {
    [OUTPUT_STDOUT] = FRAME_STDOUT,
    [OUTPUT_STDERR] = FRAME_STDERR,
    [OUTPUT_PTY] = FRAME_PTY,
};

static void
send_frame(struct subscription *subscription, enum frame_kind kind,
    const void *bytes, size_t len)
{
	channel_send(subscription->attachment->channel, kind,
	    subscription->stream, bytes, len);
}

static void
send_gap(struct subscription *subscription, const struct spool_piece *piece)
{
	const struct attachment_gap gap = {.stream = (int)piece->stream,
	    .from = (int64_t)piece->from,
	    .to = (int64_t)piece->to};

	attachment_say(subscription->attachment, subscription->stream,
	    ATTACHMENT_GAP, &gap);
}

/* The reader is at its cursor; what it was sent is its owner's. */
static void
moved(struct subscription *subscription)
{
	if (subscription->is_owner)
		output_sent(
		    &subscription->exec->output, subscription->cursor.at);
}

/* Send the end of each stream that the reader has all of. */
static bool
send_ends(struct subscription *subscription)
{
	const struct output *output = &subscription->exec->output;
	bool all = true;
	int i;

	for (i = 0; i < OUTPUT_STREAMS; i++) {
		enum output_stream stream = (enum output_stream)i;

		if (!output_has(output, stream) || subscription->ended[i])
			continue;
		if (output->ended[i] && output->held_bytes == 0) {
			send_frame(subscription, kinds[stream], NULL, 0);
			subscription->ended[i] = true;
		} else {
			all = false;
		}
	}
	return all;
}

static enum subscription_step
finish(struct subscription *subscription)
{
	const struct exec *exec = subscription->exec;

	if (!send_ends(subscription) || exec->state != EXEC_ENDED)
		return SUBSCRIPTION_IDLE;
	attachment_say(subscription->attachment, subscription->stream,
	    ATTACHMENT_EXIT, &exec->exit);
	return SUBSCRIPTION_OVER;
}

static void
set_owner(struct subscription *subscription, bool is_owner)
{
	struct output *output = &subscription->exec->output;

	output->owners += (size_t)is_owner;
	output->owners -= (size_t)subscription->is_owner;
	subscription->is_owner = is_owner;
}

static void
leave_terminal(struct subscription *subscription)
{
	struct pty *pty = subscription->exec->pty;

	if (pty == NULL)
		return;
	asks_forget(pty->asks, subscription);
	if (pty->plain == subscription)
		pty->plain = NULL;
	if (subscription->client != NULL)
		pty_part(pty, subscription->client);
	client_free(subscription->client);
}

/* The last frame of a view, and the end. */
static enum subscription_step
finish_view(struct subscription *subscription)
{
	if (subscription->exec->state != EXEC_ENDED)
		return SUBSCRIPTION_IDLE;
	if (!attachment_has_room(subscription->attachment))
		return SUBSCRIPTION_MORE;
	client_due(subscription->client);
	client_leave(subscription->client);
	return finish(subscription);
}

struct subscription *
subscription_new(
    struct attachment *attachment, struct exec *exec, uint32_t stream)
{
	struct subscription *subscription =
	    memory_new(1, sizeof(*subscription));

	subscription->attachment = attachment;
	subscription->exec = exec;
	subscription->stream = stream;
	subscription->credit = WINDOW_STDIN;
	set_owner(
	    subscription, strcmp(attachment->principal, exec->principal) == 0);
	spool_seek_end(&exec->output.spool, &subscription->cursor);
	TAILQ_INSERT_TAIL(&exec->output.subscriptions, subscription, of_exec);
	attachment_add(attachment, subscription);
	return subscription;
}

void
subscription_free(struct subscription *subscription)
{
	struct exec *exec = subscription->exec;
	bool is_feeder = input_release(&exec->input, subscription);

	if (subscription->is_writer)
		activity_part(&exec->keeper->activity);
	leave_terminal(subscription);
	if (subscription->is_tied && (is_feeder || exec->pty != NULL))
		exec_untie(exec);
	set_owner(subscription, false);
	TAILQ_REMOVE(&exec->output.subscriptions, subscription, of_exec);
	attachment_remove(subscription->attachment, subscription);
	free(subscription);
	exec_free_unused(exec);
}

void
subscription_open(struct subscription *subscription)
{
	subscription->is_open = true;
	subscription->is_writer =
	    activity_join(&subscription->exec->keeper->activity, subscription);
	moved(subscription);
	if (subscription->client != NULL)
		client_renew(subscription->client);
	subscription_wake(subscription);
}

void
subscription_started(struct subscription *subscription)
{
	const struct attachment_started started = {
	    .exec = subscription->exec->id, .pid = subscription->exec->pid};

	if (subscription->is_open)
		return;
	attachment_say(subscription->attachment, subscription->stream,
	    ATTACHMENT_STARTED, &started);
	subscription_open(subscription);
}

void
subscription_refuse(
    struct subscription *subscription, const char *code, const char *text)
{
	attachment_refuse(
	    subscription->attachment, subscription->stream, code, text);
}

void
subscription_view(
    struct subscription *subscription, const struct attachment_view *view)
{
	struct pty *pty = subscription->exec->pty;

	set_owner(subscription, false);
	if (view->size >= 0)
		pty->policy = (enum size_policy)view->size;
	subscription->client = client_new(pty, subscription, view);
	pty_join(pty, subscription->client);
}

void
subscription_tie(struct subscription *subscription)
{
	struct exec *exec = subscription->exec;
	struct subscription *each = TAILQ_FIRST(&exec->output.subscriptions);

	for (; each != NULL; each = TAILQ_NEXT(each, of_exec))
		each->is_tied = each == subscription;
	input_feed_by(&exec->input, subscription);
	if (exec->pty != NULL && exec->kept.plain)
		exec->pty->plain = subscription;
}

void
subscription_hush(struct subscription *subscription)
{
	set_owner(subscription, false);
	subscription->is_quiet = true;
}

void
subscription_send(struct subscription *subscription, enum output_stream stream,
    const void *bytes, size_t len)
{
	send_frame(subscription, kinds[stream], bytes, len);
}

int
subscription_input(struct subscription *subscription, const uint8_t *bytes,
    size_t len, struct error *err)
{
	/* Its terminal is the client's, whose input never ends. */
	if (subscription->client != NULL && len == 0)
		return 0;
	if (subscription->client != NULL)
		return client_type(subscription->client, bytes, len, err);
	return input_write(
	    &subscription->exec->input, subscription, bytes, len, err);
}

void
subscription_detach(struct subscription *subscription)
{
	struct attachment *attachment = subscription->attachment;
	uint32_t stream = subscription->stream;

	if (subscription->client != NULL)
		client_leave(subscription->client);
	subscription_free(subscription);
	attachment_say(attachment, stream, ATTACHMENT_DETACHED, NULL);
}

void
subscription_return_credit(struct subscription *subscription, uint32_t credit)
{
	uint32_t payload = htobe32(credit);

	send_frame(subscription, FRAME_WINDOW, &payload, sizeof(payload));
}

void
subscription_offer(struct subscription *subscription,
    const struct spool_piece *piece, uint64_t before)
{
	struct spool_cursor *cursor = &subscription->cursor;

	if (subscription->client != NULL || subscription->is_quiet)
		return;
	if (!subscription->is_open || subscription->is_ready ||
	    cursor->at != before ||
	    cursor->want[piece->stream] != piece->from ||
	    !attachment_is_clear(subscription->attachment)) {
		subscription_wake(subscription);
		return;
	}
	send_frame(subscription, kinds[piece->stream], piece->bytes,
	    (size_t)(piece->to - piece->from));
	cursor->want[piece->stream] = piece->to;
	cursor->at = subscription->exec->output.spool.head;
	moved(subscription);
}

void
subscription_wake(struct subscription *subscription)
{
	if (subscription->is_open && !subscription->is_ready &&
	    !subscription->is_quiet)
		attachment_wake(subscription->attachment, subscription);
}

enum subscription_step
subscription_step(struct subscription *subscription)
{
	struct exec *exec = subscription->exec;
	struct spool_piece piece;
	size_t share = 0;

	if (subscription->client != NULL)
		return finish_view(subscription);
	while (share < SUBSCRIPTION_SHARE) {
		struct error err = {0};
		int got;

		if (!attachment_has_room(subscription->attachment))
			return SUBSCRIPTION_MORE;
		got = spool_read(&exec->output.spool, &subscription->cursor,
		    &exec->keeper->view, &piece, &err);
		if (got < 0)
			log_error("%s: output is lost: %s", exec->id, err.text);
		if (got < 0)
			continue;
		if (got == 0)
			return finish(subscription);
		if (piece.bytes == NULL) {
			send_gap(subscription, &piece);
		} else {
			send_frame(subscription, kinds[piece.stream],
			    piece.bytes, (size_t)(piece.to - piece.from));
			share += (size_t)(piece.to - piece.from);
		}
		moved(subscription);
	}
	return SUBSCRIPTION_MORE;
}
