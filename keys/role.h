/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what: one table of roles against actions. */
#ifndef KEYS_ROLE_H
#define KEYS_ROLE_H

#include <stdbool.h>

enum role {
	ROLE_USER = 0, /* a person: the tasks that its key names */
	ROLE_OPERATOR, /* watches everything, touches nothing, may destroy */
	ROLE_BRAIN,    /* makes tasks and drives its own */
	ROLE_ADMIN,    /* everything */
	ROLES
};

/* "user", "operator", "brain", "admin"; NULL-terminated. */
extern const char *const role_names[ROLES + 1];

enum action {
	ACTION_BRAIN = 0, /* open the stream-json control subsystem */
	ACTION_OPS,       /* open the operators' console */
	ACTION_CREATE,    /* a task */
	ACTION_SEE,       /* that a task exists, its state */
	ACTION_UPDATE,    /* its labels and lifetime */
	ACTION_DESTROY,
	ACTION_READ,  /* attach to output */
	ACTION_WRITE, /* start commands, feed and signal them */
	ACTIONS
};

/* A principal: one name in logs, the audit and as a task's owner. */
struct principal {
	char *name; /* owned */
	enum role role;
	char **tasks; /* owned; patterns for ROLE_USER; NULL: none */
};

/* What an action is about; all borrowed, NULL where there is none. */
struct action_target {
	const char *owner; /* principal that created the task */
	const char *id;
	const char *name;
};

/*
 * Whether the principal may; target is NULL for an action without a task. A
 * pattern matches a task's id or name, and may end in '*'.
 */
bool principal_may(const struct principal *principal, enum action action,
    const struct action_target *target);

/* [A-Za-z0-9._@:+/=-], 1 to LIMIT_PRINCIPAL_BYTES bytes. */
bool principal_name_is_valid(const char *name);

/* Free what it owns. NULL is accepted. */
void principal_clear(struct principal *principal);

#endif
