/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limit of all spools of a task together. When it is reached, what has
 * ended makes room: first what its owner has been sent, then the rest, the
 * oldest first. When nothing has, what runs keeps the size that it has, and is
 * slowed or loses its oldest output there, as its overflow says.
 *
 * Each spool may take SPOOL_FREE_BYTES whatever the limit, while it runs; so a
 * command can always say something, and a task may be above its limit by so
 * much for each command that runs.
 */
#ifndef SERVER_KEEPER_QUOTA_H
#define SERVER_KEEPER_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

struct execs;

struct quota {
	struct execs *execs; /* borrowed; NULL: nothing can make room */
	uint64_t max;        /* bytes; 0: no limit */
	uint64_t used;
};

/* A spool takes so many bytes instead of as many as before. */
void quota_count(struct quota *quota, uint64_t before, uint64_t now);

/* Whether there is room for more, made if it can be. */
bool quota_has_room(struct quota *quota, uint64_t more);

/* Make room as far as the limit was passed: something has ended. */
void quota_settle(struct quota *quota);

#endif
