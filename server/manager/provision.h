/* SPDX-License-Identifier: Apache-2.0 */
/* Making a task: record, folder, keeper, sandbox, the agent's hello. */
#ifndef SERVER_MANAGER_PROVISION_H
#define SERVER_MANAGER_PROVISION_H

#include <sys/types.h>

struct asker;
struct control_create;
struct error;
struct manager;
struct task;

#define PROVISION_MS 60000 /* for the driver */
#define HELLO_MS     10000 /* from then to the agent's hello */

/*
 * Make a task as asked. The asker waits for the answer, which comes when the
 * task is ready, or when nothing of it remains.
 *   create   its spec is taken
 *   returns  0, or -1 with nothing begun: ERROR_INVALID, ERROR_LIMIT,
 *            ERROR_NOT_FOUND (profile, image), ERROR_STATE (name in use)
 */
int provision_task(struct manager *manager, struct asker *asker,
    struct control_create *create, struct error *err);

/*
 * How its keeper is to run the task's commands.
 *   returns  0, or -1: ERROR_NOT_FOUND (the image is gone)
 */
int provision_configure(struct task *task, struct error *err);

/* Give its keeper the sandbox's counters of OOM kills. ERROR_SYSTEM. */
int provision_cgroup(struct task *task, struct error *err);

/* The user that its keeper runs as. */
uid_t provision_keeper_uid(const struct task *task);

#endif
