/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/recordings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/tree.h"

#define SUFFIX       ".cast"
#define FOLDER_BYTES 64 /* "recordings/TASK" */
#define PATH_BYTES   128

#define FOLDER_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

static void
folder_path(const char *task, char path[static FOLDER_BYTES])
{
	(void)snprintf(path, FOLDER_BYTES, RECORDINGS_FOLDER "/%s", task);
}

static bool
is_task(const char *name)
{
	return strlen(name) < NAME_ID_BYTES && name_is_valid(name);
}

static int64_t
time_ms(const struct timespec *time)
{
	return (int64_t)time->tv_sec * 1000 + time->tv_nsec / 1000000;
}

int
recordings_make(const char *task, uid_t uid, int *out, struct error *err)
{
	char path[FOLDER_BYTES];
	autoclose int fd = -1;

	folder_path(task, path);
	if (mkdir(path, 0700) != 0)
		return error_sys(err, "%s: %s", path, strerror(errno));
	fd = open(path, FOLDER_FLAGS);
	if (fd < 0 || fchown(fd, uid, (gid_t)uid) != 0)
		return error_sys(err, "%s: %s", path, strerror(errno));
	*out = take_fd(&fd);
	return 0;
}

int
recordings_reopen(const char *task, uid_t uid, int *out, struct error *err)
{
	char path[FOLDER_BYTES];
	autoclose int fd = -1;
	struct stat st;

	folder_path(task, path);
	fd = open(path, FOLDER_FLAGS);
	if (fd < 0 || fstat(fd, &st) != 0)
		return error_sys(err, "%s: %s", path, strerror(errno));
	if (st.st_uid != uid)
		return error_set(
		    err, ERROR_SYSTEM, "%s is not its keeper's", path);
	*out = take_fd(&fd);
	return 0;
}

int
recordings_seal(const char *task, struct error *err)
{
	char path[FOLDER_BYTES];
	autoclose int fd = -1;

	folder_path(task, path);
	if (rmdir(path) == 0 || errno == ENOENT)
		return 0;
	fd = open(path, FOLDER_FLAGS);
	/* the time is that of its end: it is kept from then on */
	if (fd < 0 || fchown(fd, 0, 0) != 0 || fchmod(fd, 0700) != 0 ||
	    futimens(fd, NULL) != 0)
		return error_sys(err, "%s: %s", path, strerror(errno));
	return 0;
}

int
recordings_remove(const char *task, struct error *err)
{
	char path[FOLDER_BYTES];

	folder_path(task, path);
	return tree_remove(AT_FDCWD, path, err);
}

/* The id that a file's name says, if it is a recording of that task. */
static bool
read_name(const char *task, const char *file, char id[LIMIT_EXEC_ID_BYTES + 1])
{
	size_t len = strlen(file);
	char of[LIMIT_NAME_BYTES + 1];
	uint32_t number;

	if (len <= strlen(SUFFIX) ||
	    len - strlen(SUFFIX) > LIMIT_EXEC_ID_BYTES ||
	    strcmp(file + len - strlen(SUFFIX), SUFFIX) != 0)
		return false;
	len -= strlen(SUFFIX);
	memcpy(id, file, len);
	id[len] = '\0';
	return name_split_exec(id, of, &number, NULL) == 0 &&
	       strcmp(of, task) == 0;
}

static void
add_file(
    struct recordings *found, int folder, const char *task, const char *file)
{
	struct recording recording = {0};
	struct stat st;

	if (!read_name(task, file, recording.id) ||
	    fstatat(folder, file, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode))
		return;
	(void)snprintf(recording.task, sizeof(recording.task), "%s", task);
	recording.bytes = st.st_size;
	recording.modified_ms = time_ms(&st.st_mtim);
	if ((found->count & (found->count - 1)) == 0)
		found->items = memory_resize(
		    found->items, (found->count == 0 ? 1 : found->count * 2) *
		                      sizeof(*found->items));
	found->items[found->count++] = recording;
}

