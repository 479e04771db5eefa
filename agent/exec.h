/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One exec, as the agent sees it: a subreaper, up to three pipes or a terminal,
 * what the keeper is to be told, and how far its life has come.
 *
 *   STARTING   the subreaper was forked     --REFUSED--> FINISHED (refused)
 *   RUNNING    the command is executed      --ending---> DRAINING
 *   DRAINING   the command is dead; its output is read until it ends, or is
 *              empty and have been quiet for LIMIT_DRAIN_QUIET_MS, or
 *              LIMIT_DRAIN_MS have passed and all that was in them when it died
 *              has been read
 *   FINISHED   "exit" or "refused" is in the outbox; background processes may
 *              live on and can still be killed
 * It is freed when its subreaper is gone, it is FINISHED and the keeper has
 * said forget. None of that waits for the link, which may be without a keeper:
 * only the window, once it is full, holds the command.
 *
 * A subreaper can die early only by the kernel's hand (out of memory), or by a
 * command's where the agent could not take a uid of its own, or by ours, when
 * it does not carry out a kill in time (its child may have been stopped
 * before it executed). Then the agent, itself a subreaper and usually PID 1,
 * is the parent of what was below it, kills all of that, and waits for the
 * command itself: the exit that is reported is again the real one. If nobody
 * could say any more whether the command was executed, it was: of a failure the
 * command's own process tells (report.h).
 *
 * signal without tree goes to the command's process group, or with a terminal
 * to the foreground group, as that of an interrupt key does, if there is one.
 * After the command has ended it goes nowhere.
 *
 * A terminal's output has ended when no process has it open, or at a hangup.
 * Its master stays open until then and until the exit. The kernel takes it from
 * everybody when the command, whose session it belongs to, has died; so what
 * the background still writes is no output, and those in the foreground get
 * SIGHUP. A hangup that comes before "started" is done right after that.
 */
#ifndef AGENT_EXEC_H
#define AGENT_EXEC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "agent/input.h"
#include "agent/loop.h"
#include "agent/outbox.h"
#include "agent/output.h"
#include "agent/pty.h"
#include "agent/report.h"

struct error;
struct exec_spec;
struct link_io;
struct link_resize;
struct link_resume;
struct link_signal;
struct refused;

/* A subreaper that has not ended its exec so long after a kill is killed. */
#define EXEC_KILL_MS 3000

enum exec_state {
	EXEC_STARTING = 0,
	EXEC_RUNNING,
	EXEC_DRAINING,
	EXEC_FINISHED,
	EXEC_STATES
};

/* What every exec uses and none owns. */
struct exec_shared {
	struct loop *loop;
	struct link_io *link;
	int null_fd;         /* /dev/null */
	int proc_fd;         /* /proc */
	struct rlimit files; /* RLIMIT_NOFILE for commands */
};

struct exec {
	const struct exec_shared *shared; /* borrowed */
	uint32_t number;
	enum exec_state state;
	pid_t subreaper;      /* 0 once it is gone */
	pid_t pid;            /* the command's; 0 until it was tried */
	struct watch control; /* to the subreaper */
	struct output outputs[SEND_STREAMS];
	struct input input;
	struct pty pty;
	struct outbox outbox;
	int64_t moved_ms;     /* when output last came or was acknowledged */
	struct ending ending; /* from DRAINING on */
	int64_t died_ms;      /* when it was seen that the command is dead */
	int64_t output_ms;    /* when output last came after that */
	int64_t kill_ms;      /* when a kill must have worked; 0: none asked */
};

/* Start a command. returns the exec, owned, its life under way or refused */
struct exec *exec_start(const struct exec_shared *shared, uint32_t number,
    const struct exec_spec *spec);

/* An exec that is refused without having been tried; owned. */
struct exec *exec_refuse(const struct exec_shared *shared, uint32_t number,
    const struct refused *refused);

/* Whether any process of it may live. */
bool exec_is_alive(const struct exec *exec);

/* Free it. Only one that is not alive, and forgotten, between rounds. */
void exec_release(struct exec *exec);

/* The link was replaced: say held on the new one, unless it is forgotten. */
void exec_hold(struct exec *exec);

/* Messages from the keeper. -1: it broke the rules, err says how. */
int exec_take_stdin(
    struct exec *exec, const uint8_t *bytes, size_t len, struct error *err);
int exec_take_credit(struct exec *exec, uint32_t credit, struct error *err);
int exec_take_signal(
    struct exec *exec, const struct link_signal *signal, struct error *err);
int exec_take_resize(
    struct exec *exec, const struct link_resize *size, struct error *err);
int exec_take_hangup(struct exec *exec, struct error *err);
void exec_take_kill(struct exec *exec);
int exec_take_resume(
    struct exec *exec, const struct link_resume *resume, struct error *err);
int exec_take_forget(struct exec *exec, struct error *err);

/* Read what the subreaper has sent and not been asked for yet. */
void exec_hear(struct exec *exec);

/* The agent has reaped this exec's subreaper. */
void exec_lost_subreaper(struct exec *exec);

/* The agent has reaped the command itself. */
void exec_ended(struct exec *exec, const struct ending *ending);

/* Its output is over, all of it or by decision: close what is open and tell
 * the ends, then exit. Only of a DRAINING one. */
void exec_finish(struct exec *exec);

#endif
