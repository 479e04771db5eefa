/* SPDX-License-Identifier: Apache-2.0 */
/* The local admin's connection to the manager that serves DIR. It blocks. */
#ifndef SERVER_ADMIN_CLIENT_H
#define SERVER_ADMIN_CLIENT_H

#include <stdbool.h>

#include "protocol/buffer.h"
#include "protocol/control.h"
#include "protocol/limits.h"

struct error;

#define CLIENT_PRINCIPAL "admin"
#define CLIENT_WAIT_MS   5000 /* for a manager that has begun to serve */

struct client {
	int fd; /* owned */
	struct buffer in;
	bool has_ended;                  /* the manager hung up */
	int64_t request;                 /* the number of the last one */
	char note[LIMIT_TEXT_BYTES + 1]; /* of the last answer; or "" */
};

/*
 * Go to DIR and connect to its manager; one that holds the lock but does not
 * listen is starting, or being upgraded, and waited for.
 *   returns  0, or -1: ERROR_NOT_FOUND (nobody serves there), ERROR_SYSTEM;
 *            client_close in any case
 */
int client_open(struct client *client, const char *dir, struct error *err);
void client_close(struct client *client);

/*
 * Ask and wait for the answer.
 *   body     its "request" and "principal" are filled in
 *   on_item  for each task or recording that comes before the answer, as what
 *            was asked has them; NULL: not wanted
 *   returns  0, or -1: what the manager refused, or ERROR_SYSTEM; when it hung
 *            up instead of answering, client->has_ended
 */
int client_ask(struct client *client, enum control_type type,
    union control_body *body,
    void (*on_item)(void *data, union control_body *item), void *data,
    struct error *err);

#endif
