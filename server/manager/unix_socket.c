/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/unix_socket.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"

#define BACKLOG 128

static int
open_socket(
    const char *path, int *fd, struct sockaddr_un *address, struct error *err)
{
	size_t len = strlen(path);

	if (len >= sizeof(address->sun_path))
		return error_set(err, ERROR_LIMIT, "%s: path is long", path);
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, path, len + 1);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		return error_sys(err, "socket: %s", strerror(errno));
	return 0;
}

int
unix_listen(const char *path, uid_t uid, int *out, struct error *err)
{
	struct sockaddr_un address;
	autoclose int fd = -1;

	if (open_socket(path, &fd, &address, err) != 0)
		return -1;
	/* bind takes the file's mode from the socket's: it is never wider */
	if (fchmod(fd, 0600) != 0)
		return error_sys(err, "%s: mode: %s", path, strerror(errno));
	if (unlink(path) != 0 && errno != ENOENT)
		return error_sys(err, "%s: unlink: %s", path, strerror(errno));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return error_sys(err, "%s: bind: %s", path, strerror(errno));
	if (uid != 0 && lchown(path, uid, (gid_t)-1) != 0)
		return error_sys(err, "%s: owner: %s", path, strerror(errno));
	if (listen(fd, BACKLOG) != 0)
		return error_sys(err, "%s: listen: %s", path, strerror(errno));
	*out = take_fd(&fd);
	return 0;
}

int
unix_connect(const char *path, int *out, struct error *err)
{
	struct sockaddr_un address;
	autoclose int fd = -1;

	if (open_socket(path, &fd, &address, err) != 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		if (errno == ENOENT || errno == ECONNREFUSED)
			return error_set(
			    err, ERROR_NOT_FOUND, "%s: nobody listens", path);
		if (errno == EAGAIN)
			return error_set(
			    err, ERROR_LIMIT, "%s: too many wait", path);
		return error_sys(err, "%s: connect: %s", path, strerror(errno));
	}
	*out = take_fd(&fd);
	return 0;
}
