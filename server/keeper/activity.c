/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/activity.h"

#include <string.h>
#include <time.h>

#include "server/common/owner.h"
#include "server/keeper/attachment.h"
#include "server/keeper/client.h"
#include "server/keeper/keeper.h"
#include "server/keeper/subscription.h"

static int64_t
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
on_quiet(uv_timer_t *timer)
{
	struct owner *owner = timer->data;
	struct activity *activity = &keeper_of_owner(owner)->activity;

	activity->is_active = false;
	activity_tell(activity);
}

void
activity_init(
    struct activity *activity, struct keeper *keeper, struct owner *owner)
{
	memset(activity, 0, sizeof(*activity));
	activity->keeper = keeper;
	activity->idle_from_ms = now_ms();
	(void)uv_timer_init(keeper->loop, &activity->quiet);
	owner_adopt(owner, (uv_handle_t *)&activity->quiet);
}

void
activity_look(struct activity *activity)
{
	const struct keeper *keeper = activity->keeper;

	if (!activity->is_known || keeper->is_stopped)
		return;
	if (keeper->execs.live == 0 && activity->writers == 0) {
		if (!activity->is_active ||
		    uv_is_active((uv_handle_t *)&activity->quiet))
			return;
		activity->idle_from_ms = now_ms();
		(void)uv_timer_start(
		    &activity->quiet, on_quiet, ACTIVITY_QUIET_MS, 0);
		return;
	}
	(void)uv_timer_stop(&activity->quiet);
	if (activity->is_active)
		return;
	activity->is_active = true;
	activity_tell(activity);
}

void
activity_begin(struct activity *activity)
{
	activity->is_known = true;
	activity->is_active =
	    activity->keeper->execs.live > 0 || activity->writers > 0;
	activity_tell(activity);
}

bool
activity_join(
    struct activity *activity, const struct subscription *subscription)
{
	const struct client *client = subscription->client;

	if (subscription->attachment->right != RIGHT_WRITE ||
	    (!subscription->is_tied && (client == NULL || !client->may_type)))
		return false;
	activity->writers++;
	activity_look(activity);
	return true;
}

void
activity_part(struct activity *activity)
{
	activity->writers--;
	activity_look(activity);
}

void
activity_tell(struct activity *activity)
{
	const struct custody_activity body = {.active = activity->is_active,
	    .idle_ms =
	        activity->is_active ? 0 : now_ms() - activity->idle_from_ms};

	if (activity->is_known)
		custody_say(
		    &activity->keeper->custody, CUSTODY_ACTIVITY, &body);
}
