/* SPDX-License-Identifier: Apache-2.0 */
/* A session channel's requests, from libssh's callbacks to request.h. */
#ifndef SERVER_GATE_SSH_CHANNEL_REQUEST_H
#define SERVER_GATE_SSH_CHANNEL_REQUEST_H

struct ssh_channel_callbacks_struct;

/* Fill in the rows of requests; userdata is the struct ssh_session_channel. */
void channel_request_callbacks(struct ssh_channel_callbacks_struct *callbacks);

#endif
