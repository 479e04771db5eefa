/* SPDX-License-Identifier: Apache-2.0 */
/* Reading from a socket on which a descriptor may come beside the bytes. */
#ifndef AGENT_RECEIVE_H
#define AGENT_RECEIVE_H

#include <stddef.h>
#include <sys/types.h>

#define RECEIVE_NONE (-1) /* no descriptor came */
#define RECEIVE_LOST                                             \
	(-2) /* one came and could not be taken, or several did, \
	        of which none is kept */

/*
 * As recv(2), without waiting.
 *   fd       owned: what came beside the bytes, close-on-exec; or RECEIVE_NONE,
 *            RECEIVE_LOST. Of a stream it came with the last byte.
 */
ssize_t receive(int socket, void *bytes, size_t size, int *fd);

#endif
