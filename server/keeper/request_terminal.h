/* SPDX-License-Identifier: Apache-2.0 */
/* Requests about terminals: rows of request.c's table. */
#ifndef SERVER_KEEPER_REQUEST_TERMINAL_H
#define SERVER_KEEPER_REQUEST_TERMINAL_H

#include "protocol/attachment.h"
#include "server/keeper/request.h"

/*
 * Each answers its "ask" by an answer message, also when it refuses, and
 * returns 0. Those of a stream refuse one whose exec has no terminal.
 */
int request_screen(const struct request_subject *subject,
    const union attachment_body *body, struct error *err);
int request_keys(const struct request_subject *subject,
    const union attachment_body *body, struct error *err);
int request_wait(const struct request_subject *subject,
    const union attachment_body *body, struct error *err);
int request_cancel(const struct request_subject *subject,
    const union attachment_body *body, struct error *err);
int request_terminals(const struct request_subject *subject,
    const union attachment_body *body, struct error *err);

#endif
