/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/ssh_port.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "protocol/cleanup.h"
#include "protocol/error.h"

#define BACKLOG 4096 /* cut by net.core.somaxconn */

union address {
	struct sockaddr any;
	struct sockaddr_in four;
	struct sockaddr_in6 six;
};

static int
parse(const char *text, int port, union address *out, socklen_t *len,
    struct error *err)
{
	memset(out, 0, sizeof(*out));
	if (inet_pton(AF_INET, text, &out->four.sin_addr) == 1) {
		out->four.sin_family = AF_INET;
		out->four.sin_port = htons((uint16_t)port);
		*len = sizeof(out->four);
		return 0;
	}
	if (inet_pton(AF_INET6, text, &out->six.sin6_addr) == 1) {
		out->six.sin6_family = AF_INET6;
		out->six.sin6_port = htons((uint16_t)port);
		*len = sizeof(out->six);
		return 0;
	}
	return error_set(
	    err, ERROR_INVALID, "listen: %s is no numeric address", text);
}

/*
 * Gates that an earlier manager left hold its socket until they have ours:
 * sockets that share a port can be bound side by side for that moment. When
 * there are none, sharing is switched on only after the port is ours alone, or
 * two gateways would silently split one port's connections.
 */
static int
bind_port(int fd, const union address *address, socklen_t len, bool beside)
{
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
	    (beside && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on,
	                   sizeof(on)) != 0) ||
	    bind(fd, &address->any, len) != 0)
		return -1;
	return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
}

static int
port_of(const union address *address)
{
	return ntohs(address->any.sa_family == AF_INET
	                 ? address->four.sin_port
	                 : address->six.sin6_port);
}

int
ssh_port_check(int fd, const char *address, int *port, struct error *err)
{
	union address wanted, bound;
	socklen_t len = sizeof(bound), wanted_len = 0;
	int listens = 0;
	socklen_t size = sizeof(listens);

	memset(&bound, 0, sizeof(bound));
	if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 ||
	    listens == 0 || getsockname(fd, &bound.any, &len) != 0 ||
	    (bound.any.sa_family != AF_INET && bound.any.sa_family != AF_INET6))
		return error_set(err, ERROR_INVALID, "no listening socket");
	if (parse(address, *port == 0 ? port_of(&bound) : *port, &wanted,
	        &wanted_len, err) != 0)
		return -1;
	if (len != wanted_len || memcmp(&bound, &wanted, len) != 0)
		return error_set(
		    err, ERROR_INVALID, "a socket on another address or port");
	*port = port_of(&bound);
	return 0;
}

int
ssh_port_borrow(
    int64_t pid, const char *address, int *port, int *out, struct error *err)
{
	autoclose int pidfd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
	char path[64];
	const struct dirent *entry;
	int fd = -1;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%lld/fd", (long long)pid);
	dir = pidfd < 0 ? NULL : opendir(path);
	if (dir == NULL)
		return error_sys(err, "%s", path);
	while (fd < 0 && (entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		fd = (int)syscall(SYS_pidfd_getfd, pidfd,
		    (int)strtol(entry->d_name, NULL, 10), 0);
		if (fd < 0 || ssh_port_check(fd, address, port, err) == 0)
			continue;
		(void)close(fd);
		fd = -1;
	}
	(void)closedir(dir);
	if (fd < 0)
		return error_set(err, ERROR_NOT_FOUND,
		    "process %lld does not listen there", (long long)pid);
	*out = fd;
	return 0;
}

int
ssh_port_open(
    const char *address, int *port, bool beside, int *out, struct error *err)
{
	union address bound;
	autoclose int fd = -1;
	socklen_t len = 0;

	if (parse(address, *port, &bound, &len, err) != 0)
		return -1;
	fd = socket(
	    bound.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return error_sys(err, "socket: %s", strerror(errno));
	if (bind_port(fd, &bound, len, beside) != 0) {
		if (errno == EADDRINUSE)
			return error_set(err, ERROR_STATE,
			    "%s port %d is in use", address, *port);
		return error_sys(
		    err, "%s port %d: %s", address, *port, strerror(errno));
	}
	if (listen(fd, BACKLOG) != 0 || getsockname(fd, &bound.any, &len) != 0)
		return error_sys(
		    err, "%s port %d: %s", address, *port, strerror(errno));
	*port = port_of(&bound);
	*out = take_fd(&fd);
	return 0;
}
