/* SPDX-License-Identifier: Apache-2.0 */
#include "server/player/player.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/attachment.h"
#include "protocol/cleanup.h"
#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/player/player_request.h"
#include "server/player/status.h"
#include "server/terminal/view.h"

/* Played before anybody else has a turn. */
#define SHARE_BYTES  (256u << 10)
#define SHARE_EVENTS 1024u

#define STATUS_EVERY_MS 1000 /* the time that it shows goes on */

static void on_timer(uv_timer_t *timer);

static struct player *
of_channel(const struct channel *channel)
{
	return channel->data;
}

static struct player *
of_timer(const uv_timer_t *timer)
{
	struct owner *owner = timer->data;

	return (struct player *)(void *)((char *)owner -
	                                 offsetof(struct player, owner));
}

/* A timer of 0 would run again before anything is read. */
void
player_wait(struct player *player, uint64_t ms)
{
	(void)uv_timer_start(&player->timer, on_timer, ms == 0 ? 1 : ms, 0);
}

void
player_say(struct player *player, enum attachment_type type, const void *body)
{
	channel_send_json(&player->channel, player->stream,
	    attachment_shapes[type], attachment_types[type], body);
}

/* Refuse what is on a stream, which stays free. */
void
player_refuse(struct player *player, uint32_t stream, const struct error *why)
{
	autofree char *code = memory_string(error_code_name(why->code));
	autofree char *text = memory_string(why->text);
	const struct attachment_refused refused = {code, text};
	const enum attachment_type type = ATTACHMENT_REFUSED;

	channel_send_json(&player->channel, stream, attachment_shapes[type],
	    attachment_types[type], &refused);
}

static void
send_picture(struct player *player, const struct buffer *picture)
{
	const uint8_t *bytes = buffer_bytes(picture);
	size_t left = buffer_len(picture), part;

	for (; left > 0; left -= part, bytes += part) {
		part = left < FRAME_DATA_MAX ? left : FRAME_DATA_MAX;
		channel_send(
		    &player->channel, FRAME_PTY, player->stream, bytes, part);
	}
}

static uint64_t
gap_ms(const struct player *player)
{
	return player->event.at_ms > player->played_ms
	           ? player->event.at_ms - player->played_ms
	           : 0;
}

/* How much of the pause before the next event is over. */
static uint64_t
into_ms(const struct player *player)
{
	return player->has_event ? pace_into_ms(&player->pace, gap_ms(player))
	                         : 0;
}

static void
show(struct player *player)
{
	struct status status = {.recording = player->recording,
	    .at_ms = player->played_ms + into_ms(player),
	    .percent = reel_percent(&player->reel),
	    .speed_milli = player->pace.speed_milli,
	    .is_paused = player->pace.is_paused,
	    .is_over = player->state == PLAYER_ENDING,
	    .damage =
	        player->damage.code == ERROR_NONE ? NULL : player->damage.text};
	char text[STATUS_BYTES];
	struct buffer picture;

	status_write(&status, text);
	buffer_init(&picture, PLAYER_OUT_BYTES);
	(void)view_frame(player->view, player->terminal, text, &picture);
	send_picture(player, &picture);
	buffer_clear(&picture);
	player->framed_ms = uv_now(player->loop);
	player->is_stale = view_is_behind(player->view);
}

/* Give the reader its terminal back. */
void
player_leave(struct player *player)
{
	struct buffer picture;

	buffer_init(&picture, PLAYER_OUT_BYTES);
	view_leave(player->view, &picture);
	send_picture(player, &picture);
	buffer_clear(&picture);
	view_free(player->view);
	player->view = NULL;
}

/* There is nothing more to say. */
void
player_finish(struct player *player)
{
	player->state = PLAYER_OVER;
	(void)uv_timer_stop(&player->timer);
	channel_finish(&player->channel);
}

static void
end(struct player *player)
{
	struct attachment_exit exit = {.reason = REASON_EXITED,
	    .code = player->damage.code == ERROR_NONE ? 0 : 1,
	    .duration_ms =
	        (int64_t)(uv_now(player->loop) - player->attached_ms)};

	player_leave(player);
	channel_send(&player->channel, FRAME_PTY, player->stream, NULL, 0);
	player_say(player, ATTACHMENT_EXIT, &exit);
	player_finish(player);
}

/* Have the next event at hand; without one it ends. */
static bool
look_ahead(struct player *player)
{
	int ret;

	if (player->has_event)
		return true;
	ret = reel_next(&player->reel, &player->event, &player->damage);
	player->has_event = ret == 1;
	if (ret < 0)
		log_warning("%s", player->damage.text);
	if (ret != 1) {
		player->state = PLAYER_ENDING;
		player->is_stale = true; /* the status line says so */
	}
	return player->has_event;
}

static size_t
play_event(struct player *player)
{
	struct asciicast_event *event = &player->event;
	size_t len = 0;

	if (event->kind == ASCIICAST_OUTPUT) {
		terminal_feed(player->terminal, (const uint8_t *)event->bytes,
		    event->len);
		len = event->len;
	} else if (event->kind == ASCIICAST_RESIZE) {
		terminal_resize(player->terminal, &event->size);
	}
	player->played_ms += gap_ms(player);
	free(take(&event->bytes));
	player->has_event = false;
	player->is_stale = true;
	return len;
}

