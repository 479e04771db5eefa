/* SPDX-License-Identifier: Apache-2.0 */
/* The local admin's connection to the manager that serves DIR. It blocks. */
#ifndef SERVER_ADMIN_CLIENT_H
#define SERVER_ADMIN_CLIENT_H

#include "protocol/buffer.h"
#include "protocol/control.h"

struct error;

#define CLIENT_PRINCIPAL "admin"

struct client {
	int fd; /* owned */
	struct buffer in;
	int64_t request; /* the number of the last one */
};

/*
 * Connect to DIR/run/admin.sock.
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
 *   returns  0, or -1: what the manager refused, or ERROR_SYSTEM
 */
int client_ask(struct client *client, enum control_type type,
    union control_body *body,
    void (*on_item)(void *data, union control_body *item), void *data,
    struct error *err);

#endif
