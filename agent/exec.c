/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/exec.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/pipes.h"
#include "agent/refused.h"
#include "agent/subreaper.h"
#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/exec_spec.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "protocol/signal.h"

static void
close_all(struct exec *exec)
{
	int i;

	for (i = 0; i < SEND_STREAMS; i++)
		output_close(&exec->outputs[i]);
	input_close(&exec->input);
	pty_close(&exec->pty);
}

void
exec_finish(struct exec *exec)
{
	int i;

	for (i = 0; i < SEND_STREAMS; i++)
		output_finish(&exec->outputs[i]);
	close_all(exec);
	outbox_exit(&exec->outbox, &exec->ending);
	exec->state = EXEC_FINISHED;
}

static bool
has_output(const struct exec *exec)
{
	return exec->outputs[SEND_OUT].open || exec->outputs[SEND_ERR].open;
}

/* Out of memory in the kernel: nothing can be promised any more, so the
 * command ends, and says so. */
static void
watch_outputs(struct exec *exec, bool wanted)
{
	int i;

	for (i = 0; i < SEND_STREAMS; i++) {
		if (output_watch(&exec->outputs[i], wanted, NULL) != 0)
			exec_take_kill(exec);
	}
}

static void
on_output(struct watch *watch, uint32_t events)
{
	struct exec *exec = watch->data;
	struct output *output =
	    &exec->outputs[watch == &exec->outputs[SEND_ERR].watch];

	(void)events;
	if (output_pump(output) > 0) {
		exec->output_ms = exec->shared->loop->now_ms;
		exec->moved_ms = exec->output_ms;
		input_answered(&exec->input);
	}
	watch_outputs(exec, outbox_room(&exec->outbox) > 0);
	if (exec->state == EXEC_DRAINING && !has_output(exec))
		exec_finish(exec);
}

void
exec_ended(struct exec *exec, const struct ending *ending)
{
	int i;

	if (exec->state != EXEC_RUNNING)
		return;
	exec->state = EXEC_DRAINING;
	exec->ending = *ending;
	exec->died_ms = exec->shared->loop->now_ms;
	exec->output_ms = exec->died_ms;
	for (i = 0; i < SEND_STREAMS; i++)
		output_owe(&exec->outputs[i]);
	if (!has_output(exec))
		exec_finish(exec);
}

static void
refuse(struct exec *exec, const struct refused *refused)
{
	close_all(exec);
	outbox_refuse(&exec->outbox, refused);
	exec->state = EXEC_FINISHED;
}

/* The same end as when nobody has the terminal open any more, but that the
 * kernel tells those who have. */
static void
hang_up(struct exec *exec)
{
	output_finish(&exec->outputs[SEND_OUT]);
	input_close(&exec->input);
	pty_close(&exec->pty);
	if (exec->state == EXEC_DRAINING)
		exec_finish(exec);
}

static void
started(struct exec *exec)
{
	exec->state = EXEC_RUNNING;
	outbox_started(&exec->outbox, exec->pid);
	watch_outputs(exec, true);
	if (exec->pty.hung_up)
		hang_up(exec);
}

/* A master that could not be taken (-1) is as bad as no memory. */
static void
take_terminal(struct exec *exec, int fd)
{
	if (fd < 0) {
		exec_take_kill(exec);
		return;
	}
	pty_open(&exec->pty, fd);
	output_open_pty(&exec->outputs[SEND_OUT], &exec->pty, on_output, exec);
	if (input_begin(&exec->input, NULL) != 0)
		exec_take_kill(exec);
}

static void
take_report(struct exec *exec, struct report *report, int fd)
{
	switch (report->kind) {
	case REPORT_TERMINAL:
		take_terminal(exec, fd);
		break;
	case REPORT_TRYING:
		exec->pid = report->of.pid;
		break;
	case REPORT_REFUSED:
		refuse(exec, &report->of.refused);
		break;
	case REPORT_STARTED:
		started(exec);
		break;
	case REPORT_ENDED:
		exec_ended(exec, &report->of.ending);
		break;
	}
}

void
exec_hear(struct exec *exec)
{
	struct report report;
	int fd;
	int got = 1;

	while (exec->control.fd >= 0 && got > 0) {
		got = report_receive(exec->control.fd, &report, &fd);
		if (got > 0)
			take_report(exec, &report, fd);
	}
	if (got >= 0)
		return;
	/* SIGCHLD tells the rest, but for what the dead could not say */
	loop_remove(exec->shared->loop, &exec->control);
	(void)close(exec->control.fd);
	exec->control.fd = -1;
	if (exec->state == EXEC_STARTING && exec->pid > 0)
		started(exec);
}

