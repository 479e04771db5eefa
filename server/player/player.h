/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A replay: what one recording shows, as a watching view (server/terminal/
 * view.h), to whoever attaches to the one connection there is. It speaks what
 * a keeper does on an attachment (protocol/attachment.h), as far as that is
 * said there of a player.
 */
#ifndef SERVER_PLAYER_PLAYER_H
#define SERVER_PLAYER_PLAYER_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "protocol/attachment.h"
#include "protocol/error.h"
#include "server/common/channel.h"
#include "server/common/owner.h"
#include "server/player/pace.h"
#include "server/player/reel.h"
#include "server/terminal/terminal.h"

struct view;

#define PLAYER_ATTACH_MS 30000u      /* for whoever wants to look to say so */
#define PLAYER_FRAME_MS  34u         /* between two pictures */
#define PLAYER_END_MS    1500u       /* for which the last picture is left */
#define PLAYER_OUT_BYTES (64u << 20) /* of pictures that nobody has read */

/* What the player is given at its start; the descriptors are taken. */
struct player_grant {
	const char *recording; /* its id; borrowed */
	int file_fd;
	int gate_fd;
};

enum player_state {
	PLAYER_WAITING = 0, /* for attach */
	PLAYER_PLAYING,
	PLAYER_ENDING, /* everything was played; the last picture is shown */
	PLAYER_OVER,   /* the connection closes */
	PLAYER_STATES
};

struct player {
	struct owner owner;
	uv_loop_t *loop;
	uv_timer_t timer; /* the next thing to be done, whatever it is */
	struct channel channel;
	enum player_state state;
	const char *recording; /* borrowed */
	int file_fd;           /* owned */
	struct reel reel;
	struct pace pace;
	struct terminal *terminal; /* owned; NULL: the file is none */
	struct view *view;         /* owned; NULL: nobody is attached */
	uint32_t stream;           /* on which it is shown */
	uint64_t attached_ms;      /* of the loop's clock */
	uint64_t framed_ms; /* when the last picture was made; 0: never */
	uint64_t played_ms; /* the time of the event played last */
	struct asciicast_event event; /* the next one; owned */
	bool has_event;
	bool is_stale;       /* there is something that no picture shows yet */
	struct error damage; /* why it ends before the file's end */
};

/*
 * Wait for a gate to attach. A file that is no recording is told to it.
 *   returns  0, or -1 ERROR_SYSTEM and the loop must not be run
 */
int player_open(struct player *player, uv_loop_t *loop,
    const struct player_grant *grant, struct error *err);

/* Free everything; uv_run has returned. */
void player_clear(struct player *player);

/* player_request: on the stream that is attached; on any. */
void player_say(
    struct player *player, enum attachment_type type, const void *body);
void player_refuse(
    struct player *player, uint32_t stream, const struct error *why);

/* player_request: do what is due now; in so many milliseconds. */
void player_step(struct player *player);
void player_wait(struct player *player, uint64_t ms);

/* player_request: give the reader its terminal back. */
void player_leave(struct player *player);

/* player_request: close the connection once everything is sent. */
void player_finish(struct player *player);

#endif
