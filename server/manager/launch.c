/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "protocol/buffer.h"
#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "server/common/cgroup.h"
#include "server/common/image.h"
#include "server/common/tree.h"
#include "server/manager/bundle.h"
#include "server/manager/rootfs.h"
#include "server/manager/runtime.h"

#define JOB_BYTES      (64u << 10)
#define CONFIG_BYTES   (64u << 10)
#define JOB_NEW        "job.json.new"
#define LOG            "log"
#define KILL_WAIT_MS   5000
#define CGROUP_WAIT_MS 2000
#define LOCK_WAIT_MS   5000
#define ID_MAX         UINT32_MAX

#define TEXT(member, most)                                               \
	{                                                                \
		.name = #member, .kind = JSON_STRING,                    \
		.offset = offsetof(struct launch_job, member), .min = 1, \
		.max = (most), .required = true                          \
	}
#define NUMBER(member, least, most)                                            \
	{                                                                      \
		.name = #member, .kind = JSON_INTEGER,                         \
		.offset = offsetof(struct launch_job, member), .min = (least), \
		.max = (most), .required = true                                \
	}

static const struct json_field job_fields[] = {
    TEXT(id, LIMIT_NAME_BYTES),
    TEXT(hostname, LIMIT_NAME_BYTES),
    TEXT(image, LIMIT_PATH_BYTES),
    {.name = "host_usr",
        .kind = JSON_BOOL,
        .offset = offsetof(struct launch_job, host_usr)},
    TEXT(agent, LIMIT_PATH_BYTES),
    TEXT(runtime, LIMIT_PATH_BYTES),
    TEXT(state, LIMIT_PATH_BYTES),
    TEXT(cgroup, LIMIT_PATH_BYTES),
    NUMBER(uid_base, BUNDLE_IDS, ID_MAX - BUNDLE_IDS),
    NUMBER(cpu_milli, LIMIT_CPU_MILLI_MIN, LIMIT_CPU_MILLI_MAX),
    NUMBER(memory, LIMIT_MEMORY_MIN, LIMIT_MEMORY_MAX),
    NUMBER(pids, LIMIT_PIDS_MIN, LIMIT_PIDS_MAX),
    NUMBER(execs, 1, LIMIT_EXECS_MAX),
};

const struct json_shape launch_job_shape = {
    .fields = job_fields,
    .count = sizeof(job_fields) / sizeof(job_fields[0]),
    .size = sizeof(struct launch_job),
};

int
launch_job_write(
    const char *bundle, const struct launch_job *job, struct error *err)
{
	autofree char *fresh = NULL, *name = NULL;
	autoclose int fd = -1;
	struct buffer out;
	ssize_t len = -1;
	int ret;

	if (asprintf(&name, "%s/" LAUNCH_JOB, bundle) < 0 ||
	    asprintf(&fresh, "%s/" JOB_NEW, bundle) < 0)
		abort();
	buffer_init(&out, JOB_BYTES);
	ret = json_write(&launch_job_shape, NULL, job, &out, err);
	if (ret == 0) {
		fd =
		    open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd >= 0)
			len = write(fd, buffer_bytes(&out), buffer_len(&out));
		if (len != (ssize_t)buffer_len(&out) ||
		    rename(fresh, name) != 0)
			ret = error_sys(err, "%s", name);
	}
	buffer_clear(&out);
	return ret;
}

int
launch_job_read(struct launch_job *job, struct error *err)
{
	char bytes[JOB_BYTES];
	autoclose int fd = open(LAUNCH_JOB, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	json_absent(&launch_job_shape, job);
	if (fd < 0 && errno == ENOENT)
		return error_set(err, ERROR_NOT_FOUND, "no " LAUNCH_JOB);
	len = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));
	if (len < 0)
		return error_sys(err, LAUNCH_JOB);
	if (json_read(&launch_job_shape, bytes, (size_t)len, job, err) != 0)
		return error_wrap(err, LAUNCH_JOB);
	return 0;
}

/* Without CAP_SYS_RESOURCE nobody may have more than this process has. */
static int64_t
find_nofile(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 ||
	    limit.rlim_max > BUNDLE_NOFILE)
		return BUNDLE_NOFILE;
	return (int64_t)limit.rlim_max;
}

