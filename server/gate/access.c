/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/access.h"

#include <stdlib.h>
#include <string.h>

#include "keys/authorized_keys.h"
#include "protocol/control.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "protocol/name.h"
#include "server/common/log.h"
#include "server/gate/names.h"

struct access {
	struct authorized_keys *keys;   /* in force */
	struct authorized_keys *coming; /* of which parts have come */
	struct names names;
};

struct access *
access_new(void)
{
	struct access *access = memory_new(1, sizeof(*access));

	access->keys = authorized_keys_new();
	access->coming = authorized_keys_new();
	return access;
}

void
access_free(struct access *access)
{
	if (access == NULL)
		return;
	authorized_keys_free(access->keys);
	authorized_keys_free(access->coming);
	names_clear(&access->names);
	free(access);
}

void
access_keys(struct access *access, const struct control_keys *keys)
{
	size_t i;

	if (keys->first) {
		authorized_keys_free(access->coming);
		access->coming = authorized_keys_new();
	}
	for (i = 0; keys->lines != NULL && keys->lines[i] != NULL; i++) {
		struct error err = {0};

		if (authorized_keys_add(access->coming, keys->lines[i],
		        strlen(keys->lines[i]), &err) != 0)
			log_warning("key %zu: refused: %s", i, err.text);
	}
	if (keys->last) {
		authorized_keys_free(access->keys);
		access->keys = access->coming;
		access->coming = authorized_keys_new();
	}
}

void
access_names(struct access *access, const struct control_names *names)
{
	size_t i;

	if (names->first)
		names_clear(&access->names);
	for (i = 0; names->remove != NULL && names->remove[i] != NULL; i++)
		names_remove(&access->names, names->remove[i]);
	for (i = 0; names->add != NULL && names->add[i] != NULL; i++)
		names_add(&access->names, names->add[i]);
}

bool
access_split(const char *user, struct access_name *name)
{
	const char *plus = strchr(user, '+');
	size_t len = plus == NULL ? strlen(user) : (size_t)(plus - user);

	memset(name, 0, sizeof(*name));
	if (len > LIMIT_NAME_BYTES)
		return false;
	memcpy(name->task, user, len);
	if (!name_is_valid(name->task))
		return false;
	if (plus == NULL)
		return true;
	if (!name_is_valid(plus + 1))
		return false;
	memcpy(name->terminal, plus + 1, strlen(plus + 1));
	return true;
}

/* enum access_user; -1: nothing. */
static int
find_user(const struct access *access, const char *user)
{
	struct access_name name;

	if (strcmp(user, "brain") == 0)
		return ACCESS_BRAIN;
	if (strcmp(user, "ops") == 0)
		return ACCESS_OPS;
	if (!access_split(user, &name) || !names_has(&access->names, name.task))
		return -1;
	return ACCESS_TASK;
}

const char *
access_check(const struct access *access, const char *user, const char *type,
    const char *blob, enum access_user *kind)
{
	const struct principal *principal =
	    authorized_keys_find(access->keys, type, blob);
	int found = find_user(access, user);

	if (principal == NULL || found < 0)
		return NULL;
	if (found == ACCESS_BRAIN &&
	    !principal_may(principal, ACTION_BRAIN, NULL))
		return NULL;
	if (found == ACCESS_OPS && !principal_may(principal, ACTION_OPS, NULL))
		return NULL;
	*kind = (enum access_user)found;
	return principal->name;
}

bool
access_may_see(const struct access *access, const char *principal,
    const struct control_task *task)
{
	const struct action_target target = {
	    .owner = task->owner, .id = task->task, .name = task->name};
	const struct principal *who =
	    authorized_keys_principal(access->keys, principal);

	return who != NULL && principal_may(who, ACTION_SEE, &target);
}