static void
on_control(struct watch *watch, uint32_t events)
{
	(void)events;
	exec_hear(watch->data);
}

static int
theirs(const struct exec_shared *shared, const int ends[PIPE_ENDS])
{
	return ends[PIPE_THEIRS] < 0 ? shared->null_fd : ends[PIPE_THEIRS];
}

/*
 * Fork. The child uses nothing of the agent's but what is on the stack and the
 * spec, and leaves out what the C library does for programs with threads.
 */
static pid_t
fork_subreaper(const struct exec_shared *shared, const struct pipes *pipes,
    const struct exec_spec *spec)
{
	const struct subreaper_way way = {
	    .spec = spec,
	    .stdio = {theirs(shared, pipes->in), theirs(shared, pipes->out),
	        theirs(shared, pipes->err)},
	    .control = pipes->control[PIPE_THEIRS],
	    .proc_fd = shared->proc_fd,
	    .files = shared->files,
	};
	pid_t pid = _Fork();

	if (pid == 0)
		subreaper_run(&way);
	return pid;
}

static void
set_pipes(struct exec *exec, struct pipes *pipes)
{
	output_open(&exec->outputs[SEND_OUT], take_fd(&pipes->out[PIPE_OURS]),
	    on_output, exec);
	output_open(&exec->outputs[SEND_ERR], take_fd(&pipes->err[PIPE_OURS]),
	    on_output, exec);
	input_open(&exec->input, take_fd(&pipes->in[PIPE_OURS]));
}

/* Its master comes from the subreaper. */
static void
set_terminal(struct exec *exec)
{
	pty_init(&exec->pty, &exec->outbox);
	input_open_pty(&exec->input, &exec->pty);
}

static struct exec *
make(const struct exec_shared *shared, uint32_t number, bool terminal)
{
	struct exec *exec = memory_new(1, sizeof(*exec));
	enum send_kind kind;

	exec->shared = shared;
	exec->number = number;
	exec->control.fd = -1;
	outbox_init(&exec->outbox, shared->link, number, terminal);
	for (kind = SEND_OUT; kind < SEND_STREAMS; kind++) {
		exec->outputs[kind].loop = shared->loop;
		exec->outputs[kind].outbox = &exec->outbox;
		exec->outputs[kind].kind = kind;
	}
	exec->input.loop = shared->loop;
	exec->input.outbox = &exec->outbox;
	return exec;
}

/* Give it what is ours. */
static void
equip(struct exec *exec, struct pipes *pipes, bool terminal)
{
	if (terminal)
		set_terminal(exec);
	else
		set_pipes(exec, pipes);
	exec->control = (struct watch){.on_ready = on_control,
	    .data = exec,
	    .fd = take_fd(&pipes->control[PIPE_OURS]),
	    .lane = LANE_MAIN};
	if (loop_add(exec->shared->loop, &exec->control, EPOLLIN, NULL) != 0)
		exec_take_kill(exec);
}

struct exec *
exec_start(const struct exec_shared *shared, uint32_t number,
    const struct exec_spec *spec)
{
	struct exec *exec = make(shared, number, spec->pty.present);
	struct refused refused;
	struct pipes pipes;
	pid_t subreaper = -1;

	pipes_init(&pipes);
	if (pipes_open(&pipes, spec, &refused) != 0)
		goto out;
	subreaper = fork_subreaper(shared, &pipes, spec);
	if (subreaper < 0)
		(void)refused_sys(&refused, errno, "cannot start a process");
out:
	if (subreaper < 0) {
		refuse(exec, &refused);
	} else {
		exec->subreaper = subreaper;
		equip(exec, &pipes, spec->pty.present);
	}
	pipes_close(&pipes);
	return exec;
}

struct exec *
exec_refuse(const struct exec_shared *shared, uint32_t number,
    const struct refused *refused)
{
	struct exec *exec = make(shared, number, false);

	refuse(exec, refused);
	return exec;
}

bool
exec_is_alive(const struct exec *exec)
{
	return exec->state != EXEC_FINISHED || exec->subreaper > 0;
}

