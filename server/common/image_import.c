/* SPDX-License-Identifier: Apache-2.0 */
#include "server/common/image_import.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "protocol/name.h"
#include "server/common/image.h"

#define BLOCK_BYTES 65536
#define ID_MAX      65535 /* more ids a sandbox does not have */

/* Where a name may only lead down. */
static bool
is_inside(const char *path)
{
	const char *part = path;

	if (path == NULL || path[0] == '\0' || path[0] == '/')
		return false;
	while (part != NULL) {
		if (strncmp(part, "..", 2) == 0 &&
		    (part[2] == '/' || part[2] == '\0'))
			return false;
		part = strchr(part, '/');
		if (part != NULL)
			part++;
	}
	return true;
}

static int
check_member(struct archive_entry *entry, struct error *err)
{
	const char *path = archive_entry_pathname(entry);
	const char *link = archive_entry_hardlink(entry);
	mode_t type = archive_entry_filetype(entry);

	if (!is_inside(path))
		return error_set(err, ERROR_INVALID,
		    "a member's path must lead down: %.100s",
		    path == NULL ? "(not UTF-8)" : path);
	if (link != NULL && !is_inside(link))
		return error_set(err, ERROR_INVALID,
		    "%.100s: a hard link must lead down", path);
	if (link == NULL && type != AE_IFREG && type != AE_IFDIR &&
	    type != AE_IFLNK)
		return error_set(err, ERROR_INVALID,
		    "%.100s is a device, pipe or socket: leave it out", path);
	if (archive_entry_uid(entry) < 0 || archive_entry_uid(entry) > ID_MAX ||
	    archive_entry_gid(entry) < 0 || archive_entry_gid(entry) > ID_MAX)
		return error_set(err, ERROR_INVALID,
		    "%.100s: an owner above %d is nobody in a sandbox", path,
		    ID_MAX);
	return 0;
}

static int
fault(struct archive *archive, const char *what, struct error *err)
{
	const char *text = archive_error_string(archive);

	return error_set(err, ERROR_INVALID, "%.80s: %.90s", what,
	    text == NULL ? "not readable" : text);
}

static int
copy_data(struct archive *in, struct archive *out, const char *path,
    struct error *err)
{
	const void *block;
	size_t len;
	la_int64_t offset;
	int ret;

	while ((ret = archive_read_data_block(in, &block, &len, &offset)) ==
	       ARCHIVE_OK) {
		if (archive_write_data_block(out, block, len, offset) !=
		    ARCHIVE_OK)
			return fault(out, path, err);
	}
	return ret == ARCHIVE_EOF ? 0 : fault(in, path, err);
}

static int
extract_members(struct archive *in, struct archive *out, struct error *err)
{
	struct archive_entry *entry;
	const char *path;
	int ret;

	while ((ret = archive_read_next_header(in, &entry)) == ARCHIVE_OK) {
		if (check_member(entry, err) != 0)
			return -1;
		path = archive_entry_pathname(entry);
		if (archive_write_header(out, entry) != ARCHIVE_OK)
			return fault(out, path, err);
		if (archive_entry_size(entry) > 0 &&
		    copy_data(in, out, path, err) != 0)
			return -1;
		if (archive_write_finish_entry(out) != ARCHIVE_OK)
			return fault(out, path, err);
	}
	return ret == ARCHIVE_EOF ? 0 : fault(in, "archive", err);
}

/* Only what libarchive does itself: some filters would start programs, and
 * those would be the image's. */
static int
extract(int fd, struct error *err)
{
	struct archive *in = archive_read_new();
	struct archive *out = archive_write_disk_new();
	int ret = -1;

	if (in == NULL || out == NULL)
		abort();
	(void)archive_read_support_format_tar(in);
	(void)archive_read_support_filter_bzip2(in);
	(void)archive_read_support_filter_gzip(in);
	(void)archive_read_support_filter_xz(in);
	(void)archive_read_support_filter_zstd(in);
	(void)archive_write_disk_set_options(
	    out, ARCHIVE_EXTRACT_OWNER | ARCHIVE_EXTRACT_PERM |
	             ARCHIVE_EXTRACT_TIME | ARCHIVE_EXTRACT_SECURE_SYMLINKS |
	             ARCHIVE_EXTRACT_SECURE_NODOTDOT |
	             ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS);
	if (archive_read_open_fd(in, fd, BLOCK_BYTES) != ARCHIVE_OK)
		(void)fault(in, "archive", err);
	else
		ret = extract_members(in, out, err);
	/* folders get their modes and times here */
	if (archive_write_close(out) != ARCHIVE_OK && ret == 0)
		ret = fault(out, "archive", err);
	(void)archive_write_free(out);
	(void)archive_read_free(in);
	return ret;
}

