/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages between the manager and whoever asks it: a gate (socketpair given
 * at its start, or manager.sock after the manager was replaced) and the local
 * admin's command (admin.sock, root only). Stream is always 0.
 *
 * Every asking message carries "request", a number of the asker's choosing;
 * exactly one answer carries it back. A list's task messages come before its
 * answer. A gate asserts who the principal is (it verified the key); what that
 * principal may do is decided here, by the manager, every time.
 */
#ifndef PROTOCOL_CONTROL_H
#define PROTOCOL_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/attachment.h"
#include "protocol/json.h"
#include "protocol/task_spec.h"

enum control_type {
	/* gate -> manager */
	CONTROL_READY = 0,    /* struct control_ready: I serve */
	CONTROL_ATTACH,       /* struct control_attach */
	CONTROL_TASK_CREATE,  /* struct control_create */
	CONTROL_TASK_LIST,    /* struct control_ask */
	CONTROL_TASK_GET,     /* struct control_ask */
	CONTROL_TASK_UPDATE,  /* struct control_update */
	CONTROL_TASK_DESTROY, /* struct control_ask */
	CONTROL_LEASE,        /* struct control_lease */
	CONTROL_RECORDINGS, /* struct control_ask: of a task, or all; each comes
	                       as a recording message */
	CONTROL_REPLAY,     /* struct control_replay: the answer's fd leads to a
	                       player, as an attachment */
	CONTROL_SESSION,    /* struct control_session: for the audit; no answer
	                     */
	/* admin -> manager, besides the task messages above */
	CONTROL_DOWN,    /* struct control_ask: destroy every task and end */
	CONTROL_RELOAD,  /* struct control_ask: read configuration, keys and
	                    profiles again */
	CONTROL_UPGRADE, /* struct control_ask: become the program as it is on
	                    the disk now; refused, or the connection ends */
	CONTROL_KEEPERS, /* struct control_ask: replace the keeper of a task, or
	                    all */
	/* manager -> gate */
	CONTROL_CONFIGURE, /* struct control_configure, with the listener's fd
	                    */
	CONTROL_KEYS,      /* struct control_keys */
	CONTROL_NAMES,     /* struct control_names */
	CONTROL_DRAIN,     /* no members: accept no more, end when idle */
	/* manager -> whoever asked */
	CONTROL_TASK,      /* struct control_task: one of a list, or an event */
	CONTROL_RECORDING, /* struct control_recording: one of a list */
	CONTROL_ANSWER,    /* struct control_answer, with the attachment's fd */
	CONTROL_TYPES
};

struct control_ready {
	int64_t pid;
	int64_t sessions; /* open now: more than 0 after a manager's restart */
	bool draining;    /* an earlier manager told it to drain */
};

struct control_attach {
	int64_t request;
	char *principal;
	char *session; /* the gate's name of the SSH session, for the audit */
	char *task;    /* id or name */
	int right;     /* enum right that is wanted */
	bool person;   /* an ssh session, not a brain: no time-out of its own */
};

struct control_create {
	int64_t request;
	char *principal;
	struct task_spec spec;
};

struct control_update {
	int64_t request;
	char *principal;
	char *task;
	char **labels;   /* replaces all; NULL: as it was */
	int64_t ttl_ms;  /* from now on; -1: as it was; 0: none */
	int64_t idle_ms; /* the same */
};

struct control_lease {
	int64_t request;
	char *principal;
	char *task;
	int64_t ttl_ms; /* from now on; 0: give it up */
};

struct control_ask {
	int64_t request;
	char *principal;
	char *task; /* id or name; NULL for list and down */
};

struct control_replay {
	int64_t request;
	char *principal;
	char *session; /* as in control_attach */
	char *recording;
};

struct control_session {
	char *session;
	char *principal; /* NULL before authentication */
	char *user;      /* the SSH user name; NULL */
	char *address;   /* "192.0.2.1:50022" */
	char *event;     /* "opened", "refused", "closed" */
};

struct control_configure {
	char **host_keys;                /* OpenSSH private keys, PEM */
	int64_t grace_ms;                /* to authenticate */
	int64_t connections;             /* per gate */
	int64_t connections_per_address; /* not yet authenticated */
	int64_t channels;                /* per connection */
	int64_t keepalive_ms;            /* 0: none */
	int64_t keepalive_count; /* unanswered before the peer is dead */
	int64_t rekey_bytes;     /* 0: libssh's */
	char *detach_key; /* of named sessions: "C-\\", as tmux writes keys;
	                     NULL: none */
};

/* Lines of authorized_keys; the table is in force after the last part. */
struct control_keys {
	bool first; /* forget what came before */
	bool last;
	char **lines;
};

/* SSH user names that lead to a task: ids and names. */
struct control_names {
	bool first; /* forget all */
	char **add;
	char **remove;
};

enum task_state {
	TASK_PROVISIONING = 0,
	TASK_READY,
	TASK_STOPPING,
	TASK_DESTROYED,
	TASK_FAILED, /* never became ready; reason says why */
	TASK_STATES
};

extern const char *const task_state_names[TASK_STATES + 1];

/* What will end a task by itself; also what it is warned of. */
enum task_end {
	TASK_END_NONE = -1,
	TASK_END_TTL = 0,
	TASK_END_IDLE,
	TASK_ENDS
};

struct control_task {
	int64_t request; /* 0: an event, to whoever may see the task */
	char *task;      /* id */
	char *name;
	char *owner;  /* the principal that created it */
	int state;    /* enum task_state */
	char *reason; /* of the state; NULL */
	char *profile;
	char *image;
	char *runtime;
	struct task_limits limits;
	char **labels;
	int64_t ttl_ms;       /* left; 0: none */
	int64_t idle_ms;      /* how long it may be idle; 0: for ever */
	int64_t lease_ms;     /* left of the longest; 0: none is held */
	int warning;          /* enum task_end: it is near */
	int64_t ends_in_ms;   /* with warning */
	int64_t running;      /* execs */
	char *created;        /* RFC 3339 */
	int64_t provision_ms; /* from asked to ready; -1 until then */
};

struct control_recording {
	int64_t request;
	char *recording; /* its id is that of its exec */
	char *task;      /* the name that the task has or had */
	char *owner;     /* the principal that created the task */
	int64_t bytes;
	char *modified; /* RFC 3339 */
};

struct control_answer {
	int64_t request;
	char *code; /* NULL: done; else error_code_name() */
	char *text; /* with code */
	char *task; /* the id: of create, attach */
	char *note; /* about what was done, for a person; NULL */
};

extern const char *const control_types[CONTROL_TYPES + 1];
extern const struct json_shape *const control_shapes[CONTROL_TYPES];
extern const struct json_messages control_messages;
/* A struct control_task without its request: what a brain sees. */
extern const struct json_shape control_view_shape;

union control_body {
	struct control_ready ready;
	struct control_attach attach;
	struct control_create create;
	struct control_update update;
	struct control_lease lease;
	struct control_ask ask;
	struct control_session session;
	struct control_configure configure;
	struct control_keys keys;
	struct control_names names;
	struct control_task task;
	struct control_replay replay;
	struct control_recording recording;
	struct control_answer answer;
};

#endif
