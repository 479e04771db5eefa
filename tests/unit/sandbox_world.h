/* SPDX-License-Identifier: Apache-2.0 */
/* Real sandboxes in a folder of their own, by every runtime that is here. The
 * agent is a shell script that says hello and then runs each line it gets. */
#ifndef TESTS_UNIT_SANDBOX_WORLD_H
#define TESTS_UNIT_SANDBOX_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/cgroup.h"
#include "server/common/image.h"
#include "server/common/probe.h"
#include "server/common/tree.h"
#include "server/manager/driver.h"

#define PARALLEL   20
#define FIRST_SLOT 7000u
#define UID_BASE   524288u
#define REPLY_MS   10000
#define TEXT_BYTES 16384
#define PARENT     "sallyport-test"

static const char agent_script[] = "#!/bin/sh\n"
                                   "echo hello >&3\n"
                                   "while IFS= read -r line <&3; do\n"
                                   "	eval \"$line\" >/tmp/reply 2>&1 3<&-\n"
                                   "	cat /tmp/reply >&3\n"
                                   "	echo =end= >&3\n"
                                   "done\n";

struct world {
	uv_loop_t loop;
	struct driver *driver;
	char dir[64];
	char programs[96];
	char instance[32];
	struct cgroup_mounts mounts;
	struct probe_runtime runtimes[4];
	size_t runtime_count;
	unsigned ids; /* given to tasks */
};

struct task {
	struct world *world;
	char id[16];
	unsigned slot;
	int link; /* our end */
	bool is_created, is_destroyed;
	struct error created, destroyed;
	double asked_ms, created_ms;
};

static inline double
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static inline void
write_file(const char *path, const char *text, mode_t mode)
{
	autoclose int fd =
	    open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	size_t len = strlen(text);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
}

static inline void
open_driver(struct world *world)
{
	struct error err = {0};
	const struct driver_setup setup = {
	    .loop = &world->loop,
	    .dir = world->dir,
	    .programs = world->programs,
	    .instance = world->instance,
	    .cgroup_parent = PARENT,
	    .runtime = "auto",
	    .uid_base = UID_BASE,
	};

	if (driver_oci_open(&setup, &world->driver, &err) != 0)
		fail_msg("%s", err.text);
}

/* Where the programs are: beside the tests, or as the runner says. */
static inline int
find_launch(char path[PATH_MAX])
{
	const char *bin = getenv("SALLYPORT_BIN");
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);
	char *cut;

	if (bin != NULL) {
		(void)snprintf(path, PATH_MAX, "%s/sallyport-launch", bin);
		return access(path, X_OK);
	}
	self[len > 0 ? len : 0] = '\0';
	cut = strstr(self, "/tests/");
	if (cut != NULL)
		*cut = '\0';
	(void)snprintf(path, PATH_MAX, "%.4000s/bin/sallyport-launch", self);
	return access(path, X_OK);
}