static int
write_config(const struct launch_job *job, struct error *err)
{
	struct buffer config;
	autoclose int fd = -1;
	ssize_t len = -1;
	int ret;

	buffer_init(&config, CONFIG_BYTES);
	ret = bundle_write(job, ROOTFS_ROOT, find_nofile(), &config, err);
	if (ret == 0) {
		fd = open("config.json",
		    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd >= 0)
			len = write(
			    fd, buffer_bytes(&config), buffer_len(&config));
		if (len != (ssize_t)buffer_len(&config))
			ret = error_sys(err, "config.json");
	}
	buffer_clear(&config);
	return ret;
}

/*
 * Held by this process and the runtime that it starts, for as long as either
 * lives. Killed in the middle of a system call, a runtime can still make a
 * cgroup after whoever killed it saw this process end.
 */
static int
lock_bundle(int wait_ms, struct error *err)
{
	const struct timespec pause = {.tv_nsec = 1000000};
	autoclose int fd = open(LAUNCH_JOB, O_RDONLY | O_CLOEXEC);

	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK)
			return error_sys(err, "lock " LAUNCH_JOB);
		if (wait_ms-- <= 0)
			return error_set(err, ERROR_STATE,
			    "the runtime still works on the sandbox");
		(void)nanosleep(&pause, NULL);
	}
	if (fd < 0)
		return error_sys(err, LAUNCH_JOB);
	return take_fd(&fd);
}

int
launch_create(const struct launch_job *job, int link_fd, struct error *err)
{
	autoclose int lock = lock_bundle(0, err);
	const struct runtime_call call = {
	    .program = job->runtime,
	    .state = ROOTFS_STATE,
	    .log = ROOTFS_BUNDLE "/" LOG,
	    .null = ROOTFS_NULL,
	    .link_fd = link_fd,
	    .lock_fd = lock,
	};
	static const char bundle[] = ROOTFS_BUNDLE;
	/* one process where "create" and "start" are two: 4 ms less */
	const char *const args[] = {"run", "--detach", "--bundle", bundle,
	    "--preserve-fds", "1", job->id, NULL};

	if (lock < 0 || write_config(job, err) != 0 ||
	    rootfs_build(job, err) != 0)
		return -1;
	/* no path of the host may be the sandbox's working directory */
	if (chdir("/") != 0)
		return error_sys(err, "/");
	return runtime_run(&call, args, err);
}

/* By now nothing of the container runs, so that the runtime has only its own
 * record to forget. Whatever it says about that, the record goes. */
static int
forget(const struct launch_job *job, struct error *err)
{
	const struct runtime_call call = {
	    .program = job->runtime,
	    .state = job->state,
	    .log = LOG,
	    .null = "/dev/null",
	    .link_fd = -1,
	    .lock_fd = -1,
	};
	const char *const args[] = {"delete", job->id, NULL};
	autoclose int state =
	    open(job->state, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat stat;

	if (state < 0 ||
	    fstatat(state, job->id, &stat, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	(void)runtime_run(&call, args, NULL);
	return tree_remove(state, job->id, err);
}

static int
end_container(const struct launch_job *job, struct error *err)
{
	struct cgroup_mounts mounts;
	autoclose int lock = -1;
	int ret = cgroup_read(&mounts, err);

	if (ret == 0)
		ret = cgroup_kill(&mounts, job->cgroup, KILL_WAIT_MS, err);
	if (ret == 0) {
		lock = lock_bundle(LOCK_WAIT_MS, err);
		ret = lock < 0 ? -1 : 0;
	}
	/* what came into the group before the runtime ended */
	if (ret == 0)
		ret = cgroup_kill(&mounts, job->cgroup, KILL_WAIT_MS, err);
	if (ret == 0)
		ret = forget(job, err);
	if (ret == 0)
		ret = cgroup_remove(&mounts, job->cgroup, CGROUP_WAIT_MS, err);
	cgroup_clear(&mounts);
	return ret;
}

int
launch_destroy(const struct launch_job *job, struct error *err)
{
	static const char *const parts[] = {ROOTFS_UPPER, ROOTFS_WORK,
	    "config.json", LOG, JOB_NEW, IMAGE_LINK, LAUNCH_JOB};
	size_t i;

	if (job != NULL && end_container(job, err) != 0)
		return -1;
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		if (tree_remove(AT_FDCWD, parts[i], err) != 0)
			return -1;
	}
	return 0;
}
