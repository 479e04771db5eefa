/* SPDX-License-Identifier: Apache-2.0 */
#include "server/player/pace.h"

#include <string.h>

#include "protocol/attachment.h"

#define SPEED_AS_RECORDED 1000
#define LONGEST_US        (PACE_GAP_MS * 1000)

/* Thousandths of speed times milliseconds are microseconds. */
static void
count(struct pace *pace, uint64_t now_ms)
{
	uint64_t gone_ms = now_ms > pace->now_ms ? now_ms - pace->now_ms : 0;

	pace->now_ms = now_ms;
	if (pace->is_paused)
		return;
	if (gone_ms > (uint64_t)(LONGEST_US / pace->speed_milli))
		pace->credit_us = LONGEST_US;
	else
		pace->credit_us += (int64_t)gone_ms * pace->speed_milli;
	if (pace->credit_us > LONGEST_US)
		pace->credit_us = LONGEST_US;
}

static int64_t
cost_us(const struct pace *pace, uint64_t gap_ms)
{
	int64_t gap =
	    gap_ms > (uint64_t)PACE_GAP_MS ? PACE_GAP_MS : (int64_t)gap_ms;

	if (pace->idle_ms > 0 && gap > pace->idle_ms)
		gap = pace->idle_ms;
	return gap * 1000;
}

void
pace_init(struct pace *pace, uint64_t now_ms)
{
	memset(pace, 0, sizeof(*pace));
	pace->speed_milli = SPEED_AS_RECORDED;
	pace->now_ms = now_ms;
}

void
pace_set(struct pace *pace, const struct attachment_play *play, uint64_t now_ms)
{
	count(pace, now_ms);
	pace->speed_milli = play->speed_milli;
	pace->idle_ms = play->idle_ms;
	pace->is_paused = play->paused;
}

bool
pace_take(struct pace *pace, uint64_t gap_ms, uint64_t now_ms)
{
	int64_t cost = cost_us(pace, gap_ms);

	count(pace, now_ms);
	if (pace->is_paused || pace->credit_us < cost)
		return false;
	pace->credit_us -= cost;
	return true;
}

int64_t
pace_wait_ms(const struct pace *pace, uint64_t gap_ms)
{
	int64_t missing = cost_us(pace, gap_ms) - pace->credit_us;

	if (pace->is_paused)
		return -1;
	if (missing <= 0)
		return 1;
	return (missing + pace->speed_milli - 1) / pace->speed_milli;
}

uint64_t
pace_into_ms(const struct pace *pace, uint64_t gap_ms)
{
	uint64_t into = (uint64_t)(pace->credit_us / 1000);

	return into < gap_ms ? into : gap_ms;
}
