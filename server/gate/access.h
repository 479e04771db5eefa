/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may log in, and as which user: the tables of keys and names that the
 * manager keeps up to date, because libssh wants its answer at once. What a
 * principal may do then is the manager's to decide, every time.
 */
#ifndef SERVER_GATE_ACCESS_H
#define SERVER_GATE_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/limits.h"

struct access;
struct control_keys;
struct control_names;
struct control_task;

struct access *access_new(void);
void access_free(struct access *access);

/* Take in one part of a table; keys are in force from the last part on. */
void access_keys(struct access *access, const struct control_keys *keys);
void access_names(struct access *access, const struct control_names *names);

/* What an SSH user name leads to. */
enum access_user {
	ACCESS_BRAIN = 0, /* "brain": drives tasks */
	ACCESS_OPS,       /* "ops": the operators' console */
	ACCESS_TASK,      /* "TASK" or "TASK+NAME" */
	ACCESS_USERS
};

/* The parts of a user name. */
struct access_name {
	char task[LIMIT_NAME_BYTES + 1]; /* the whole, unless it is a task's */
	char terminal[LIMIT_NAME_BYTES + 1]; /* behind '+'; "": none */
};

/*
 * Split a user name at its first '+'.
 *   returns whether both parts, or the one there is, may be names
 */
bool access_split(const char *user, struct access_name *name);

/*
 * Whether the holder of a public key may be user.
 *   type, blob  the key, as an authorized_keys line has them
 *   kind        set when the answer is yes
 *   returns     the principal, borrowed until the next access_keys; NULL: no.
 *               Both tables are looked at whichever says no.
 */
const char *access_check(const struct access *access, const char *user,
    const char *type, const char *blob, enum access_user *kind);

/* Whether a principal is told of a task's changes. */
bool access_may_see(const struct access *access, const char *principal,
    const struct control_task *task);

#endif
