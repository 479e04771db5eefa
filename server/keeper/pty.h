/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal of one exec: what it wrote as a screen, who looks at it and how,
 * how large it is, what was asked about it, and its recording. It outlives
 * every client, and the exec's end for a while (PTY_ENDED_MAX).
 *
 * Output goes through the terminal first and is then shown to the clients
 * (client.h). One of them leads: the one that typed last. Its own terminal
 * answers what the program asks its terminal while it gets the program's own
 * bytes; otherwise the answer is ours, so that there is always exactly one.
 */
#ifndef SERVER_KEEPER_PTY_H
#define SERVER_KEEPER_PTY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "protocol/buffer.h"
#include "protocol/exec_spec.h"
#include "protocol/limits.h"
#include "protocol/screen.h"
#include "server/keeper/checkpoint.h"
#include "server/terminal/terminal.h"

struct asks;
struct client;
struct exec;
struct recorder;
struct subscription;

/* Ended terminals of a task whose screens are kept. */
#define PTY_ENDED_MAX 16u

/* No more is answered while so many bytes wait for the program. */
#define PTY_ANSWERS_MAX WINDOW_STDIN

/* So long, and for so many bytes of answers, a leader that leaves is answered
 * for. What took longer has gone on without. */
#define PTY_OWED_MS  2000u
#define PTY_OWED_MAX 4096u

/* Queries that one stretch of output is searched for. */
#define PTY_QUERIES_MAX 64u

TAILQ_HEAD(client_list, client);

/* Bytes [from, to) of the program's output. */
struct pty_range {
	uint64_t from;
	uint64_t to;
};

/* Output that has just come. */
struct pty_bytes {
	uint64_t at; /* offset of the first */
	const uint8_t *bytes;
	size_t len;
};

struct pty {
	struct exec *exec;               /* borrowed */
	char name[LIMIT_NAME_BYTES + 1]; /* of the session; "": none */
	char term[LIMIT_TERM_BYTES + 1]; /* "": none was said */
	struct terminal *terminal;       /* owned */
	struct asks *asks;               /* owned */
	struct recorder *recorder;       /* owned; NULL: not recorded */
	struct client_list clients;
	struct client *leader;            /* borrowed; NULL: none */
	const struct subscription *plain; /* a plain ssh session, which leads
	                                     while it is there; NULL: none */
	struct buffer owed; /* what we would say where the leader was asked and
	                       has not answered */
	uint64_t owed_ms;   /* when it was asked last */
	uint64_t turns;     /* how often somebody typed */
	uint64_t released;  /* raw clients have had what is before it; */
	uint8_t pending[2 * TERMINAL_QUERY_BYTES]; /* what is behind it */
	size_t pending_len;
	struct pty_range queries[PTY_QUERIES_MAX]; /* in what was fed last */
	size_t query_count; /* more than PTY_QUERIES_MAX: not all are there */
	enum size_policy policy;
	struct terminal_size asked; /* SIZE_FIXED's */
	struct terminal_size told;  /* what the agent knows of */
	bool echo;                  /* as the agent last said */
	bool canonical;
	struct checkpoint checkpoint;
	struct checkpoint_state noted; /* what the checkpoint says */
	uint64_t checkpoint_at; /* the ring's position when it was taken */
	uint64_t checkpoint_ms; /* ... of the loop's clock */
	bool is_resized;        /* since then */
	uint64_t retry_ms;      /* it could not be written: the next try is
	                           then; 0: it could */
	uint64_t offset;        /* of the output, where the terminal's count of
	                           bytes fed begins */
	bool is_replaying;      /* what it is fed was fed to another before */
	bool is_recorded;       /* ... and is in the recording */
	uint64_t made_ms;       /* of the loop's clock */
	uint64_t used_ms;       /* when a byte last came or went */
};

/* The terminal that a command asked for; spec->pty.present. */
struct pty *pty_new(struct exec *exec, const struct exec_spec *spec);

/* Its checkpoint is removed. No client may be left. NULL is accepted. */
void pty_free(struct pty *pty);

/* The agent has been sent the exec. */
void pty_sent(struct pty *pty);

/* Of a terminal that is restored (pty_checkpoint.h): bytes that make its
 * screen, where output goes on from an offset; and output that it has had. */
void pty_paint(
    struct pty *pty, const uint8_t *bytes, size_t len, uint64_t offset);
void pty_replay(struct pty *pty, const uint8_t *bytes, size_t len);

/* The exec has ended, and its exit is set. */
void pty_ended(struct pty *pty);

/* Output in the order in which the spool has it: to the screen, the recording,
 * what is waited for, and the clients. */
void pty_wrote(struct pty *pty, const uint8_t *bytes, size_t len);

/* What the agent said of its modes. */
void pty_modes(struct pty *pty, bool echo, bool canonical);

/*
 * Bytes for the program from something other than a client's stdin.
 *   from     whom ask is for; NULL: nobody is told
 *   ask      asks_typed is called with it once the agent has the bytes
 *   returns  0, or -1: ERROR_STATE (it has ended), ERROR_LIMIT (too much waits
 *            for the program)
 */
int pty_type(struct pty *pty, struct subscription *from, uint32_t ask,
    const uint8_t *bytes, size_t len, struct error *err);

/* Whether the screen shows just what raw clients have been given. */
bool pty_is_whole(const struct pty *pty);

/* A client comes, goes, or has typed. */
void pty_join(struct pty *pty, struct client *client);
void pty_part(struct pty *pty, struct client *client);
void pty_lead(struct pty *pty, struct client *client);

/* Whether the leader was asked just now, and its answer may be on its way; and
 * it has sent something that may be the answer. */
bool pty_is_asking(const struct pty *pty);
void pty_answered(struct pty *pty);

/* For lists; what it points to is borrowed until the pty changes. */
void pty_describe(const struct pty *pty, struct terminal_info *info);

#endif
