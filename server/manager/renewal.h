/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keepers are replaced on request, one after the other, because the program is
 * another one now: as if each had been killed (replacement.h).
 */
#ifndef SERVER_MANAGER_RENEWAL_H
#define SERVER_MANAGER_RENEWAL_H

struct asker;
struct control_ask;
struct error;
struct manager;

enum renewal {
	RENEWAL_NONE = 0,
	RENEWAL_DUE,       /* its keeper is to be replaced */
	RENEWAL_UNDER_WAY, /* it was killed */
	RENEWALS
};

/*
 * Replace the keeper of one task, or of all that are ready; the asker waits.
 *   returns  0, or -1: ERROR_NOT_FOUND, ERROR_STATE (the task is not ready, or
 *            its keeper cannot be replaced), ERROR_LIMIT
 */
int renewal_begin(
    struct asker *asker, const struct control_ask *ask, struct error *err);

/* Take the next step, if there is one. */
void renewal_proceed(struct manager *manager);

#endif
