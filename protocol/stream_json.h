/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The brain's protocol: docs/stream-json.md. Requests come as lines, are read
 * by these shapes into these structs, and are answered by exactly one reply.
 */
#ifndef PROTOCOL_STREAM_JSON_H
#define PROTOCOL_STREAM_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/attachment.h"
#include "protocol/control.h"
#include "protocol/exec_spec.h"
#include "protocol/json.h"
#include "protocol/task_spec.h"

#define STREAM_JSON_PROTOCOL 1

enum request_type {
	REQUEST_TASK_CREATE = 0, /* struct request_create */
	REQUEST_TASK_LIST,       /* struct request_plain */
	REQUEST_TASK_GET,        /* struct request_task */
	REQUEST_TASK_UPDATE,     /* struct request_update */
	REQUEST_TASK_DESTROY,    /* struct request_task */
	REQUEST_LEASE,           /* struct request_lease */
	REQUEST_EXEC,            /* struct request_exec */
	REQUEST_STDIN,           /* struct request_stdin */
	REQUEST_SIGNAL,          /* struct request_signal */
	REQUEST_ATTACH,          /* struct request_attach */
	REQUEST_DETACH,          /* struct request_on_exec */
	REQUEST_RESIZE,          /* struct request_resize */
	REQUEST_SCREEN,          /* struct request_screen */
	REQUEST_KEYS,            /* struct request_keys */
	REQUEST_WAIT,            /* struct request_wait */
	REQUEST_SESSIONS,        /* struct request_task */
	REQUEST_CANCEL,          /* struct request_cancel */
	REQUEST_PING,            /* struct request_plain */
	REQUEST_TYPES
};

/* Every request struct begins with its id, owned. */
struct request_plain {
	char *id;
};

struct request_task {
	char *id;
	char *task;
};

struct request_create {
	char *id;
	struct task_spec spec;
};

struct request_update {
	char *id;
	char *task;
	char **labels;
	int64_t ttl_ms;  /* -1: as it was */
	int64_t idle_ms; /* the same */
};

struct request_lease {
	char *id;
	char *task;
	int64_t ttl_ms; /* 0: give it up */
};

struct request_exec {
	char *id;
	char *task;
	struct exec_spec spec;
	bool attach; /* absent: true */
};

struct request_stdin {
	char *id;
	char *exec;
	struct json_data data; /* from "data" or "base64"; NULL: none, eof */
	bool eof;
};

struct request_signal {
	char *id;
	char *exec;
	char *signal;
	bool tree;
};

/* The next byte wanted of each stream; -1: not given, which means 0. */
struct request_offsets {
	bool present;
	int64_t out; /* "stdout" */
	int64_t err; /* "stderr" */
	int64_t pty; /* "pty", not beside the other two */
};

struct request_attach {
	char *id;
	char *exec;
	int from; /* ATTACH_START or ATTACH_LIVE, unless offsets;
	             absent: ATTACH_START */
	struct request_offsets offsets;
};

struct request_on_exec {
	char *id;
	char *exec;
};

struct request_resize {
	char *id;
	char *exec;
	struct link_resize size;
};

struct request_screen {
	char *id;
	char *exec;
	struct screen_ask of;
};

struct request_keys {
	char *id;
	char *exec;
	struct keys_ask of;
	struct wait_ask wait;
};

struct request_wait {
	char *id;
	char *exec;
	struct wait_ask of;
};

struct request_cancel {
	char *id;
	char *request; /* id of an open request */
};

extern const char *const request_types[REQUEST_TYPES + 1];
extern const struct json_shape *const request_shapes[REQUEST_TYPES];
extern const struct json_messages request_messages;

union request_body {
	char *id; /* of any type */
	struct request_plain plain;
	struct request_task task;
	struct request_create create;
	struct request_update update;
	struct request_lease lease;
	struct request_exec exec;
	struct request_stdin stdin_data;
	struct request_signal signal;
	struct request_attach attach;
	struct request_on_exec on_exec;
	struct request_resize resize;
	struct request_screen screen;
	struct request_keys keys;
	struct request_wait wait;
	struct request_cancel cancel;
};

/* What the gateway says. "type" of each: hello reply stdout stderr pty gap eof
 * exit task. */
enum event_type {
	EVENT_HELLO = 0, /* struct event_hello */
	EVENT_REPLY,     /* struct event_reply */
	EVENT_STDOUT,    /* struct event_output */
	EVENT_STDERR,    /* struct event_output */
	EVENT_PTY,       /* struct event_output */
	EVENT_GAP,       /* struct event_gap */
	EVENT_EOF,       /* struct event_eof */
	EVENT_EXIT,      /* struct event_exit */
	EVENT_TASK,      /* struct event_task */
	EVENT_TYPES
};

struct hello_limits {
	bool present;
	int64_t line;
	int64_t requests;
	int64_t execs;
	int64_t stdin_bytes; /* "stdin" */
};

struct event_hello {
	int64_t protocol;
	char *server; /* "sallyport/0.1.0" */
	struct hello_limits limits;
};

struct reply_error {
	bool present;
	char *code;
	char *message;
};

struct task_view {
	bool present; /* as struct control_task, as a brain sees it */
	struct control_task of;
};

/* One reply shape for all: a request's reply has the members it needs. */
struct event_reply {
	char *id; /* NULL: the line had none that could be read; written as null
	           */
	bool ok;
	struct reply_error error;
	char *task;            /* id: create, get, update, destroy,
	                          lease */
	struct task_view view; /* "info": create, get, update, lease */
	char *exec;            /* exec, attach */
	int64_t pid;           /* exec; -1 */
	int64_t out;           /* "stdout", attach; -1 */
	int64_t err;           /* "stderr", attach; -1 */
	int64_t pty; /* "pty", attach to a terminal, instead of "stdout"
	                and "stderr"; -1 */
	int running; /* attach; -1 */
	struct screen_answer screen;  /* screen */
	struct wait_answer wait;      /* wait, and keys with one */
	struct json_records sessions; /* struct terminal_info; sessions */
};

struct event_output {
	char *exec;
	int64_t offset;
	struct json_data data; /* "data" if it is UTF-8, else "base64" */
};

struct event_gap {
	char *exec;
	int stream;
	int64_t from;
	int64_t to;
};

struct event_eof {
	char *exec;
	int stream;
	int64_t total;
};

struct event_exit {
	char *exec;
	struct attachment_exit exit;
};

struct event_task {
	struct control_task of;
};

extern const char *const event_types[EVENT_TYPES + 1];
extern const struct json_shape *const event_shapes[EVENT_TYPES];
extern const struct json_messages event_messages;

#endif
