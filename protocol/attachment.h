/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control messages on an attachment: the socket between a gate and a keeper,
 * connected by the manager, who speaks first on it (admit) and then hands the
 * descriptor to the gate. What the manager said there is what the keeper
 * believes; nothing the gate says can widen it.
 *
 * The gate numbers its streams, 1 upwards; each carries one exec and is free
 * again after refused (of what opened it), detached or exit. A refused that
 * answers signal, resize or STDIN leaves the stream as it was; refused STDIN is
 * told once a stream. What comes on a stream that is free, but for what opens
 * one and terminals, is ignored: it crossed with what ended the stream.
 *
 * One stream at a time feeds an exec: the one that started it, or after that
 * one has gone the next that writes; others are refused (state). Into a
 * terminal all may type.
 *
 * gate -> keeper                 keeper -> gate
 *   start | session | attach       started | attached | refused
 *   STDIN*, empty at the end       STDOUT*, STDERR*, PTY*, empty at the end
 *   signal, resize                 gap, WINDOW (stdin credit)
 *   screen, keys, wait, cancel     taken (answers signal and resize, in order)
 *   play                           answer (to each that has an "ask")
 *   detach                         detached
 *   terminals, on a free stream    terminal*, answer; the stream stays free
 *                                  exit, always last of its stream
 *
 * A stream with a view does not carry the terminal's bytes but what makes the
 * client's terminal show it, as PTY frames that belong together: no offsets, no
 * gaps. client: somebody who works in it; while its size is the terminal's own,
 * that is a repaint and then the program's own bytes. watch: for eyes only,
 * painted from cells (server/terminal/view.h), and all there is for whoever may
 * only read and wants a picture. detach puts the client's terminal right first.
 * A plain client (start with a view, tied) hangs the terminal up when it goes.
 *
 * The player of a recording speaks this too: attach with a watching view, then
 * play, resize and detach; exit comes at the recording's end.
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
#include "protocol/screen.h"

enum attachment_type {
	ATTACHMENT_ADMIT = 0, /* manager -> keeper: struct attachment_admit */
	ATTACHMENT_START,     /* struct attachment_start */
	ATTACHMENT_SESSION,   /* struct attachment_start, with spec.name and
	                         spec.pty: attach to the terminal of that name,
	                         or start it */
	ATTACHMENT_ATTACH,    /* struct attachment_attach */
	ATTACHMENT_SIGNAL,    /* struct link_signal */
	ATTACHMENT_RESIZE,    /* struct link_resize: the client's size, or
	                         without a view the terminal's */
	ATTACHMENT_SCREEN,    /* struct attachment_screen */
	ATTACHMENT_KEYS,      /* struct attachment_keys */
	ATTACHMENT_WAIT,      /* struct attachment_wait */
	ATTACHMENT_CANCEL,    /* struct attachment_cancel: a wait */
	ATTACHMENT_PLAY,      /* struct attachment_play: to a player */
	ATTACHMENT_TERMINALS, /* struct attachment_terminals */
	ATTACHMENT_DETACH,    /* no members */
	ATTACHMENT_STARTED,   /* struct attachment_started */
	ATTACHMENT_ATTACHED,  /* struct attachment_attached */
	ATTACHMENT_REFUSED,   /* struct attachment_refused */
	ATTACHMENT_TAKEN,     /* no members: the signal, or the size, is on
	                         its way */
	ATTACHMENT_TERMINAL,  /* struct attachment_terminal */
	ATTACHMENT_ANSWER,    /* struct attachment_answer */
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

enum view_name { VIEW_NAME_CLIENT = 0, VIEW_NAME_WATCH, VIEW_NAMES };

extern const char *const view_names[VIEW_NAMES + 1];

/* The terminal on which a stream is shown. */
struct attachment_view {
	bool present;
	int kind; /* enum view_name */
	int64_t rows;
	int64_t cols;
	int size; /* enum size_policy, of the terminal from now on; -1: as it
	             is */
};

struct attachment_start {
	struct exec_spec spec;
	bool tied; /* stdin ends, and a terminal hangs up, when this
	              attachment goes (an ssh channel) */
	struct attachment_view view;
};

enum attach_from {
	ATTACH_START = 0, /* everything that is kept */
	ATTACH_LIVE,      /* what comes from now on */
	ATTACH_NONE,      /* neither output nor exit, only answers: the stream
	                     ends by detach, also when the exec ended long ago */
	ATTACH_FROMS
};

extern const char *const attach_from_names[ATTACH_FROMS + 1];

struct stream_offsets {
	bool present;
	int64_t
	    out; /* "stdout"; a terminal's "pty" counts here too; absent: 0 */
	int64_t err; /* "stderr" */
};

struct attachment_attach {
	char *exec;    /* at most one of exec and session; neither: the */
	char *session; /* terminal of the task that was last in use */
	int from;      /* enum attach_from, unless offsets;
	                  absent: ATTACH_START */
	struct stream_offsets offsets; /* the next byte wanted of each stream */
	struct attachment_view view;   /* instead of from */
	bool tied; /* as of a start, whose attachment was lost with the
	              keeper: this stream takes its place */
};

/* What a gate asks has a number of the gate's choosing; the answer has it, too.
 * Any number of waits may be open, up to LIMIT_WAITS a stream. */
struct attachment_screen {
	int64_t ask;
	struct screen_ask of;
};

struct attachment_keys {
	int64_t ask;
	struct keys_ask of;
	struct wait_ask wait; /* armed before the keys are sent; without it the
	                         answer says that the agent has them */
};

struct attachment_wait {
	int64_t ask;
	struct wait_ask of;
};

struct attachment_cancel {
	int64_t ask; /* of a wait: it is answered "canceled" */
};

struct attachment_play {
	int64_t speed_milli; /* "speed": 1 as it was recorded, 0.1 to 100 */
	int64_t idle_ms;     /* pauses are cut to this; 0: not cut */
	bool paused;
};

struct attachment_terminals {
	int64_t ask;
};

struct attachment_terminal {
	int64_t ask;
	struct terminal_info of;
};

struct attachment_answer {
	int64_t ask;
	char *code;                  /* NULL: done; else error_code_name() */
	char *text;                  /* with code */
	struct screen_answer screen; /* to screen */
	struct wait_answer wait;     /* to wait, and keys with one */
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
	int64_t taken; /* "stdin": bytes that the command's side has; what a
	                  feeder sends next begins there. -1: a terminal, or
	                  closed */
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
/* exit, whose members stand in other messages too. */
extern const struct json_shape attachment_exit_shape;

union attachment_body {
	struct attachment_admit admit;
	struct attachment_start start;
	struct attachment_attach attach;
	struct link_signal signal;
	struct link_resize resize;
	struct attachment_screen screen;
	struct attachment_keys keys;
	struct attachment_wait wait;
	struct attachment_cancel cancel;
	struct attachment_play play;
	struct attachment_terminals terminals;
	struct attachment_terminal terminal;
	struct attachment_answer answer;
	struct attachment_started started;
	struct attachment_attached attached;
	struct attachment_refused refused;
	struct attachment_gap gap;
	struct attachment_exit exit;
};

#endif