static inline int
setup_world(void **state)
{
	struct world *world = memory_new(1, sizeof(*world));
	char launch[PATH_MAX], path[256];
	struct error err = {0};
	size_t i;

	*state = world;
	if (geteuid() != 0 || find_launch(launch) != 0) {
		(void)fprintf(
		    stderr, "# skipped: needs root and sallyport-launch\n");
		return 0;
	}
	(void)snprintf(world->dir, sizeof(world->dir), "/tmp/driver-XXXXXX");
	assert_non_null(mkdtemp(world->dir));
	(void)snprintf(
	    world->programs, sizeof(world->programs), "%s/bin", world->dir);
	assert_int_equal(mkdir(world->programs, 0700), 0);
	(void)snprintf(
	    path, sizeof(path), "%s/sallyport-launch", world->programs);
	assert_int_equal(symlink(launch, path), 0);
	(void)snprintf(
	    path, sizeof(path), "%s/sallyport-agent", world->programs);
	write_file(path, agent_script, 0755);
	(void)snprintf(path, sizeof(path), "%s/tasks", world->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	(void)snprintf(
	    world->instance, sizeof(world->instance), "t%d", (int)getpid());
	if (image_make_default(world->dir, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(cgroup_read(&world->mounts, NULL), 0);
	for (i = 0; probe_runtimes[i] != NULL; i++) {
		if (probe_find_runtime(probe_runtimes[i],
		        &world->runtimes[world->runtime_count], NULL) == 0)
			world->runtime_count++;
	}
	assert_int_equal(uv_loop_init(&world->loop), 0);
	open_driver(world);
	return 0;
}

static inline void
on_swept(void *data, const struct error *err)
{
	(void)data;
	if (err != NULL)
		(void)fprintf(stderr, "# %s\n", err->text);
}

/* A test that failed has left its sandboxes. */
static inline void
sweep(struct world *world)
{
	char path[96];
	struct dirent *entry;
	DIR *tasks;

	(void)uv_run(&world->loop, UV_RUN_DEFAULT);
	(void)snprintf(path, sizeof(path), "%s/tasks", world->dir);
	tasks = opendir(path);
	while (tasks != NULL && (entry = readdir(tasks)) != NULL) {
		if (entry->d_name[0] != '.')
			world->driver->verbs->destroy(
			    world->driver, entry->d_name, on_swept, NULL);
	}
	if (tasks != NULL)
		(void)closedir(tasks);
	(void)uv_run(&world->loop, UV_RUN_DEFAULT);
}

static inline int
teardown_world(void **state)
{
	struct world *world = *state;
	struct error err = {0};

	if (world->driver != NULL) {
		sweep(world);
		world->driver->verbs->free(world->driver);
		assert_int_equal(uv_loop_close(&world->loop), 0);
		if (tree_remove(AT_FDCWD, world->dir, &err) != 0)
			fail_msg("%s", err.text);
		cgroup_clear(&world->mounts);
	}
	free(world);
	return 0;
}

static inline struct world *
needs_world(void **state)
{
	struct world *world = *state;

	if (world->driver == NULL)
		skip();
	return world;
}

static inline void
on_created(void *data, const struct sandbox *sandbox, const struct error *err)
{
	struct task *task = data;

	assert_false(task->is_created);
	task->is_created = true;
	task->created_ms = now_ms();
	if (err != NULL)
		task->created = *err;
	else
		assert_non_null(sandbox->runtime);
}

static inline void
on_destroyed(void *data, const struct error *err)
{
	struct task *task = data;

	assert_false(task->is_destroyed);
	task->is_destroyed = true;
	if (err != NULL)
		task->destroyed = *err;
}

static inline int
begin(struct task *task, struct world *world, const char *image,
    const char *runtime, struct error *err)
{
	char path[128];
	struct sandbox_spec spec = {
	    .id = task->id,
	    .slot = FIRST_SLOT + world->ids,
	    .hostname = "weaver",
	    .image = image,
	    .runtime = runtime,
	    .limits = {.cpu_milli = 1500,
	        .memory = 256 << 20,
	        .pids = 100,
	        .execs = 20},
	};
	int ends[2], ret;

	memset(task, 0, sizeof(*task));
	task->world = world;
	task->slot = spec.slot;
	(void)snprintf(task->id, sizeof(task->id), "task%u", world->ids++);
	(void)snprintf(path, sizeof(path), "%s/tasks/%s", world->dir, task->id);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	task->link = ends[0];
	spec.link_fd = ends[1];
	task->asked_ms = now_ms();
	ret = world->driver->verbs->create(
	    world->driver, &spec, on_created, task, err);
	(void)close(ends[1]);
	if (ret != 0)
		(void)close(take_fd(&task->link));
	return ret;
}

static inline void
destroy(struct task *task)
{
	struct driver *driver = task->world->driver;

	driver->verbs->destroy(driver, task->id, on_destroyed, task);
}

static inline void
run(struct world *world)
{
	(void)uv_run(&world->loop, UV_RUN_DEFAULT);
}

/* Everything up to a line that is end, or to the end of the stream. */
static inline void
read_until(struct task *task, const char *end, char *text)
{
	struct pollfd ready = {.fd = task->link, .events = POLLIN};
	size_t used = 0;
	ssize_t len = 1;

	text[0] = '\0';
	while (len > 0 && strstr(text, end) == NULL) {
		assert_int_equal(poll(&ready, 1, REPLY_MS), 1);
		len = read(task->link, text + used, TEXT_BYTES - 1 - used);
		used += len > 0 ? (size_t)len : 0;
		text[used] = '\0';
	}
}

static inline char *
ask(struct task *task, const char *line, char *text)
{
	char *end;

	assert_int_equal(write(task->link, line, strlen(line)), strlen(line));
	assert_int_equal(write(task->link, "\n", 1), 1);
	read_until(task, "=end=\n", text);
	end = strstr(text, "=end=\n");
	if (end != NULL)
		*end = '\0';
	return text;
}

/* Whether a process of the task's user ids is there, zombies apart. */
static inline bool
has_process(unsigned slot)
{
	uid_t base = UID_BASE + slot * 65536u;
	struct dirent *entry;
	bool found = false;
	DIR *proc = opendir("/proc");

	while (!found && (entry = readdir(proc)) != NULL) {
		char path[NAME_MAX + 16], link[8];
		struct stat stat;

		(void)snprintf(
		    path, sizeof(path), "/proc/%s/exe", entry->d_name);
		found = lstat(path, &stat) == 0 && stat.st_uid >= base &&
		        stat.st_uid < base + 65536 &&
		        readlink(path, link, sizeof(link)) > 0;
	}
	(void)closedir(proc);
	return found;
}

static inline bool
is_mounted(const char *dir)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char line[4096];
	bool found = false;

	while (fgets(line, sizeof(line), file) != NULL)
		found = found || strstr(line, dir) != NULL;
	(void)fclose(file);
	return found;
}

static inline void
assert_nothing_left(const struct task *task)
{
	const struct world *world = task->world;
	char path[512];
	size_t i;

	for (i = 0; i < world->mounts.count; i++) {
		(void)snprintf(path, sizeof(path), "%s/" PARENT "/%s/%s",
		    world->mounts.items[i].path, world->instance, task->id);
		if (access(path, F_OK) == 0)
			fail_msg("%s is left", path);
	}
	(void)snprintf(
	    path, sizeof(path), "%s/tasks/%s/bundle", world->dir, task->id);
	assert_int_not_equal(access(path, F_OK), 0);
	(void)snprintf(
	    path, sizeof(path), "%s/run/runc/%s", world->dir, task->id);
	assert_int_not_equal(access(path, F_OK), 0);
	assert_false(is_mounted(world->dir));
	assert_false(has_process(task->slot));
}

static inline void
finish(struct task *task)
{
	if (!task->is_destroyed) {
		destroy(task);
		run(task->world);
	}
	assert_true(task->is_destroyed);
	assert_string_equal(task->destroyed.text, "");
	if (task->link >= 0)
		(void)close(take_fd(&task->link));
	assert_nothing_left(task);
}

static inline void
make(struct task *task, struct world *world, const char *runtime, char *text)
{
	struct error err = {0};

	if (begin(task, world, IMAGE_DEFAULT, runtime, &err) != 0)
		fail_msg("%s", err.text);
	run(world);
	assert_true(task->is_created);
	assert_string_equal(task->created.text, "");
	read_until(task, "hello\n", text);
	assert_string_equal(text, "hello\n");
}

#endif
