/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DIR: the folders and files that the manager makes there, and the lock that
 * keeps a second one out. Everything is made readable for no more than need
 * it: other users may pass through DIR, run and tasks, and see nothing.
 */
#ifndef SERVER_MANAGER_HOME_H
#define SERVER_MANAGER_HOME_H

#include <stddef.h>

#include "protocol/name.h"

struct error;

#define HOME_LOCK_WAIT_MS 2000 /* a killed manager's lock goes with it */

struct home {
	char *dir;                    /* owned; absolute */
	int lock;                     /* owned */
	char instance[NAME_ID_BYTES]; /* of this gateway, for ever */
};

/*
 * Make what is missing, make it the working directory and lock it.
 *   lock     taken: that of the program which we were before; -1: none
 *   returns  0, or -1: ERROR_STATE (another manager serves here),
 *            ERROR_SYSTEM; home_close in any case
 */
int home_open(struct home *home, const char *dir, int lock, struct error *err);
void home_close(struct home *home);

/* Remove what only a running gateway needs: sockets, the port, task names. */
void home_sweep(void);

/* The port that was in use last; 0 when there is none. */
int home_port(void);
int home_save_port(int port, struct error *err);

/*
 * Write a file of run/ by way of a temporary one, so that readers see the old
 * or the new. It need not be there after a crash of the machine: whatever is
 * written so is written again at the next start.
 */
int home_write(const char *path, unsigned mode, const void *bytes, size_t len,
    struct error *err);

/*
 * Read a whole file.
 *   out      owned, NUL-terminated
 *   len      bytes before that NUL
 *   returns  0, or -1: ERROR_NOT_FOUND, ERROR_LIMIT (more than max bytes),
 *            ERROR_SYSTEM
 */
int home_read(
    const char *path, size_t max, char **out, size_t *len, struct error *err);

#endif
