/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removing a task: sandbox, keeper, files, row. A step that fails is told to
 * whoever waits, and tried again later, less and less often, until it works:
 * the task stays visible as failed or stopping for as long as anything of it
 * remains.
 */
#ifndef SERVER_MANAGER_TEARDOWN_H
#define SERVER_MANAGER_TEARDOWN_H

struct task;

#define TEARDOWN_RETRY_MS     500 /* doubles up to */
#define TEARDOWN_RETRY_MS_MAX 60000

/* Begin; the task is failed or stopping. */
void teardown_begin(struct task *task);

/* Its keeper's last callback came. */
void teardown_keeper_gone(struct task *task);

/* Try again now a step that failed. */
void teardown_retry(struct task *task);

#endif
