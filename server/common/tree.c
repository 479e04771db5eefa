/* SPDX-License-Identifier: Apache-2.0 */
#include "server/common/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"

#define DEPTH_MAX 16 /* of what tree_copy copies */

struct removal {
	int top;          /* the folder being emptied */
	unsigned counter; /* for names of what is lifted up to it */
};

static bool
is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static DIR *
open_folder(int parent, const char *name)
{
	int fd = openat(
	    parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);

	if (folder == NULL && fd >= 0)
		(void)close(fd);
	return folder;
}

/* Move a folder that is not empty up to the top, under a name not in use. */
static int
lift(struct removal *removal, int parent, const char *name)
{
	char up[32];

	for (;;) {
		(void)snprintf(
		    up, sizeof(up), ".removed-%u", removal->counter++);
		/* an existing empty folder of that name is replaced, which is
		 * as good; anything else gives an error and another name */
		if (renameat(parent, name, removal->top, up) == 0)
			return 0;
		if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
			return -1;
	}
}

/* Empty the folder name of the top by one level, and remove it. */
static int
flatten(struct removal *removal, const char *name)
{
	DIR *folder = open_folder(removal->top, name);
	struct dirent *entry;
	int ret = 0;

	if (folder == NULL)
		return -1;
	while (ret == 0 && (entry = readdir(folder)) != NULL) {
		int fd = dirfd(folder);

		if (is_dots(entry->d_name) ||
		    unlinkat(fd, entry->d_name, 0) == 0 || errno == ENOENT)
			continue;
		if (errno != EISDIR && errno != EPERM)
			ret = -1;
		else if (unlinkat(fd, entry->d_name, AT_REMOVEDIR) != 0)
			ret = lift(removal, fd, entry->d_name);
	}
	(void)closedir(folder);
	if (ret == 0 && unlinkat(removal->top, name, AT_REMOVEDIR) != 0)
		ret = -1;
	return ret;
}

/* One pass over the top; *left is set when there may be more. */
static int
empty_once(struct removal *removal, DIR *folder, bool *left)
{
	struct dirent *entry;

	*left = false;
	rewinddir(folder);
	while ((entry = readdir(folder)) != NULL) {
		if (is_dots(entry->d_name))
			continue;
		*left = true;
		if (unlinkat(removal->top, entry->d_name, 0) == 0 ||
		    errno == ENOENT)
			continue;
		if ((errno != EISDIR && errno != EPERM) ||
		    flatten(removal, entry->d_name) != 0)
			return -1;
	}
	return 0;
}

int
tree_remove(int parent, const char *name, struct error *err)
{
	struct removal removal = {.top = -1};
	bool left = true;
	DIR *folder;

	if (unlinkat(parent, name, 0) == 0 || errno == ENOENT)
		return 0;
	folder = open_folder(parent, name);
	if (folder == NULL)
		return error_sys(err, "remove %s", name);
	removal.top = dirfd(folder);
	while (left) {
		if (empty_once(&removal, folder, &left) != 0) {
			(void)error_sys(err, "remove what is in %s", name);
			(void)closedir(folder);
			return -1;
		}
	}
	(void)closedir(folder);
	if (unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT)
		return error_sys(err, "remove %s", name);
	return 0;
}

static int
copy_file(int source, mode_t mode, int parent, const char *to)
{
	autoclose int target = -1;
	ssize_t len;

	/* what not everybody may read is somebody's secret */
	if ((mode & S_IROTH) == 0)
		return 0;
	target =
	    openat(parent, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (target < 0)
		return -1;
	do {
		len = sendfile(target, source, NULL, 1 << 20);
	} while (len > 0);
	if (len < 0)
		return -1;
	return fchmod(target, (mode & S_IXUSR) != 0 ? 0755 : 0644);
}

static int
copy_link(int from_parent, const char *from, int parent, const char *to)
{
	char target[PATH_MAX];
	ssize_t len = readlinkat(from_parent, from, target, sizeof(target) - 1);

	if (len < 0)
		return -1;
	target[len] = '\0';
	return symlinkat(target, parent, to);
}

static int copy_entry(int from_parent, const char *from, int parent,
    const char *to, unsigned depth);

static int
copy_folder(int from_parent, const char *from, int parent, const char *to,
    unsigned depth)
{
	autoclose int target = -1;
	struct dirent *entry;
	DIR *folder;
	int ret = 0;

	if (depth >= DEPTH_MAX) {
		errno = ELOOP;
		return -1;
	}
	if (mkdirat(parent, to, 0755) != 0)
		return -1;
	target = openat(parent, to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	folder = open_folder(from_parent, from);
	if (folder == NULL || target < 0 || fchmod(target, 0755) != 0)
		ret = -1;
	while (ret == 0 && (entry = readdir(folder)) != NULL) {
		if (!is_dots(entry->d_name))
			ret = copy_entry(dirfd(folder), entry->d_name, target,
			    entry->d_name, depth + 1);
	}
	if (folder != NULL)
		(void)closedir(folder);
	return ret;
}

static int
copy_entry(int from_parent, const char *from, int parent, const char *to,
    unsigned depth)
{
	struct stat stat;
	autoclose int source = -1;

	if (fstatat(from_parent, from, &stat, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? 0 : -1;
	if (S_ISDIR(stat.st_mode))
		return copy_folder(from_parent, from, parent, to, depth);
	if (S_ISLNK(stat.st_mode))
		return copy_link(from_parent, from, parent, to);
	if (!S_ISREG(stat.st_mode))
		return 0;
	source = openat(from_parent, from, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return source < 0 ? -1 : copy_file(source, stat.st_mode, parent, to);
}

int
tree_copy(const char *from, int parent, const char *to, struct error *err)
{
	if (copy_entry(AT_FDCWD, from, parent, to, 0) != 0)
		return error_sys(err, "copy %s", from);
	return 0;
}
