/* SPDX-License-Identifier: Apache-2.0 */
/* stream-json over a stream: docs/stream-json.md. */
#ifndef SERVER_GATE_BRAIN_H
#define SERVER_GATE_BRAIN_H

struct gate;
struct stream;

/*
 * Speak stream-json on stream from now on, to its on_closed.
 *   gate       borrowed for the life of the process
 *   principal  who authenticated; borrowed until on_closed
 *   session    the SSH session's id, for the audit; borrowed until on_closed
 */
void brain_open(struct stream *stream, struct gate *gate, const char *principal,
    const char *session);

#endif
