/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manager: what it holds, and what its parts tell each other through it.
 * It serves until it is told to stop (tasks stay) or down (nothing stays).
 */
#ifndef SERVER_MANAGER_MANAGER_H
#define SERVER_MANAGER_MANAGER_H

#include <stdbool.h>

#include <uv.h>

#include "keys/secret.h"
#include "protocol/control.h"
#include "server/common/owner.h"
#include "server/manager/asker.h"
#include "server/manager/audit.h"
#include "server/manager/doors.h"
#include "server/manager/driver.h"
#include "server/manager/gate.h"
#include "server/manager/home.h"
#include "server/manager/profile.h"
#include "server/manager/registry.h"
#include "server/manager/replay.h"
#include "server/manager/retention.h"
#include "server/manager/settings.h"
#include "server/manager/store.h"
#include "server/manager/upgrade.h"

struct authorized_keys;
struct control_listing;
struct task;

#define MANAGER_DOWN_MS                                                        \
	3000                   /* for the gates' connections when it goes down \
	                        */
#define MANAGER_LEAVE_MS 30000 /* for removals under way at the end */

enum manager_signal {
	MANAGER_SIGTERM = 0, /* end, tasks stay */
	MANAGER_SIGINT,      /* the same */
	MANAGER_SIGHUP,      /* as reload */
	MANAGER_SIGNALS
};

struct manager {
	uv_loop_t loop;
	struct owner owner; /* of every handle that is no part's own */
	uv_signal_t signals[MANAGER_SIGNALS];
	uv_timer_t leave;            /* when the end takes too long */
	uv_fs_event_t keys_event;    /* authorized_keys was changed */
	struct settings *settings;   /* borrowed */
	const struct config *config; /* of settings */
	const char *dir;             /* home's; also the working directory */
	struct home home;
	struct store *store;
	struct audit audit;
	struct driver *driver;
	struct profiles profiles;
	struct authorized_keys *keys; /* owned */
	struct secret host_key;
	struct registry registry;
	struct gates gates;
	struct doors doors;
	struct replays replays;
	struct retention retention;
	struct control_listing *listings; /* being made; each frees itself */
	unsigned listing_count;
	int listener; /* the SSH port's; every gate gets a copy */
	int port;
	bool serves;    /* the ready line was printed */
	bool stopping;  /* no more tasks are made */
	bool down;      /* ... and every one is destroyed */
	bool only_down; /* it was started for nothing else */
	bool leaving;   /* tasks are let go of */
	bool gates_over;
	struct waiter *downers;  /* waiting for down */
	struct waiter *renewers; /* for keepers to be replaced */
	struct upgrade upgrade;
	bool is_upgraded; /* we were another program before */
	struct error why; /* what manager_run returns */
};

/*
 * Serve in dir until told to end.
 *   returns  0, or -1: what kept it from serving
 */
int manager_run(struct settings *settings, const char *dir, struct error *err);

/*
 * Take over what an earlier manager left in dir, destroy it, and end.
 *   returns  0 when nothing remains, or -1
 */
int manager_run_down(
    struct settings *settings, const char *dir, struct error *err);

/* An asker has gone: nothing will be answered to it. */
void manager_forget_asker(struct manager *manager, struct asker *asker);

/* Say to every gate how a task stands. */
void manager_tell_task(
    struct manager *manager, const struct control_task *view);

/* A task can, or can no longer, be reached by its names. */
void manager_name_task(struct manager *manager, struct task *task, bool added);

/* A step of a task's removal failed and will be tried again. */
void manager_task_stuck(
    struct manager *manager, const struct task *task, const struct error *why);

/* A task was freed, or nothing of it is under way any more. */
void manager_task_settled(struct manager *manager);

/* A gate serves. */
void manager_gate_ready(struct manager *manager);

/* Every gate has ended; from gates_stop itself when there was none. */
void manager_gates_gone(struct manager *manager);

/* A connection on admin.sock has ended. */
void manager_admin_gone(struct manager *manager);

/* Begin to end: gates drain, removals are completed, tasks stay. */
void manager_stop(struct manager *manager);

/* Destroy every task, then end. */
void manager_destroy_all(struct manager *manager);

/* As manager_destroy_all; the asker waits. ERROR_LIMIT, ERROR_STATE. */
int manager_down(struct manager *manager, struct asker *asker, int64_t request,
    struct error *err);

/* Read authorized_keys again; the old table stays when that fails. */
void manager_reload_keys(struct manager *manager);

/* Watch the file of keys, and no other. */
void manager_watch_keys(struct manager *manager);

/* Gates that the configuration asks for. */
unsigned manager_wanted_gates(const struct manager *manager);

#endif
