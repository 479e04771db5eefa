/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session channel's requests, from libssh to request.h. Those about terminals
 * come as messages: libssh's callbacks for them give window-change no answer,
 * also when one is wanted.
 */
#ifndef SERVER_GATE_SSH_CHANNEL_REQUEST_H
#define SERVER_GATE_SSH_CHANNEL_REQUEST_H

#include <stdbool.h>

#include "server/gate/ssh_library.h"

struct connection;

/* Fill in the rows of requests; userdata is the struct ssh_session_channel. */
void channel_request_callbacks(struct ssh_channel_callbacks_struct *callbacks);

/* Answer pty-req and window-change with success; false: any other message, or
 * failure, which is libssh's to answer. Inside libssh's callback. */
bool channel_request_message(
    struct connection *connection, ssh_message message);

#endif
