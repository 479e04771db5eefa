/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/spawn.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/command.h"
#include "agent/privilege.h"
#include "agent/refused.h"
#include "agent/report.h"

#define STACK_BYTES (32u << 10)

enum step {
	STEP_SESSION = 0,
	STEP_TERMINAL,
	STEP_LIMITS,
	STEP_USER,
	STEP_CWD,
	STEP_EXEC,
	STEPS
};

/* What parent and child share. */
struct birth {
	const struct spawn_way *way;
	enum step step;
	int sys;          /* errno of the step */
	bool refused;     /* and that was told; else it runs */
	const char *path; /* of STEP_EXEC */
	mode_t mode;      /* of what is there, as the command's user sees it; 0:
	                     nothing */
};

/*
 * The agent resets every disposition when it starts; these two it sets since.
 * The mask comes last: a signal between would run a handler of ours.
 */
static void
reset_signals(void)
{
	sigset_t none;

	(void)signal(SIGPIPE, SIG_DFL);
	(void)signal(SIGCHLD, SIG_DFL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* So that the kernel, short of memory, takes commands before the agent. */
static void
offer_to_oom(int proc_fd)
{
	int fd = openat(proc_fd, "self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	/* without it the command is only a less likely choice */
	if (write(fd, "500", 3) != 3)
		errno = 0;
	(void)close(fd);
}

static bool
enter_folder(const struct command *command)
{
	if (command->cwd != NULL)
		return chdir(command->cwd) == 0;
	return chdir(command->account.home) == 0 || chdir("/") == 0;
}

/*
 * As execvp(3), but that nothing falls back to a shell, and that a file which
 * is there and lacks its interpreter ends the search. Nothing is written down
 * before all have failed: after a success nobody could take it back.
 */
static void
try_paths(struct birth *birth, const struct command *command)
{
	const char *failed = command->paths[0];
	int failure = ENOENT;
	mode_t mode = 0;
	char *const *path;

	for (path = command->paths; *path != NULL; path++) {
		struct stat info = {0};
		int sys;

		(void)execve(*path, command->argv, command->envp);
		sys = errno;
		if (stat(*path, &info) != 0 &&
		    (sys == ENOENT || sys == ENOTDIR))
			continue;
		failed = *path;
		failure = sys;
		mode = info.st_mode;
		if (sys != EACCES)
			break;
	}
	birth->path = failed;
	birth->mode = mode;
	birth->sys = failure;
}

static int
describe_exec(const struct birth *birth, struct refused *refused)
{
	const struct command *command = birth->way->command;

	switch (birth->sys) {
	case ENOENT:
		if (birth->mode != 0)
			return refused_set(refused, REFUSAL_NOT_FOUND,
			    "the interpreter or loader of %s does not exist",
			    birth->path);
		if (command->searched)
			return refused_set(refused, REFUSAL_NOT_FOUND,
			    "no \"%s\" in any folder of PATH",
			    command->argv[0]);
		return refused_set(refused, REFUSAL_NOT_FOUND,
		    "no such file or directory: %s", birth->path);
	case ENOTDIR:
	case ELOOP:
	case ENAMETOOLONG:
		return refused_set(refused, REFUSAL_NOT_FOUND, "%s: %s",
		    birth->path, strerrordesc_np(birth->sys));
	case EACCES:
		if (S_ISDIR(birth->mode))
			return refused_set(refused, REFUSAL_NOT_EXECUTABLE,
			    "%s is a directory", birth->path);
		return refused_set(refused, REFUSAL_NOT_EXECUTABLE,
		    "%s: permission denied", birth->path);
	case ENOEXEC:
	case EISDIR:
	case ELIBBAD:
	case ETXTBSY:
		return refused_set(refused, REFUSAL_NOT_EXECUTABLE, "%s: %s",
		    birth->path, strerrordesc_np(birth->sys));
	default:
		return refused_sys(refused, birth->sys, "%s", birth->path);
	}
}

static int
describe(const struct birth *birth, struct refused *refused)
{
	const struct command *command = birth->way->command;

	switch (birth->step) {
	case STEP_SESSION:
		return refused_sys(refused, birth->sys, "setsid");
	case STEP_TERMINAL:
		return refused_sys(refused, birth->sys, "controlling terminal");
	case STEP_LIMITS:
		return refused_sys(refused, birth->sys, "limit of open files");
	case STEP_USER:
		return refused_sys(refused, birth->sys,
		    "cannot become user %s (%u)", command->account.name,
		    command->account.uid);
	case STEP_CWD:
		return refused_set(refused, REFUSAL_BAD_CWD,
		    "cannot enter %.400s: %s",
		    command->cwd == NULL ? "/" : command->cwd,
		    strerrordesc_np(birth->sys));
	case STEP_EXEC:
		return describe_exec(birth, refused);
	case STEPS:
		break;
	}
	assert(false);
	return -1;
}

static int
fail(struct birth *birth, enum step step)
{
	birth->step = step;
	birth->sys = errno;
	return -1;
}

static int
prepare(struct birth *birth)
{
	const struct spawn_way *way = birth->way;

	offer_to_oom(way->proc_fd);
	(void)umask(022);
	if (setsid() < 0)
		return fail(birth, STEP_SESSION);
	if (way->terminal && ioctl(STDIN_FILENO, TIOCSCTTY, 0) != 0)
		return fail(birth, STEP_TERMINAL);
	if (setrlimit(RLIMIT_NOFILE, &way->files) != 0)
		return fail(birth, STEP_LIMITS);
	if (privilege_become(&way->command->account) != 0)
		return fail(birth, STEP_USER);
	if (!enter_folder(way->command))
		return fail(birth, STEP_CWD);
	return 0;
}

/* Both are told from here: this process's word does not depend on whether its
 * parent lives to pass it on. */
static int
child(void *argument)
{
	struct birth *birth = argument;
	struct report report = {.kind = REPORT_TRYING, .of.pid = getpid()};

	if (prepare(birth) == 0) {
		report_send(birth->way->report_fd, &report, -1);
		reset_signals();
		birth->step = STEP_EXEC;
		try_paths(birth, birth->way->command);
	}
	report.kind = REPORT_REFUSED;
	(void)describe(birth, &report.of.refused);
	report_send(birth->way->report_fd, &report, -1);
	birth->refused = true;
	return 1;
}

int
spawn_command(const struct spawn_way *way, pid_t *pid)
{
	uint8_t stack[STACK_BYTES] __attribute__((aligned(16)));
	struct birth birth = {.way = way};
	struct report report = {.kind = REPORT_STARTED};
	pid_t made = clone(child, stack + sizeof(stack),
	    CLONE_VM | CLONE_VFORK | SIGCHLD, &birth);

	if (made < 0) {
		report.kind = REPORT_REFUSED;
		(void)refused_sys(
		    &report.of.refused, errno, "cannot start a process");
	} else if (birth.refused) {
		(void)waitpid(made, NULL, 0);
		return -1;
	} else {
		*pid = report.of.pid = made;
	}
	report_send(way->report_fd, &report, -1);
	return report.kind == REPORT_STARTED ? 0 : -1;
}
