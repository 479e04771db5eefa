/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task that exists: its record, its keeper, and how far it is made or
 * removed. lifecycle.c is what all tasks do; provision.h makes one, adopt.h
 * takes one over from an earlier manager, teardown.h removes one.
 */
#ifndef SERVER_MANAGER_LIFECYCLE_H
#define SERVER_MANAGER_LIFECYCLE_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "protocol/error.h"
#include "server/common/owner.h"
#include "server/manager/asker.h"
#include "server/manager/keeper.h"
#include "server/manager/lifetime.h"
#include "server/manager/parking.h"
#include "server/manager/renewal.h"
#include "server/manager/replacement.h"
#include "server/manager/running.h"
#include "server/manager/task.h"

struct manager;
struct token_waiter;

#define TASK_PATH_MAX 32 /* "tasks/ID" */

/* Steps of removing a task, in order; each can be repeated. */
enum teardown_step {
	TEARDOWN_NONE = 0,
	TEARDOWN_SANDBOX, /* the driver destroys */
	TEARDOWN_KEEPER,  /* it is asked to stop */
	TEARDOWN_FILES,   /* tasks/ID is removed, in a thread; recordings are
	                     root's from now on */
	TEARDOWN_STEPS
};

struct task {
	struct manager *manager; /* borrowed */
	struct task_record record;
	struct task *next_by_id; /* of the registry */
	struct task *next_by_name;
	struct owner owner;
	uv_timer_t timer; /* adopted by owner; what for depends on state */
	struct keeper keeper;
	enum renewal renewal;
	struct running running;
	struct replacement replacement; /* of its keeper */
	struct parking parking;
	bool has_keeper;      /* keeper's last callback has not come */
	bool is_driven;       /* the driver's create has not called back */
	bool has_sandbox;     /* it has, and made one */
	bool has_hello;       /* the agent is there */
	bool is_lost;         /* the link ended */
	bool is_active;       /* as the keeper says; until it does, it is */
	int64_t idle_from_ms; /* of the boot clock, when it is not */
	struct lifetime_look look; /* the newest, while ready */
	uint64_t asked_ms;         /* on the loop's clock */
	struct error why;          /* of failed, and what creators are told */
	struct waiter *creators;
	struct waiter *destroyers;
	struct token_waiter *recreators; /* of failed, until it is gone */
	enum teardown_step step;
	unsigned tries; /* of the step that failed last */
	uv_work_t work; /* TEARDOWN_FILES */
	struct error work_err;
};

/* A task with this record (taken: zeroed), in the registry. */
struct task *lifecycle_new(struct manager *manager, struct task_record *record);

/* Path of the task's folder, from the manager's directory. */
void lifecycle_path(const struct task *task, char path[static TASK_PATH_MAX]);

/* Save the record; a failure is logged and leaves the task as it is. */
void lifecycle_save(struct task *task);

/* Say to every gate how the task stands, and keep the names of tasks.conf. */
void lifecycle_tell(struct task *task);

/* The task as a message; borrowed until the task changes. */
void lifecycle_view(
    struct task *task, char created[static 32], struct control_task *view);

/* It is ready: save, tell, answer creators, mind its time to live. */
void lifecycle_ready(struct task *task);

/* What its keeper reports; task->keeper.data is the task. */
extern const struct keeper_events lifecycle_keeper_events;

/*
 * Go to failed (from provisioning) or stopping (else) for this reason, and
 * remove it. Nothing happens to a task that is going already.
 */
void lifecycle_end(struct task *task, const struct error *why);

/* Whether something is under way that must come to its end. */
bool lifecycle_is_busy(const struct task *task);

/* Note in the audit that what still counted as running is lost. */
void lifecycle_lose_execs(struct task *task);

/* Let go of a task that is not busy, without ending it: the manager exits. */
void lifecycle_leave(struct task *task);

/* Take it out of the registry and free it, from the loop. Its keeper is gone.
 */
void lifecycle_free(struct task *task);

#endif
