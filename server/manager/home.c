/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/home.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/state_file.h"
#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"

#define INSTANCE     "instance"
#define PORT_FILE    "run/port"
#define LOCK_POLL_MS 20

static const struct {
	const char *path;
	mode_t mode;
} folders[] = {
    {"run", 0711},
    {"run/gate", 0711}, /* the gate's root: its socket has its user's id */
    {"run/runc", 0700},
    {"tasks", 0711},
    {"images", 0711},
    {"profiles.d", 0700},
    {"recordings", 0700},
};

static const char *const swept[] = {
    "run/admin.sock",
    "run/gate/manager.sock",
    "run/port",
    "run/tasks.conf",
};

static int
make_folder(const char *path, mode_t mode, struct error *err)
{
	struct stat st;

	if (mkdir(path, mode) == 0) {
		if (chmod(path, mode) != 0) /* whatever the umask was */
			return error_sys(err, "%s: %s", path, strerror(errno));
		return 0;
	}
	if (errno != EEXIST || stat(path, &st) != 0)
		return error_sys(err, "%s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return error_set(err, ERROR_SYSTEM, "%s is no folder", path);
	return 0;
}

static int
take_lock(struct home *home, struct error *err)
{
	char holder[32] = "";
	int waited = 0;
	ssize_t len;

	if (home->lock < 0)
		home->lock = open(
		    "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (home->lock < 0)
		return error_sys(err, "lock: %s", strerror(errno));
	while (flock(home->lock, LOCK_EX | LOCK_NB) != 0) {
		if (errno != EWOULDBLOCK)
			return error_sys(err, "lock: %s", strerror(errno));
		if (waited >= HOME_LOCK_WAIT_MS) {
			len = pread(home->lock, holder, sizeof(holder) - 1, 0);
			holder[len < 0 ? 0 : len] = '\0';
			return error_set(err, ERROR_STATE,
			    "%.120s is served already, by process %s",
			    home->dir, holder);
		}
		(void)poll(NULL, 0, LOCK_POLL_MS);
		waited += LOCK_POLL_MS;
	}
	len = snprintf(holder, sizeof(holder), "%ld", (long)getpid());
	if (ftruncate(home->lock, 0) != 0 ||
	    pwrite(home->lock, holder, (size_t)len, 0) != len)
		return error_sys(err, "lock: %s", strerror(errno));
	return 0;
}

static int
find_instance(struct home *home, struct error *err)
{
	autofree char *text = NULL;
	size_t len;

	if (home_read(INSTANCE, NAME_ID_BYTES, &text, &len, NULL) == 0 &&
	    len == NAME_ID_BYTES - 1 && name_is_valid(text)) {
		memcpy(home->instance, text, NAME_ID_BYTES);
		return 0;
	}
	name_generate(home->instance);
	return state_write(
	    INSTANCE, 0600, home->instance, strlen(home->instance), err);
}

int
home_open(struct home *home, const char *dir, int lock, struct error *err)
{
	size_t i;

	memset(home, 0, sizeof(*home));
	home->lock = lock;
	if (make_folder(dir, 0711, err) != 0)
		return -1;
	home->dir = realpath(dir, NULL);
	if (home->dir == NULL || chdir(home->dir) != 0)
		return error_sys(err, "%s: %s", dir, strerror(errno));
	if (take_lock(home, err) != 0)
		return -1;
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
		if (make_folder(folders[i].path, folders[i].mode, err) != 0)
			return -1;
	}
	return find_instance(home, err);
}

void
home_close(struct home *home)
{
	if (home->lock >= 0)
		(void)close(home->lock);
	home->lock = -1;
	free(home->dir);
	home->dir = NULL;
}

void
home_sweep(void)
{
	size_t i;

	for (i = 0; i < sizeof(swept) / sizeof(swept[0]); i++)
		(void)unlink(swept[i]);
}

int
home_port(void)
{
	autofree char *text = NULL;
	size_t len;
	long port;

	if (home_read(PORT_FILE, 16, &text, &len, NULL) != 0)
		return 0;
	port = strtol(text, NULL, 10);
	return port > 0 && port < 65536 ? (int)port : 0;
}

int
home_save_port(int port, struct error *err)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d\n", port);

	return home_write(PORT_FILE, 0644, text, (size_t)len, err);
}

static int
write_all(int fd, const char *bytes, size_t len)
{
	ssize_t done;

	while (len > 0) {
		done = write(fd, bytes, len);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return -1;
		bytes += done;
		len -= (size_t)done;
	}
	return 0;
}

int
home_write(const char *path, unsigned mode, const void *bytes, size_t len,
    struct error *err)
{
	char temporary[256];
	autoclose int fd = -1;

	if (snprintf(temporary, sizeof(temporary), "%s.new", path) >=
	    (int)sizeof(temporary))
		return error_set(err, ERROR_LIMIT, "%s: path is long", path);
	(void)unlink(temporary);
	fd = open(temporary,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return error_sys(err, "%s: %s", temporary, strerror(errno));
	if (write_all(fd, bytes, len) != 0 || fchmod(fd, mode) != 0 ||
	    rename(temporary, path) != 0) {
		(void)error_sys(err, "%s: %s", path, strerror(errno));
		(void)unlink(temporary);
		return -1;
	}
	return 0;
}

int
home_read(
    const char *path, size_t max, char **out, size_t *len, struct error *err)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	autofree char *text = NULL;
	size_t used = 0;
	ssize_t got = 1;

	if (fd < 0 && errno == ENOENT)
		return error_set(err, ERROR_NOT_FOUND, "%s is not there", path);
	if (fd < 0)
		return error_sys(err, "%s: %s", path, strerror(errno));
	text = memory_new(1, max + 2);
	while (got > 0 && used <= max) {
		got = read(fd, text + used, max + 1 - used);
		if (got < 0)
			return error_sys(err, "%s: %s", path, strerror(errno));
		used += (size_t)got;
	}
	if (used > max)
		return error_set(
		    err, ERROR_LIMIT, "%s: more than %zu bytes", path, max);
	text[used] = '\0';
	*len = used;
	*out = take(&text);
	return 0;
}
