/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Profiles: templates of a task with guardrails. A request may lower a limit
 * freely and raise it to the profile's maximum, never past it. "default" is
 * made from the configuration; each DIR/profiles.d/NAME.json is another, or
 * replaces "default". What a file does not say is as in the configuration.
 */
#ifndef SERVER_MANAGER_PROFILE_H
#define SERVER_MANAGER_PROFILE_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/task_spec.h"

struct error;

#define PROFILE_DEFAULT  "default"
#define PROFILE_FILE_MAX (64u << 10) /* bytes */
#define PROFILES_MAX     256

struct profile {
	char *name;
	char *image;
	char *runtime;
	struct task_limits limits; /* of a task that names none */
	struct task_limits max;    /* -1: no bound */
	char **env;
	int64_t ttl_ms;      /* 0: none */
	int64_t ttl_ms_max;  /* 0: no bound */
	int64_t idle_ms;     /* 0: for ever */
	int64_t idle_ms_max; /* 0: no bound */
	struct recording_spec recording;
};

struct profiles {
	struct profile *items; /* owned */
	size_t count;
};

/*
 * Read every profile of a folder; a folder that is not there has none.
 *   base     the profile "default" as the configuration has it; copied
 *   out      set on 0; profiles_clear
 *   returns  0, or -1: ERROR_INVALID, ERROR_LIMIT (text names the file),
 *            ERROR_SYSTEM
 */
int profiles_load(struct profiles *out, const struct profile *base,
    const char *folder, struct error *err);

void profiles_clear(struct profiles *profiles);

/* The profile of that name; borrowed; NULL when there is none. */
const struct profile *profiles_find(
    const struct profiles *profiles, const char *name);

/*
 * Whether a task of this profile may be given this time to live, or to be idle;
 * -1: it is not. Where there is no such profile any more, "default" counts.
 * ERROR_LIMIT.
 */
int profiles_check_life(const struct profiles *profiles, const char *name,
    int64_t ttl_ms, int64_t idle_ms, struct error *err);

/*
 * Decide every member that a request has left open.
 *   spec         of the request; its profile becomes known by name
 *   exec_ms_max  what a command may ask for; 0: no bound
 *   returns      0, or -1: ERROR_NOT_FOUND (profile), ERROR_LIMIT
 */
int profiles_apply(const struct profiles *profiles, struct task_spec *spec,
    int64_t *exec_ms_max, struct error *err);

#endif