/*
 * The child's whole life. Its root is the new image: even where a check of a
 * name were wrong, nothing else can be reached. The locale is loaded before,
 * so that none is looked for in the image.
 */
static void __attribute__((noreturn))
extract_in(const char *rootfs, int fd, int report)
{
	struct error err = {0};
	size_t len;

	(void)setlocale(LC_CTYPE, "C.UTF-8");
	if (chroot(rootfs) != 0 || chdir("/") != 0) {
		(void)error_sys(&err, "%s", rootfs);
	} else {
		(void)umask(0);
		(void)extract(fd, &err);
	}
	if (err.code == ERROR_NONE)
		_exit(0);
	len = strlen(err.text);
	_exit(write(report, err.text, len) == (ssize_t)len ? 1 : 2);
}

static void __attribute__((noreturn)) pack(const char *source, int out)
{
	if (dup2(out, STDOUT_FILENO) == STDOUT_FILENO)
		(void)execl("/usr/bin/tar", "tar", "--create", "--file=-",
		    "--format=pax", "--numeric-owner", "--sort=name",
		    "--directory", source, ".", (char *)NULL);
	_exit(127);
}

static int
wait_status(pid_t pid)
{
	int status = -1;

	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static int
run_extractor(const char *rootfs, int fd, struct error *err)
{
	char text[sizeof(err->text)];
	autoclose int in = -1;
	ssize_t len;
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_sys(err, "pipe");
	in = ends[0];
	pid = fork();
	if (pid == 0)
		extract_in(rootfs, fd, ends[1]);
	(void)close(ends[1]);
	if (pid < 0)
		return error_sys(err, "fork");
	len = read(in, text, sizeof(text) - 1);
	text[len > 0 ? len : 0] = '\0';
	if (wait_status(pid) == 0)
		return 0;
	return error_set(err, ERROR_INVALID, "%s",
	    len > 0 ? text : "the archive could not be extracted");
}

/* A folder is imported as the archive that tar makes of it. */
static int
import_folder(const char *source, const char *rootfs, struct error *err)
{
	autoclose int in = -1;
	int ends[2], status, ret;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return error_sys(err, "pipe");
	in = ends[0];
	pid = fork();
	if (pid == 0)
		pack(source, ends[1]);
	(void)close(ends[1]);
	if (pid < 0)
		return error_sys(err, "fork");
	ret = run_extractor(rootfs, in, err);
	/* tar ends when nobody reads any more */
	(void)close(take_fd(&in));
	status = wait_status(pid);
	if (ret == 0 && status != 0)
		return error_set(
		    err, ERROR_SYSTEM, "tar could not read all of %s", source);
	return ret;
}

static int
import_any(const char *source, const char *rootfs, struct error *err)
{
	autoclose int fd = open(source, O_RDONLY | O_CLOEXEC);
	struct stat stat;

	if (fd < 0 || fstat(fd, &stat) != 0)
		return error_sys(err, "%s", source);
	if (S_ISDIR(stat.st_mode))
		return import_folder(source, rootfs, err);
	return run_extractor(rootfs, fd, err);
}

int
image_import(
    const char *dir, const char *name, const char *source, struct error *err)
{
	struct image_stage stage = {0};
	struct image image = {0};
	struct image taken;
	int ret = -1;

	if (image_check_name(name, err) != 0)
		return -1;
	if (image_find(dir, name, &taken, NULL) == 0) {
		image_clear(&taken);
		return error_set(
		    err, ERROR_STATE, "image %s is there already", name);
	}
	image.name = memory_string(name);
	image.source = realpath(source, NULL);
	if (image.source == NULL)
		(void)error_sys(err, "%s", source);
	else if (image_stage_open(&stage, dir, err) == 0 &&
	         import_any(image.source, stage.path, err) == 0)
		ret = image_publish(&stage, &image, err);
	if (stage.dir != NULL)
		image_stage_close(&stage);
	image_clear(&image);
	return ret;
}
