/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/frames.h"

#include "server/common/owner.h"
#include "server/keeper/client.h"
#include "server/keeper/keeper.h"

static void on_time(uv_timer_t *timer);

/* Wake for whoever is first. */
static void
arm(struct frames *frames)
{
	uint64_t now_ms = uv_now(frames->timer.loop);
	const struct client *each = TAILQ_FIRST(&frames->waiting);
	uint64_t first;

	if (each == NULL) {
		(void)uv_timer_stop(&frames->timer);
		return;
	}
	first = each->due_ms;
	for (; each != NULL; each = TAILQ_NEXT(each, due)) {
		if (each->due_ms < first)
			first = each->due_ms;
	}
	(void)uv_timer_start(
	    &frames->timer, on_time, first > now_ms ? first - now_ms : 0, 0);
}

static struct client *
first_due(const struct frames *frames, uint64_t now_ms)
{
	struct client *each = TAILQ_FIRST(&frames->waiting);

	while (each != NULL && each->due_ms > now_ms)
		each = TAILQ_NEXT(each, due);
	return each;
}

/* One may make others due: they get the next round, as do those for whom there
 * is no time in this one. */
static void
on_time(uv_timer_t *timer)
{
	struct owner *owner = timer->data;
	struct frames *frames = &keeper_of_owner(owner)->frames;
	uint64_t now_ms = uv_now(timer->loop);
	uint64_t until = uv_hrtime() + FRAMES_ROUND_MS * 1000000ull;
	size_t round = frames->count;
	struct client *client;

	while (round-- > 0 && uv_hrtime() < until &&
	       (client = first_due(frames, now_ms)) != NULL) {
		frames_remove(frames, client);
		client_due(client);
	}
	arm(frames);
}

void
frames_init(struct frames *frames, uv_loop_t *loop, struct owner *owner)
{
	TAILQ_INIT(&frames->waiting);
	frames->count = 0;
	(void)uv_timer_init(loop, &frames->timer);
	owner_adopt(owner, (uv_handle_t *)&frames->timer);
}

void
frames_add(struct frames *frames, struct client *client, uint64_t at_ms)
{
	if (client->is_due && client->due_ms <= at_ms)
		return;
	client->due_ms = at_ms;
	if (!client->is_due) {
		TAILQ_INSERT_TAIL(&frames->waiting, client, due);
		frames->count++;
	}
	client->is_due = true;
	arm(frames);
}

void
frames_remove(struct frames *frames, struct client *client)
{
	if (!client->is_due)
		return;
	TAILQ_REMOVE(&frames->waiting, client, due);
	frames->count--;
	client->is_due = false;
}
