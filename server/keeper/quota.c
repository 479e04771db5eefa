/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/quota.h"

#include "protocol/error.h"
#include "server/common/log.h"
#include "server/keeper/execs.h"
#include "server/keeper/subscription.h"

void
quota_count(struct quota *quota, uint64_t before, uint64_t now)
{
	quota->used = quota->used - before + now;
}

static bool
is_taken(const struct output *output)
{
	return output->taken == output->spool.head;
}

/* The next to go; what still waits for the disk holds too little of it. */
static struct exec *
choose(const struct quota *quota)
{
	struct exec *each = TAILQ_FIRST(&quota->execs->ended);
	struct exec *oldest = NULL;

	for (; each != NULL; each = TAILQ_NEXT(each, entry)) {
		if (each->output.spool.charged == 0 ||
		    each->output.held_bytes > 0)
			continue;
		if (is_taken(&each->output))
			return each;
		if (oldest == NULL)
			oldest = each;
	}
	return oldest;
}

static void
empty(struct exec *exec)
{
	struct subscription *each = TAILQ_FIRST(&exec->output.subscriptions);
	struct error err = {0};

	log_info("%s: its output makes room", exec->id);
	if (spool_empty(&exec->output.spool, &err) != 0)
		log_error("%s: %s", exec->id, err.text);
	for (; each != NULL; each = TAILQ_NEXT(each, of_exec))
		subscription_wake(each);
}

bool
quota_has_room(struct quota *quota, uint64_t more)
{
	struct exec *exec;

	if (quota->max == 0)
		return true;
	while (quota->used + more > quota->max) {
		exec = quota->execs != NULL ? choose(quota) : NULL;
		if (exec == NULL)
			return false;
		empty(exec);
	}
	return true;
}

void
quota_settle(struct quota *quota)
{
	(void)quota_has_room(quota, 0);
}
