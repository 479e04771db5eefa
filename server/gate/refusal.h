/* SPDX-License-Identifier: Apache-2.0 */
/*
 * "No" to a connection for which there is no room, without libssh: the version
 * and SSH_MSG_DISCONNECT with the reason, which stock clients show. (A line
 * before the version, as RFC 4253 section 4.2 allows, they keep to themselves.)
 */
#ifndef SERVER_GATE_REFUSAL_H
#define SERVER_GATE_REFUSAL_H

#include <stddef.h>
#include <stdint.h>

#define REFUSAL_BYTES      256
#define REFUSAL_TEXT_BYTES 128 /* more is cut */

/*
 * Write what is sent; source: RFC 4253 sections 4.2, 6 and 11.1, reason 12
 * (too many connections).
 *   returns  how many bytes of out
 */
size_t refusal_write(uint8_t out[REFUSAL_BYTES], const char *text);

/* Send it, without waiting, on a fresh connection, whose end is then sent. */
void refusal_send(int fd, const char *text);

#endif
