/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OCI configuration of a sandbox: user namespace of its own, no network
 * but loopback, no capability beyond what the agent needs to become a
 * command's user and to kill its processes, limits, masked paths, seccomp.
 */
#ifndef SERVER_MANAGER_BUNDLE_H
#define SERVER_MANAGER_BUNDLE_H

#include <stdint.h>

struct buffer;
struct error;
struct launch_job;

#define BUNDLE_AGENT "/.sallyport/agent" /* the agent's path in the sandbox */
#define BUNDLE_IDS   65536               /* user and group ids of a sandbox */

/* Descriptors of one process at most. The agent holds four for a command, and
 * a command is not refused for another's sake: LIMIT_EXECS_MAX times four fit.
 */
#define BUNDLE_NOFILE 16384

/*
 * Append config.json (OCI runtime specification 1.0.2).
 *   root    the root's path, absolute
 *   nofile  hard limit of descriptors: BUNDLE_NOFILE, or less where this
 *           process may not raise its own
 *   returns 0, or -1: the buffer's errors
 */
int bundle_write(const struct launch_job *job, const char *root, int64_t nofile,
    struct buffer *out, struct error *err);

/* Append the value of linux.seccomp; errors as bundle_write. */
int bundle_write_seccomp(struct buffer *out, struct error *err);

#endif
