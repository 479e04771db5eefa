/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the next event of a recording is due: time goes by at a chosen speed,
 * stands still while paused, and pauses of the recording are cut to a chosen
 * length. What a timer was late is made up for.
 */
#ifndef SERVER_PLAYER_PACE_H
#define SERVER_PLAYER_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct attachment_play;

#define PACE_GAP_MS (1000ll * 3600 * 24 * 365) /* no pause is longer */

struct pace {
	int64_t speed_milli; /* 1000: as it was recorded */
	int64_t idle_ms;     /* a pause lasts so long at most; 0: as recorded */
	bool is_paused;
	uint64_t now_ms; /* when time was counted last, on the clock's scale */
	int64_t credit_us; /* that went by and was not used, the recording's */
};

/* As it was recorded, from now on. */
void pace_init(struct pace *pace, uint64_t now_ms);

/* From now on as play says. */
void pace_set(
    struct pace *pace, const struct attachment_play *play, uint64_t now_ms);

/* Whether an event gap_ms after the one before is due; then its time is used.
 */
bool pace_take(struct pace *pace, uint64_t gap_ms, uint64_t now_ms);

/*
 * How long it takes until that event is due, if nothing changes.
 *   returns  milliseconds, at least 1; -1: for ever, it is paused
 */
int64_t pace_wait_ms(const struct pace *pace, uint64_t gap_ms);

/* How much of that pause is over, milliseconds. */
uint64_t pace_into_ms(const struct pace *pace, uint64_t gap_ms);

#endif
