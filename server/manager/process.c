/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"

/* Sources are moved above every target, so that no dup2 hits another. */
#define FD_ABOVE 32

#define STAT_START_FIELD 22 /* proc(5): starttime, counted from 1 */
#define STAT_STATE_FIELD 3

static int
open_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static int
signal_pidfd(int pidfd, int number)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

int
process_folder(char *path, size_t size, struct error *err)
{
	ssize_t len = readlink("/proc/self/exe", path, size);
	char *slash;

	if (len < 0)
		return error_sys(err, "/proc/self/exe: %s", strerror(errno));
	if ((size_t)len >= size)
		return error_set(err, ERROR_LIMIT, "path of this program");
	path[len] = '\0';
	slash = strrchr(path, '/');
	if (slash == NULL)
		return error_set(err, ERROR_BUG, "/proc/self/exe: %s", path);
	*slash = '\0';
	return 0;
}

int
process_program(const char *name, char *path, size_t size, struct error *err)
{
	size_t len;

	if (process_folder(path, size, err) != 0)
		return -1;
	len = strlen(path);
	if (len + 1 + strlen(name) >= size)
		return error_set(err, ERROR_LIMIT, "path of %s is long", name);
	path[len] = '/';
	memcpy(path + len + 1, name, strlen(name) + 1);
	return 0;
}

