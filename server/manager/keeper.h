/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A task's keeper as the manager holds it: its process and the custody
 * connection to it (protocol/custody.h). A keeper that misbehaves, or loses
 * either of the two, is killed and gone; what it said last is read first.
 */
#ifndef SERVER_MANAGER_KEEPER_H
#define SERVER_MANAGER_KEEPER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <uv.h>

#include "protocol/custody.h"
#include "protocol/error.h"
#include "protocol/name.h"
#include "server/common/channel.h"
#include "server/common/owner.h"
#include "server/manager/process.h"

struct keeper;

#define KEEPER_PROGRAM   "sallyport-keeper"
#define KEEPER_STOP_MS   5000u /* from stop to SIGKILL */
#define KEEPER_UNREAD_MS 1000u /* from its end to that of its connection */
#define KEEPER_PATH_MAX  64    /* "tasks/ID/keeper.sock" */

struct keeper_events {
	void (*on_state)(
	    struct keeper *keeper, const struct custody_state *state);
	/* It has a link; fd, owned by the callee, is a duplicate of its end. */
	void (*on_link)(struct keeper *keeper, int fd);
	/* The agent said hello, and it knows of every command. */
	void (*on_ready)(struct keeper *keeper);
	/* Of execs of its own task only; more is not known of them. */
	void (*on_started)(
	    struct keeper *keeper, const struct custody_started *started);
	void (*on_ended)(
	    struct keeper *keeper, const struct custody_ended *ended);
	void (*on_activity)(
	    struct keeper *keeper, const struct custody_activity *activity);
	/* The link ended: the sandbox is dead or dying. */
	void (*on_lost)(struct keeper *keeper);
	/*
	 * The last callback: process and connection are gone, the memory is
	 * the caller's again. why->code is ERROR_NONE after keeper_stop.
	 */
	void (*on_gone)(struct keeper *keeper, const struct error *why);
};

struct keeper {
	struct owner owner;
	struct process process; /* adopted by owner once it runs */
	uv_timer_t timer;       /* adopted by owner */
	struct channel channel;
	const struct keeper_events *events;
	void *data; /* the caller's */
	char task[NAME_ID_BYTES];
	struct error why;
	bool connected; /* the channel's last callback has not come */
	bool handles;   /* the owner's last callback has not come */
	bool stopping;
	bool is_faulty; /* it said what no keeper may say */
};

/* Path of a task's keeper socket, from the manager's directory. */
void keeper_path(const char *task, char path[static KEEPER_PATH_MAX]);

/*
 * Start a keeper for the task whose folder tasks/ID exists, and take custody.
 *   uid   the keeper's; the folders of its spool and its recordings are made
 *         and given to it
 *   link  the sandbox's end of the link; owned by the caller
 *   returns  0, or -1: on_gone follows from the loop and says why
 */
int keeper_start(struct keeper *keeper, uv_loop_t *loop, const char *task,
    uid_t uid, int *link);

/*
 * As keeper_start for a task whose keeper is gone.
 *   links  of the keepers before it, newest first; the first is given to it at
 *          its start, the others over custody; at least one, borrowed
 */
int keeper_resume(struct keeper *keeper, uv_loop_t *loop, const char *task,
    uid_t uid, const int *links, size_t count);

/* Take custody of a keeper that an earlier manager started; as keeper_start. */
int keeper_adopt(struct keeper *keeper, uv_loop_t *loop, const char *task,
    const struct process_id *id);

/*
 * Tell a task's keeper to stop, if there is one. For the moment in which its
 * manager was killed after it started, and before its process was written down.
 */
void keeper_dismiss(const char *task);

/* How it is to run the task's commands. */
void keeper_configure(
    struct keeper *keeper, const struct custody_configure *configure);

/* Give it the cgroup's file of OOM counters; fd is taken. */
void keeper_cgroup(struct keeper *keeper, int fd);

/* Tell it that the sandbox is about to be killed on purpose. */
void keeper_ending(struct keeper *keeper);

/* Ask it to exit, and kill it when it does not within KEEPER_STOP_MS. */
void keeper_stop(struct keeper *keeper);

/* Let go of it without ending it: the manager exits. on_gone follows. */
void keeper_leave(struct keeper *keeper);

#endif
