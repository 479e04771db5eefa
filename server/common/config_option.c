/* SPDX-License-Identifier: Apache-2.0 */
#include "server/common/config_option.h"

#include <arpa/inet.h>
#include <assert.h>
#include <ctype.h>
#include <string.h>

#include "protocol/limits.h"
#include "server/common/config.h"
#include "server/common/log.h"

#define HOUR_MS     3600000ll
#define DAY_MS      (24 * HOUR_MS)
#define UID_MIN     1
#define UID_MAX     4294967293 /* the last two mean "none" here and there */
#define SANDBOX_IDS (10000ll * 65536)

const char *const config_runtime_names[CONFIG_RUNTIMES + 1] = {
    [CONFIG_AUTO] = "auto",
    [CONFIG_RUNC] = "runc",
    [CONFIG_CRUN] = "crun",
};

const char *const config_recording_names[CONFIG_RECORDINGS + 1] = {
    [CONFIG_RECORD_OFF] = "off",
    [CONFIG_RECORD_2] = "asciicast-v2",
    [CONFIG_RECORD_3] = "asciicast-v3",
};

static bool
is_address(const char *value)
{
	struct in6_addr address;

	return inet_pton(AF_INET, value, &address) == 1 ||
	       inet_pton(AF_INET6, value, &address) == 1;
}

