/* SPDX-License-Identifier: Apache-2.0 */
#include "server/common/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"

#define MOUNTINFO_POINT 5       /* the field, counted from 1 */
#define PAUSE_NS        1000000 /* between two looks at a group */
#define DEPTH_MAX       32      /* of groups within a group */

const char *const cgroup_mode_names[CGROUP_MODES] = {
    [CGROUP_NONE] = "none",
    [CGROUP_V1] = "v1",
    [CGROUP_HYBRID] = "hybrid",
    [CGROUP_V2] = "v2",
};

/* The field'th word (from 1) of line; "" when there is none. */
static char *
copy_field(const char *line, size_t len, unsigned field)
{
	size_t at = 0, word;

	for (; field > 0; field--) {
		while (at < len && line[at] == ' ')
			at++;
		word = at;
		while (at < len && line[at] != ' ')
			at++;
		if (field == 1)
			return strndup(line + word, at - word);
	}
	return memory_string("");
}

/* Whether word is among the comma-separated words of list. */
static bool
has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (; list != NULL; list = strchr(list, ',')) {
		list += *list == ',';
		if (strncmp(list, word, len) == 0 &&
		    (list[len] == ',' || list[len] == '\0'))
			return true;
	}
	return false;
}

/* A line: id parent major:minor root point options [fields] - type source
 * superblock-options */
static void
parse_line(struct cgroup_mounts *mounts, const char *line, size_t len)
{
	const char *dash = memmem(line, len, " - ", 3);
	struct cgroup_mount *mount = &mounts->items[mounts->count];
	autofree char *type = NULL;
	size_t rest;

	if (dash == NULL || mounts->count == CGROUP_MOUNTS_MAX)
		return;
	rest = len - (size_t)(dash + 3 - line);
	type = copy_field(dash + 3, rest, 1);
	if (strcmp(type, "cgroup") != 0 && strcmp(type, "cgroup2") != 0)
		return;
	mount->unified = strcmp(type, "cgroup2") == 0;
	mount->path = copy_field(line, len, MOUNTINFO_POINT);
	mount->options = copy_field(dash + 3, rest, 3);
	mounts->count++;
}

void
cgroup_parse(struct cgroup_mounts *mounts, const char *text)
{
	const char *end;

	memset(mounts, 0, sizeof(*mounts));
	for (; *text != '\0'; text = *end == '\0' ? end : end + 1) {
		end = strchrnul(text, '\n');
		parse_line(mounts, text, (size_t)(end - text));
	}
}

int
cgroup_read(struct cgroup_mounts *mounts, struct error *err)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	autofree char *text = NULL;
	size_t size = 0;
	ssize_t len;

	memset(mounts, 0, sizeof(*mounts));
	if (file == NULL)
		return error_sys(err, "/proc/self/mountinfo");
	len = getdelim(&text, &size, '\0', file);
	(void)fclose(file);
	if (len < 0)
		return error_sys(err, "/proc/self/mountinfo");
	cgroup_parse(mounts, text);
	return 0;
}

void
cgroup_clear(struct cgroup_mounts *mounts)
{
	size_t i;

	for (i = 0; i < mounts->count; i++) {
		free(mounts->items[i].path);
		free(mounts->items[i].options);
	}
	memset(mounts, 0, sizeof(*mounts));
}

enum cgroup_mode
cgroup_mode(const struct cgroup_mounts *mounts)
{
	bool v1 = false, v2 = false;
	size_t i;

	for (i = 0; i < mounts->count; i++) {
		if (mounts->items[i].unified)
			v2 = true;
		else
			v1 = true;
	}
	if (v1)
		return v2 ? CGROUP_HYBRID : CGROUP_V1;
	return v2 ? CGROUP_V2 : CGROUP_NONE;
}

/* The controllers of a version 2 hierarchy are in a file, not in its options.
 */
static bool
unified_has(const struct cgroup_mount *mount, const char *controller)
{
	autofree char *path = NULL;
	autoclose int fd = -1;
	char text[512];
	ssize_t len, i;

	if (asprintf(&path, "%s/cgroup.controllers", mount->path) < 0)
		abort();
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (len <= 0)
		return false;
	text[len] = '\0';
	for (i = 0; i < len; i++) {
		if (text[i] == ' ' || text[i] == '\n')
			text[i] = i == len - 1 ? '\0' : ',';
	}
	return has_word(text, controller);
}

