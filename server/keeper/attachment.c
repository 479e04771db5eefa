/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/attachment.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/keeper/client.h"
#include "server/keeper/exec.h"
#include "server/keeper/keeper.h"
#include "server/keeper/request.h"
#include "server/keeper/subscription.h"

/* Shares that one attachment sends before others have their turn. */
#define TURN_STEPS 4u

static struct attachment *
of_channel(struct channel *channel)
{
	return channel->data;
}

/* What is refused is told once a stream; a broken rule closes. */
static int
take_input(struct attachment *attachment, struct subscription *subscription,
    const struct frame *frame, struct error *err)
{
	struct error why = {0};

	/* Input with a hole in it is worse than none. */
	if (subscription->is_input_refused)
		return 0;
	if (attachment->right != RIGHT_WRITE)
		(void)error_set(&why, ERROR_DENIED, "may only read");
	else if (subscription->exec->state == EXEC_ENDED ||
	         subscription_input(
	             subscription, frame->payload, frame->len, &why) == 0)
		return 0;
	if (why.code == ERROR_INVALID) {
		*err = why;
		return -1;
	}
	subscription->is_input_refused = true;
	attachment_refuse(attachment, subscription->stream,
	    error_code_name(why.code), why.text);
	return 0;
}

static int
on_frame(struct channel *channel, const struct frame *frame, struct error *err)
{
	struct attachment *attachment = of_channel(channel);
	struct subscription *subscription =
	    map_get(&attachment->streams, frame->stream);

	if (channel->fd_count > 0)
		return error_set(err, ERROR_INVALID, "it sent a descriptor");
	if (frame->stream == 0)
		return error_set(err, ERROR_INVALID, "a frame on stream 0");
	if (frame->kind == FRAME_CONTROL)
		return request_take(attachment, subscription, frame, err);
	if (frame->kind != FRAME_STDIN)
		return error_set(err, ERROR_INVALID, "a frame of kind %s",
		    frame_kind_name(frame->kind));
	/* What crossed with the end of its stream is nobody's. */
	if (subscription == NULL)
		return 0;
	return take_input(attachment, subscription, frame, err);
}

static void
on_drained(struct channel *channel)
{
	struct attachment *attachment = of_channel(channel);
	struct subscription *each = TAILQ_FIRST(&attachment->all);

	for (; each != NULL; each = TAILQ_NEXT(each, of_attachment)) {
		if (each->client != NULL)
			client_drained(each->client);
	}
	if (!TAILQ_EMPTY(&attachment->ready))
		keeper_give_turn(attachment->keeper, attachment);
}

static void
on_closed(struct channel *channel, const struct error *why)
{
	struct attachment *attachment = of_channel(channel);
	struct keeper *keeper = attachment->keeper;
	struct subscription *each;

	if (why->code != ERROR_NONE)
		log_warning("attachment of %s: closed: %s",
		    attachment->principal, why->text);
	while ((each = TAILQ_FIRST(&attachment->all)) != NULL)
		subscription_free(each);
	keeper_detached(keeper, attachment);
	map_clear(&attachment->streams);
	free(attachment->principal);
	free(attachment->channel);
	free(attachment);
}

static const struct channel_events events = {
    .on_frame = on_frame,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

struct attachment *
attachment_new(struct keeper *keeper, struct channel *channel,
    const struct attachment_admit *admit)
{
	struct attachment *attachment = memory_new(1, sizeof(*attachment));

	attachment->keeper = keeper;
	attachment->channel = channel;
	attachment->principal = memory_string(admit->principal);
	attachment->right = (enum right)admit->right;
	attachment->exec_ms = admit->exec_ms;
	attachment->exec_ms_max = admit->exec_ms_max;
	map_init(&attachment->streams);
	TAILQ_INIT(&attachment->all);
	TAILQ_INIT(&attachment->ready);
	channel->events = &events;
	channel->data = attachment;
	return attachment;
}

void
attachment_say(struct attachment *attachment, uint32_t stream,
    enum attachment_type type, const void *body)
{
	channel_send_json(attachment->channel, stream, attachment_shapes[type],
	    attachment_types[type], body);
}

void
attachment_refuse(struct attachment *attachment, uint32_t stream,
    const char *code, const char *text)
{
	autofree char *code_copy = memory_string(code);
	autofree char *text_copy = memory_string(text);
	const struct attachment_refused refused = {code_copy, text_copy};

	attachment_say(attachment, stream, ATTACHMENT_REFUSED, &refused);
}

void
attachment_add(struct attachment *attachment, struct subscription *subscription)
{
	map_put(&attachment->streams, subscription->stream, subscription);
	TAILQ_INSERT_TAIL(&attachment->all, subscription, of_attachment);
}

void
attachment_remove(
    struct attachment *attachment, struct subscription *subscription)
{
	map_remove(&attachment->streams, subscription->stream);
	TAILQ_REMOVE(&attachment->all, subscription, of_attachment);
	if (subscription->is_ready)
		TAILQ_REMOVE(&attachment->ready, subscription, ready);
	if (attachment->keeper->is_stopping)
		attachment_finish(attachment);
}

void
attachment_wake(
    struct attachment *attachment, struct subscription *subscription)
{
	subscription->is_ready = true;
	TAILQ_INSERT_TAIL(&attachment->ready, subscription, ready);
	if (attachment_has_room(attachment))
		keeper_give_turn(attachment->keeper, attachment);
}

bool
attachment_has_room(const struct attachment *attachment)
{
	const struct channel *channel = attachment->channel;
	size_t most =
	    ATTACHMENTS_QUEUED_MAX / (attachment->keeper->attachment_count + 1);

	if (most > ATTACHMENT_QUEUED_MAX)
		most = ATTACHMENT_QUEUED_MAX;
	return !channel->closing && !channel->finishing && !channel->broken &&
	       channel_pending(channel) < most;
}

bool
attachment_is_clear(const struct attachment *attachment)
{
	return TAILQ_EMPTY(&attachment->ready) &&
	       attachment_has_room(attachment);
}

bool
attachment_take_turn(struct attachment *attachment)
{
	struct subscription *subscription;
	unsigned steps;

	for (steps = 0; steps < TURN_STEPS; steps++) {
		enum subscription_step step;

		subscription = TAILQ_FIRST(&attachment->ready);
		if (subscription == NULL || !attachment_has_room(attachment))
			return false;
		TAILQ_REMOVE(&attachment->ready, subscription, ready);
		subscription->is_ready = false;
		step = subscription_step(subscription);
		if (step == SUBSCRIPTION_OVER) {
			subscription_free(subscription);
			continue;
		}
		if (step == SUBSCRIPTION_MORE)
			subscription_wake(subscription);
		exec_serve(subscription->exec);
	}
	return !TAILQ_EMPTY(&attachment->ready);
}

void
attachment_finish(struct attachment *attachment)
{
	if (TAILQ_EMPTY(&attachment->all))
		channel_finish(attachment->channel);
}
