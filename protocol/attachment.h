/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control messages on an attachment: the socket between a gate and a keeper,
 * connected by the manager, who speaks first on it (admit) and then hands the
 * descriptor to the gate. What the manager said there is what the keeper
 * believes; nothing the gate says can widen it.
 *
 * The gate numbers its streams, 1 upwards; each carries one exec and is free
 * again after refused (of its start or attach), detached or exit. A refused
 * that answers signal or STDIN leaves the stream as it was; refused STDIN is
 * told once a stream. What comes on a stream that is free, but for start and
 * attach, is ignored: it crossed with what ended the stream.
 *
 * One stream at a time feeds an exec: the one that started it, or after that
 * one has gone the next that writes; others are refused (state).
 *
 * gate -> keeper                 keeper -> gate
 *   start | attach                 started | attached | refused
 *   STDIN*, empty at the end       STDOUT*, STDERR*, PTY*, empty at the end
 *   signal                         gap, WINDOW (stdin credit)
 *   detach                         taken (answers signal), detached
 *                                  exit, always last of its stream
 *
 * Output has no credit here: when the reader stops reading, the socket fills
 * and the keeper's spool absorbs the rest. STDIN has WINDOW_STDIN of credit,
 * given back as the command's pipe takes the bytes.
 */
#ifndef PROTOCOL_ATTACHMENT_H
#define PROTOCOL_ATTACHMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/exec_spec.h"
#include "protocol/json.h"
#include "protocol/link.h"

enum attachment_type {
	ATTACHMENT_ADMIT = 0, /* manager -> keeper: struct attachment_admit */
	ATTACHMENT_START,     /* struct attachment_start */
	ATTACHMENT_ATTACH,    /* struct attachment_attach */
	ATTACHMENT_SIGNAL,    /* struct link_signal */
	ATTACHMENT_DETACH,    /* no members */
	ATTACHMENT_STARTED,   /* struct attachment_started */
	ATTACHMENT_ATTACHED,  /* struct attachment_attached */
	ATTACHMENT_REFUSED,   /* struct attachment_refused */
	ATTACHMENT_TAKEN,     /* no members: the agent has the signal */
	ATTACHMENT_DETACHED,  /* no members */
	ATTACHMENT_GAP,       /* struct attachment_gap */
	ATTACHMENT_EXIT,      /* struct attachment_exit */
	ATTACHMENT_TYPES
};

enum output_stream {
	OUTPUT_STDOUT = 0,
	OUTPUT_STDERR,
	OUTPUT_PTY,
	OUTPUT_STREAMS
};

/* "stdout", "stderr", "pty"; NULL-terminated. */
extern const char *const output_stream_names[OUTPUT_STREAMS + 1];

enum exit_reason {
	REASON_EXITED = 0, /* it ended by itself, with a code */
	REASON_SIGNALED,   /* a signal that we did not send */
	REASON_TIMEOUT,    /* we killed it at its time-out */
	REASON_OOM,        /* the kernel killed it at the memory limit */
	REASON_KILLED,     /* ended on request, or with its task */
	REASON_LOST,       /* the sandbox went away; how it ended is unknown */
	EXIT_REASONS
};

extern const char *const exit_reason_names[EXIT_REASONS + 1];

enum right { RIGHT_READ = 0, RIGHT_WRITE, RIGHTS };

extern const char *const right_names[RIGHTS + 1];

struct attachment_admit {
	char *principal;
	int right;       /* enum right; read: attach only, no stdin, no
	                    signal, no start */
	int64_t exec_ms; /* time-out of a command that names none; 0: none */
	int64_t exec_ms_max; /* a command may not ask for more; 0: no bound */
};

struct attachment_start {
	struct exec_spec spec;
	bool tied; /* stdin ends when this attachment goes (an ssh channel) */
};

enum attach_from { ATTACH_START = 0, ATTACH_LIVE, ATTACH_FROMS };

extern const char *const attach_from_names[ATTACH_FROMS + 1];

struct stream_offsets {
	bool present;
	int64_t
	    out; /* "stdout"; a terminal's "pty" counts here too; absent: 0 */
	int64_t err; /* "stderr" */
};

struct attachment_attach {
	char *exec;
	int from;                      /* enum attach_from, unless offsets;
	                                  absent: ATTACH_START */
	struct stream_offsets offsets; /* the next byte wanted of each stream */
};

struct attachment_started {
	char *exec; /* its id: TASK-N */
	int64_t pid;
};

struct attachment_attached {
	char *exec;
	int64_t out; /* offsets of the first bytes that follow */
	int64_t err;
	bool pty;
	bool running;
};

struct attachment_refused {
	char *code; /* error_code_name() or refusal_name() */
	char *text; /* 1..512 bytes, for a person */
};

/* Bytes [from, to) of a stream are no longer kept and will not come. */
struct attachment_gap {
	int stream; /* enum output_stream */
	int64_t from;
	int64_t to;
};

struct attachment_exit {
	int64_t code; /* 0..255; -1 with a signal, and when reason is lost */
	char *signal;
	bool core;
	int reason; /* enum exit_reason */
	int64_t duration_ms;
	int64_t oom_kills; /* in the task while this ran */
	struct rusage_spec rusage;
};

extern const char *const attachment_types[ATTACHMENT_TYPES + 1];
extern const struct json_shape *const attachment_shapes[ATTACHMENT_TYPES];
extern const struct json_messages attachment_messages;
extern const struct json_shape stream_offsets_shape;
/* exit, whose members stand in other messages too. */
extern const struct json_shape attachment_exit_shape;

union attachment_body {
	struct attachment_admit admit;
	struct attachment_start start;
	struct attachment_attach attach;
	struct link_signal signal;
	struct attachment_started started;
	struct attachment_attached attached;
	struct attachment_refused refused;
	struct attachment_gap gap;
	struct attachment_exit exit;
};

#endif
