/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What makes and removes sandboxes. One driver, one file: driver_oci.c for
 * containers. A driver begins with struct driver and is called through its
 * verbs; nothing here blocks the loop.
 */
#ifndef SERVER_MANAGER_DRIVER_H
#define SERVER_MANAGER_DRIVER_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "protocol/task_spec.h"

struct driver;
struct error;

/* What a driver works with, for its whole life; all borrowed during open. */
struct driver_setup {
	uv_loop_t *loop; /* borrowed until driver->free */
	const char *dir; /* DIR, absolute; images, tasks and run are in it */
	const char *programs; /* folder of sallyport-launch, sallyport-agent */
	const char *instance; /* name of this gateway's cgroup; no '/' */
	const char *cgroup_parent; /* above it; no '/': "sallyport" */
	const char *runtime; /* what "auto" means: "auto", "runc", "crun" */
	int64_t uid_base;    /* first host user id of the sandbox in slot 0 */
};

/* A sandbox to be made; borrowed during the call. */
struct sandbox_spec {
	const char *id;       /* the task's: DIR/tasks/ID exists */
	unsigned slot;        /* of the task: its own range of host user ids */
	const char *hostname; /* the task's name */
	const char *image;    /* in the image store */
	const char *runtime;  /* "auto", "runc", "crun"; NULL: "auto" */
	struct task_limits limits; /* cpu_milli, memory, pids, execs given */
	int link_fd; /* the agent's end; still the caller's afterwards, who
	                closes it */
};

/* What was made. */
struct sandbox {
	const char *runtime; /* "runc", "crun" */
};

/*
 * The agent runs (it says hello on the link when it is ready).
 *   sandbox  borrowed; NULL when err is set
 *   err      NULL; else why not, and nothing of the sandbox is left
 */
typedef void (*driver_created_fn)(
    void *data, const struct sandbox *sandbox, const struct error *err);

/* Nothing is left (err NULL), or what could not be removed; try again. */
typedef void (*driver_destroyed_fn)(void *data, const struct error *err);

struct driver_verbs {
	/* Returns 0 and calls back once, from the loop; or -1 with nothing
	 * begun: ERROR_NOT_FOUND (image, runtime), ERROR_SYSTEM. */
	int (*create)(struct driver *driver, const struct sandbox_spec *spec,
	    driver_created_fn on_created, void *data, struct error *err);

	/*
	 * Remove a sandbox and everything that was made for it, in whatever
	 * state it is: being created, running, half removed, left by a manager
	 * that was killed, or never begun. A create still under way is ended
	 * first; its callback comes before this one's. Calls back once, from
	 * the loop.
	 */
	void (*destroy)(struct driver *driver, const char *id,
	    driver_destroyed_fn on_destroyed, void *data);

	/* Path of memory.oom_control (cgroup v1) or memory.events (v2) of a
	 * sandbox that was made; owned by the caller; NULL: there is none. */
	char *(*oom_events)(struct driver *driver, const char *id);

	/* Nothing may be under way. Sandboxes stay; the instance's cgroup goes
	 * when there is none. NULL is accepted. */
	void (*free)(struct driver *driver);
};

struct driver {
	const char *name; /* "oci" */
	const struct driver_verbs *verbs;
};

/*
 * Containers by runc or crun.
 *   out      owned: out->verbs->free
 *   returns  0, or -1: ERROR_NOT_FOUND (no runtime), ERROR_SYSTEM
 */
int driver_oci_open(
    const struct driver_setup *setup, struct driver **out, struct error *err);

#endif
