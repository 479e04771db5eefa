/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/recorder_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "server/common/log.h"
#include "server/keeper/exec.h"
#include "server/keeper/keeper.h"

static int
open_file(const struct exec *exec, int flags, struct error *err)
{
	char name[LIMIT_EXEC_ID_BYTES + sizeof(".cast")];
	int fd;

	(void)snprintf(name, sizeof(name), "%s.cast", exec->id);
	fd = openat(exec->keeper->recording_dir, name,
	    O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags, 0600);
	return fd >= 0 ? fd : error_sys(err, "%s", name);
}

int
recorder_file_make(
    struct recorder_file *file, const struct exec *exec, struct error *err)
{
	int fd = open_file(exec, O_CREAT | O_EXCL, err);

	if (fd < 0)
		return -1;
	*file = (struct recorder_file){.fd = fd};
	return 0;
}

int
recorder_file_reopen(struct recorder_file *file, const struct exec *exec,
    uint64_t size, struct error *err)
{
	int fd = open_file(exec, 0, err);
	struct stat is;

	if (fd < 0)
		return -1;
	*file = (struct recorder_file){fd, size, size};
	if (fstat(fd, &is) != 0)
		(void)error_sys(err, "stat");
	else if (!S_ISREG(is.st_mode) || (uint64_t)is.st_size < size)
		(void)error_set(err, ERROR_INVALID, "it was cut short");
	else if (ftruncate(fd, (off_t)size) != 0)
		(void)error_sys(err, "cut it");
	else
		return 0;
	(void)close(fd);
	return -1;
}

static void
wrote(struct recorder_file *file, struct buffer *lines, size_t len)
{
	const uint8_t *bytes = buffer_bytes(lines);
	const uint8_t *last = memrchr(bytes, '\n', len);

	if (last != NULL)
		file->whole = file->written + (uint64_t)(last - bytes) + 1;
	file->written += len;
	buffer_consume(lines, len);
}

enum recorder_write
recorder_file_write(
    struct recorder_file *file, struct buffer *lines, struct error *err)
{
	while (buffer_len(lines) > 0) {
		ssize_t got = pwrite(file->fd, buffer_bytes(lines),
		    buffer_len(lines), (off_t)file->written);

		if (got > 0) {
			wrote(file, lines, (size_t)got);
			continue;
		}
		if (got < 0 && errno == EINTR)
			continue;
		(void)error_sys(err, "write");
		return err->sys == ENOSPC || err->sys == EDQUOT
		           ? RECORDER_FULL
		           : RECORDER_FAILED;
	}
	return RECORDER_WRITTEN;
}

void
recorder_file_close(struct recorder_file *file)
{
	if (file->fd < 0)
		return;
	/* a disk that is full can be given something back */
	if (file->whole < file->written &&
	    ftruncate(file->fd, (off_t)file->whole) != 0)
		log_warning("the last line of a recording is not whole");
	(void)close(file->fd);
	file->fd = -1;
}
