/* SPDX-License-Identifier: Apache-2.0 */
/* What starts a command. */
#ifndef SERVER_KEEPER_REQUEST_START_H
#define SERVER_KEEPER_REQUEST_START_H

#include "protocol/attachment.h"
#include "server/keeper/request.h"

struct error;

/* Each returns 0, or -1 and err is what the gate is told. */

/* start: once for each token of a principal. */
int request_start(const struct request_subject *subject,
    const union attachment_body *body, struct error *err);

/* Start it, whatever its token. */
int request_begin(const struct request_subject *subject,
    const struct attachment_start *start, struct error *err);

/* Whether one more stream may carry an exec. */
int request_check_streams(
    const struct attachment *attachment, struct error *err);

#endif
