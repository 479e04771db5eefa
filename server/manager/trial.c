/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "server/common/image.h"
#include "server/common/tree.h"
#include "server/manager/agent_layer.h"
#include "server/manager/launch.h"

#define HELLO_WAIT_MS 15000
#define UID_BASE      2000093184ll /* far above every task's */
#define MEMORY        (64ll << 20)

struct trial {
	char *dir;
	char *bundle;
	char *image;
	char *layer;
	char *state;
	char *cgroup;
	char id[32];
};

static void
clear(struct trial *trial)
{
	free(trial->dir);
	free(trial->bundle);
	free(trial->image);
	free(trial->layer);
	free(trial->state);
	free(trial->cgroup);
}

static int
prepare(struct trial *trial, const char *folder, const char *agent,
    struct error *err)
{
	if (asprintf(&trial->dir, "%s/.sallyport-try-XXXXXX", folder) < 0)
		abort();
	if (mkdtemp(trial->dir) == NULL)
		return error_sys(err, "%s", trial->dir);
	(void)snprintf(trial->id, sizeof(trial->id), "try-%d", (int)getpid());
	if (asprintf(&trial->bundle, "%s/bundle", trial->dir) < 0 ||
	    asprintf(&trial->image, "%s/images/default/rootfs", trial->dir) <
	        0 ||
	    asprintf(&trial->layer, "%s/agent", trial->dir) < 0 ||
	    asprintf(&trial->state, "%s/state", trial->dir) < 0 ||
	    asprintf(&trial->cgroup, "/sallyport-%s", trial->id) < 0)
		abort();
	if (mkdir(trial->bundle, 0700) != 0 || mkdir(trial->state, 0700) != 0)
		return error_sys(err, "%s", trial->bundle);
	if (image_make_default(trial->dir, err) != 0)
		return -1;
	return agent_layer_make(trial->layer, agent, err);
}

/* launch_create leaves this mount namespace, so a child does it. */
static int
create(const struct launch_job *job, int link_fd, struct error *err)
{
	struct error why = {0};
	char text[sizeof(why.text)];
	autoclose int in = -1;
	int ends[2], status = -1;
	ssize_t len;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_sys(err, "pipe");
	in = ends[0];
	pid = fork();
	if (pid == 0) {
		status = launch_create(job, link_fd, &why) == 0 ? 0 : 1;
		if (status != 0 && write(ends[1], &why, sizeof(why)) < 0)
			status = 2;
		_exit(status);
	}
	(void)close(ends[1]);
	if (pid < 0)
		return error_sys(err, "fork");
	len = read(in, &why, sizeof(why));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status == 0)
		return 0;
	(void)snprintf(text, sizeof(text), "%s",
	    len == (ssize_t)sizeof(why) ? why.text : "ended without a word");
	return error_set(err, ERROR_SYSTEM, "%s", text);
}

static long
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int
wait_hello(int link, struct error *err)
{
	struct pollfd ready = {.fd = link, .events = POLLIN};
	char byte;

	if (poll(&ready, 1, HELLO_WAIT_MS) != 1)
		return error_set(err, ERROR_SYSTEM, "the agent says nothing");
	if (read(link, &byte, 1) != 1)
		return error_set(err, ERROR_SYSTEM, "the agent ended at once");
	return 0;
}

/* The working directory is the bundle from here on. */
static int
run(const struct launch_job *job, const char *bundle, long *hello_ms,
    struct error *err)
{
	struct error other = {0};
	autoclose int link = -1;
	long begun = now_ms();
	int ends[2], ret;

	if (launch_job_write(bundle, job, err) != 0)
		return -1;
	if (chdir(bundle) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return error_sys(err, "%s", bundle);
	link = ends[0];
	ret = create(job, ends[1], err);
	(void)close(ends[1]);
	if (ret == 0)
		ret = wait_hello(link, err);
	*hello_ms = now_ms() - begun;
	if (launch_destroy(job, &other) != 0 && ret == 0)
		ret = error_set(err, other.code, "%s", other.text);
	return ret;
}

int
trial_run(const char *runtime, const char *folder, const char *agent,
    long *hello_ms, struct error *err)
{
	struct trial trial = {0};
	autofree char *program = NULL;
	int ret = prepare(&trial, folder, agent, err);
	struct launch_job job = {
	    .id = trial.id,
	    .hostname = trial.id,
	    .image = trial.image,
	    .host_usr = true,
	    .agent = trial.layer,
	    .state = trial.state,
	    .cgroup = trial.cgroup,
	    .uid_base = UID_BASE,
	    .cpu_milli = 1000,
	    .memory = MEMORY,
	    .pids = 64,
	    .execs = 1,
	};

	/* absolute: the bundle is the working directory by then */
	program = realpath(runtime, NULL);
	job.runtime = program;
	if (ret == 0 && program == NULL)
		ret = error_sys(err, "%s", runtime);
	if (ret == 0)
		ret = run(&job, trial.bundle, hello_ms, err);
	(void)tree_remove(AT_FDCWD, trial.dir, NULL);
	clear(&trial);
	return ret;
}
