/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of a task's journal (journal.h): one JSON object each, one change
 * of the exec table each. docs/frames.md describes them; history.h says what
 * may follow what. Times are of CLOCK_MONOTONIC, in milliseconds: a journal
 * does not outlive a boot, because no sandbox does.
 */
#ifndef SERVER_KEEPER_JOURNAL_LINE_H
#define SERVER_KEEPER_JOURNAL_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/attachment.h"
#include "protocol/exec_spec.h"
#include "protocol/json.h"

#define JOURNAL_VERSION 1

#define JOURNAL_WHAT_BYTES 256u

/* A line: a whole given stdin whose bytes are all written as escapes, and the
 * message of its command. */
#define JOURNAL_LINE_MAX (6u << 20)

enum journal_type {
	JOURNAL_BEGIN = 0, /* struct journal_begin: the first line */
	JOURNAL_EXEC,      /* struct journal_exec: taken on */
	JOURNAL_SENT,      /* struct journal_sent: to the agent */
	JOURNAL_STARTED,   /* struct journal_started */
	JOURNAL_ASKED,     /* struct journal_asked: all that is asked of it */
	JOURNAL_SIGNAL,    /* struct journal_signal: it waits for the link */
	JOURNAL_DELIVERED, /* no members: the signals of all execs */
	JOURNAL_ENDED,     /* struct journal_ended: its output is all kept */
	JOURNAL_DROPPED, /* struct journal_number: forgotten, or never begun */
	JOURNAL_TYPES
};

struct journal_begin {
	int64_t version; /* JOURNAL_VERSION */
	char *task;
	int64_t last; /* number given out before */
};

struct journal_exec {
	int64_t number;
	char *principal;
	char *what;    /* for lists and logs */
	char *message; /* for the agent; NULL: it has started */
	char *token;   /* NULL: none */
	char *spec;    /* exec_spec_digest, with a token */
	char *name;    /* NULL: none */
	struct exec_pty pty;
	int64_t timeout_ms; /* 0: none */
	int64_t output;     /* bytes to keep */
	int overflow;       /* enum exec_overflow */
	bool tied;          /* to the attachment that started it */
	bool plain;         /* ... which is a plain session of its terminal */
	bool open;          /* its stdin */
	struct json_data input; /* "stdin": given with it, from offset "from" */
	int64_t from;
};

struct journal_sent {
	int64_t number;
	int64_t at_ms;       /* "at" */
	int64_t deadline_ms; /* "deadline"; 0: none */
	int64_t oom;         /* the task's count then */
};

struct journal_started {
	int64_t number;
	int64_t pid;
};

enum kill_asked { KILL_NOT_ASKED = 0, KILL_GROUP, KILL_TREE, KILLS_ASKED };

struct journal_asked {
	int64_t number;
	int kill;       /* enum kill_asked: somebody had KILL sent to it */
	bool timed_out; /* we killed it at its deadline */
	bool hung_up;   /* its terminal's line is cut */
	int64_t end;    /* "stdin": offset of its end; -1: it may go on */
};

struct journal_signal {
	int64_t number;
	char *signal;
	bool tree;
};

struct journal_ended {
	int64_t number;
	struct attachment_exit exit;
};

struct journal_number {
	int64_t number;
};

union journal_body {
	struct journal_begin begin;
	struct journal_exec exec;
	struct journal_sent sent;
	struct journal_started started;
	struct journal_asked asked;
	struct journal_signal signal;
	struct journal_ended ended;
	struct journal_number dropped;
};

extern const char *const journal_types[JOURNAL_TYPES + 1];
extern const struct json_shape *const journal_shapes[JOURNAL_TYPES];
extern const struct json_messages journal_messages;

#endif
