/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client sends on a session channel: taken from libssh, kept within
 * bounds, handed to the stream's user.
 *
 * libssh gives bytes to the data callback and keeps what that does not take,
 * but gives them again only together with the client's next packet. So while
 * the user is stopped nothing is taken, the window closes, and on resuming all
 * that libssh kept is read at once: reading less would open the window again
 * while bytes wait.
 */
#ifndef SERVER_GATE_SSH_CHANNEL_INPUT_H
#define SERVER_GATE_SSH_CHANNEL_INPUT_H

struct ssh_channel_callbacks_struct;
struct ssh_session_channel;

void channel_input_init(struct ssh_session_channel *channel);

/* Drop what is kept; nothing more is taken in. */
void channel_input_clear(struct ssh_session_channel *channel);

/* Fill in the rows of data, EOF and close; userdata is the struct
 * ssh_session_channel. */
void channel_input_callbacks(struct ssh_channel_callbacks_struct *callbacks);

/* Hand on what can be, and let the window follow. From the loop only. */
void channel_input_settle(struct ssh_session_channel *channel);

#endif
