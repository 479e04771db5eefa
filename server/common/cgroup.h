/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control groups as they are mounted here: version 1 (a hierarchy for each
 * controller), version 2 (one), or hybrid (version 1 with a version 2 hierarchy
 * beside it that has no controllers).
 */
#ifndef SERVER_COMMON_CGROUP_H
#define SERVER_COMMON_CGROUP_H

#include <stdbool.h>
#include <stddef.h>

struct error;

#define CGROUP_MOUNTS_MAX 32

enum cgroup_mode {
	CGROUP_NONE = 0,
	CGROUP_V1,
	CGROUP_HYBRID,
	CGROUP_V2,
	CGROUP_MODES
};

/* "none", "v1", "hybrid", "v2". */
extern const char *const cgroup_mode_names[CGROUP_MODES];

struct cgroup_mount {
	char *path; /* owned */
	bool unified;
	char *options; /* owned; controllers of version 1: "rw,cpu,cpuacct" */
};

struct cgroup_mounts {
	struct cgroup_mount items[CGROUP_MOUNTS_MAX];
	size_t count;
};

/* Read /proc/self/mountinfo; cgroup_clear afterwards, also after -1. */
int cgroup_read(struct cgroup_mounts *mounts, struct error *err);

/* Take the hierarchies out of the text of a mountinfo file (proc(5)). */
void cgroup_parse(struct cgroup_mounts *mounts, const char *text);

void cgroup_clear(struct cgroup_mounts *mounts);

enum cgroup_mode cgroup_mode(const struct cgroup_mounts *mounts);

/* Where a controller ("memory") is; NULL when it is nowhere. Borrowed. */
const struct cgroup_mount *cgroup_controller(
    const struct cgroup_mounts *mounts, const char *controller);

/* Owned path of the file that counts a group's memory kills; NULL when there is
 * no memory controller. group begins with '/'. */
char *cgroup_oom_events(const struct cgroup_mounts *mounts, const char *group);

/*
 * SIGKILL every process of the group, in whichever hierarchy, until none is
 * left.
 *   wait_ms  at most; then ERROR_SYSTEM
 */
int cgroup_kill(const struct cgroup_mounts *mounts, const char *group,
    int wait_ms, struct error *err);

/* Remove the group from every hierarchy; it may hold groups but no process.
 * Nothing there is a success. */
int cgroup_remove(const struct cgroup_mounts *mounts, const char *group,
    int wait_ms, struct error *err);

/* Remove the group where it is empty; say nothing where it is not. */
void cgroup_remove_empty(const struct cgroup_mounts *mounts, const char *group);

#endif
