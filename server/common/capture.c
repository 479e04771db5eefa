/* SPDX-License-Identifier: Apache-2.0 */
#include "server/common/capture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"

#define CANNOT_EXEC 127

static void __attribute__((noreturn)) become(const char *const *argv, int out)
{
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

	/* execv writes to none of its arguments */
	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 &&
	    dup2(out, STDOUT_FILENO) >= 0 && dup2(out, STDERR_FILENO) >= 0)
		(void)execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(CANNOT_EXEC);
}

/* Read to the end, keeping what fits; whether it never was too quiet. */
static bool
read_all(int fd, int wait_ms, char *text, size_t size)
{
	struct pollfd ready = {.fd = fd, .events = POLLIN};
	char rest[512] = "";
	size_t used = 0;
	ssize_t len;

	do {
		bool is_full = used == size - 1;

		if (poll(&ready, 1, wait_ms) != 1)
			break;
		len = read(fd, is_full ? rest : text + used,
		    is_full ? sizeof(rest) : size - 1 - used);
		if (len > 0 && !is_full)
			used += (size_t)len;
	} while (len > 0);
	text[used] = '\0';
	return ready.revents != 0;
}

int
capture_run(const char *const *argv, int wait_ms, char *text, size_t size,
    int *status, struct error *err)
{
	autoclose int in = -1;
	bool in_time;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_sys(err, "pipe");
	in = ends[0];
	pid = fork();
	if (pid == 0)
		become(argv, ends[1]);
	(void)close(ends[1]);
	if (pid < 0)
		return error_sys(err, "start %s", argv[0]);
	in_time = read_all(in, wait_ms, text, size);
	if (!in_time)
		(void)kill(pid, SIGKILL);
	while (waitpid(pid, status, 0) < 0) {
		if (errno != EINTR)
			return error_sys(err, "%s", argv[0]);
	}
	if (!in_time)
		return error_set(
		    err, ERROR_SYSTEM, "%s does not answer", argv[0]);
	return 0;
}
