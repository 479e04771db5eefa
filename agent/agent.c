/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/agent.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent/privilege.h"
#include "protocol/error.h"
#include "protocol/json.h"
#include "protocol/link.h"

/* Bytes of a signal set as the kernel has it. */
#define KERNEL_SIGSET_BYTES 8

static int
on_exec(struct agent *agent, uint32_t stream, const union link_body *body,
    struct error *err)
{
	return execs_start(&agent->execs, stream, &body->exec.spec, err);
}

static int
on_signal(struct agent *agent, uint32_t stream, const union link_body *body,
    struct error *err)
{
	struct exec *exec;

	if (execs_find(&agent->execs, stream, &exec, err) != 0)
		return -1;
	return exec == NULL ? 0 : exec_take_signal(exec, &body->signal, err);
}

static int
on_kill(struct agent *agent, uint32_t stream, const union link_body *body,
    struct error *err)
{
	struct exec *exec;

	(void)body;
	if (execs_find(&agent->execs, stream, &exec, err) != 0)
		return -1;
	if (exec != NULL)
		exec_take_kill(exec);
	return 0;
}

static int
on_resize(struct agent *agent, uint32_t stream, const union link_body *body,
    struct error *err)
{
	struct exec *exec;

	if (execs_find(&agent->execs, stream, &exec, err) != 0)
		return -1;
	return exec == NULL ? 0 : exec_take_resize(exec, &body->resize, err);
}

static int
on_hangup(struct agent *agent, uint32_t stream, const union link_body *body,
    struct error *err)
{
	struct exec *exec;

	(void)body;
	if (execs_find(&agent->execs, stream, &exec, err) != 0)
		return -1;
	return exec == NULL ? 0 : exec_take_hangup(exec, err);
}

static int
on_resume(struct agent *agent, uint32_t stream, const union link_body *body,
    struct error *err)
{
	struct exec *exec;

	if (execs_find(&agent->execs, stream, &exec, err) != 0)
		return -1;
	if (exec == NULL)
		return error_set(err, ERROR_INVALID,
		    "exec %u, which is to be resumed, was forgotten", stream);
	return exec_take_resume(exec, &body->resume, err);
}

static int
on_forget(struct agent *agent, uint32_t stream, const union link_body *body,
    struct error *err)
{
	struct exec *exec;

	(void)body;
	if (execs_find(&agent->execs, stream, &exec, err) != 0)
		return -1;
	return exec == NULL ? 0 : exec_take_forget(exec, err);
}

/* NULL: not for a keeper to say. */
static int (*const message_takers[LINK_TYPES])(struct agent *agent,
    uint32_t stream, const union link_body *body, struct error *err) = {
    [LINK_EXEC] = on_exec,
    [LINK_SIGNAL] = on_signal,
    [LINK_KILL] = on_kill,
    [LINK_RESIZE] = on_resize,
    [LINK_HANGUP] = on_hangup,
    [LINK_RESUME] = on_resume,
    [LINK_FORGET] = on_forget,
};

static int
take_message(struct agent *agent, const struct frame *frame, struct error *err)
{
	union link_body body;
	int type;
	int ret = json_read_typed(&link_messages, (const char *)frame->payload,
	    frame->len, &type, &body, err);

	if (ret == 0 && message_takers[type] == NULL)
		ret = error_set(err, ERROR_INVALID, "\"%s\" from a keeper",
		    link_types[type]);
	if (ret == 0)
		ret = message_takers[type](agent, frame->stream, &body, err);
	if (type >= 0)
		json_clear(link_shapes[type], &body);
	return ret;
}

static int
take_stdin(struct agent *agent, const struct frame *frame, struct error *err)
{
	struct exec *exec;

	if (execs_find(&agent->execs, frame->stream, &exec, err) != 0)
		return -1;
	return exec == NULL
	           ? 0
	           : exec_take_stdin(exec, frame->payload, frame->len, err);
}

static int
take_window(struct agent *agent, const struct frame *frame, struct error *err)
{
	struct exec *exec;

	if (execs_find(&agent->execs, frame->stream, &exec, err) != 0)
		return -1;
	return exec == NULL ? 0
	                    : exec_take_credit(exec, frame_credit(frame), err);
}

