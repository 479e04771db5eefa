/* SPDX-License-Identifier: Apache-2.0 */
#include "server/common/image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "protocol/buffer.h"
#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/image_meta.h"
#include "server/common/tree.h"

#define META_BYTES   8192
#define PASSWD_LINE  1024
#define PASSWD_ID    3 /* fields, counted from 1 */
#define PASSWD_GROUP 4

/* What the runtime mounts on, and where commands begin. */
static const struct folder {
	const char *name;
	mode_t mode;
	bool is_users;
} folders[] = {
    {"proc", 0555, false},
    {"dev", 0755, false},
    {"sys", 0555, false},
    {"tmp", 01777, false},
    {"workspace", 0755, true},
};

static int
make_folder(const char *path)
{
	return mkdir(path, 0700) != 0 && errno != EEXIST ? -1 : 0;
}

int
image_stage_open(struct image_stage *stage, const char *dir, struct error *err)
{
	autofree char *images = NULL, *temporary = NULL;

	if (asprintf(&images, "%s/images", dir) < 0 ||
	    asprintf(&temporary, "%s/.tmp", images) < 0 ||
	    asprintf(&stage->path, "%s/rootfs", temporary) < 0)
		abort();
	stage->dir = memory_string(dir);
	stage->lock = -1;
	/* nobody else's: an image may hold programs with setuid bits */
	if (make_folder(images) != 0)
		return error_sys(err, "%s", images);
	stage->lock = open(images, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (stage->lock < 0 || flock(stage->lock, LOCK_EX | LOCK_NB) != 0) {
		if (stage->lock >= 0)
			(void)close(stage->lock);
		stage->lock = -1;
		if (errno == EWOULDBLOCK)
			return error_set(err, ERROR_STATE,
			    "another image is being made in %s", images);
		return error_sys(err, "%s", images);
	}
	if (tree_remove(AT_FDCWD, temporary, err) != 0)
		return -1;
	if (make_folder(temporary) != 0 || make_folder(stage->path) != 0 ||
	    chmod(stage->path, 0755) != 0)
		return error_sys(err, "%s", stage->path);
	return 0;
}

void
image_stage_close(struct image_stage *stage)
{
	autofree char *temporary = NULL;

	if (stage->lock >= 0) {
		if (asprintf(&temporary, "%s/images/.tmp", stage->dir) < 0)
			abort();
		(void)tree_remove(AT_FDCWD, temporary, NULL);
		(void)close(stage->lock);
	}
	free(stage->dir);
	free(stage->path);
	memset(stage, 0, sizeof(*stage));
	stage->lock = -1;
}

/* A file of the image, whatever links in it say. */
static FILE *
open_inside(const char *rootfs, const char *name)
{
	struct open_how how = {
	    .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK,
	    .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	autoclose int root = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = root < 0
	             ? -1
	             : (int)syscall(SYS_openat2, root, name, &how, sizeof(how));
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r");

	if (file == NULL && fd >= 0)
		(void)close(fd);
	return file;
}

static unsigned long
passwd_number(const char *line, unsigned field)
{
	while (--field > 0 && (line = strchr(line, ':')) != NULL)
		line++;
	return line == NULL ? 0 : strtoul(line, NULL, 10);
}

/* Whether the image knows a "user"; then its ids. */
static bool
find_user(const char *rootfs, uid_t *uid, gid_t *gid)
{
	FILE *file = open_inside(rootfs, "etc/passwd");
	char line[PASSWD_LINE];
	bool found = false;

	while (
	    file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, "user:", 5) != 0)
			continue;
		*uid = (uid_t)passwd_number(line, PASSWD_ID);
		*gid = (gid_t)passwd_number(line, PASSWD_GROUP);
		found = true;
	}
	if (file != NULL)
		(void)fclose(file);
	return found;
}

static int
check_folder(const char *rootfs, const struct folder *folder, uid_t uid,
    gid_t gid, struct error *err)
{
	autofree char *path = NULL;
	struct stat stat;

	if (asprintf(&path, "%s/%s", rootfs, folder->name) < 0)
		abort();
	if (mkdir(path, folder->mode) == 0) {
		if ((folder->is_users && chown(path, uid, gid) != 0) ||
		    chmod(path, folder->mode) != 0)
			return error_sys(err, "%s", path);
		return 0;
	}
	/* the runtime would mount wherever a link leads */
	if (errno != EEXIST || lstat(path, &stat) != 0)
		return error_sys(err, "%s", path);
	if (!S_ISDIR(stat.st_mode))
		return error_set(err, ERROR_INVALID,
		    "/%s of the image must be a folder", folder->name);
	return 0;
}

static int
prepare(const char *rootfs, struct image *image, struct error *err)
{
	uid_t uid = 0;
	gid_t gid = 0;
	bool has_user = find_user(rootfs, &uid, &gid);
	size_t i;

	if (image->user == NULL)
		image->user = memory_string(has_user ? "user" : "0");
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (check_folder(rootfs, &folders[i], uid, gid, err) != 0)
			return -1;
	}
	return 0;
}

static int
write_meta(const char *path, struct image *image, struct error *err)
{
	time_t now = time(NULL);
	char text[32];
	struct tm parts;
	struct buffer out;
	autoclose int fd = -1;
	ssize_t len = -1;
	int ret;

	(void)strftime(
	    text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &parts));
	free(image->imported);
	image->imported = memory_string(text);
	buffer_init(&out, META_BYTES);
	ret = json_write(&image_meta_shape, NULL, image, &out, err);
	if (ret == 0) {
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0)
			len = write(fd, buffer_bytes(&out), buffer_len(&out));
		if (len != (ssize_t)buffer_len(&out) || fsync(fd) != 0)
			ret = error_sys(err, "%s", path);
	}
	buffer_clear(&out);
	return ret;
}

int
image_publish(struct image_stage *stage, struct image *image, struct error *err)
{
	autofree char *temporary = NULL, *meta = NULL, *path = NULL;

	if (asprintf(&temporary, "%s/images/.tmp", stage->dir) < 0 ||
	    asprintf(&meta, "%s/meta.json", temporary) < 0 ||
	    asprintf(&path, "%s/images/%s", stage->dir, image->name) < 0)
		abort();
	if (prepare(stage->path, image, err) != 0 ||
	    write_meta(meta, image, err) != 0)
		return -1;
	if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) ==
	    0)
		return 0;
	if (errno == EEXIST)
		return error_set(
		    err, ERROR_STATE, "image %s is there already", image->name);
	return error_sys(err, "rename to %s", path);
}
