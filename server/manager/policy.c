/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/policy.h"

#include "keys/authorized_keys.h"
#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "server/common/log.h"
#include "server/manager/asker.h"
#include "server/manager/home.h"
#include "server/manager/lifecycle.h"
#include "server/manager/manager.h"

static void
on_refused(void *data, const struct error *why)
{
	(void)data;
	log_error("%s", why->text);
}

int
policy_read(const char *path, struct authorized_keys **out, struct error *err)
{
	autofree char *text = NULL;
	size_t len;

	if (home_read(path, AUTHORIZED_KEYS_FILE_BYTES, &text, &len, err) != 0)
		return -1;
	*out = authorized_keys_new();
	authorized_keys_read(*out, path, text, len, on_refused, NULL);
	return 0;
}

bool
policy_may_target(struct asker *asker, const char *principal,
    const struct action_target *target, enum action action)
{
	const struct principal *who;

	if (asker->kind == ASKER_ADMIN)
		return true;
	who = authorized_keys_principal(asker->manager->keys, principal);
	return who != NULL && principal_may(who, action, target);
}

bool
policy_may(struct asker *asker, const char *principal, const struct task *task,
    enum action action)
{
	struct action_target target;

	if (task == NULL)
		return policy_may_target(asker, principal, NULL, action);
	target.owner = task->record.owner;
	target.id = task->record.id;
	target.name = task->record.spec.name;
	return policy_may_target(asker, principal, &target, action);
}

int
policy_find(struct asker *asker, const char *principal, const char *name,
    enum action action, struct task **out, struct error *err)
{
	struct task *task = registry_find(&asker->manager->registry, name);

	if (task == NULL || !policy_may(asker, principal, task, ACTION_SEE))
		return error_set(err, ERROR_NOT_FOUND, "no task %s", name);
	if (!policy_may(asker, principal, task, action))
		return error_set(err, ERROR_DENIED,
		    "this key may not do that to task %s", name);
	*out = task;
	return 0;
}
