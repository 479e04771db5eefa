/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/custody.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/error.h"
#include "server/common/log.h"
#include "server/keeper/keeper.h"

/* Returns 0, or -1 when the manager cannot mean that. */
typedef int (*message_fn)(struct custody *custody, struct channel *channel,
    union custody_body *body, struct error *err);

static struct custody *
of_channel(struct channel *channel)
{
	return channel->data;
}

static int
on_link(struct custody *custody, struct channel *channel,
    union custody_body *body, struct error *err)
{
	int fd = channel_take_fd(channel);

	(void)body;
	if (fd < 0)
		return error_set(
		    err, ERROR_INVALID, "link without a descriptor");
	resume_add_link(&custody->keeper->resume, fd);
	return 0;
}

static int
on_configure(struct custody *custody, struct channel *channel,
    union custody_body *body, struct error *err)
{
	(void)channel;
	(void)err;
	keeper_configure(custody->keeper, &body->configure);
	return 0;
}

static int
on_cgroup(struct custody *custody, struct channel *channel,
    union custody_body *body, struct error *err)
{
	int fd = channel_take_fd(channel);

	(void)body;
	if (fd < 0)
		return error_set(
		    err, ERROR_INVALID, "cgroup without a descriptor");
	keeper_watch_oom(custody->keeper, fd);
	return 0;
}

static int
on_ending(struct custody *custody, struct channel *channel,
    union custody_body *body, struct error *err)
{
	(void)channel;
	(void)body;
	(void)err;
	custody->keeper->is_ending = true;
	return 0;
}

static int
on_stop(struct custody *custody, struct channel *channel,
    union custody_body *body, struct error *err)
{
	(void)channel;
	(void)body;
	(void)err;
	keeper_stop(custody->keeper);
	return 0;
}

/* All that a manager may say after take. */
static const message_fn messages[CUSTODY_TYPES] = {
    [CUSTODY_LINK] = on_link,
    [CUSTODY_CONFIGURE] = on_configure,
    [CUSTODY_CGROUP] = on_cgroup,
    [CUSTODY_ENDING] = on_ending,
    [CUSTODY_STOP] = on_stop,
};

static int
on_frame(struct channel *channel, const struct frame *frame, struct error *err)
{
	union custody_body body;
	int type, rc;

	if (frame->kind != FRAME_CONTROL || frame->stream != 0)
		return error_set(err, ERROR_INVALID, "%s on stream %u",
		    frame_kind_name(frame->kind), frame->stream);
	rc = json_read_typed(&custody_messages, (const char *)frame->payload,
	    frame->len, &type, &body, err);
	if (rc == 0 && messages[type] == NULL)
		rc = error_set(err, ERROR_STATE, "%s", custody_types[type]);
	else if (rc == 0)
		rc = messages[type](of_channel(channel), channel, &body, err);
	if (type >= 0)
		json_clear(custody_shapes[type], &body);
	return rc;
}

static void
on_drained(struct channel *channel)
{
	resume_told(&of_channel(channel)->keeper->resume);
}

static void
on_closed(struct channel *channel, const struct error *why)
{
	struct custody *custody = of_channel(channel);

	if (why->code != ERROR_NONE)
		log_warning("manager: connection closed: %s", why->text);
	if (custody->channel == channel)
		custody->channel = NULL;
	free(channel);
}

static const struct channel_events events = {
    .on_frame = on_frame,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

void
custody_init(struct custody *custody, struct keeper *keeper)
{
	custody->keeper = keeper;
	custody->channel = NULL;
}

/* Taken: fd. */
static void
say_link(struct custody *custody, int fd)
{
	channel_send_json_fd(custody->channel, 0, custody_shapes[CUSTODY_LINK],
	    custody_types[CUSTODY_LINK], NULL, fd);
}

/* All that a replacement of ours would need. The manager that started us has
 * what it gave us; another may not. */
static void
say_links(struct custody *custody)
{
	const struct earlier *earlier = &custody->keeper->resume.earlier;
	size_t i;
	int fd;

	for (i = 0;
	     custody->was_taken && (fd = earlier_duplicate(earlier, i)) >= 0;
	     i++)
		say_link(custody, fd);
	custody->was_taken = true;
	custody_tell_link(custody);
}

static int64_t
count_running(const struct execs *execs)
{
	const struct exec *exec = TAILQ_FIRST(&execs->running);
	int64_t count = 0;

	for (; exec != NULL; exec = TAILQ_NEXT(exec, entry))
		count += exec->state == EXEC_RUNNING;
	return count;
}

void
custody_say_state(struct custody *custody)
{
	const struct custody_state state = {
	    .configured = custody->keeper->is_configured,
	    .ready = custody->keeper->link.state == LINK_UP,
	    .running = count_running(&custody->keeper->execs)};

	custody_say(custody, CUSTODY_STATE, &state);
}

void
custody_take(struct custody *custody, struct channel *channel)
{
	if (custody->channel != NULL)
		channel_close(custody->channel);
	custody->channel = channel;
	channel->events = &events;
	channel->data = custody;
	custody_say_state(custody);
	say_links(custody);
	if (custody->keeper->link.state == LINK_DOWN)
		custody_say(custody, CUSTODY_LOST, NULL);
	resume_told(&custody->keeper->resume);
	activity_tell(&custody->keeper->activity);
}

void
custody_say(struct custody *custody, enum custody_type type, const void *body)
{
	if (custody->channel != NULL)
		channel_send_json(custody->channel, 0, custody_shapes[type],
		    custody_types[type], body);
}

void
custody_tell_link(struct custody *custody)
{
	int fd = link_duplicate(&custody->keeper->link);

	if (custody->channel != NULL && fd >= 0)
		say_link(custody, fd);
	else if (fd >= 0)
		(void)close(fd);
}

bool
custody_is_told(const struct custody *custody)
{
	const struct channel *channel = custody->channel;

	return channel != NULL && !channel->broken && !channel->closing &&
	       channel_pending(channel) == 0;
}

void
custody_finish(struct custody *custody)
{
	if (custody->channel != NULL)
		channel_finish(custody->channel);
}