void
exec_release(struct exec *exec)
{
	assert(!exec_is_alive(exec) && exec->outbox.is_forgotten);
	close_all(exec);
	outbox_clear(&exec->outbox);
	if (exec->control.fd >= 0) {
		loop_remove(exec->shared->loop, &exec->control);
		(void)close(exec->control.fd);
	}
	free(exec);
}

void
exec_hold(struct exec *exec)
{
	struct link_held held;

	if (exec->outbox.is_forgotten)
		return;
	input_hold(&exec->input);
	held = (struct link_held){.taken = (int64_t)exec->input.come,
	    .credit = (int64_t)exec->input.credit};
	outbox_hold(&exec->outbox, &held);
	if (exec->pty.present)
		outbox_terminal(&exec->outbox, &exec->pty.told);
}

int
exec_take_stdin(
    struct exec *exec, const uint8_t *bytes, size_t len, struct error *err)
{
	if (exec->state == EXEC_FINISHED)
		return 0;
	return input_take(&exec->input, bytes, len, err);
}

/* There is room for output again. */
static void
moved(struct exec *exec)
{
	exec->moved_ms = exec->shared->loop->now_ms;
	if (exec->state != EXEC_STARTING)
		watch_outputs(exec, outbox_room(&exec->outbox) > 0);
}

int
exec_take_credit(struct exec *exec, uint32_t credit, struct error *err)
{
	if (exec->outbox.is_forgotten)
		return 0;
	if (outbox_acknowledge(&exec->outbox, credit, err) != 0)
		return -1;
	moved(exec);
	return 0;
}

int
exec_take_resume(
    struct exec *exec, const struct link_resume *resume, struct error *err)
{
	if (outbox_resume(&exec->outbox, resume, err) != 0)
		return -1;
	moved(exec);
	return 0;
}

int
exec_take_forget(struct exec *exec, struct error *err)
{
	return outbox_forget(&exec->outbox, err);
}

static bool
order(struct exec *exec, enum order_kind kind, int number)
{
	const struct order message = {.kind = kind, .number = number};

	return exec->control.fd >= 0 &&
	       send(exec->control.fd, &message, sizeof(message),
	           MSG_DONTWAIT | MSG_NOSIGNAL) == sizeof(message);
}

int
exec_take_signal(
    struct exec *exec, const struct link_signal *signal, struct error *err)
{
	int number = signal_number(signal->signal);

	if (number < 0)
		return error_set(err, ERROR_INVALID,
		    "no such signal: \"%.40s\"", signal->signal);
	if (exec->pty.present && !signal->tree && exec->state == EXEC_RUNNING &&
	    pty_signal(&exec->pty, number))
		return 0;
	/* a subreaper that hears nothing has hundreds unheard already */
	(void)order(
	    exec, signal->tree ? ORDER_SIGNAL_TREE : ORDER_SIGNAL, number);
	return 0;
}

/* Whether there is a terminal still, 1, or no more, 0: that crossed with its
 * end. -1: ERROR_INVALID, there never was one. */
static int
find_terminal(const struct exec *exec, struct error *err)
{
	if (exec->state == EXEC_FINISHED)
		return 0;
	if (exec->pty.present)
		return 1;
	return error_set(
	    err, ERROR_INVALID, "exec %u has no terminal", exec->number);
}

int
exec_take_resize(
    struct exec *exec, const struct link_resize *size, struct error *err)
{
	int found = find_terminal(exec, err);

	if (found < 1)
		return found;
	pty_resize(&exec->pty, size);
	return 0;
}

int
exec_take_hangup(struct exec *exec, struct error *err)
{
	int found = find_terminal(exec, err);

	if (found < 1)
		return found;
	exec->pty.hung_up = true;
	if (exec->state == EXEC_RUNNING || exec->state == EXEC_DRAINING)
		hang_up(exec);
	return 0;
}

void
exec_take_kill(struct exec *exec)
{
	if (exec->kill_ms == 0)
		exec->kill_ms = exec->shared->loop->now_ms + EXEC_KILL_MS;
	/* one that cannot be told is killed itself when the time is up */
	(void)order(exec, ORDER_KILL, 0);
}

void
exec_lost_subreaper(struct exec *exec)
{
	struct refused refused;

	exec_hear(exec);
	exec->subreaper = 0;
	/* one that was tried says itself, or by its end, what became of it */
	if (exec->state != EXEC_STARTING || exec->pid > 0)
		return;
	(void)refused_set(&refused, REFUSAL_SYSTEM,
	    "the process that starts the command was killed");
	refuse(exec, &refused);
}
