/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gateway's options: one table row each, with type, range, default and a
 * sentence of help. A file is one JSON object; what it does not name has its
 * default. Reading, checking, printing and the manual page use the same table.
 */
#ifndef SERVER_COMMON_CONFIG_H
#define SERVER_COMMON_CONFIG_H

#include <stddef.h>
#include <stdint.h>

#include "protocol/task_spec.h"

struct buffer;
struct error;

#define CONFIG_FILE_BYTES (256u << 10)

enum config_runtime {
	CONFIG_AUTO = 0,
	CONFIG_RUNC,
	CONFIG_CRUN,
	CONFIG_RUNTIMES
};

/* "auto", "runc", "crun"; NULL-terminated. */
extern const char *const config_runtime_names[CONFIG_RUNTIMES + 1];

enum config_recording {
	CONFIG_RECORD_OFF = 0,
	CONFIG_RECORD_2,
	CONFIG_RECORD_3,
	CONFIG_RECORDINGS
};

/* "off", "asciicast-v2", "asciicast-v3"; NULL-terminated. */
extern const char *const config_recording_names[CONFIG_RECORDINGS + 1];

/* Strings are owned. The units and ranges are in config.c's table. */
struct config {
	char *listen_address;
	int64_t port;
	int64_t gates;
	char *authorized_keys;
	int64_t grace_ms;
	int64_t connections_max;
	int64_t connections_per_address;
	int64_t channels_per_connection;
	int64_t keepalive_ms;
	int64_t keepalive_count;
	int64_t rekey_bytes;
	int64_t drain_ms;
	int64_t uid_gate;
	int64_t uid_player;
	int64_t uid_keeper_base;
	int64_t uid_sandbox_base;
	char *cgroup_parent;
	int runtime;      /* enum config_runtime */
	int log_level;    /* enum log_level */
	char *detach_key; /* "none": there is none */
	int recording;    /* enum config_recording */
	int64_t recording_bytes;
	int64_t recordings_days;
	int64_t replays;
	int64_t task_ttl_ms; /* 0: no end, also of the next three */
	int64_t task_ttl_ms_max;
	int64_t task_idle_ms;
	int64_t task_idle_ms_max;
	struct task_limits task_limits;     /* of a task that names none */
	struct task_limits task_limits_max; /* no task may ask for more */
};

/* Every option at its default; release with config_clear. */
void config_init(struct config *config);
void config_clear(struct config *config);

/*
 * Take the options from a file's bytes.
 *   config   initialised; changed on success only
 *   file     its name, for errors: "FILE:LINE: why"
 *   returns  0, or -1 ERROR_INVALID, ERROR_LIMIT
 */
int config_read(struct config *config, const char *file, const char *bytes,
    size_t len, struct error *err);

/* As config_read from the file itself; ERROR_NOT_FOUND when there is none. */
int config_load(struct config *config, const char *file, struct error *err);

/*
 * Let all be as in fresh that may change while the gateway serves.
 *   fresh  taken: cleared
 *   stays  appended: the names of what differs and stays, ", " between them
 */
void config_change(
    struct config *config, struct config *fresh, struct buffer *stays);

/* Append what is in force as JSON, an option a line. */
int config_print(
    const struct config *config, struct buffer *out, struct error *err);

/* Append the list of options as man(7) source, for sallyport.conf(5). */
int config_print_manual(struct buffer *out, struct error *err);

#endif
