/* SPDX-License-Identifier: Apache-2.0 */
/* Stream sockets in the file system. */
#ifndef SERVER_MANAGER_UNIX_SOCKET_H
#define SERVER_MANAGER_UNIX_SOCKET_H

#include <sys/types.h>

struct error;

/*
 * Bind and listen, in place of whatever socket has that name.
 *   path  at most 107 bytes
 *   uid   whose socket file it is; nobody else but root may connect
 *   out   owned, non-blocking, close-on-exec
 */
int unix_listen(const char *path, uid_t uid, int *out, struct error *err);

/*
 * Connect without waiting.
 *   out      owned, non-blocking, close-on-exec
 *   returns  0, or -1: ERROR_NOT_FOUND (nobody listens there), ERROR_LIMIT
 *            (too many wait there already), ERROR_SYSTEM
 */
int unix_connect(const char *path, int *out, struct error *err);

#endif
