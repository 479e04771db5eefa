/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control messages between the keeper and the agent, on frames over the link.
 * The frame's stream is the exec's number: 1 upwards, each above all before it
 * in the life of a task; 0 is the link itself.
 *
 * keeper -> agent            agent -> keeper
 *   exec                       hello (stream 0, once, first), then held*
 *   resume (answers held)      started | refused
 *   STDIN*, empty at the end   STDOUT*, STDERR*, PTY*; empty at each one's end
 *   WINDOW (output credit)     WINDOW (stdin credit)
 *   signal                     terminal
 *   kill                       exit, always last of its stream
 *   resize, hangup
 *   forget (answers exit, refused)
 *
 * A link can be replaced, because its keeper was: the agent gets a descriptor
 * on the link that it has (SCM_RIGHTS, with one byte). It drops that link with
 * everything that is not whole on it and all that it has not sent yet, says
 * hello on the new one and held for each exec whose end is not forgotten.
 * Output credit is the acknowledgement: the agent keeps what it was not given
 * credit for, and after resume sends it again from the offsets that the keeper
 * has, then goes on: started (or refused), output, terminal, exit. Nothing but
 * held is said of an exec before its resume; signals, resizes and a hangup that
 * were on their way may be lost and are said again by the keeper.
 *
 * Both sides begin with WINDOW_OUTPUT, or WINDOW_PTY for a terminal, and
 * WINDOW_STDIN of credit for an exec.
 * Output credit is shared by the exec's streams.
 */
#ifndef PROTOCOL_LINK_H
#define PROTOCOL_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/exec_spec.h"
#include "protocol/json.h"

enum link_type {
	LINK_EXEC = 0, /* keeper -> agent: struct link_exec */
	LINK_SIGNAL,   /* keeper -> agent: struct link_signal */
	LINK_KILL,     /* keeper -> agent: SIGKILL to the exec's whole tree;
	                  no members */
	LINK_RESIZE,   /* keeper -> agent: struct link_resize, of an exec with
	                  a pty; the kernel sends SIGWINCH */
	LINK_HANGUP,   /* keeper -> agent: close the pty, as a modem would;
	                  the kernel sends SIGHUP; no members */
	LINK_RESUME,   /* keeper -> agent: struct link_resume */
	LINK_FORGET,   /* keeper -> agent: how it ended is kept here; no
	                  members */
	LINK_HELLO,    /* agent -> keeper: struct link_hello */
	LINK_HELD,     /* agent -> keeper: struct link_held */
	LINK_STARTED,  /* agent -> keeper: struct link_started */
	LINK_REFUSED,  /* agent -> keeper: struct link_refused */
	LINK_TERMINAL, /* agent -> keeper: struct link_terminal */
	LINK_EXIT,     /* agent -> keeper: struct link_exit */
	LINK_TYPES
};

/* Why a command could not be started. */
enum refusal {
	REFUSAL_NOT_FOUND = 0,  /* "not_found": no such program */
	REFUSAL_NOT_EXECUTABLE, /* "not_executable": no x bit, a directory, or a
	                           format that cannot run */
	REFUSAL_NO_USER,        /* "no_user": no such user in the image */
	REFUSAL_BAD_CWD,        /* "bad_cwd": no such directory, or no right */
	REFUSAL_LIMIT,          /* "limit": pids, memory, descriptors */
	REFUSAL_SYSTEM,         /* "system": anything else; text says what */
	REFUSALS
};

/* Name on the wire and in stream-json ("error.code"); never NULL. */
const char *refusal_name(enum refusal refusal);

struct link_exec {
	struct exec_spec spec;
};

struct link_signal {
	char *signal; /* "TERM": see protocol/signal.h */
	bool tree;    /* to every process of the exec; else to the process
	                 group that it began with */
};

struct link_resize {
	int64_t rows; /* 1..LIMIT_PTY_ROWS */
	int64_t cols; /* 1..LIMIT_PTY_COLS */
};

/*
 * What the pty's modes have become; both are on when it is made. The agent
 * looks before it writes each STDIN to the pty and after it has read from it;
 * a change is told before the credit of that STDIN, or that PTY frame.
 */
struct link_terminal {
	bool echo;      /* ECHO */
	bool canonical; /* ICANON */
};

struct link_hello {
	int64_t protocol; /* LINK_PROTOCOL */
	char *version;    /* the agent's, for logs */
	int64_t execs;    /* so many held follow; 0 on the first link */
};

/* Execs that are not forgotten: those that run, and as many that do not. */
#define LINK_HELD_MAX      2048
#define LINK_PROTOCOL      1
#define LINK_VERSION_BYTES 64

/* An exec of which the keeper may not know everything; offsets in bytes from
 * the beginning of a stream. */
struct link_held {
	int64_t out;    /* "stdout": the first byte that it can send again; a
	                   terminal's "pty" counts here too */
	int64_t err;    /* "stderr" */
	int64_t taken;  /* "stdin": bytes that have come */
	int64_t credit; /* ... and so many more may */
};

/* The first byte of each stream that the keeper has not kept. */
struct link_resume {
	int64_t out; /* "stdout" */
	int64_t err; /* "stderr" */
};

struct link_started {
	int64_t pid; /* in the sandbox's pid namespace */
};

struct link_refused {
	int reason; /* enum refusal */
	char *text; /* "no such file or directory: /bin/nope"; <= 512 bytes */
};

/* Resources of the exec's waited-for processes. */
struct rusage_spec {
	bool present;
	int64_t user_ms;
	int64_t system_ms;
	int64_t max_rss; /* bytes */
};

struct link_exit {
	int64_t code; /* 0..255, or -1 when a signal ended it */
	char *signal; /* NULL unless a signal ended it */
	bool core;    /* it dumped core */
	struct rusage_spec rusage;
};

extern const char *const link_types[LINK_TYPES + 1];
extern const struct json_shape *const link_shapes[LINK_TYPES];
extern const struct json_messages link_messages;
extern const struct json_shape link_signal_shape;
extern const struct json_shape link_hello_shape;
extern const struct json_shape link_resize_shape;
extern const struct json_shape rusage_shape;

union link_body {
	struct link_exec exec;
	struct link_signal signal;
	struct link_hello hello;
	struct link_held held;
	struct link_resume resume;
	struct link_started started;
	struct link_refused refused;
	struct link_resize resize;
	struct link_terminal terminal;
	struct link_exit exit;
};

#endif
