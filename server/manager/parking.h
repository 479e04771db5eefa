/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaches that wait for a task's keeper: it is being replaced, or has more
 * visitors than it can let in just now. They are served in their order; one
 * that has waited PARKING_MS is refused with ERROR_STATE.
 */
#ifndef SERVER_MANAGER_PARKING_H
#define SERVER_MANAGER_PARKING_H

#include <stdint.h>

#include <uv.h>

struct asker;
struct control_attach;
struct error;
struct parked;
struct task;

#define PARKING_MAX      4096u  /* attaches that wait, of one task */
#define PARKING_MS       10000u /* for so long */
#define PARKING_RETRY_MS 5u     /* while the keeper cannot let one in */

struct parking {
	struct parked *first;
	struct parked **last;
	unsigned count;
	uv_timer_t timer; /* adopted by the task's owner */
};

void parking_init(struct task *task);

/* Let one wait; it is copied. ERROR_LIMIT. */
int parking_add(struct task *task, struct asker *asker,
    const struct control_attach *attach, struct error *err);

/* The keeper is ready: let them in. */
void parking_serve(struct task *task);

/* Refuse all; NULL: forget them, nobody is there to be told. */
void parking_refuse(struct task *task, const struct error *why);

/* An asker has gone, and what it asked with it. */
void parking_drop(struct task *task, const struct asker *asker);

#endif
