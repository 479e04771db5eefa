/* SPDX-License-Identifier: Apache-2.0 */
/* Authentication of a connection: public keys, and nothing else. */
#ifndef SERVER_GATE_SSH_AUTH_H
#define SERVER_GATE_SSH_AUTH_H

struct ssh_server_callbacks_struct;

/* Fill in the rows of authentication; userdata is the struct connection. */
void auth_set_callbacks(struct ssh_server_callbacks_struct *callbacks);

#endif