/* What is due by now, but no more than a share: whether that was all. */
static bool
play_due(struct player *player)
{
	uint64_t now = uv_now(player->loop);
	size_t bytes = 0, events = 0;

	while (bytes < SHARE_BYTES && events < SHARE_EVENTS) {
		if (!look_ahead(player) ||
		    !pace_take(&player->pace, gap_ms(player), now))
			return true;
		bytes += play_event(player);
		events++;
	}
	return false;
}

/* When the next event is due, or the second that the status line shows. */
static uint64_t
pause_ms(const struct player *player)
{
	int64_t wait = pace_wait_ms(&player->pace, gap_ms(player));

	return wait < 0 || wait > STATUS_EVERY_MS ? STATUS_EVERY_MS
	                                          : (uint64_t)wait;
}

/* What is left of the time between two pictures. */
static uint64_t
frame_wait_ms(const struct player *player)
{
	uint64_t due = player->framed_ms + PLAYER_FRAME_MS;
	uint64_t now = uv_now(player->loop);

	return due > now ? due - now : 0;
}

static uint64_t
most(uint64_t one, uint64_t other)
{
	return one > other ? one : other;
}

/* A reader that is slow misses pictures, and no time. */
static void
play(struct player *player)
{
	bool is_all = play_due(player);
	bool may_show = channel_pending(&player->channel) == 0;

	if (may_show && frame_wait_ms(player) == 0)
		show(player);
	if (player->state == PLAYER_ENDING || !is_all)
		player_wait(player, 0);
	else if (!may_show)
		player_wait(player, most(pause_ms(player), PLAYER_FRAME_MS));
	else if (player->is_stale)
		player_wait(player, frame_wait_ms(player));
	else
		player_wait(
		    player, most(pause_ms(player), frame_wait_ms(player)));
}

/* The last picture stays for a while. */
static void
linger(struct player *player)
{
	uint64_t now = uv_now(player->loop);

	if (channel_pending(&player->channel) > 0)
		return; /* on_drained goes on */
	if (player->is_stale) {
		show(player);
		player_wait(player, PLAYER_END_MS);
	} else if (now < player->framed_ms + PLAYER_END_MS) {
		player_wait(player, player->framed_ms + PLAYER_END_MS - now);
	} else {
		end(player);
	}
}

void
player_step(struct player *player)
{
	if (player->state == PLAYER_PLAYING)
		play(player);
	else if (player->state == PLAYER_ENDING)
		linger(player);
}

static void
on_timer(uv_timer_t *timer)
{
	struct player *player = of_timer(timer);

	if (player->state != PLAYER_WAITING) {
		player_step(player);
		return;
	}
	log_warning("nobody attached in time");
	player_finish(player);
}

static int
on_frame(struct channel *channel, const struct frame *frame, struct error *err)
{
	if (channel->fd_count > 0)
		return error_set(err, ERROR_INVALID, "it sent a descriptor");
	return player_request_take(of_channel(channel), frame, err);
}

static void
on_drained(struct channel *channel)
{
	player_step(of_channel(channel));
}

static void
on_closed(struct channel *channel, const struct error *why)
{
	struct player *player = of_channel(channel);

	if (why->code != ERROR_NONE)
		log_warning("closed: %s", why->text);
	player->state = PLAYER_OVER;
	owner_close(&player->owner);
}

static const struct channel_events events = {
    .out_max = PLAYER_OUT_BYTES + FRAME_CONTROL_MAX,
    .on_frame = on_frame,
    .on_drained = on_drained,
    .on_closed = on_closed,
};

static void
on_gone(struct owner *owner)
{
	(void)owner; /* part of the player, which outlives its loop */
}

static void
open_recording(struct player *player)
{
	static const struct terminal_events unheard;
	struct terminal_options options = {0};

	if (reel_open(&player->reel, player->file_fd, &player->damage) != 0) {
		(void)error_wrap(
		    &player->damage, "%s is damaged", player->recording);
		log_warning("%s", player->damage.text);
		return;
	}
	options.size = player->reel.header.size;
	player->terminal = terminal_new(&options, &unheard, NULL);
}

int
player_open(struct player *player, uv_loop_t *loop,
    const struct player_grant *grant, struct error *err)
{
	memset(player, 0, sizeof(*player));
	player->loop = loop;
	player->recording = grant->recording;
	player->file_fd = grant->file_fd;
	owner_init(&player->owner, on_gone);
	(void)uv_timer_init(loop, &player->timer);
	owner_adopt(&player->owner, (uv_handle_t *)&player->timer);
	if (channel_open(&player->channel, loop, grant->gate_fd, &events,
	        player, err) != 0)
		return -1;
	open_recording(player);
	player_wait(player, PLAYER_ATTACH_MS);
	return 0;
}

void
player_clear(struct player *player)
{
	free(player->event.bytes);
	view_free(player->view);
	terminal_free(player->terminal);
	reel_clear(&player->reel);
	(void)close(player->file_fd);
}
