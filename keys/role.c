/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/role.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/limits.h"
#include "protocol/memory.h"

/* Which tasks an action reaches; bits. */
enum reach {
	NONE = 0,
	OWN = 1,   /* that the principal created */
	NAMED = 2, /* that its key's tasks option names */
	ALL = 4,
};

const char *const role_names[ROLES + 1] = {
    [ROLE_USER] = "user",
    [ROLE_OPERATOR] = "operator",
    [ROLE_BRAIN] = "brain",
    [ROLE_ADMIN] = "admin",
};

/* By enum role: user, operator, brain, admin. */
static const unsigned char reaches[ACTIONS][ROLES] = {
    [ACTION_BRAIN] = {NONE, ALL, ALL, ALL},
    [ACTION_OPS] = {NONE, ALL, NONE, ALL},
    [ACTION_CREATE] = {NONE, NONE, ALL, ALL},
    [ACTION_SEE] = {NAMED, ALL, OWN | NAMED, ALL},
    [ACTION_UPDATE] = {NONE, NONE, OWN, ALL},
    [ACTION_DESTROY] = {NONE, ALL, OWN, ALL},
    [ACTION_READ] = {NAMED, ALL, OWN | NAMED, ALL},
    [ACTION_WRITE] = {NAMED, NONE, OWN | NAMED, ALL},
};

static bool
matches(const char *pattern, const char *text)
{
	size_t len = strlen(pattern);

	if (text == NULL)
		return false;
	if (len > 0 && pattern[len - 1] == '*')
		return strncmp(pattern, text, len - 1) == 0;
	return strcmp(pattern, text) == 0;
}

static bool
is_named(const struct principal *principal, const struct action_target *target)
{
	size_t i;

	for (i = 0; principal->tasks != NULL && principal->tasks[i] != NULL;
	     i++) {
		if (matches(principal->tasks[i], target->name) ||
		    matches(principal->tasks[i], target->id))
			return true;
	}
	return false;
}

bool
principal_may(const struct principal *principal, enum action action,
    const struct action_target *target)
{
	unsigned reach;

	assert((unsigned)action < ACTIONS);
	assert((unsigned)principal->role < ROLES);
	reach = reaches[action][principal->role];
	if (target == NULL)
		return reach != NONE;
	if ((reach & ALL) != 0)
		return true;
	if ((reach & OWN) != 0 && target->owner != NULL &&
	    strcmp(target->owner, principal->name) == 0)
		return true;
	return (reach & NAMED) != 0 && is_named(principal, target);
}

bool
principal_name_is_valid(const char *name)
{
	size_t i;

	for (i = 0; name[i] != '\0'; i++) {
		if (i >= LIMIT_PRINCIPAL_BYTES ||
		    (!isalnum((unsigned char)name[i]) &&
		        strchr("._@:+/=-", name[i]) == NULL))
			return false;
	}
	return i > 0;
}

void
principal_clear(struct principal *principal)
{
	if (principal == NULL)
		return;
	free(principal->name);
	memory_vector_free(principal->tasks);
	memset(principal, 0, sizeof(*principal));
}
