/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking over what an earlier manager left: ready tasks whose keeper lives go
 * on; tasks that were being made are undone; removals are completed.
 */
#ifndef SERVER_MANAGER_ADOPT_H
#define SERVER_MANAGER_ADOPT_H

struct error;
struct manager;

/* Load every task of the store. ERROR_SYSTEM. */
int adopt_tasks(struct manager *manager, struct error *err);

#endif
