/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that a gate must be told before it can serve. */
#ifndef SERVER_MANAGER_GATE_PUSH_H
#define SERVER_MANAGER_GATE_PUSH_H

struct asker;
struct manager;

/* Configuration with the listening socket, keys, names. */
void gate_push(struct manager *manager, struct asker *gate);

/* Configuration with the listening socket alone. */
void gate_push_configure(struct manager *manager, struct asker *gate);

/* The table of authorized keys alone. */
void gate_push_keys(struct manager *manager, struct asker *gate);

#endif
