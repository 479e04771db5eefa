/* SPDX-License-Identifier: Apache-2.0 */
/*
 * task.create with a client token: the same token of the same principal is the
 * same task, so that a create may be sent again.
 *
 *   its task is       a create with the token again
 *   provisioning      waits, and is answered as the first is
 *   ready             is answered with it
 *   stopping          is refused: ERROR_STATE
 *   destroyed         the same, for TOKEN_KEPT_MS, or until TOKENS_KEPT tasks
 * of the principal with other tokens were destroyed after it; then it makes a
 * task failed            waits until nothing of it remains, then makes a task
 *
 * One that asks for something else than the first did is refused in any case:
 * ERROR_INVALID.
 */
#ifndef SERVER_MANAGER_TOKEN_H
#define SERVER_MANAGER_TOKEN_H

#include <stdint.h>

struct asker;
struct control_create;
struct error;
struct task;
struct task_spec;
struct token_waiter;

#define TOKEN_KEPT_MS (24ll * 3600 * 1000)
#define TOKENS_KEPT   4096u

/* A number for what is asked for, whatever the order of variables and labels;
 * never 0. */
uint64_t token_digest(const struct task_spec *spec);

/* A create whose spec has a token; the spec is taken. As provision_task. */
int token_create(
    struct asker *asker, struct control_create *create, struct error *err);

/*
 * Creates that wait for a failed task to be gone.
 *   token_again   it is: each is asked again, or answered what refuses it
 *   token_fail    it cannot be removed: each is answered so
 *   token_drop    forget an asker's; all of them for NULL
 */
void token_again(struct token_waiter *list);
void token_fail(struct token_waiter **list, const struct error *why);
void token_drop(struct token_waiter **list, const struct asker *asker);

/* A task with a token was destroyed. */
void token_ended(struct task *task);

#endif
