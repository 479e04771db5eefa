/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every limit that a peer can reach, in one place. Each is documented in
 * docs/limits.md and reached by a test.
 */
#ifndef PROTOCOL_LIMITS_H
#define PROTOCOL_LIMITS_H

/* stream-json */
#define LIMIT_LINE_BYTES       (1u << 20) /* one line from a brain */
#define LIMIT_REQUEST_ID_BYTES 64u
#define LIMIT_OPEN_REQUESTS    1024u      /* unanswered, per connection */
#define LIMIT_ATTACHED_EXECS   1024u      /* per connection */
#define LIMIT_ATTACHED_TASKS   256u       /* per connection */
#define LIMIT_UNANSWERED_BYTES (8u << 20) /* of requests; then none is read */

/* names */
#define LIMIT_NAME_BYTES      48u /* task name: [a-z0-9][a-z0-9-]{0,47} */
#define LIMIT_EXEC_ID_BYTES   64u
#define LIMIT_PRINCIPAL_BYTES 96u

#define LIMIT_SESSION_BYTES 64u
#define LIMIT_TOKEN_BYTES   64u
#define LIMIT_TEXT_BYTES    512u      /* an error or a reason, for a person */
#define LIMIT_PID           (1 << 22) /* the kernel's */
#define LIMIT_SIGNAL_BYTES  16u       /* a signal's name */

/* a command */
#define LIMIT_COMMAND_BYTES (128u << 10) /* one argument, as the kernel's */
#define LIMIT_ARGV          1024u        /* arguments */
#define LIMIT_ENV           256u         /* variables */
#define LIMIT_ENV_BYTES     (32u << 10)  /* one name=value */
#define LIMIT_PATH_BYTES    4096u
#define LIMIT_USER_BYTES    64u
#define LIMIT_STDIN_BYTES   (768u << 10) /* "data" of one request */
#define LIMIT_DRAIN_MS      2000u        /* output after the process died */
#define LIMIT_DRAIN_QUIET_MS                            \
	100u /* ... or when nothing comes for this long \
	      */

/* a task */
#define LIMIT_LABELS        32u
#define LIMIT_LABEL_BYTES   256u
#define LIMIT_CPU_MILLI_MIN 10
#define LIMIT_CPU_MILLI_MAX 64000
#define LIMIT_MEMORY_MIN    (16ll << 20)
#define LIMIT_MEMORY_MAX    (1ll << 40)
#define LIMIT_PIDS_MIN      8
#define LIMIT_PIDS_MAX      65536
#define LIMIT_EXECS_MAX     1024 /* running at once in a task */
#define LIMIT_EXEC_MS_MAX   (7ll * 24 * 3600 * 1000)
#define LIMIT_TTL_MS_MAX    (365ll * 24 * 3600 * 1000)
#define LIMIT_LEASE_MS_MAX  (24ll * 3600 * 1000)
#define LIMIT_LEASES        64u /* of one task, each another principal's */
#define LIMIT_OUTPUT_MIN    (256ll << 10)
#define LIMIT_OUTPUT_MAX    (64ll << 30)
#define LIMIT_SPOOL_MIN     (1ll << 20)
#define LIMIT_SPOOL_MAX     (16ll << 40)
#define LIMIT_EXECS_KEPT    256u /* ended execs a keeper remembers */

/* a terminal */
#define LIMIT_PTY_ROWS         500
#define LIMIT_PTY_COLS         1000
#define LIMIT_TERM_BYTES       64u          /* TERM */
#define LIMIT_SCROLLBACK       2000u        /* lines kept ... */
#define LIMIT_SCROLLBACK_BYTES (1u << 20)   /* ... and their memory */
#define LIMIT_SCREEN_BYTES     (128u << 10) /* of lines in one answer */
#define LIMIT_KEYS             256u         /* in one request */
#define LIMIT_KEY_BYTES        32u          /* a key's name */
#define LIMIT_PASTE_BYTES      (64u << 10) /* "text" or "paste" of one request */
#define LIMIT_UNTIL            16u         /* conditions of one wait */
#define LIMIT_PATTERN_BYTES    1024u       /* text or regex to wait for */
#define LIMIT_WAITS            64u         /* at once, per attached exec */
#define LIMIT_WAIT_MS          (24ll * 3600 * 1000)
#define LIMIT_ASK              (1 << 30) /* a gate's number for what it asks */
#define LIMIT_RECORDING        (64ll << 20) /* ... where none is said */
#define LIMIT_RECORDING_MIN    (64ll << 10) /* bytes of a recording */
#define LIMIT_RECORDING_MAX    (16ll << 30)

/* an SSH connection before it is authenticated */
#define LIMIT_HANDSHAKE_PACKETS 64u
#define LIMIT_HANDSHAKE_BYTES   (256u << 10)

/* credit between processes, bytes */
#define WINDOW_OUTPUT (1u << 20) /* agent to keeper, per exec */
#define WINDOW_PTY                                                             \
	(128u << 10)              /* ... with a terminal: what one floods with \
	                             stands before another's echo */
#define WINDOW_STDIN (256u << 10) /* towards the agent, per exec */

#endif