const struct cgroup_mount *
cgroup_controller(const struct cgroup_mounts *mounts, const char *controller)
{
	size_t i;

	for (i = 0; i < mounts->count; i++) {
		const struct cgroup_mount *mount = &mounts->items[i];

		if (mount->unified ? unified_has(mount, controller)
		                   : has_word(mount->options, controller))
			return mount;
	}
	return NULL;
}

char *
cgroup_oom_events(const struct cgroup_mounts *mounts, const char *group)
{
	const struct cgroup_mount *mount = cgroup_controller(mounts, "memory");
	char *path;

	if (mount == NULL)
		return NULL;
	if (asprintf(&path, "%s%s/%s", mount->path, group,
	        mount->unified ? "memory.events" : "memory.oom_control") < 0)
		abort();
	return path;
}

static int64_t
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
pause_shortly(void)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};

	(void)nanosleep(&pause, NULL);
}

/* Whether pid is listed in the group. */
static bool
holds(const char *procs, long pid)
{
	FILE *file = fopen(procs, "re");
	bool found = false;
	long other;

	if (file == NULL)
		return false;
	while (!found && fscanf(file, "%ld", &other) == 1)
		found = other == pid;
	(void)fclose(file);
	return found;
}

/* The pid may be another process's by now. One that is still listed after the
 * pidfd was opened is the one that the pidfd holds. */
static void
kill_listed(const char *procs, long pid)
{
	autoclose int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	if (fd >= 0 && holds(procs, pid))
		(void)syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0);
}

/* How many processes were found in the group of one hierarchy. */
static size_t
kill_in(const struct cgroup_mount *mount, const char *group)
{
	autofree char *procs = NULL;
	FILE *file;
	size_t count = 0;
	long pid;

	if (asprintf(&procs, "%s%s/cgroup.procs", mount->path, group) < 0)
		abort();
	file = fopen(procs, "re");
	if (file == NULL)
		return 0;
	while (fscanf(file, "%ld", &pid) == 1) {
		count++;
		/* 0 is a process of another pid namespace: not ours to kill */
		if (pid > 0)
			kill_listed(procs, pid);
	}
	(void)fclose(file);
	return count;
}

int
cgroup_kill(const struct cgroup_mounts *mounts, const char *group, int wait_ms,
    struct error *err)
{
	int64_t deadline = now_ms() + wait_ms;
	size_t i, count;

	for (;;) {
		count = 0;
		for (i = 0; i < mounts->count; i++)
			count += kill_in(&mounts->items[i], group);
		if (count == 0)
			return 0;
		if (now_ms() >= deadline)
			return error_set(err, ERROR_SYSTEM,
			    "%zu processes of cgroup %s do not die", count,
			    group);
		pause_shortly();
	}
}

/* Groups within the group first; errno of the last that failed, or 0. */
static int
remove_group(int parent, const char *name, unsigned depth)
{
	struct dirent *entry;
	DIR *folder;
	int fd;

	if (unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != EBUSY || depth == DEPTH_MAX)
		return errno;
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	folder = fd < 0 ? NULL : fdopendir(fd);
	if (folder == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return EBUSY;
	}
	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_type == DT_DIR && entry->d_name[0] != '.')
			(void)remove_group(
			    dirfd(folder), entry->d_name, depth + 1);
	}
	(void)closedir(folder);
	return unlinkat(parent, name, AT_REMOVEDIR) == 0 || errno == ENOENT
	           ? 0
	           : errno;
}

int
cgroup_remove(const struct cgroup_mounts *mounts, const char *group,
    int wait_ms, struct error *err)
{
	int64_t deadline = now_ms() + wait_ms;
	int sys = 0, failed;
	size_t i;

	for (i = 0; i < mounts->count; i++) {
		autofree char *path = NULL;

		if (asprintf(&path, "%s%s", mounts->items[i].path, group) < 0)
			abort();
		/* a killed process leaves its group a moment later */
		while ((failed = remove_group(AT_FDCWD, path, 0)) == EBUSY &&
		       now_ms() < deadline)
			pause_shortly();
		if (failed != 0)
			sys = failed;
	}
	errno = sys;
	return sys == 0 ? 0 : error_sys(err, "remove cgroup %s", group);
}

void
cgroup_remove_empty(const struct cgroup_mounts *mounts, const char *group)
{
	size_t i;

	for (i = 0; i < mounts->count; i++) {
		autofree char *path = NULL;

		if (asprintf(&path, "%s%s", mounts->items[i].path, group) < 0)
			abort();
		(void)rmdir(path);
	}
}
