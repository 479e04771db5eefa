/* SPDX-License-Identifier: Apache-2.0 */
/* Gates that are to end, and how they are let go of without a gap. */
#ifndef SERVER_MANAGER_GATE_RETIRE_H
#define SERVER_MANAGER_GATE_RETIRE_H

struct gate;
struct gates;

/* It is no longer wanted. */
void gate_retire(struct gate *gate);

/* Let as many retire as are more than wanted. */
void gates_retire_surplus(struct gates *gates);

/* Tell those that retire to drain, if there is one to accept in their place. */
void gates_drain_retiring(struct gates *gates);

#endif