/* One folder's name, which leads nowhere else. */
static bool
is_group(const char *value)
{
	size_t len = strspn(value, "abcdefghijklmnopqrstuvwxyz"
	                           "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                           "0123456789._-");

	return value[len] == '\0' && value[0] != '.' && value[0] != '-';
}

/* A control character as tmux writes it, but none that keys of their own send:
 * Tab, Enter, Escape. */
static bool
is_detach_key(const char *value)
{
	if (strcmp(value, "none") == 0)
		return true;
	return strncmp(value, "C-", 2) == 0 && value[2] != '\0' &&
	       value[3] == '\0' &&
	       strchr("abcdefghklnopqrstuvwxyz\\]^_", value[2]) != NULL;
}

#define AT(member) offsetof(struct config, member)
#define STRING(name, longest)                                            \
	{                                                                \
#name, JSON_STRING, AT(name), .min = 1, .max = (longest) \
	}
#define NUMBER(name, least, most, usual)                                      \
	{                                                                     \
#name, JSON_INTEGER, AT(name), .min = (least), .max = (most), \
		                               .absent = (usual)              \
	}
#define CHOICE(name, strings, usual)                            \
	{                                                       \
#name, JSON_ENUM, AT(name), .names = (strings), \
		                            .absent = (usual)   \
	}
#define LIMIT(name, member, kind, least, most, usual)                  \
	{                                                              \
		name, kind, AT(member), .min = (least), .max = (most), \
		                        .absent = (usual)              \
	}
#define TASK(name, member, kind, least, most, usual) \
	LIMIT("task_" name, task_limits.member, kind, least, most, usual)
#define TASK_MAX(name, member, kind, least, most, usual)                      \
	LIMIT("task_" name "_max", task_limits_max.member, kind, least, most, \
	    usual)

const struct config_option config_options[] = {
    {STRING(listen_address, 64), .text = "127.0.0.1", .is_valid = is_address,
        .is_fixed = true,
        .help = "Address to listen on: a numeric IPv4 or IPv6 address."},
    {NUMBER(port, 0, 65535, 0), .is_fixed = true,
        .help = "Port to listen on. 0: the kernel chooses one, which is kept "
                "until the gateway is taken down."},
    {NUMBER(gates, 0, 256, 0),
        .help = "Gate processes. 0: one for each processor."},
    {STRING(authorized_keys, LIMIT_PATH_BYTES - 64), .text = "authorized_keys",
        .help = "File that says who may log in, relative to the folder."},
    {NUMBER(grace_ms, 100, HOUR_MS, 20000), .unit = "ms",
        .help = "Time for a connection to authenticate."},
    {NUMBER(connections_max, 1, 1000000, 10000),
        .help = "Connections that one gate holds; more are closed at once."},
    {NUMBER(connections_per_address, 1, 1000000, 64),
        .help = "Connections of one address that have not authenticated yet."},
    {NUMBER(channels_per_connection, 1, 1024, 64),
        .help = "Open channels of one connection."},
    {NUMBER(keepalive_ms, 0, HOUR_MS, 15000), .unit = "ms",
        .help = "A silent connection is asked for a sign of life after this "
                "time. 0: never."},
    {NUMBER(keepalive_count, 1, 1000, 3),
        .help = "Unanswered questions after which a connection is dead."},
    {NUMBER(rekey_bytes, 0, 1ll << 40, 0), .unit = "bytes",
        .help = "Data after which a connection gets new keys. 0: as the cipher "
                "demands."},
    {NUMBER(drain_ms, 0, DAY_MS, 30000), .unit = "ms",
        .help = "Time for the connections of a gate that is to end."},
    {NUMBER(uid_gate, UID_MIN, UID_MAX, 1879048193), .is_fixed = true,
        .help = "User and group id of the gates."},
    {NUMBER(uid_player, UID_MIN, UID_MAX, 1879048194), .is_fixed = true,
        .help = "User and group id of the players of recordings."},
    {NUMBER(uid_keeper_base, UID_MIN, UID_MAX - 10000, 1879050000),
        .is_fixed = true,
        .help = "First of the 10000 user ids of the keepers."},
    {NUMBER(uid_sandbox_base, UID_MIN, UID_MAX - SANDBOX_IDS, 524288),
        .is_fixed = true,
        .help = "First of the 655360000 user ids of the sandboxes, 65536 for "
                "each."},
    {STRING(cgroup_parent, 200), .text = "sallyport", .is_valid = is_group,
        .is_fixed = true,
        .help = "Control group above the tasks': a name of letters, digits and "
                "\"._-\"."},
    {CHOICE(runtime, config_runtime_names, CONFIG_AUTO), .is_fixed = true,
        .help = "OCI runtime of a task that names none. auto: the best that "
                "works here."},
    {CHOICE(log_level, log_level_names, LOG_INFO),
        .help = "The least important events that the manager logs."},
    {STRING(detach_key, LIMIT_KEY_BYTES), .text = "C-\\",
        .is_valid = is_detach_key,
        .help = "Key that detaches from a named session: C- and a letter but "
                "i, j and m, or one of \\]^_; or none."},
    {CHOICE(recording, config_recording_names, CONFIG_RECORD_OFF),
        .help = "Format in which terminals of a task are recorded whose "
                "profile does not say."},
    {NUMBER(recording_bytes, LIMIT_RECORDING_MIN, LIMIT_RECORDING_MAX,
         LIMIT_RECORDING),
        .unit = "bytes",
        .help = "Size at which such a recording is cut, and says so."},
    {NUMBER(recordings_days, 0, 36500, 30), .unit = "days",
        .help = "Time for which recordings are kept after their task. 0: they "
                "go with it."},
    {NUMBER(replays, 1, 1000, 16),
        .help = "Recordings that are replayed at once."},
    {NUMBER(task_ttl_ms, 0, LIMIT_TTL_MS_MAX, 0), .unit = "ms",
        .help = "Time to live of a task whose profile says none. 0: no end."},
    {NUMBER(task_ttl_ms_max, 0, LIMIT_TTL_MS_MAX, 0), .unit = "ms",
        .help = "The most that a task may ask for. 0: no bound."},
    {NUMBER(task_idle_ms, 0, LIMIT_TTL_MS_MAX, 0), .unit = "ms",
        .help = "Time that a task whose profile says none may be idle. 0: for "
                "ever."},
    {NUMBER(task_idle_ms_max, 0, LIMIT_TTL_MS_MAX, 0), .unit = "ms",
        .help = "The most that a task may ask for. 0: no bound."},
    {TASK("cpu", cpu_milli, JSON_MILLI, LIMIT_CPU_MILLI_MIN,
         LIMIT_CPU_MILLI_MAX, 1000),
        .unit = "cores", .at_most = "task_cpu_max",
        .help = "Processor time of a task that asks for none."},
    {TASK_MAX("cpu", cpu_milli, JSON_MILLI, LIMIT_CPU_MILLI_MIN,
         LIMIT_CPU_MILLI_MAX, LIMIT_CPU_MILLI_MAX),
        .unit = "cores", .help = "The most that a task may ask for."},
    {TASK("memory", memory, JSON_INTEGER, LIMIT_MEMORY_MIN, LIMIT_MEMORY_MAX,
         2ll << 30),
        .unit = "bytes", .at_most = "task_memory_max",
        .help = "Memory of a task that asks for none."},
    {TASK_MAX("memory", memory, JSON_INTEGER, LIMIT_MEMORY_MIN,
         LIMIT_MEMORY_MAX, 64ll << 30),
        .unit = "bytes", .help = "The most that a task may ask for."},
    {TASK("pids", pids, JSON_INTEGER, LIMIT_PIDS_MIN, LIMIT_PIDS_MAX, 512),
        .at_most = "task_pids_max",
        .help = "Processes and threads of a task that asks for none."},
    {TASK_MAX("pids", pids, JSON_INTEGER, LIMIT_PIDS_MIN, LIMIT_PIDS_MAX,
         LIMIT_PIDS_MAX),
        .help = "The most that a task may ask for."},
    {TASK("exec_ms", exec_ms, JSON_INTEGER, 1, LIMIT_EXEC_MS_MAX, 120000),
        .unit = "ms", .at_most = "task_exec_ms_max",
        .help = "Time-out of a brain's command that names none."},
    {TASK_MAX(
         "exec_ms", exec_ms, JSON_INTEGER, 1, LIMIT_EXEC_MS_MAX, 24 * HOUR_MS),
        .unit = "ms", .help = "The longest time-out of a command."},
    {TASK("execs", execs, JSON_INTEGER, 1, LIMIT_EXECS_MAX, 64),
        .at_most = "task_execs_max",
        .help = "Commands that run at once in a task that asks for none."},
    {TASK_MAX(
         "execs", execs, JSON_INTEGER, 1, LIMIT_EXECS_MAX, LIMIT_EXECS_MAX),
        .help = "The most that a task may ask for."},
    {TASK("output", output, JSON_INTEGER, LIMIT_OUTPUT_MIN, LIMIT_OUTPUT_MAX,
         64ll << 20),
        .unit = "bytes", .at_most = "task_output_max",
        .help = "Output that is kept of each command."},
    {TASK_MAX("output", output, JSON_INTEGER, LIMIT_OUTPUT_MIN,
         LIMIT_OUTPUT_MAX, 1ll << 30),
        .unit = "bytes", .help = "The most that a task may ask for."},
    {TASK("spool", spool, JSON_INTEGER, LIMIT_SPOOL_MIN, LIMIT_SPOOL_MAX,
         1ll << 30),
        .unit = "bytes", .at_most = "task_spool_max",
        .help = "Output that is kept of all commands of a task together."},
    {TASK_MAX("spool", spool, JSON_INTEGER, LIMIT_SPOOL_MIN, LIMIT_SPOOL_MAX,
         16ll << 30),
        .unit = "bytes", .help = "The most that a task may ask for."},
};
static_assert(
    sizeof(config_options) / sizeof(*config_options) == CONFIG_OPTIONS,
    "the table is as long as the header says");
