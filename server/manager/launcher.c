/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/launcher.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/owner.h"
#include "server/manager/process.h"

struct launcher {
	struct process process; /* first: its exit finds the launcher */
	struct owner owner;
	uv_timer_t timer;
	launcher_done_fn on_done;
	void *data;
	int report; /* what it has to say of a fault; -1 */
	bool is_started;
	bool is_killed;
	uint64_t wait_ms;
	struct error err;
};

static struct launcher *
find(void *owner)
{
	return (struct launcher *)((char *)owner -
	                           offsetof(struct launcher, owner));
}

static void
on_gone(struct owner *owner)
{
	struct launcher *launcher = find(owner);
	launcher_done_fn on_done = launcher->on_done;
	void *data = launcher->data;
	struct error err = launcher->err;

	if (launcher->report >= 0)
		(void)close(launcher->report);
	free(launcher);
	on_done(data, err.code == ERROR_NONE ? NULL : &err);
}

static void
read_report(struct launcher *launcher)
{
	char text[sizeof(launcher->err.text)];
	int status = launcher->process.status;
	ssize_t len;

	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return;
	/* the writer is dead, so what it wrote is all there */
	len = read(launcher->report, text, sizeof(text) - 1);
	text[len > 0 ? len : 0] = '\0';
	if (len > 0)
		(void)error_set(&launcher->err, ERROR_SYSTEM, "%s", text);
	else if (launcher->is_killed)
		(void)error_set(&launcher->err, ERROR_SYSTEM,
		    "the sandbox took longer than %llu ms",
		    (unsigned long long)launcher->wait_ms);
	else
		(void)error_set(&launcher->err, ERROR_SYSTEM,
		    "sallyport-launch ended with status %#x", (unsigned)status);
}

static void
on_exit_seen(struct process *process)
{
	struct launcher *launcher = (struct launcher *)process;

	read_report(launcher);
	process_release(process);
	owner_close(&launcher->owner);
}

static void
on_timer(uv_timer_t *timer)
{
	struct launcher *launcher = find(timer->data);

	if (launcher->is_started)
		launcher_kill(launcher);
	else
		owner_close(&launcher->owner);
}

static int
start(struct launcher *launcher, uv_loop_t *loop,
    const struct launcher_call *call, struct error *err)
{
	struct process_command command = {
	    .path = call->program,
	    .arguments = {call->verb},
	    .cwd = call->bundle,
	    .fds = {-1, call->link_fd},
	    .fd_count = call->link_fd >= 0 ? 2 : 1,
	};
	autoclose int write_end = -1;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		return error_sys(err, "pipe");
	launcher->report = ends[0];
	write_end = ends[1];
	command.fds[0] = write_end;
	if (process_start(
	        &launcher->process, loop, &command, on_exit_seen, err) != 0)
		return -1;
	owner_adopt(&launcher->owner, (uv_handle_t *)&launcher->process.poll);
	return 0;
}

struct launcher *
launcher_start(uv_loop_t *loop, const struct launcher_call *call,
    launcher_done_fn on_done, void *data)
{
	struct launcher *launcher = memory_new(1, sizeof(*launcher));

	launcher->on_done = on_done;
	launcher->data = data;
	launcher->report = -1;
	launcher->wait_ms = call->wait_ms;
	owner_init(&launcher->owner, on_gone);
	(void)uv_timer_init(loop, &launcher->timer);
	owner_adopt(&launcher->owner, (uv_handle_t *)&launcher->timer);
	if (call->program != NULL)
		launcher->is_started =
		    start(launcher, loop, call, &launcher->err) == 0;
	(void)uv_timer_start(&launcher->timer, on_timer,
	    launcher->is_started ? call->wait_ms : 0, 0);
	return launcher;
}

void
launcher_kill(struct launcher *launcher)
{
	launcher->is_killed = true;
	/* it leads a session, so that the runtime that it waits for is in its
	 * group; not yet waited for, the number is still its own */
	if (launcher->is_started && !launcher->process.is_over)
		(void)kill(-(pid_t)launcher->process.id.pid, SIGKILL);
}
