/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of recordings: recordings/TASK/TASK-N.cast. A task's keeper owns
 * the folder while it lives; then it is root's, for the keeper's user id will
 * be another task's. Nothing that lies in one is believed: it came by way of a
 * sandbox.
 */
#ifndef SERVER_MANAGER_RECORDINGS_H
#define SERVER_MANAGER_RECORDINGS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "protocol/limits.h"
#include "protocol/name.h"

struct error;

#define RECORDINGS_FOLDER  "recordings"
#define RECORDINGS_OF_TASK 4096u /* files of one task that are looked at */

/* One recording; its id is that of its exec. */
struct recording {
	char id[LIMIT_EXEC_ID_BYTES + 1];
	char task[NAME_ID_BYTES];
	int64_t bytes;
	int64_t modified_ms; /* since the epoch */
};

struct recordings {
	struct recording *items; /* owned; those of a task are neighbours */
	size_t count;
};

/* The folder of one task, which may be over. */
struct recordings_task {
	char task[NAME_ID_BYTES];
	int64_t modified_ms; /* since the epoch; of one that is over: its end */
};

/*
 * Make a task's folder and give it to its keeper's user.
 *   out      owned: the folder, open
 *   returns  0, or -1 ERROR_SYSTEM, also when there is one already
 */
int recordings_make(const char *task, uid_t uid, int *out, struct error *err);

/* The folder that recordings_make gave to that user, for the keeper that takes
 * the place of its first; as recordings_make. */
int recordings_reopen(const char *task, uid_t uid, int *out, struct error *err);

/* The keeper has ended: take what it recorded from it. A folder in which
 * nothing is goes; none is a success. */
int recordings_seal(const char *task, struct error *err);

/* Remove a task's recordings; none is a success. */
int recordings_remove(const char *task, struct error *err);

/*
 * Look for recordings.
 *   task  of this one only; NULL: of all
 *   out   set on 0; free(items)
 */
int recordings_list(
    const char *task, struct recordings *out, struct error *err);

/* The folders there are; *out is owned, set on 0. */
int recordings_tasks(
    struct recordings_task **out, size_t *count, struct error *err);

/*
 * Open one for reading.
 *   recording  its id; need not be one
 *   returns    0, or -1: ERROR_NOT_FOUND (none, or no regular file),
 *              ERROR_SYSTEM
 */
int recordings_open(const char *recording, int *out, struct error *err);

#endif
