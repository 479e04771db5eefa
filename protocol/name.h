/* SPDX-License-Identifier: Apache-2.0 */
/* Names and ids: of tasks, execs, images, profiles, principals. */
#ifndef PROTOCOL_NAME_H
#define PROTOCOL_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct error;

#define NAME_ID_BYTES 9 /* a generated id and its NUL */

/* [a-z0-9][a-z0-9-]{0,47}: safe in a shell, a path and a host name. */
bool name_is_valid(const char *name);

/* A user name that means something else than a task: brain, ops, new, ... */
bool name_is_reserved(const char *name);

/* ERROR_INVALID, with field's name in the text, unless valid and not reserved.
 */
int name_check(const char *field, const char *name, struct error *err);

/*
 * An id of 8 characters: a letter, then [a-z0-9] without look-alikes, from
 * getrandom(2). Not checked against those in use.
 */
void name_generate(char id[NAME_ID_BYTES]);

/*
 * Split an exec's id, TASK-N.
 *   task     at least LIMIT_NAME_BYTES + 1 bytes
 *   number   1..UINT32_MAX
 */
int name_split_exec(
    const char *exec, char *task, uint32_t *number, struct error *err);

#endif
