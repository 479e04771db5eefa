/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Upgrade in place: the manager becomes the program that is in its own place
 * on the disk now, under the same process id and with the same listening
 * socket, so that no connection is refused. Then it takes over tasks and gates
 * as one that was killed is followed, and the gates that it finds retire.
 */
#ifndef SERVER_MANAGER_UPGRADE_H
#define SERVER_MANAGER_UPGRADE_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "server/common/owner.h"
#include "server/manager/process.h"

struct asker;
struct error;
struct manager;
struct waiter;

#define UPGRADE_CHECK_MS 10000u /* for the new program to read the files */
#define UPGRADE_WAIT_MS  60000u /* for tasks that are being made or removed */

/* Numbers of the listening socket and the lock, in the environment of the next
 * one. */
#define UPGRADE_LISTENER "SALLYPORT_LISTENER"
#define UPGRADE_LOCK     "SALLYPORT_LOCK"

/* What a program gets from the one that it was before, or from a supervisor of
 * services (LISTEN_FDS). */
struct inheritance {
	bool is_upgrade;
	int listener; /* owned; -1: there is none */
	int lock;     /* owned; -1: there is none */
};

struct upgrade {
	struct owner owner;
	struct process process; /* sallyportd -t; adopted by owner */
	uv_timer_t timer;       /* adopted by owner */
	struct waiter *waiters; /* who asked */
	bool is_open;           /* one is under way */
	bool is_wanted;         /* as soon as nothing else is */
};

/*
 * Check the new program, then become it; the asker waits and is answered when
 * it cannot be.
 *   returns  0, or -1: ERROR_STATE, ERROR_SYSTEM
 */
int upgrade_begin(struct manager *manager, struct asker *asker, int64_t request,
    struct error *err);

/* Give it up: the manager ends. */
void upgrade_close(struct upgrade *upgrade);

/* Nothing is under way: become it now. Returns when that is impossible. */
void upgrade_execute(struct manager *manager);

/* Take what is there; once, before anything else is opened. */
void upgrade_inherit(struct inheritance *inheritance);

#endif
