/* SPDX-License-Identifier: Apache-2.0 */
/* The terminals of one task or of all, as a table, a line each. */
#ifndef SERVER_GATE_SESSIONS_H
#define SERVER_GATE_SESSIONS_H

struct session;

/* Become the user of the session's stream. task is a name or an id, copied;
 * NULL: every task that the principal may read, with a column for it. */
void sessions_open(struct session *session, const char *task);

#endif
