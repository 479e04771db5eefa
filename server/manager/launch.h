/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What sallyport-launch does for the OCI driver, in a process of its own: the
 * mounts of a sandbox live in that process's mount namespace, are copied into
 * the container's, and vanish with it. Nothing is ever mounted where the host
 * or the manager could see it or would have to undo it.
 *
 * The working directory is the task's bundle. job.json in it says what to do;
 * it is written first and removed last, so whatever was left behind by a crash
 * can be cleaned up by whoever finds the folder.
 */
#ifndef SERVER_MANAGER_LAUNCH_H
#define SERVER_MANAGER_LAUNCH_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/json.h"

struct error;

#define LAUNCH_REPORT_FD 3 /* a fault's one line goes here */
#define LAUNCH_LINK_FD   4 /* create: the agent's end of the link */

#define LAUNCH_JOB "job.json"

struct launch_job {
	char *id; /* the container's, and the task's */
	char *hostname;
	char *image;      /* folder: the lower layer */
	bool host_usr;    /* a read-only view of the host's /usr on it */
	char *agent;      /* folder: a layer that holds AGENT_PATH */
	char *runtime;    /* program */
	char *state;      /* folder: the runtime's --root */
	char *cgroup;     /* "/PARENT/INSTANCE/ID", below every hierarchy */
	int64_t uid_base; /* host id of the sandbox's id 0; 65536 follow */
	int64_t cpu_milli;
	int64_t memory; /* bytes */
	int64_t pids;   /* processes of the commands */
	int64_t execs;  /* commands at once: each has one helper of the agent */
};

extern const struct json_shape launch_job_shape;

/* Write a bundle's job.json, whole or not at all. */
int launch_job_write(
    const char *bundle, const struct launch_job *job, struct error *err);

/* Read job.json of the working directory; always needs json_clear. */
int launch_job_read(struct launch_job *job, struct error *err);

/*
 * Make the sandbox and start its agent with link_fd as descriptor 3. Enters a
 * new mount namespace, so the process should end soon after. What a failure
 * leaves is launch_destroy's to remove.
 */
int launch_create(const struct launch_job *job, int link_fd, struct error *err);

/*
 * Kill whatever runs in the sandbox, make the runtime forget it, remove its
 * cgroups and everything in the working directory. Nothing there to remove is
 * a success; after a fault it can be called again.
 *   job  NULL: there was no job.json, so the runtime was never called
 */
int launch_destroy(const struct launch_job *job, struct error *err);

#endif
