/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What gates have asked about one terminal and was not answered yet: waits, and
 * keys that are on their way to the program. Each is answered exactly once,
 * unless its stream goes before.
 */
#ifndef SERVER_KEEPER_ASKS_H
#define SERVER_KEEPER_ASKS_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/screen.h"

struct asks;
struct error;
struct pty;
struct subscription;

/* Of one terminal, whoever asks; a stream has LIMIT_WAITS of the waits. */
#define ASKS_WAITS_MAX 256u
#define ASKS_KEYS_MAX  1024u

/* Spent on looking before others have their turn. */
#define ASKS_LOOK_MS 5u

/* Spent on looking before the next turn, for whoever has just asked or when a
 * command ends: so much at once, and one part of all time. */
#define ASKS_ONCE_MS   50u
#define ASKS_ONCE_PART 4u

/* What has happened to a terminal. */
enum asks_event {
	ASKS_OUTPUT = 0, /* bytes were fed */
	ASKS_BELL,       /* rung by bytes that ASKS_OUTPUT is told of next */
	ASKS_PROMPT,     /* OSC 133 A or B; the same */
	ASKS_ECHO,       /* pty->echo changed */
	ASKS_RESIZE,
	ASKS_EXIT, /* the exec has ended; everything was fed */
	ASKS_EVENTS
};

/* Who asks, and the number that the answer has. */
struct asks_from {
	struct subscription *stream; /* borrowed */
	uint32_t number;
};

/* None. pty is borrowed. */
struct asks *asks_new(struct pty *pty);

/* Nothing is answered any more. Timers close by themselves. NULL is accepted.
 */
void asks_free(struct asks *asks);

/* What is waited for is looked at before the loop sleeps; ASKS_EXIT ends and
 * answers everything at once. */
void asks_tell(struct asks *asks, enum asks_event event);

/*
 * Wait; answered at once if a condition holds, or in a later turn if too much
 * was asked just before.
 *   returns  0, or -1 and it is to be answered with err: ERROR_INVALID as
 *            wait_new, ERROR_LIMIT (too many waits)
 */
int asks_wait(struct asks *asks, const struct asks_from *from,
    const struct wait_ask *of, struct error *err);

/*
 * Send bytes to the program and answer when the agent has them, or when a wait
 * that was armed before is over.
 *   wait     NULL: none
 *   returns  0, or -1 and nothing was sent: as asks_wait and pty_type
 */
int asks_type(struct asks *asks, const struct asks_from *from,
    const uint8_t *bytes, size_t len, const struct wait_ask *wait,
    struct error *err);

/* Answer a wait "canceled", if it is still open. */
void asks_cancel(struct asks *asks, const struct asks_from *from);

/* The agent has the bytes of pty_type(..., from, number, ...). */
void asks_typed(struct asks *asks, struct subscription *from, uint32_t number);

/* A stream goes: forget what it asked. */
void asks_forget(struct asks *asks, const struct subscription *subscription);

#endif