/* The fields behind the name, which may itself hold blanks and brackets. */
static int
read_stat(int64_t pid, char *state, int64_t *start)
{
	char path[64], text[1024];
	char *field, *rest;
	autoclose int fd = -1;
	ssize_t len;
	int number;

	(void)snprintf(path, sizeof(path), "/proc/%lld/stat", (long long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (len <= 0)
		return -1;
	text[len] = '\0';
	rest = strrchr(text, ')');
	if (rest == NULL)
		return -1;
	rest += 1;
	for (number = STAT_STATE_FIELD; number <= STAT_START_FIELD; number++) {
		field = strsep(&rest, " ");
		if (field != NULL && *field == '\0')
			field = strsep(&rest, " ");
		if (field == NULL)
			return -1;
		if (number == STAT_STATE_FIELD)
			*state = *field;
	}
	*start = strtoll(field, NULL, 10);
	return 0;
}

int
process_identify(int64_t pid, struct process_id *out, struct error *err)
{
	char state;
	int64_t start;

	if (pid <= 0 || read_stat(pid, &state, &start) != 0)
		return error_set(
		    err, ERROR_NOT_FOUND, "no process %lld", (long long)pid);
	out->pid = pid;
	out->start = start;
	return 0;
}

bool
process_is_alive(const struct process_id *id)
{
	char state;
	int64_t start;

	return id->pid > 0 && read_stat(id->pid, &state, &start) == 0 &&
	       start == id->start && state != 'Z' && state != 'X';
}

/* The first words of its command line, each with its NUL; "" when unknown. */
static void
read_words(int64_t pid, char *words, size_t size)
{
	char path[64];
	autoclose int fd = -1;
	ssize_t len;

	(void)snprintf(
	    path, sizeof(path), "/proc/%lld/cmdline", (long long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	memset(words, 0, size);
	len = fd < 0 ? -1 : read(fd, words, size - 2);
	if (len < 0)
		words[0] = '\0';
}

bool
process_is_named(int64_t pid, const char *name)
{
	char words[PATH_MAX];
	const char *last;

	read_words(pid, words, sizeof(words));
	last = strrchr(words, '/');
	return strcmp(last == NULL ? words : last + 1, name) == 0;
}

/* Anybody can call a process anything; only its user is not its own to say. */
static bool
is_run_by(int64_t pid, uid_t uid)
{
	char path[64], text[1024];
	autoclose int fd = -1;
	const char *line;
	ssize_t len;
	long found;

	(void)snprintf(path, sizeof(path), "/proc/%lld/status", (long long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (len <= 0)
		return false;
	text[len] = '\0';
	line = strstr(text, "\nUid:");
	if (line == NULL)
		return false;
	found = strtol(line + strlen("\nUid:"), NULL, 10);
	return found == 0 || found == (long)uid;
}

int
process_find(
    const char *name, const char *argument, uid_t uid, struct process_id *out)
{
	char words[PATH_MAX];
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	int64_t pid = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		pid = strtoll(entry->d_name, NULL, 10);
		if (pid <= 0 || !process_is_named(pid, name))
			continue;
		read_words(pid, words, sizeof(words));
		if (strcmp(words + strlen(words) + 1, argument) == 0 &&
		    is_run_by(pid, uid) &&
		    process_identify(pid, out, NULL) == 0)
			break;
	}
	if (dir == NULL || entry == NULL)
		pid = 0;
	if (dir != NULL)
		(void)closedir(dir);
	return pid > 0 ? 0 : -1;
}

static void
on_poll(uv_poll_t *handle, int status, int events)
{
	struct process *process = (struct process *)handle;
	siginfo_t info;

	(void)status;
	(void)events;
	memset(&info, 0, sizeof(info));
	process->status = -1;
	/* only a child can be waited for, also one of the program that we were
	 * before an upgrade */
	if (waitid(P_PIDFD, (id_t)process->pidfd, &info, WEXITED | WNOHANG) ==
	    0) {
		if (info.si_pid == 0)
			return;
		process->status = info.si_code == CLD_EXITED
		                      ? (info.si_status & 0xff) << 8
		                      : info.si_status & 0x7f;
	}
	process->is_over = true;
	(void)uv_poll_stop(handle);
	process->on_exit(process);
}

static int
watch(struct process *process, uv_loop_t *loop, int pidfd, struct error *err)
{
	int ret = uv_poll_init(loop, &process->poll, pidfd);

	if (ret != 0)
		return error_set(
		    err, ERROR_SYSTEM, "pidfd: %s", uv_err_name(ret));
	(void)uv_poll_start(&process->poll, UV_READABLE, on_poll);
	process->pidfd = pidfd;
	process->is_over = false;
	process->status = -1;
	return 0;
}

void
process_absent(struct process *process)
{
	memset(process, 0, sizeof(*process));
	process->pidfd = -1;
	process->is_over = true;
}

/* From here to exec only this table decides what the child has open. */
static int
fill_actions(posix_spawn_file_actions_t *actions,
    const struct process_command *command, const int *moved)
{
	size_t i;
	int ret;

	ret = posix_spawn_file_actions_addopen(
	    actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (ret == 0)
		ret = posix_spawn_file_actions_addopen(
		    actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (ret == 0 && command->cwd != NULL)
		ret =
		    posix_spawn_file_actions_addchdir_np(actions, command->cwd);
	for (i = 0; ret == 0 && i < command->fd_count; i++)
		ret = posix_spawn_file_actions_adddup2(
		    actions, moved[i], PROCESS_FIRST_FD + (int)i);
	return ret;
}

static int
fill_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;
	int ret;

	sigemptyset(&none);
	sigfillset(&all);
	ret = posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID |
	                                               POSIX_SPAWN_SETSIGMASK |
	                                               POSIX_SPAWN_SETSIGDEF);
	if (ret == 0)
		ret = posix_spawnattr_setsigmask(attributes, &none);
	if (ret == 0)
		ret = posix_spawnattr_setsigdefault(attributes, &all);
	return ret;
}

static int
spawn(const struct process_command *command, const int *moved, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	const char *name = strrchr(command->path, '/');
	char *argv[PROCESS_WORDS + 2] = {NULL};
	size_t i;
	int ret;

	argv[0] = memory_string(name == NULL ? command->path : name + 1);
	for (i = 0; i < PROCESS_WORDS; i++)
		argv[i + 1] = memory_string(command->arguments[i]);
	if (posix_spawn_file_actions_init(&actions) != 0)
		abort();
	if (posix_spawnattr_init(&attributes) != 0)
		abort();
	ret = fill_actions(&actions, command, moved);
	if (ret == 0)
		ret = fill_attributes(&attributes);
	if (ret == 0)
		ret = posix_spawn(
		    pid, command->path, &actions, &attributes, argv, environ);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	for (i = 0; i <= PROCESS_WORDS; i++)
		free(argv[i]);
	return ret;
}

static void
abandon(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

int
process_start(struct process *process, uv_loop_t *loop,
    const struct process_command *command, process_exit_fn on_exit,
    struct error *err)
{
	int moved[PROCESS_FDS_MAX] = {-1, -1, -1, -1};
	pid_t pid = -1;
	size_t i;
	autoclose int pidfd = -1;
	int ret = 0;

	for (i = 0; i < command->fd_count; i++) {
		moved[i] = fcntl(command->fds[i], F_DUPFD_CLOEXEC, FD_ABOVE);
		if (moved[i] < 0)
			ret = errno;
	}
	if (ret == 0)
		ret = spawn(command, moved, &pid);
	for (i = 0; i < command->fd_count; i++) {
		if (moved[i] >= 0)
			(void)close(moved[i]);
	}
	errno = ret;
	if (ret != 0)
		return error_sys(
		    err, "start %s: %s", command->path, strerror(errno));
	pidfd = open_pidfd(pid);
	if (pidfd < 0)
		ret = error_sys(
		    err, "pidfd of %s: %s", command->path, strerror(errno));
	if (ret == 0)
		ret = process_identify(pid, &process->id, err);
	if (ret == 0)
		ret = watch(process, loop, pidfd, err);
	if (ret != 0) {
		abandon(pid);
		return -1;
	}
	(void)take_fd(&pidfd);
	process->on_exit = on_exit;
	return 0;
}

int
process_watch(struct process *process, uv_loop_t *loop,
    const struct process_id *id, process_exit_fn on_exit, struct error *err)
{
	autoclose int pidfd = id->pid > 0 ? open_pidfd((pid_t)id->pid) : -1;

	siginfo_t info;

	/* the name is compared after the pidfd holds the process */
	if (pidfd >= 0 && !process_is_alive(id))
		(void)waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | WNOHANG);
	if (pidfd < 0 || !process_is_alive(id))
		return error_set(err, ERROR_NOT_FOUND, "process %lld is gone",
		    (long long)id->pid);
	if (watch(process, loop, pidfd, err) != 0)
		return -1;
	(void)take_fd(&pidfd);
	process->id = *id;
	process->on_exit = on_exit;
	return 0;
}

void
process_signal(struct process *process, int number)
{
	if (!process->is_over && process->pidfd >= 0)
		(void)signal_pidfd(process->pidfd, number);
}

void
process_release(struct process *process)
{
	if (process->pidfd < 0)
		return;
	(void)uv_poll_stop(&process->poll);
	(void)close(process->pidfd);
	process->pidfd = -1;
}

void
process_kill(const struct process_id *id)
{
	autoclose int pidfd = id->pid > 0 ? open_pidfd((pid_t)id->pid) : -1;

	if (pidfd >= 0 && process_is_alive(id))
		(void)signal_pidfd(pidfd, SIGKILL);
}