/* NULL: not for a keeper to send. */
static int (*const frame_takers[FRAME_KINDS])(
    struct agent *agent, const struct frame *frame, struct error *err) = {
    [FRAME_CONTROL] = take_message,
    [FRAME_STDIN] = take_stdin,
    [FRAME_WINDOW] = take_window,
};

static int
on_frame(void *owner, const struct frame *frame, struct error *err)
{
	if (frame_takers[frame->kind] == NULL)
		return error_set(err, ERROR_INVALID, "a %s frame from a keeper",
		    frame_kind_name(frame->kind));
	return frame_takers[frame->kind](owner, frame, err);
}

static void
on_replaced(void *owner)
{
	struct agent *agent = owner;

	execs_hold(&agent->execs);
}

static void
on_children(struct watch *watch, uint32_t events)
{
	struct agent *agent = watch->data;
	struct signalfd_siginfo info[16];

	(void)events;
	/* only to be emptied: one signal may stand for many children */
	if (read(watch->fd, info, sizeof(info)) > 0)
		execs_reap(&agent->execs);
}

/*
 * Whoever started the agent may have ignored signals, and children inherit
 * that. The raw call reaches the two that the C library keeps for itself.
 *
 * SIGTERM keeps its default: PID 1 does not get it then, and a handler would
 * let any command of the agent's user end the sandbox.
 */
static int
open_signals(struct agent *agent, struct error *err)
{
	const unsigned long nothing[4] = {0}; /* SIG_DFL, no flags, no mask */
	sigset_t children;
	long number;

	for (number = 1; number < NSIG; number++)
		(void)syscall(SYS_rt_sigaction, number, nothing, NULL,
		    KERNEL_SIGSET_BYTES);
	(void)signal(SIGPIPE, SIG_IGN);
	(void)sigemptyset(&children);
	(void)sigaddset(&children, SIGCHLD);
	if (sigprocmask(SIG_SETMASK, &children, NULL) != 0)
		return error_sys(err, "sigprocmask");
	agent->children = (struct watch){.on_ready = on_children,
	    .data = agent,
	    .fd = signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK),
	    .lane = LANE_MAIN};
	if (agent->children.fd < 0)
		return error_sys(err, "signalfd");
	return loop_add(&agent->loop, &agent->children, EPOLLIN, err);
}

/* Four descriptors an exec: the soft limit is for commands, not for us. */
static int
open_shared(struct agent *agent, struct error *err)
{
	struct exec_shared *shared = &agent->execs.shared;
	struct rlimit files;

	shared->loop = &agent->loop;
	shared->link = &agent->link;
	shared->null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (shared->null_fd < 0)
		return error_sys(err, "/dev/null");
	shared->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (shared->proc_fd < 0)
		return error_sys(err, "/proc");
	if (getrlimit(RLIMIT_NOFILE, &files) != 0)
		return error_sys(err, "getrlimit");
	shared->files = files;
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
	return 0;
}

int
agent_open(struct agent *agent, int link_fd, struct error *err)
{
	if (loop_open(&agent->loop, err) != 0 || open_shared(agent, err) != 0 ||
	    privilege_confine(err) != 0 || open_signals(agent, err) != 0)
		return -1;
	/* PID 1 inherits orphans anyway; elsewhere the agent must ask to */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0)
		return error_sys(err, "become a subreaper");
	agent->link.on_frame = on_frame;
	agent->link.on_replaced = on_replaced;
	agent->link.owner = agent;
	if (link_io_open(&agent->link, &agent->loop, link_fd, err) != 0)
		return -1;
	execs_hold(&agent->execs);
	return 0;
}

int
agent_serve(struct agent *agent, struct error *err)
{
	while (!agent->link.ended) {
		int wait_ms = execs_tick(&agent->execs);

		if (execs_say(&agent->execs))
			wait_ms = 0;
		link_io_flush(&agent->link);
		if (loop_turn(&agent->loop, wait_ms, err) != 0)
			return -1;
	}
	if (agent->link.why.code == ERROR_NONE)
		return 0;
	*err = agent->link.why;
	return -1;
}
