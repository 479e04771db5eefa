/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a task is made from: task.create's members, and what a profile is a
 * template of.
 */
#ifndef PROTOCOL_TASK_SPEC_H
#define PROTOCOL_TASK_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "protocol/json.h"

struct error;

/* Limits of a task. -1: not given. Shape: task_limits_shape. */
struct task_limits {
	bool present;
	int64_t cpu_milli; /* "cpu", cores */
	int64_t memory;    /* bytes */
	int64_t pids;
	int64_t exec_ms; /* time-out of a brain's command that names none */
	int64_t execs;   /* running at once */
	int64_t output;  /* bytes of output kept per exec */
	int64_t spool;   /* ... and of all together */
};

enum recording_format { RECORDING_2 = 0, RECORDING_3, RECORDING_FORMATS };

/* How terminals are recorded; a profile's matter. Shape:
 * recording_spec_shape. */
struct recording_spec {
	bool present;
	int format;    /* enum recording_format: "asciicast-v2", "-v3" */
	bool input;    /* what is typed too, but never while echo is off */
	int64_t bytes; /* of one recording; then it is cut, and says so */
};

struct task_spec {
	char *profile; /* NULL: "default" */
	char *name;    /* NULL: generated */
	char *image;   /* NULL: the profile's */
	char *runtime; /* NULL: the profile's; "auto", "runc", "crun" */
	struct task_limits limits;
	char **env;      /* for every command */
	char **labels;   /* "name=value" */
	int64_t ttl_ms;  /* -1: the profile's; 0: none */
	int64_t idle_ms; /* as ttl_ms: how long it may be idle */
	char *token;     /* client token: the same token gives the same task */
};

extern const struct json_shape task_spec_shape;
extern const struct json_shape task_limits_shape;
extern const struct json_shape recording_spec_shape;

/* Fill what limits does not name from defaults. */
void task_limits_merge(
    struct task_limits *limits, const struct task_limits *defaults);

/*
 * Refuse what is above max (-1 in max: no bound), naming field, value and
 * maximum: ERROR_LIMIT.
 */
int task_limits_check(const struct task_limits *limits,
    const struct task_limits *max, struct error *err);

#endif
