/* SPDX-License-Identifier: Apache-2.0 */
#include "server/player/player_request.h"

#include <stdbool.h>
#include <stdint.h>

#include "protocol/attachment.h"
#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/frame.h"
#include "protocol/memory.h"
#include "server/player/player.h"
#include "server/terminal/view.h"

static int
on_attach(struct player *player, uint32_t stream,
    const union attachment_body *body, struct error *err)
{
	const struct attachment_view *view = &body->attach.view;
	const struct terminal_size size = {
	    .rows = (uint16_t)view->rows, .cols = (uint16_t)view->cols};
	struct attachment_attached attached = {.pty = true};
	autofree char *exec = memory_string(player->recording);

	if (player->view != NULL)
		return error_set(err, ERROR_STATE, "it is played already");
	if (!view->present || view->kind != VIEW_NAME_WATCH)
		return error_set(
		    err, ERROR_DENIED, "a recording can only be watched");
	if (player->terminal == NULL) {
		*err = player->damage;
		player_refuse(player, stream, err);
		player_finish(player);
		return 0;
	}
	player->stream = stream;
	player->view = view_new(VIEW_WATCH, &size);
	player->state = PLAYER_PLAYING;
	player->attached_ms = uv_now(player->loop);
	pace_init(&player->pace, player->attached_ms);
	attached.exec = exec;
	player_say(player, ATTACHMENT_ATTACHED, &attached);
	player->is_stale = true;
	player_wait(player, 0);
	return 0;
}

static int
on_start(struct player *player, uint32_t stream,
    const union attachment_body *body, struct error *err)
{
	(void)player;
	(void)stream;
	(void)body;
	return error_set(err, ERROR_DENIED, "a recording runs nothing");
}

static int
on_play(struct player *player, uint32_t stream,
    const union attachment_body *body, struct error *err)
{
	(void)stream;
	(void)err;
	pace_set(&player->pace, &body->play, uv_now(player->loop));
	player->is_stale = true;
	player_step(player);
	return 0;
}

static int
on_resize(struct player *player, uint32_t stream,
    const union attachment_body *body, struct error *err)
{
	const struct terminal_size size = {.rows = (uint16_t)body->resize.rows,
	    .cols = (uint16_t)body->resize.cols};

	(void)stream;
	(void)err;
	view_resize(player->view, &size);
	player_say(player, ATTACHMENT_TAKEN, NULL);
	player->is_stale = true;
	player_step(player);
	return 0;
}

static int
on_detach(struct player *player, uint32_t stream,
    const union attachment_body *body, struct error *err)
{
	(void)stream;
	(void)body;
	(void)err;
	player_leave(player);
	player_say(player, ATTACHMENT_DETACHED, NULL);
	player_finish(player);
	return 0;
}

/* What may be said to a player; nothing else may. */
static const struct {
	int (*handle)(struct player *player, uint32_t stream,
	    const union attachment_body *body, struct error *err);
	bool is_opening; /* on a free stream, and answered by refused */
} rows[ATTACHMENT_TYPES] = {
    [ATTACHMENT_START] = {on_start, true},
    [ATTACHMENT_SESSION] = {on_start, true},
    [ATTACHMENT_ATTACH] = {on_attach, true},
    [ATTACHMENT_PLAY] = {on_play, false},
    [ATTACHMENT_RESIZE] = {on_resize, false},
    [ATTACHMENT_DETACH] = {on_detach, false},
};

static int
dispatch(struct player *player, uint32_t stream, int type,
    const union attachment_body *body, struct error *err)
{
	struct error why = {0};

	if (rows[type].handle == NULL)
		return error_set(err, ERROR_INVALID, "%s is said to a player",
		    attachment_types[type]);
	if (rows[type].is_opening) {
		if (rows[type].handle(player, stream, body, &why) != 0)
			player_refuse(player, stream, &why);
		return 0;
	}
	/* on another stream it crossed with that stream's end */
	if (player->view == NULL || stream != player->stream)
		return 0;
	return rows[type].handle(player, stream, body, err);
}

int
player_request_take(
    struct player *player, const struct frame *frame, struct error *err)
{
	union attachment_body body;
	int type = -1, ret;

	if (frame->kind != FRAME_CONTROL || frame->stream == 0)
		return error_set(err, ERROR_INVALID, "a %s frame on stream %u",
		    frame_kind_name(frame->kind), frame->stream);
	ret = json_read_typed(&attachment_messages,
	    (const char *)frame->payload, frame->len, &type, &body, err);
	if (ret == 0)
		ret = dispatch(player, frame->stream, type, &body, err);
	if (type >= 0)
		json_clear(attachment_shapes[type], &body);
	return ret;
}
