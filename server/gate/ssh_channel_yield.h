/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bulk gives way to keys. What a client has been sent and not read yet stands
 * in front of the echo of what it types, and may be all of a channel's window
 * of 2 MiB. So while somebody types in one channel of a connection, the others
 * have only so much under way as the line needs to be kept busy.
 *
 * What is under way is what the client has not given window back for. One that
 * gives it back in larger parts than is let through is not held again.
 */
#ifndef SERVER_GATE_SSH_CHANNEL_YIELD_H
#define SERVER_GATE_SSH_CHANNEL_YIELD_H

#include <stddef.h>
#include <stdint.h>

struct connection;
struct ssh_session_channel;

#define YIELD_TYPING_MS   2000u               /* behind a key somebody types */
#define YIELD_KEY_BYTES   4096u               /* more at once is no typing */
#define YIELD_BYTES       ((size_t)128 << 10) /* under way, and so much more ... */
#define YIELD_RTT_RATE    100u /* ... per microsecond that the line is long */
#define YIELD_PATIENCE_MS 200u /* without window from the client */

/* See how long the line is. Its shortest time counts, for what waits in front
 * of a busy one is what is to be avoided; so first before there is any output.
 */
void channel_yield_measure(struct connection *connection);

/* The client has sent len bytes of input. */
void channel_yield_typed(struct ssh_session_channel *channel, size_t len);

/* How much of the client's window may be used. */
size_t channel_yield_room(struct ssh_session_channel *channel, size_t window);

/* When the connection must look again for a channel that is held; UINT64_MAX:
 * for none. Of the loop's clock. */
uint64_t channel_yield_until(const struct connection *connection);

#endif
