/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/upgrade.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/manager/manager.h"

#define PROGRAM       "sallyportd"
#define SUPERVISOR_FD 3 /* sd_listen_fds(3): where its sockets begin */
#define NUMBER_BYTES  24
#define ARGUMENTS_MAX 8

static void
on_gone(struct owner *owner)
{
	struct upgrade *upgrade = container_of(owner, struct upgrade, owner);

	upgrade->is_open = false;
}

void
upgrade_close(struct upgrade *upgrade)
{
	upgrade->is_wanted = false;
	if (!upgrade->is_open || upgrade->owner.closing)
		return;
	process_release(&upgrade->process);
	owner_close(&upgrade->owner);
}

static void
give_up(struct upgrade *upgrade, const struct error *why)
{
	log_error("not upgraded: %s", why->text);
	waiters_answer(&upgrade->waiters, why, NULL);
	upgrade_close(upgrade);
}

static void
on_timer(uv_timer_t *timer)
{
	struct upgrade *upgrade = container_of(timer, struct upgrade, timer);
	struct error why;

	if (!upgrade->is_wanted) {
		process_signal(&upgrade->process, SIGKILL);
		return;
	}
	(void)error_set(&why, ERROR_STATE,
	    "tasks are being made or removed for more than %u ms",
	    UPGRADE_WAIT_MS);
	give_up(upgrade, &why);
}

static void
on_checked(struct process *process)
{
	struct upgrade *upgrade =
	    container_of(process, struct upgrade, process);
	struct manager *manager = upgrade->timer.loop->data;
	struct error why;

	process_release(process);
	if (process->status != 0) {
		(void)error_set(&why, ERROR_INVALID,
		    "the new " PROGRAM " refuses the configuration (status "
		    "%#x); the gateway's log says why",
		    (unsigned)process->status);
		give_up(upgrade, &why);
		return;
	}
	upgrade->is_wanted = true;
	(void)uv_timer_start(&upgrade->timer, on_timer, UPGRADE_WAIT_MS, 0);
	manager_task_settled(manager);
}

static int
check(struct upgrade *upgrade, struct manager *manager, struct error *err)
{
	const char *file = manager->settings->file;
	char program[4096];
	struct process_command command = {
	    .path = program,
	    .arguments = {"-t", "--dir", manager->dir,
	        file == NULL ? NULL : "--config", file},
	};

	if (process_program(PROGRAM, program, sizeof(program), err) != 0 ||
	    process_start(&upgrade->process, &manager->loop, &command,
	        on_checked, err) != 0)
		return -1;
	owner_adopt(&upgrade->owner, (uv_handle_t *)&upgrade->process.poll);
	return 0;
}

int
upgrade_begin(struct manager *manager, struct asker *asker, int64_t request,
    struct error *err)
{
	struct upgrade *upgrade = &manager->upgrade;

	if (manager->stopping)
		return error_set(err, ERROR_STATE, "the gateway is ending");
	if (upgrade->is_open)
		return error_set(
		    err, ERROR_STATE, "an upgrade is under way already");
	if (waiters_add(&upgrade->waiters, asker, request, err) != 0)
		return -1;
	upgrade->is_open = true;
	process_absent(&upgrade->process);
	owner_init(&upgrade->owner, on_gone);
	(void)uv_timer_init(&manager->loop, &upgrade->timer);
	owner_adopt(&upgrade->owner, (uv_handle_t *)&upgrade->timer);
	(void)uv_timer_start(&upgrade->timer, on_timer, UPGRADE_CHECK_MS, 0);
	if (check(upgrade, manager, err) == 0)
		return 0;
	waiters_drop(&upgrade->waiters, NULL);
	upgrade_close(upgrade);
	return -1;
}

/* Descriptors that the next one is to have; all others are closed by exec. */
static int
hand_over(struct manager *manager, bool is_given, struct error *err)
{
	const struct {
		const char *name;
		int fd;
	} given[] = {{UPGRADE_LISTENER, manager->listener},
	    {UPGRADE_LOCK, manager->home.lock}};
	char number[NUMBER_BYTES];
	size_t i;

	for (i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
		(void)snprintf(number, sizeof(number), "%d", given[i].fd);
		if (is_given ? setenv(given[i].name, number, 1) != 0
		             : unsetenv(given[i].name) != 0)
			return error_sys(err, "%s", given[i].name);
		if (fcntl(given[i].fd, F_SETFD, is_given ? 0 : FD_CLOEXEC) != 0)
			return error_sys(err, "descriptor %s", number);
	}
	return 0;
}

static int
become(struct manager *manager, struct error *err)
{
	const struct settings *settings = manager->settings;
	char program[4096], port[NUMBER_BYTES];
	char name[] = PROGRAM, dir[] = "--dir", config[] = "--config",
	     numbered[] = "--port";
	char *argv[ARGUMENTS_MAX] = {name, dir, manager->home.dir};
	size_t count = 3;

	if (settings->file != NULL) {
		argv[count++] = config;
		argv[count++] = settings->file;
	}
	(void)snprintf(port, sizeof(port), "%" PRId64, settings->port);
	if (settings->port >= 0) {
		argv[count++] = numbered;
		argv[count++] = port;
	}
	if (process_program(PROGRAM, program, sizeof(program), err) != 0 ||
	    hand_over(manager, true, err) != 0)
		return -1;
	(void)execv(program, argv);
	(void)error_sys(err, "%s", program);
	(void)hand_over(manager, false, NULL);
	return -1;
}

void
upgrade_execute(struct manager *manager)
{
	struct error why;

	log_info("nothing is under way: becoming the new " PROGRAM);
	audit_flush(&manager->audit);
	(void)fflush(stdout);
	(void)become(manager, &why);
	give_up(&manager->upgrade, &why);
}

static int
number_of(const char *name)
{
	const char *text = getenv(name);
	char *end;
	long number = text == NULL ? -1 : strtol(text, &end, 10);

	return number < 0 || number > INT_MAX || *end != '\0' ? -1
	                                                      : (int)number;
}

void
upgrade_inherit(struct inheritance *inheritance)
{
	int fd = number_of(UPGRADE_LISTENER);

	inheritance->is_upgrade = fd >= 0;
	if (fd < 0 && number_of("LISTEN_PID") == getpid() &&
	    number_of("LISTEN_FDS") > 0)
		fd = SUPERVISOR_FD;
	if (fd >= 0 &&
	    (fcntl(fd, F_SETFD, FD_CLOEXEC) != 0 ||
	        fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0))
		fd = -1;
	inheritance->listener = fd;
	fd = number_of(UPGRADE_LOCK);
	if (fd >= 0 && fcntl(fd, F_SETFD, FD_CLOEXEC) != 0)
		fd = -1;
	inheritance->lock = fd;
	(void)unsetenv(UPGRADE_LISTENER);
	(void)unsetenv(UPGRADE_LOCK);
	(void)unsetenv("LISTEN_PID");
	(void)unsetenv("LISTEN_FDS");
	(void)unsetenv("LISTEN_FDNAMES");
	/* children that ended while nobody was there to see it */
	while (inheritance->is_upgrade && waitpid(-1, NULL, WNOHANG) > 0)
		;
}
