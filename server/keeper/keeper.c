/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/keeper.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "protocol/error.h"
#include "server/common/log.h"

/* Said everything there was to say: close what keeps the loop running. */
static void
finish(struct keeper *keeper)
{
	if (keeper->is_stopped || !TAILQ_EMPTY(&keeper->attachments) ||
	    keeper->link.state != LINK_DOWN)
		return;
	keeper->is_stopped = true;
	custody_say(&keeper->custody, CUSTODY_STOPPED, NULL);
	custody_finish(&keeper->custody);
	owner_close(&keeper->owner);
}

static void
finish_attachments(struct keeper *keeper)
{
	struct attachment *each = TAILQ_FIRST(&keeper->attachments);

	for (; each != NULL; each = TAILQ_NEXT(each, entry))
		attachment_finish(each);
	finish(keeper);
}

static void
on_flushed(uv_timer_t *timer)
{
	struct keeper *keeper = keeper_of_owner(timer->data);
	struct attachment *each = TAILQ_FIRST(&keeper->attachments);

	for (; each != NULL; each = TAILQ_NEXT(each, entry))
		channel_close(each->channel);
}

/* Everybody who waits has one turn; who wants another waits behind them. */
static void
on_turn(uv_idle_t *idle)
{
	struct keeper *keeper = keeper_of_owner(idle->data);
	const struct attachment *last =
	    TAILQ_LAST(&keeper->turns, attachment_list);
	struct attachment *attachment = NULL;

	while (attachment != last) {
		attachment = TAILQ_FIRST(&keeper->turns);
		TAILQ_REMOVE(&keeper->turns, attachment, turn);
		attachment->has_turn = false;
		if (attachment_take_turn(attachment))
			keeper_give_turn(keeper, attachment);
	}
	if (TAILQ_EMPTY(&keeper->turns))
		(void)uv_idle_stop(idle);
}

/* A keeper that cannot go on says so to the manager, as one whose sandbox is
 * gone. */
static void
resume(struct keeper *keeper, int link_fd)
{
	struct error err = {0};

	if (resume_open(&keeper->resume, link_fd, &err) == 0)
		return;
	log_error("cannot resume: %s", err.text);
	link_close(&keeper->link);
}

static void
on_gone(struct owner *owner)
{
	(void)owner;
}

int
keeper_open(struct keeper *keeper, uv_loop_t *loop,
    const struct keeper_grant *grant, struct error *err)
{
	/* All but the last two, whose memory an idle keeper does without. */
	memset(keeper, 0, offsetof(struct keeper, batch));
	keeper->view.of = NULL;
	keeper->loop = loop;
	(void)snprintf(keeper->task, sizeof(keeper->task), "%s", grant->task);
	keeper->spool_dir = grant->spool_fd;
	keeper->recording_dir = grant->recording_fd;
	keeper->oom_fd = -1;
	owner_init(&keeper->owner, on_gone);
	TAILQ_INIT(&keeper->attachments);
	TAILQ_INIT(&keeper->turns);
	(void)uv_idle_init(loop, &keeper->turning);
	owner_adopt(&keeper->owner, (uv_handle_t *)&keeper->turning);
	(void)uv_timer_init(loop, &keeper->flushed);
	owner_adopt(&keeper->owner, (uv_handle_t *)&keeper->flushed);
	frames_init(&keeper->frames, loop, &keeper->owner);
	batch_init(&keeper->batch, loop, &keeper->owner);
	custody_init(&keeper->custody, keeper);
	link_init(&keeper->link, keeper);
	resume_init(&keeper->resume, keeper, &keeper->owner);
	execs_init(&keeper->execs, keeper, &keeper->owner);
	activity_init(&keeper->activity, keeper, &keeper->owner);
	if (door_open(&keeper->door, keeper, grant->door_fd, &keeper->owner,
	        err) != 0)
		return -1;
	if (grant->is_resumed) {
		resume(keeper, grant->link_fd);
		return 0;
	}
	keeper->is_whole = true;
	return link_open(&keeper->link, grant->link_fd, err);
}

void
keeper_clear(struct keeper *keeper)
{
	execs_clear(&keeper->execs);
	resume_clear(&keeper->resume);
	json_clear(custody_shapes[CUSTODY_CONFIGURE], &keeper->config);
	door_clear(&keeper->door);
	(void)close(keeper->spool_dir);
	if (keeper->recording_dir >= 0)
		(void)close(keeper->recording_dir);
	if (keeper->oom_fd >= 0)
		(void)close(keeper->oom_fd);
}

struct keeper *
keeper_of_owner(struct owner *owner)
{
	return (struct keeper *)(void *)((char *)owner -
	                                 offsetof(struct keeper, owner));
}