/* Walk a folder's names; it goes on until each returns false. */
static int
walk(const char *path, bool (*each)(void *data, int folder, const char *name),
    void *data, struct error *err)
{
	int fd = open(path, FOLDER_FLAGS);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (folder == NULL && errno == ENOENT)
		return 0;
	if (folder == NULL) {
		(void)error_sys(err, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] != '.' && !each(data, fd, entry->d_name))
			break;
	}
	(void)closedir(folder);
	return 0;
}

struct looking {
	struct recordings *found;
	const char *task;
	size_t files;
	struct error *err;
};

static bool
on_file(void *data, int folder, const char *name)
{
	struct looking *looking = data;

	add_file(looking->found, folder, looking->task, name);
	return ++looking->files < RECORDINGS_OF_TASK;
}

static int
list_task(struct recordings *found, const char *task, struct error *err)
{
	struct looking looking = {.found = found, .task = task};
	char path[FOLDER_BYTES];

	folder_path(task, path);
	return walk(path, on_file, &looking, err);
}

static bool
on_folder(void *data, int folder, const char *name)
{
	struct looking *looking = data;

	(void)folder;
	/* one that cannot be read hides no other */
	if (is_task(name))
		(void)list_task(looking->found, name, looking->err);
	return true;
}

int
recordings_list(const char *task, struct recordings *out, struct error *err)
{
	struct recordings found = {0};
	struct looking looking = {.found = &found};
	int ret = 0;

	if (task == NULL)
		ret = walk(RECORDINGS_FOLDER, on_folder, &looking, err);
	else if (is_task(task))
		ret = list_task(&found, task, err);
	if (ret != 0)
		free(found.items);
	else
		*out = found;
	return ret;
}

struct folders {
	struct recordings_task *items;
	size_t count;
};

static bool
on_task_folder(void *data, int folder, const char *name)
{
	struct folders *folders = data;
	struct recordings_task *item;
	struct stat st;

	if (!is_task(name) ||
	    fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISDIR(st.st_mode))
		return true;
	folders->items = memory_resize(
	    folders->items, (folders->count + 1) * sizeof(*folders->items));
	item = &folders->items[folders->count++];
	(void)snprintf(item->task, sizeof(item->task), "%s", name);
	item->modified_ms = time_ms(&st.st_mtim);
	return true;
}

int
recordings_tasks(struct recordings_task **out, size_t *count, struct error *err)
{
	struct folders folders = {0};

	if (walk(RECORDINGS_FOLDER, on_task_folder, &folders, err) != 0) {
		free(folders.items);
		return -1;
	}
	*out = folders.items;
	*count = folders.count;
	return 0;
}

/* Nothing on the way is a link, whatever a keeper has made there meanwhile. */
static int
open_beneath(int folder, const char *path)
{
	const struct open_how how = {
	    /* a pipe without a writer is not waited for */
	    .flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
	               RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV,
	};

	return (int)syscall(SYS_openat2, folder, path, &how, sizeof(how));
}

int
recordings_open(const char *recording, int *out, struct error *err)
{
	char task[LIMIT_NAME_BYTES + 1], path[PATH_BYTES];
	autoclose int folder = open(RECORDINGS_FOLDER, FOLDER_FLAGS);
	autoclose int fd = -1;
	uint32_t number;
	struct stat st;

	if (folder < 0)
		return error_sys(
		    err, RECORDINGS_FOLDER ": %s", strerror(errno));
	if (name_split_exec(recording, task, &number, NULL) == 0) {
		(void)snprintf(
		    path, sizeof(path), "%s/%s-%u" SUFFIX, task, task, number);
		fd = open_beneath(folder, path);
	}
	if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return error_set(
		    err, ERROR_NOT_FOUND, "no recording %s", recording);
	*out = take_fd(&fd);
	return 0;
}
