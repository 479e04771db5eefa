/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An attachment that has lost its keeper, because that was killed and is being
 * replaced: the manager is asked for another connection until there is one, and
 * then every exec is opened again where it was.
 *
 * The manager answers when the new keeper is ready, or refuses after a while;
 * while the manager itself is away, manager_client waits for it. What was
 * refused, or lost before anything came of it, is asked again after a pause,
 * which doubles. It ends
 *   as lost  when the manager says that the task is no more, or a new keeper
 *            does not know the exec
 *   as cut   when it may not be attached to any more, or nothing was heard from
 *            any keeper for REATTACH_MS
 */
#ifndef SERVER_GATE_REATTACH_H
#define SERVER_GATE_REATTACH_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "protocol/attachment.h"
#include "protocol/control.h"
#include "protocol/error.h"

struct ask;
struct attachment;
struct attachment_again;
struct manager_client;

#define REATTACH_PAUSE_MS     20u  /* behind a connection that was short ... */
#define REATTACH_STEADY_MS    100u /* ... as this; behind others there is none */
#define REATTACH_PAUSE_MAX_MS 1000u
#define REATTACH_MS           60000u

struct reattach {
	struct manager_client *manager; /* NULL: nobody is asked */
	struct control_attach how;      /* owned strings */
	bool is_kept_idle;
	uv_timer_t timer;
	struct ask *ask;    /* for a connection, or for the task's state */
	int task_state;     /* enum task_state, as the manager told; -1 */
	uint64_t opened_ms; /* when the last connection was */
	uint64_t heard_ms;  /* when a keeper said anything */
	bool has_gained;    /* from this connection: bytes, or an answer */
	uint64_t due_ms;    /* when to ask; of the loop's clock */
	uint64_t pause_ms;
	struct error why; /* the last refusal */
};

/* again: borrowed for the call; NULL: there is nobody to ask. */
void reattach_init(
    struct attachment *attachment, const struct attachment_again *again);

/* Free its strings. */
void reattach_clear(struct reattach *reattach);

/* The connection is lost. Returns whether another one will be asked for. */
bool reattach_begin(struct attachment *attachment);

/* Somebody detaches while away: let it go, from the loop. */
void reattach_hurry(struct attachment *attachment);

/* attachment_close while away: ask no more, and end from the loop. */
void reattach_stop(struct attachment *attachment);

/* See to what an exec of an open connection waits for after so long. */
void reattach_remind(struct attachment *attachment, uint64_t in_ms);

#endif
