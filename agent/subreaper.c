/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/subreaper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/command.h"
#include "agent/pty.h"
#include "agent/report.h"
#include "agent/spawn.h"
#include "agent/tree.h"
#include "protocol/exec_spec.h"

/* Where descriptors are from the first moment on; 0 to 2 are the command's. */
enum { FD_CONTROL = 3, FD_PROC, FD_FIRST_CLOSED };

/* Between two sweeps of a tree that is being killed. */
#define SWEEP_PAUSE_NS 2000000

struct subreaper {
	struct tree tree;
	pid_t pid;    /* the command */
	bool ended;   /* it was reported; its pid may be another's now */
	bool killing; /* whatever turns up below is killed */
};

static void
place(int from, int to, int flags)
{
	/* the agent's descriptors are all above these, so none is lost here */
	if (dup3(from, to, flags) < 0)
		_exit(1);
}

/* The command's descriptors are the slave, and the agent has the master. */
static int
open_terminal(struct command *command, const struct exec_pty *spec,
    struct refused *refused)
{
	const struct report report = {.kind = REPORT_TERMINAL};
	struct pty_pair pair;
	int i;

	if (pty_make(spec, command->account.uid, &pair, refused) != 0)
		return -1;
	command_set_tty(command, pair.name);
	report_send(FD_CONTROL, &report, pair.master);
	for (i = 0; i < 3; i++)
		place(pair.slave, i, 0);
	(void)close(pair.slave);
	(void)close(pair.master);
	return 0;
}

static bool
start(struct subreaper *sub, const struct subreaper_way *way)
{
	const struct exec_spec *spec = way->spec;
	struct command command;
	const struct spawn_way spawn = {.command = &command,
	    .proc_fd = FD_PROC,
	    .report_fd = FD_CONTROL,
	    .terminal = spec->pty.present,
	    .files = way->files};
	struct report report = {.kind = REPORT_REFUSED};
	bool started = false;

	if (command_prepare(&command, spec, "/etc", &report.of.refused) != 0 ||
	    (spec->pty.present &&
	        open_terminal(&command, &spec->pty, &report.of.refused) != 0))
		report_send(FD_CONTROL, &report, -1);
	else
		started = spawn_command(&spawn, &sub->pid) == 0;
	command_clear(&command);
	return started;
}

static void
tell_ending(
    struct subreaper *sub, const siginfo_t *info, const struct rusage *used)
{
	struct report report = {.kind = REPORT_ENDED};

	report.of.ending = (struct ending){
	    .how = info->si_code, .status = info->si_status, .used = *used};
	report_send(FD_CONTROL, &report, -1);
	sub->ended = true;
}

/*
 * Look at each of the dead, tell of the command, and only then reap.
 * returns whether any child is left.
 */
static bool
reap(struct subreaper *sub)
{
	while (true) {
		siginfo_t info = {0};
		struct rusage used;

		/* the C library's waitid has no rusage */
		if (syscall(SYS_waitid, P_ALL, 0, &info,
		        WEXITED | WNOHANG | WNOWAIT, &used) != 0)
			return errno != ECHILD;
		if (info.si_pid == 0)
			return true;
		if (info.si_pid == sub->pid && !sub->ended)
			tell_ending(sub, &info, &used);
		(void)waitpid(info.si_pid, NULL, 0);
	}
}

static void
obey(struct subreaper *sub)
{
	struct order order;
	ssize_t len = recv(FD_CONTROL, &order, sizeof(order), MSG_DONTWAIT);

	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len != sizeof(order) || order.kind == ORDER_KILL)
		sub->killing = true;
	else if (order.kind == ORDER_SIGNAL_TREE)
		(void)tree_signal(&sub->tree, order.number);
	else if (!sub->ended)
		(void)kill(-sub->pid, order.number);
}

static void
on_child(int number)
{
	(void)number; /* it has done its work: ppoll has returned */
}

/* With SIGCHLD let through only while waiting, none is missed. */
static void
wait_for_news(const struct subreaper *sub)
{
	struct pollfd control = {.fd = FD_CONTROL, .events = POLLIN};
	const struct timespec pause = {.tv_nsec = SWEEP_PAUSE_NS};
	sigset_t none;

	(void)sigemptyset(&none);
	(void)ppoll(sub->killing ? NULL : &control, sub->killing ? 0 : 1,
	    sub->killing ? &pause : NULL, &none);
}

static void
take_over(const struct subreaper_way *way)
{
	struct sigaction action = {
	    .sa_handler = on_child, .sa_flags = SA_NOCLDSTOP};
	int i;

	for (i = 0; i < 3; i++)
		place(way->stdio[i], i, 0);
	place(way->control, FD_CONTROL, O_CLOEXEC);
	place(way->proc_fd, FD_PROC, O_CLOEXEC);
	(void)close_range(FD_FIRST_CLOSED, ~0u, 0);
	(void)prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	(void)prctl(PR_SET_NAME, "subreaper", 0, 0, 0);
	(void)sigaction(SIGCHLD, &action, NULL);
}

_Noreturn void
subreaper_run(const struct subreaper_way *way)
{
	struct subreaper sub = {.tree = {.proc_fd = FD_PROC, .root = getpid()}};
	int i;

	take_over(way);
	if (!start(&sub, way))
		_exit(0);
	/* or the output would not end with the command */
	for (i = 0; i < 3; i++)
		(void)close(i);
	while (reap(&sub)) {
		wait_for_news(&sub);
		if (!sub.killing)
			obey(&sub);
		if (sub.killing)
			(void)tree_kill(&sub.tree);
	}
	_exit(0);
}
