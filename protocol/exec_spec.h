/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command to start: the members that stream-json's exec, the attachment and
 * the link share. Each boundary's shape has one of the shapes below inline, and
 * so reads the same names under the same limits.
 */
#ifndef PROTOCOL_EXEC_SPEC_H
#define PROTOCOL_EXEC_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/json.h"

struct error;

enum exec_stdin { EXEC_STDIN_CLOSED = 0, EXEC_STDIN_OPEN, EXEC_STDIN_MODES };

/* How the size of a terminal follows from those of its clients. */
enum size_policy {
	SIZE_LATEST = 0, /* that of whoever typed last */
	SIZE_SMALLEST,
	SIZE_LARGEST,
	SIZE_FIXED, /* as it was made, or was resized to by request */
	SIZE_POLICIES
};

extern const char *const size_policy_names[SIZE_POLICIES + 1];

/* A terminal of rows x cols. Shape in exec_spec.c. */
struct exec_pty {
	bool present;
	int64_t rows; /* 1..LIMIT_PTY_ROWS */
	int64_t cols; /* 1..LIMIT_PTY_COLS */
	char *term;   /* TERM, 1..LIMIT_TERM_BYTES; NULL: xterm-256color */
	int size;     /* enum size_policy */
};

/* When the spool is full of what the owner has not been sent. */
enum exec_overflow {
	OVERFLOW_SLOW = 0, /* the command waits */
	OVERFLOW_DROP,     /* the oldest goes, and a gap says so */
	OVERFLOWS
};

extern const char *const exec_overflow_names[OVERFLOWS + 1];

struct exec_spec {
	char **argv;    /* run as it is, or */
	char *command;  /* given to the user's shell with -c; or */
	bool login;     /* neither: the user's login shell */
	char *cwd;      /* NULL: the task's */
	char **env;     /* "name=value", added to the task's; NULL: none */
	char *user;     /* name or number in the sandbox; NULL: the task's */
	int stdin_mode; /* enum exec_stdin */
	struct json_data input; /* given instead: all of stdin, then its end;
	                           more than a CONTROL frame takes goes as
	                           EXEC_STDIN_OPEN and STDIN frames */
	struct exec_pty pty;
	int64_t timeout_ms; /* 0: the default of whoever attaches */
	char *name;   /* a label for lists; with pty: of the session, which
	                 no other running terminal of the task has; NULL */
	char *token;  /* client token: a principal's second start with the
	                 token of an exec that is kept attaches to that;
	                 NULL. Not sent to the agent, as timeout_ms */
	int overflow; /* enum exec_overflow; not sent to the agent */
};

/* argv command cwd env user stdin timeout_ms name pty token overflow login */
extern const struct json_shape exec_spec_shape;

/* A terminal alone: rows cols term size. */
extern const struct json_shape exec_pty_shape;

/* What a brain may say: all but login. */
extern const struct json_shape exec_spec_brain_shape;

/*
 * What no single field can say, and the shapes check: exactly one of argv,
 * command and login; argv's first item not empty; name a valid name; with pty
 * no stdin given, for its terminal is what it reads.
 */
int exec_spec_check(const struct exec_spec *spec, struct error *err);

/* Text for logs and lists: the command, or argv joined by spaces, cut to size.
 */
void exec_spec_describe(const struct exec_spec *spec, char *text, size_t size);

#endif
