/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream with a view: somebody's terminal that shows ours.
 *
 *   CLIENT_RAW      of our size, and may type: a repaint, then what the
 *                   program writes, as it is
 *   CLIENT_PICTURE  any other: frames, painted from cells
 *   CLIENT_STALE    it has not read for too long: nothing, until it has; then
 *                   the screen as it is by then
 *
 * A plain ssh session (start with a view, tied) is no client of this kind: it
 * gets every byte, like any reader, and the program waits for it.
 */
#ifndef SERVER_KEEPER_CLIENT_H
#define SERVER_KEEPER_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "protocol/attachment.h"
#include "server/keeper/subscription.h"
#include "server/terminal/reports.h"
#include "server/terminal/terminal.h"

struct error;
struct pty;
struct view;

#define CLIENT_FRAME_MS 16u /* between frames for somebody who types */
#define CLIENT_WATCH_MS 34u /* ... and for a watcher: under 30 a second */
#define CLIENT_HELD_MS                                                   \
	150u                 /* a frame waits so long for the program to \
	                        finish its own (?2026) */
#define CLIENT_ESCAPE_MS 50u /* after that a lone Escape was a key */

/* A screen that takes more to paint at once comes as a picture, part by part;
 * after a while it is tried again. */
#define CLIENT_PAINT_BYTES (1u << 20)
#define CLIENT_HEAVY_MS    10000u

enum client_state {
	CLIENT_NEW = 0, /* nothing was sent yet */
	CLIENT_RAW,
	CLIENT_PICTURE,
	CLIENT_STALE,
	CLIENT_STATES
};

struct client {
	struct subscription *subscription; /* borrowed */
	struct pty *pty;                   /* borrowed */
	enum client_state state;
	bool may_type;   /* it is no watcher */
	bool is_due;     /* in the keeper's frames */
	bool is_resized; /* its view does not know yet */
	bool is_painted; /* by a repaint, which is to be undone */
	struct terminal_size size;
	struct view *view; /* owned; of a picture, also while it is stale */
	struct reports reports;
	uint64_t typed;      /* the pty's count of turns when it last typed */
	uint64_t painted_ms; /* of the loop's clock */
	uint64_t light_ms;   /* until then the screen counts as too heavy */
	uint64_t due_ms;     /* when it is to be looked at again */
	uint64_t escape_ms;  /* when what reports keep was typed; 0: nothing */
	uint64_t held_ms;    /* since when the program is busy; 0: it is not */
	TAILQ_ENTRY(client) entry;
	TAILQ_ENTRY(client) due;
};

/* Show pty on a subscription; shown once the subscription is open. */
struct client *client_new(struct pty *pty, struct subscription *subscription,
    const struct attachment_view *view);

/* Forget it. NULL is accepted. */
void client_free(struct client *client);

/* Its subscription is open, or it or the terminal has another size: it is to
 * see all of the terminal in its next frame, however often that is said. */
void client_renew(struct client *client);

/* Something has changed on the terminal. */
void client_touch(struct client *client);

/* Before a program's bytes are handled: whoever has no room gets stale. */
void client_check_room(struct client *client);

/* A raw client's bytes; nobody else's. */
void client_pass(struct client *client, const uint8_t *bytes, size_t len);

/* A raw client is not given what has come: it is to be painted anew. */
void client_skip(struct client *client);

/* Whether its own terminal answers what a program asks. */
bool client_answers(const struct client *client);

/* The client typed. Errors as pty_type. */
int client_type(
    struct client *client, const uint8_t *bytes, size_t len, struct error *err);

/* Its terminal has another size; -1 ERROR_LIMIT: there are too many cells. */
int client_resize(
    struct client *client, const struct terminal_size *size, struct error *err);

/* Its time has come: a frame, or a lone Escape. */
void client_due(struct client *client);

/* Its socket is empty: go on. */
void client_drained(struct client *client);

/* Put its terminal right; nothing is shown afterwards. */
void client_leave(struct client *client);

#endif
