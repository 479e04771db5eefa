/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/limits.h"

static int
write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t part = write(fd, bytes, len);

		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0)
			return -1;
		bytes += part;
		len -= (size_t)part;
	}
	return 0;
}

/* The folder must have the new name on disk, too. */
static int
sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[LIMIT_PATH_BYTES];
	autoclose int fd = -1;

	(void)snprintf(folder, sizeof(folder), "%.*s",
	    slash == NULL ? 1 : (int)(slash - path + 1),
	    slash == NULL ? "." : path);
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -1 : fsync(fd);
}

int
state_write(const char *path, unsigned mode, const void *bytes, size_t len,
    struct error *err)
{
	char beside[LIMIT_PATH_BYTES];
	autoclose int fd = -1;

	if (strlen(path) > sizeof(beside) - sizeof(".new"))
		return error_set(
		    err, ERROR_LIMIT, "%.40s...: a path too long", path);
	(void)snprintf(beside, sizeof(beside), "%s.new", path);
	/* one that was left by a process that died half-way */
	(void)unlink(beside);
	fd = open(
	    beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_sys(err, "%s: %s", beside, strerror(errno));
	if (write_all(fd, bytes, len) == 0 && fchmod(fd, (mode_t)mode) == 0 &&
	    fsync(fd) == 0 && rename(beside, path) == 0 &&
	    sync_folder(path) == 0)
		return 0;
	(void)error_sys(err, "%s: %s", path, strerror(errno));
	(void)unlink(beside);
	return -1;
}