void
keeper_configure(struct keeper *keeper, struct custody_configure *config)
{
	const struct json_shape *shape = custody_shapes[CUSTODY_CONFIGURE];

	json_clear(shape, &keeper->config);
	keeper->config = *config;
	json_absent(shape, config);
	keeper->execs.quota.max = (uint64_t)keeper->config.spool;
	keeper->is_configured = true;
	resume_configured(&keeper->resume);
}

void
keeper_watch_oom(struct keeper *keeper, int fd)
{
	if (keeper->oom_fd >= 0)
		(void)close(keeper->oom_fd);
	keeper->oom_fd = fd;
}

void
keeper_stop(struct keeper *keeper)
{
	if (keeper->is_stopping)
		return;
	log_info("stops");
	keeper->is_ending = true;
	keeper->is_stopping = true;
	door_close(&keeper->door);
	(void)uv_timer_start(&keeper->flushed, on_flushed, KEEPER_FLUSH_MS, 0);
	if (keeper->link.state == LINK_DOWN)
		finish_attachments(keeper);
	else
		link_close(&keeper->link);
}

int
keeper_greeted(
    struct keeper *keeper, const struct link_hello *hello, struct error *err)
{
	if (hello->execs > 0 && keeper->is_whole)
		return error_set(err, ERROR_STATE,
		    "it holds %" PRId64 " execs of nobody's", hello->execs);
	(void)snprintf(
	    keeper->version, sizeof(keeper->version), "%s", hello->version);
	return 0;
}

void
keeper_ready(struct keeper *keeper)
{
	const struct link_hello hello = {
	    .protocol = LINK_PROTOCOL, .version = keeper->version};

	bool is_resumed = keeper->resume.state != RESUME_NONE;

	log_info("agent: ready, version %s", keeper->version);
	resume_finish(&keeper->resume);
	if (keeper->link.channel.closing)
		return;
	/* the manager may not have heard of all that ended before */
	if (is_resumed)
		custody_say_state(&keeper->custody);
	custody_say(&keeper->custody, CUSTODY_READY, &hello);
	activity_begin(&keeper->activity);
	execs_send(&keeper->execs);
}

void
keeper_lost(struct keeper *keeper)
{
	log_info("agent: gone");
	resume_lost(&keeper->resume);
	execs_lose(&keeper->execs);
	custody_say(&keeper->custody, CUSTODY_LOST, NULL);
	if (keeper->is_stopping)
		finish_attachments(keeper);
}

void
keeper_is_whole(struct keeper *keeper)
{
	struct attachment *each = TAILQ_FIRST(&keeper->attachments);

	keeper->is_whole = true;
	for (; each != NULL; each = TAILQ_NEXT(each, entry))
		channel_resume(each->channel);
}

void
keeper_started(struct keeper *keeper, struct exec *exec)
{
	const struct custody_started started = {
	    .exec = exec->id, .principal = exec->principal, .what = exec->what};

	custody_say(&keeper->custody, CUSTODY_STARTED, &started);
}

void
keeper_ended(struct keeper *keeper, struct exec *exec)
{
	const struct custody_ended ended = {
	    .exec = exec->id, .exit = exec->exit};

	log_debug("%s: %s", exec->id, exit_reason_names[exec->exit.reason]);
	custody_say(&keeper->custody, CUSTODY_ENDED, &ended);
}

void
keeper_attach(struct keeper *keeper, struct channel *channel,
    const struct attachment_admit *admit)
{
	struct attachment *attachment = attachment_new(keeper, channel, admit);

	if (!keeper->is_whole)
		channel_pause(channel);
	TAILQ_INSERT_TAIL(&keeper->attachments, attachment, entry);
	keeper->attachment_count++;
}

void
keeper_detached(struct keeper *keeper, struct attachment *attachment)
{
	TAILQ_REMOVE(&keeper->attachments, attachment, entry);
	keeper->attachment_count--;
	if (attachment->has_turn)
		TAILQ_REMOVE(&keeper->turns, attachment, turn);
	if (keeper->is_stopping)
		finish(keeper);
}

int
keeper_check_cells(const struct keeper *keeper, size_t more, struct error *err)
{
	if (more > KEEPER_CELLS_MAX - keeper->cells)
		return error_set(err, ERROR_LIMIT,
		    "the terminals of a task and who looks at them have %zu "
		    "cells, the most there may be",
		    KEEPER_CELLS_MAX);
	return 0;
}

void
keeper_give_turn(struct keeper *keeper, struct attachment *attachment)
{
	if (attachment->has_turn)
		return;
	attachment->has_turn = true;
	TAILQ_INSERT_TAIL(&keeper->turns, attachment, turn);
	if (!keeper->is_stopped)
		(void)uv_idle_start(&keeper->turning, on_turn);
}
