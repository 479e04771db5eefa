/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"

/* What must hold of the file, asked of the open file, not of its name. */
static int
check_file(int fd, const char *path, size_t max, size_t *len, struct error *err)
{
	struct stat info;

	if (fstat(fd, &info) != 0)
		return error_sys(err, "%s: %s", path, strerror(errno));
	if (!S_ISREG(info.st_mode))
		return error_set(err, ERROR_INVALID, "%s: not a file", path);
	if (info.st_uid != geteuid() && info.st_uid != 0)
		return error_set(err, ERROR_DENIED, "%s: belongs to user %u",
		    path, (unsigned)info.st_uid);
	if ((info.st_mode & 077) != 0)
		return error_set(err, ERROR_DENIED,
		    "%s: mode %04o; others may not read a secret", path,
		    (unsigned)info.st_mode & 07777);
	if (info.st_size > (off_t)max)
		return error_set(
		    err, ERROR_LIMIT, "%s: more than %zu bytes", path, max);
	*len = (size_t)info.st_size;
	return 0;
}

static int
read_all(int fd, const char *path, char *bytes, size_t len, struct error *err)
{
	size_t done = 0;

	while (done < len) {
		ssize_t part = read(fd, bytes + done, len - done);

		if (part < 0 && errno == EINTR)
			continue;
		if (part < 0)
			return error_sys(err, "%s: %s", path, strerror(errno));
		if (part == 0)
			return error_set(err, ERROR_INVALID,
			    "%s: it became shorter while it was read", path);
		done += (size_t)part;
	}
	return 0;
}

int
secret_read(
    struct secret *secret, const char *path, size_t max, struct error *err)
{
	autoclose int fd = open(
	    path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK);
	struct secret read = {NULL, 0};

	if (fd < 0)
		return error_sys(err, "%s: %s", path, strerror(errno));
	if (check_file(fd, path, max, &read.len, err) != 0)
		return -1;
	read.bytes = memory_new(read.len + 1, 1);
	if (read_all(fd, path, read.bytes, read.len, err) != 0) {
		secret_clear(&read);
		return -1;
	}
	secret_clear(secret);
	*secret = read;
	return 0;
}

void
secret_clear(struct secret *secret)
{
	if (secret->bytes == NULL)
		return;
	explicit_bzero(secret->bytes, secret->len);
	free(secret->bytes);
	secret->bytes = NULL;
	secret->len = 0;
}
