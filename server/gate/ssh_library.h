/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libssh, for the ssh_*.c of this folder and for nothing else. Its oldest names
 * (channel_close and the like) would clash with ours. What it calls deprecated
 * is how a message tells of a terminal: see ssh_channel_request.h.
 */
#ifndef SERVER_GATE_SSH_LIBRARY_H
#define SERVER_GATE_SSH_LIBRARY_H

#define LIBSSH_LEGACY_0_4
#define SSH_SUPPRESS_DEPRECATED

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>

#endif
