/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A process that the manager watches: one it started, or one that an earlier
 * manager started and that outlived it. Its end is seen through a pidfd, so
 * both kinds are seen alike; only a child leaves a status.
 */
#ifndef SERVER_MANAGER_PROCESS_H
#define SERVER_MANAGER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <uv.h>

struct error;
struct process;

#define PROCESS_FIRST_FD 3 /* where the descriptors given to a child begin */
#define PROCESS_FDS_MAX  4
#define PROCESS_WORDS    5 /* arguments, besides the program's name */

/* Names a process for ever: a pid alone may be used again. */
struct process_id {
	int64_t pid;   /* 0: none */
	int64_t start; /* clock ticks after boot, of /proc/PID/stat */
};

struct process_command {
	const char *path;
	const char *arguments[PROCESS_WORDS]; /* NULL: none */
	const char *cwd;
	int fds[PROCESS_FDS_MAX]; /* borrowed; 3, 4, ... in the child */
	size_t fd_count;
};

typedef void (*process_exit_fn)(struct process *process);

struct process {
	uv_poll_t poll; /* first: callbacks find the process by it */
	struct process_id id;
	int pidfd; /* owned */
	bool is_over;
	int status; /* of wait(2) once over; -1 when not our child */
	process_exit_fn on_exit;
};

/* No process: process_signal and process_release do nothing. */
void process_absent(struct process *process);

/* Folder that this program is in, without the last '/'. */
int process_folder(char *path, size_t size, struct error *err);

/* Absolute path of a program beside this one, in path[0..size). */
int process_program(
    const char *name, char *path, size_t size, struct error *err);

/* The name of a running process. Fails with ERROR_NOT_FOUND. */
int process_identify(int64_t pid, struct process_id *out, struct error *err);

/* Whether a running process was started as this program. */
bool process_is_named(int64_t pid, const char *name);

/*
 * The process that runs as root or as uid and was started as this program with
 * this first argument.
 *   returns  0, or -1: there is none
 */
int process_find(
    const char *name, const char *argument, uid_t uid, struct process_id *out);

/* Whether that very process still runs (a zombie does not). */
bool process_is_alive(const struct process_id *id);

/*
 * Start a command in a session of its own, with /dev/null as standard input
 * and output, our standard error and the given descriptors.
 *   on_exit  once, from the loop, unless process_close comes first
 *   returns  0, and process->poll is an open handle that the caller adopts
 *            into its owner and later gives to process_close; or -1 with
 *            nothing open and nothing running
 */
int process_start(struct process *process, uv_loop_t *loop,
    const struct process_command *command, process_exit_fn on_exit,
    struct error *err);

/* As process_start for a process that runs already; ERROR_NOT_FOUND when it
 * does not, or is another one with the same pid. */
int process_watch(struct process *process, uv_loop_t *loop,
    const struct process_id *id, process_exit_fn on_exit, struct error *err);

/* Send a signal; nothing happens when it is over. */
void process_signal(struct process *process, int number);

/* Release the pidfd; call right before the handle is closed. */
void process_release(struct process *process);

/* SIGKILL to a process that nobody watches, if it still is that one. */
void process_kill(const struct process_id *id);

#endif
