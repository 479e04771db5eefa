/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/pty.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "agent/outbox.h"
#include "agent/refused.h"
#include "protocol/exec_spec.h"

/*
 * A key's echo is sent as soon as it was read. Who writes more than this has
 * usually written more, which is read into the same frame; not for long, for
 * other terminals wait meanwhile.
 */
#define LONE_READ_BYTES 2048
#define READ_US         200

/* When the modes are looked at again after a byte. */
static const int64_t looks_us[] = {10000, 100000};
#define LOOKS (sizeof(looks_us) / sizeof(*looks_us))

/*
 * Whoever opens /dev/ptmx owns the new device. The real uid stays, so the
 * user's processes can do nothing to this one meanwhile. Not waiting: the path
 * is the image's, and may lead to anything.
 */
static int
open_master(uid_t uid)
{
	uid_t before = (uid_t)syscall(SYS_setfsuid, uid);
	int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
	int sys = errno;

	(void)syscall(SYS_setfsuid, before);
	errno = sys;
	return fd;
}

static int
set_up(const struct pty_pair *pair, const struct exec_pty *spec)
{
	const struct winsize size = {.ws_row = (unsigned short)spec->rows,
	    .ws_col = (unsigned short)spec->cols};
	struct termios modes;

	/* the kernel's own beginning is what stty calls sane */
	if (tcgetattr(pair->slave, &modes) != 0)
		return -1;
	modes.c_iflag |= IUTF8;
	if (tcsetattr(pair->slave, TCSANOW, &modes) != 0)
		return -1;
	return ioctl(pair->slave, TIOCSWINSZ, &size);
}

int
pty_make(const struct exec_pty *spec, uid_t uid, struct pty_pair *pair,
    struct refused *refused)
{
	const int unlocked = 0;
	unsigned int number;
	const char *what = "cannot open /dev/ptmx";

	pair->slave = -1;
	pair->master = open_master(uid);
	if (pair->master < 0)
		goto out;
	what = "/dev/ptmx gives no terminal";
	if (ioctl(pair->master, TIOCGPTN, &number) != 0 ||
	    ioctl(pair->master, TIOCSPTLCK, &unlocked) != 0)
		goto out;
	(void)snprintf(pair->name, sizeof(pair->name), "/dev/pts/%u", number);
	what = "cannot open a terminal of /dev/pts";
	pair->slave =
	    ioctl(pair->master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (pair->slave < 0)
		goto out;
	what = "cannot set up a terminal";
	if (set_up(pair, spec) == 0)
		return 0;
out:
	(void)refused_sys(refused, errno, "%s", what);
	if (pair->slave >= 0)
		(void)close(pair->slave);
	if (pair->master >= 0)
		(void)close(pair->master);
	return -1;
}

void
pty_init(struct pty *pty, struct outbox *outbox)
{
	*pty = (struct pty){.present = true,
	    .fd = -1,
	    .outbox = outbox,
	    .told = {.echo = true, .canonical = true},
	    .looks = LOOKS};
}

void
pty_open(struct pty *pty, int fd)
{
	pty->fd = fd;
	if (pty->size.ws_row > 0)
		(void)ioctl(fd, TIOCSWINSZ, &pty->size);
}

void
pty_resize(struct pty *pty, const struct link_resize *size)
{
	pty->size = (struct winsize){.ws_row = (unsigned short)size->rows,
	    .ws_col = (unsigned short)size->cols};
	if (pty->fd >= 0)
		(void)ioctl(pty->fd, TIOCSWINSZ, &pty->size);
}

/* The modes now, which the keeper then knows; asked of the master, the kernel
 * tells the slave's. */
static void
look(struct pty *pty, struct termios *modes)
{
	struct link_terminal now;

	if (tcgetattr(pty->fd, modes) != 0) {
		*modes = (struct termios){0};
		return;
	}
	now.echo = (modes->c_lflag & ECHO) != 0;
	now.canonical = (modes->c_lflag & ICANON) != 0;
	if (now.echo == pty->told.echo && now.canonical == pty->told.canonical)
		return;
	pty->told = now;
	if (pty->on_change != NULL)
		pty->on_change(pty->data);
	outbox_terminal(pty->outbox, &now);
}

static int64_t
clock_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void
was_active(struct pty *pty)
{
	pty->active_us = clock_us();
	pty->looks = 0;
}

ssize_t
pty_read(struct pty *pty, uint8_t *bytes, size_t size)
{
	int64_t end_us = clock_us() + READ_US;
	struct termios modes;
	size_t len = 0;
	ssize_t n;

	do {
		n = read(pty->fd, bytes + len, size - len);
		if (n > 0)
			len += (size_t)n;
	} while (n >= LONE_READ_BYTES && len < size && clock_us() < end_us);
	/* an end behind some bytes is met again */
	if (len == 0)
		return n;
	was_active(pty);
	look(pty, &modes);
	return (ssize_t)len;
}

ssize_t
pty_write(struct pty *pty, const uint8_t *bytes, size_t len)
{
	struct termios modes;
	ssize_t n;

	if (pty->fd < 0) {
		errno = EAGAIN;
		return -1;
	}
	was_active(pty);
	look(pty, &modes);
	n = write(pty->fd, bytes, len);
	if (n > 0)
		pty->in_line = bytes[n - 1] != '\n' && bytes[n - 1] != '\r';
	return n;
}

bool
pty_type_end(struct pty *pty)
{
	struct termios modes;
	int wanted = pty->in_line ? 2 : 1;

	if (pty->fd < 0)
		return false;
	look(pty, &modes);
	if (!(modes.c_lflag & ICANON) || modes.c_cc[VEOF] == _POSIX_VDISABLE)
		return true;
	for (; wanted > 0; wanted--) {
		ssize_t n = write(pty->fd, &modes.c_cc[VEOF], 1);

		if (n < 0)
			return errno != EAGAIN && errno != EINTR;
		pty->in_line = false;
	}
	return true;
}

int
pty_tick(struct pty *pty)
{
	struct termios modes;
	int64_t left_us;

	while (pty->fd >= 0 && pty->looks < LOOKS) {
		left_us = pty->active_us + looks_us[pty->looks] - clock_us();
		if (left_us > 0)
			return (int)(left_us / 1000 + 1);
		look(pty, &modes);
		pty->looks++;
	}
	return -1;
}

size_t
pty_pending(const struct pty *pty)
{
	/* looking makes the kernel hand over what it has not sorted yet */
	struct pollfd now = {.fd = pty->fd, .events = POLLIN};
	int pending = 0;

	if (pty->fd < 0 || poll(&now, 1, 0) < 0 ||
	    ioctl(pty->fd, FIONREAD, &pending) != 0 || pending < 0)
		return 0;
	return (size_t)pending;
}

/*
 * The kernel remembers the number of a group whose processes have all gone, and
 * by now another session may have it. 0 and 1 would be our own group and
 * everybody.
 */
bool
pty_signal(const struct pty *pty, int number)
{
	pid_t group = 0;
	pid_t session = 0;
	pid_t leader;

	if (pty->fd < 0 || ioctl(pty->fd, TIOCGPGRP, &group) != 0 ||
	    ioctl(pty->fd, TIOCGSID, &session) != 0 || group <= 1)
		return false;
	leader = getsid(group);
	if (leader >= 0 && leader != session)
		return false;
	return kill(-group, number) == 0;
}

void
pty_close(struct pty *pty)
{
	if (pty->present && pty->fd >= 0)
		(void)close(pty->fd);
	pty->fd = -1;
}
