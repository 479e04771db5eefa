/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/lifetime.h"

static int64_t
later(int64_t one, int64_t other)
{
	return one > other ? one : other;
}

static int64_t
sooner(int64_t one, int64_t other)
{
	return one < other ? one : other;
}

/* When it will have been idle for too long, as things stand; a lease holds that
 * up, and then idleness begins. 0: never. */
static int64_t
idle_end(const struct lifetime *lifetime)
{
	if (lifetime->idle_ms == 0 || lifetime->is_active)
		return 0;
	return later(lifetime->idle_from_ms, lifetime->leased_ms) +
	       lifetime->idle_ms;
}

void
lifetime_look(
    const struct lifetime *lifetime, int64_t now_ms, struct lifetime_look *out)
{
	int64_t idle = idle_end(lifetime);
	int64_t whole = lifetime->ttl_ms;
	int64_t first, last;

	*out = (struct lifetime_look){
	    .end = TASK_END_NONE, .at_ms = lifetime->ends_ms};
	if (lifetime->ends_ms != 0)
		out->end = TASK_END_TTL;
	if (idle != 0 && (out->end == TASK_END_NONE || idle < out->at_ms)) {
		out->end = TASK_END_IDLE;
		out->at_ms = idle;
		whole = lifetime->idle_ms;
	}
	if (out->end == TASK_END_NONE)
		return;
	first = out->at_ms - sooner(LIFETIME_FIRST_MS, whole / 10);
	last = out->at_ms - sooner(LIFETIME_LAST_MS, whole / 10);
	if (now_ms >= out->at_ms)
		out->stage = LIFETIME_OVER;
	else if (now_ms >= last)
		out->stage = LIFETIME_NEARER;
	else if (now_ms >= first)
		out->stage = LIFETIME_NEAR;
	out->next_ms = out->at_ms;
	if (now_ms < first)
		out->next_ms = first;
	else if (now_ms < last)
		out->next_ms = last;
}
