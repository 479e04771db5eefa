/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/json.h"

#define ARGS_MAX      24
#define CONTAINER_FD  3 /* the link, in the container */
#define LOCK_FD       4
#define FIRST_FREE_FD 5
#define LOG_BYTES     4096 /* of the log's end that is looked at */
#define MESSAGE_MAX   160
#define CANNOT_EXEC   127

/* What runc and crun write for --log-format json. */
struct log_line {
	char *level;
	char *message;
	char *time;
};

static const struct json_field log_fields[] = {
    {.name = "level",
        .kind = JSON_STRING,
        .offset = offsetof(struct log_line, level),
        .max = LOG_BYTES},
    {.name = "msg",
        .kind = JSON_STRING,
        .offset = offsetof(struct log_line, message),
        .max = LOG_BYTES,
        .required = true},
    {.name = "time",
        .kind = JSON_STRING,
        .offset = offsetof(struct log_line, time),
        .max = LOG_BYTES},
};

static const struct json_shape log_shape = {
    .fields = log_fields,
    .count = sizeof(log_fields) / sizeof(log_fields[0]),
    .size = sizeof(struct log_line),
};

/* The end of a long message says what went wrong, its beginning only where. */
static void
copy_end(char *text, size_t size, const char *message)
{
	size_t len = strlen(message);

	if (len < size)
		(void)snprintf(text, size, "%s", message);
	else
		(void)snprintf(text, size, "...%s", message + len - (size - 4));
}

void
runtime_last_message(const char *log, char *text, size_t size)
{
	char bytes[LOG_BYTES];
	struct log_line line;
	struct error ignored;
	autoclose int fd = open(log, O_RDONLY | O_CLOEXEC);
	off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	off_t from = end > LOG_BYTES - 1 ? end - (LOG_BYTES - 1) : 0;
	ssize_t len = -1;
	char *last;

	text[0] = '\0';
	if (end > 0)
		len = pread(fd, bytes, sizeof(bytes) - 1, from);
	while (len > 0 && bytes[len - 1] == '\n')
		len--;
	if (len <= 0)
		return;
	bytes[len] = '\0';
	last = memrchr(bytes, '\n', (size_t)len);
	last = last == NULL ? bytes : last + 1;
	if (json_read(&log_shape, last, strlen(last), &line, &ignored) == 0)
		copy_end(text, size, line.message);
	else
		copy_end(text, size, last);
	json_clear(&log_shape, &line);
}

/* Put a descriptor at number; -1 stays away. */
static bool
place(int fd, int number)
{
	return fd < 0 || dup2(fd, number) == number;
}

/*
 * In the child: the standard descriptors, the link, and the lock, which says
 * that the runtime still works; runc and crun close all but what
 * --preserve-fds counts before the container's own program begins.
 */
static void __attribute__((noreturn))
become_runtime(const struct runtime_call *call, char *const *argv)
{
	int null = open(call->null, O_RDWR | O_CLOEXEC);
	int link = call->link_fd, lock = call->lock_fd;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* above the places that they are put at */
	if (link >= 0)
		link = fcntl(link, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	if (lock >= 0)
		lock = fcntl(lock, F_DUPFD_CLOEXEC, FIRST_FREE_FD);
	if (null < 0 || !place(null, 0) || !place(null, 1) || !place(null, 2) ||
	    !place(link, CONTAINER_FD) || !place(lock, LOCK_FD))
		_exit(CANNOT_EXEC);
	if (link < 0)
		(void)close(CONTAINER_FD);
	if (lock < 0)
		(void)close(LOCK_FD);
	(void)syscall(SYS_close_range, FIRST_FREE_FD, ~0u, 0);
	(void)execv(call->program, argv);
	_exit(CANNOT_EXEC);
}

/* Returns the wait status, or -1 with err set. */
static int
wait_for(pid_t pid, const char *what, struct error *err)
{
	autoclose int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	bool late;
	int status;

	late = fd < 0 || poll(&ready, 1, RUNTIME_WAIT_MS) != 1;
	if (late)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return error_sys(err, "wait for %s", what);
	}
	if (late)
		return error_set(err, ERROR_SYSTEM, "%s: no end in %d s", what,
		    RUNTIME_WAIT_MS / 1000);
	return status;
}

static int
report(const struct runtime_call *call, const char *what, int status,
    struct error *err)
{
	char text[MESSAGE_MAX];

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	runtime_last_message(call->log, text, sizeof(text));
	if (text[0] != '\0')
		return error_set(err, ERROR_SYSTEM, "%s: %s", what, text);
	if (WIFSIGNALED(status))
		return error_set(err, ERROR_SYSTEM, "%s: killed by signal %d",
		    what, WTERMSIG(status));
	return error_set(
	    err, ERROR_SYSTEM, "%s: status %d", what, WEXITSTATUS(status));
}

int
runtime_run(
    const struct runtime_call *call, const char *const *args, struct error *err)
{
	const char *argv[ARGS_MAX] = {call->program, "--root", call->state,
	    "--log", call->log, "--log-format", "json"};
	const char *name = strrchr(call->program, '/');
	char what[48];
	size_t count = 7;
	pid_t pid;
	int status;

	(void)snprintf(what, sizeof(what), "%.30s %.12s",
	    name == NULL ? call->program : name + 1, args[0]);
	for (; *args != NULL; args++) {
		if (count == ARGS_MAX - 1)
			return error_set(err, ERROR_BUG, "%s: too long", what);
		argv[count++] = *args;
	}
	argv[count] = NULL;
	pid = fork();
	if (pid < 0)
		return error_sys(err, "start %s", what);
	if (pid == 0)
		/* execv writes to none of its arguments */
		become_runtime(call, (char *const *)(uintptr_t)argv);
	status = wait_for(pid, what, err);
	return status < 0 ? -1 : report(call, what, status, err);
}
