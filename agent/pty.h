/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command's terminal. Its subreaper makes the pair, as the command's user, so
 * that the device in /dev/pts is that user's; then the agent has the master,
 * and the command and what it starts have the slave.
 *
 * The agent never looks at the bytes. What it tells of the terminal is whether
 * it echoes and takes lines, because that cannot be seen from outside.
 */
#ifndef AGENT_PTY_H
#define AGENT_PTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/types.h>

#include "protocol/link.h"

struct exec_pty;
struct outbox;
struct refused;

/*
 * More than the kernel keeps of what was written to a pty: 8 KiB, which it may
 * exceed by one write's worth, before the 4 KiB that the master reads from.
 */
#define PTY_KEPT_BYTES (16u << 10)

#define PTY_NAME_BYTES 32u

struct pty_pair {
	int master;                /* owned, non-blocking */
	int slave;                 /* owned */
	char name[PTY_NAME_BYTES]; /* "/dev/pts/0" */
};

/*
 * Make a terminal of the sandbox's own devpts: sane modes with IUTF8, of the
 * size that spec says, its device owned by uid. Nobody's controlling terminal.
 * returns 0, or -1 with refused set (no /dev/ptmx, no devpts, none left)
 */
int pty_make(const struct exec_pty *spec, uid_t uid, struct pty_pair *pair,
    struct refused *refused);

/* The agent's side. */
struct pty {
	bool present;          /* the exec has one; else all is zero */
	int fd;                /* the master, owned; -1: it has not come yet, or
	                          was closed */
	struct outbox *outbox; /* borrowed */
	struct link_terminal told; /* what the keeper knows of its modes */
	struct winsize size;       /* asked for before the master came; no rows:
	                              none was */
	bool hung_up;              /* a hangup is due when the command runs */
	bool in_line;              /* what was typed last did not end a line */
	int64_t active_us;         /* when a byte last came or went */
	unsigned looks;            /* at its modes, since then */
	/* Called before a change of its modes is told: what was typed before
	 * is to be credited first. NULL: nothing is typed. */
	void (*on_change)(void *data);
	void *data;
};

/* Begin with a terminal that is still to come. */
void pty_init(struct pty *pty, struct outbox *outbox);

/* The master has come; taken. */
void pty_open(struct pty *pty, int fd);

/* Give it another size; the kernel tells the foreground group. */
void pty_resize(struct pty *pty, const struct link_resize *size);

/*
 * Read what was written to it, at most size bytes (> 0), and then tell the
 * keeper what its modes have become.
 * returns as read(2): bytes, -1 with errno: EAGAIN, EIO when nobody has it open
 *         any more
 */
ssize_t pty_read(struct pty *pty, uint8_t *bytes, size_t size);

/*
 * Tell what its modes have become, and type bytes.
 * returns as write(2); -1 EAGAIN also before the master has come
 */
ssize_t pty_write(struct pty *pty, const uint8_t *bytes, size_t len);

/*
 * Stdin has ended: if the terminal takes lines, type its end-of-file character,
 * twice where a line was begun, since the first only hands that over. Otherwise
 * that character would be input like any other, and nothing is typed.
 * returns whether that is done; else call again when it can be written to
 */
bool pty_type_end(struct pty *pty);

/*
 * A program may write its prompt first and change the modes then: look at them
 * again, twice, after a byte has come or gone.
 * returns ms until this should be called again, -1: not before another byte
 */
int pty_tick(struct pty *pty);

/* Bytes that can be read now. */
size_t pty_pending(const struct pty *pty);

/*
 * Send a signal to the foreground process group, as an interrupt key does.
 * returns whether there is one
 */
bool pty_signal(const struct pty *pty, int number);

/*
 * Close the master, as when a modem hangs up: the kernel sends SIGHUP and
 * SIGCONT to the session leader, and to the foreground group when the leader
 * has gone. What was not read is lost. Safe twice.
 */
void pty_close(struct pty *pty);

#endif
