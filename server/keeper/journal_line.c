/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/journal_line.h"

#include <stddef.h>

#include "protocol/error.h"
#include "protocol/frame.h"
#include "protocol/limits.h"
#include "protocol/signal.h"
#include "server/keeper/command.h"

#define VERSION_MAX 1000

const char *const journal_types[JOURNAL_TYPES + 1] = {
    [JOURNAL_BEGIN] = "journal",
    [JOURNAL_EXEC] = "exec",
    [JOURNAL_SENT] = "sent",
    [JOURNAL_STARTED] = "started",
    [JOURNAL_ASKED] = "asked",
    [JOURNAL_SIGNAL] = "signal",
    [JOURNAL_DELIVERED] = "delivered",
    [JOURNAL_ENDED] = "ended",
    [JOURNAL_DROPPED] = "dropped",
};

static const char *const kill_names[KILLS_ASKED + 1] = {
    [KILL_NOT_ASKED] = "no",
    [KILL_GROUP] = "group",
    [KILL_TREE] = "tree",
};

static int
check_signal(const void *body, struct error *err)
{
	const struct journal_signal *signal = body;

	return signal_check(signal->signal, err);
}

#define NUMBER(body)                                                   \
	{                                                              \
		"number", JSON_INTEGER, offsetof(struct body, number), \
		    .min = 1, .max = UINT32_MAX, .required = true      \
	}

#define AT(member) offsetof(struct journal_begin, member)
static const struct json_field begin_fields[] = {
    {"version", JSON_INTEGER, AT(version), .min = 1, .max = VERSION_MAX,
        .required = true},
    {"task", JSON_STRING, AT(task), .min = 1, .max = LIMIT_NAME_BYTES,
        .required = true},
    {"last", JSON_INTEGER, AT(last), .max = UINT32_MAX, .required = true},
};
#undef AT

#define AT(member) offsetof(struct journal_exec, member)
static const struct json_field exec_fields[] = {
    NUMBER(journal_exec),
    {"principal", JSON_STRING, AT(principal), .min = 1,
        .max = LIMIT_PRINCIPAL_BYTES, .required = true},
    {"what", JSON_TEXT, AT(what), .max = JOURNAL_WHAT_BYTES, .required = true},
    {"message", JSON_STRING, AT(message), .min = 1, .max = FRAME_CONTROL_MAX},
    {"token", JSON_STRING, AT(token), .min = 1, .max = LIMIT_TOKEN_BYTES},
    {"spec", JSON_STRING, AT(spec), .min = 1, .max = COMMAND_DIGEST_BYTES},
    {"name", JSON_STRING, AT(name), .min = 1, .max = LIMIT_NAME_BYTES},
    {"pty", JSON_RECORD, AT(pty), .shape = &exec_pty_shape},
    {"timeout_ms", JSON_INTEGER, AT(timeout_ms), .max = LIMIT_EXEC_MS_MAX},
    {"output", JSON_INTEGER, AT(output), .min = LIMIT_OUTPUT_MIN,
        .max = LIMIT_OUTPUT_MAX, .required = true},
    {"overflow", JSON_ENUM, AT(overflow), .names = exec_overflow_names,
        .absent = OVERFLOW_SLOW},
    {"tied", JSON_BOOL, AT(tied), .absent = false},
    {"plain", JSON_BOOL, AT(plain), .absent = false},
    {"open", JSON_BOOL, AT(open), .absent = false},
    {"stdin", JSON_BLOB, AT(input), .max = LIMIT_STDIN_BYTES},
    {"from", JSON_INTEGER, AT(from), .max = LIMIT_STDIN_BYTES},
};
#undef AT

#define AT(member) offsetof(struct journal_sent, member)
static const struct json_field sent_fields[] = {
    NUMBER(journal_sent),
    {"at", JSON_INTEGER, AT(at_ms), .max = JSON_INTEGER_MAX, .required = true},
    {"deadline", JSON_INTEGER, AT(deadline_ms), .max = JSON_INTEGER_MAX},
    {"oom", JSON_INTEGER, AT(oom), .max = JSON_INTEGER_MAX},
};
#undef AT

static const struct json_field started_fields[] = {
    NUMBER(journal_started),
    {"pid", JSON_INTEGER, offsetof(struct journal_started, pid), .min = 1,
        .max = LIMIT_PID, .required = true},
};

#define AT(member) offsetof(struct journal_asked, member)
static const struct json_field asked_fields[] = {
    NUMBER(journal_asked),
    {"kill", JSON_ENUM, AT(kill), .names = kill_names,
        .absent = KILL_NOT_ASKED},
    {"timed_out", JSON_BOOL, AT(timed_out), .absent = false},
    {"hung_up", JSON_BOOL, AT(hung_up), .absent = false},
    {"stdin", JSON_INTEGER, AT(end), .max = JSON_INTEGER_MAX, .absent = -1},
};
#undef AT

#define AT(member) offsetof(struct journal_signal, member)
static const struct json_field signal_fields[] = {
    NUMBER(journal_signal),
    {"signal", JSON_STRING, AT(signal), .min = 1, .max = LIMIT_SIGNAL_BYTES,
        .required = true},
    {"tree", JSON_BOOL, AT(tree), .absent = false},
};
#undef AT

static const struct json_field ended_fields[] = {
    NUMBER(journal_ended),
    {.kind = JSON_INLINE,
        .offset = offsetof(struct journal_ended, exit),
        .shape = &attachment_exit_shape},
};

static const struct json_field dropped_fields[] = {NUMBER(journal_number)};

static const struct json_shape begin_shape = {
    JSON_SHAPE(begin_fields, struct journal_begin)};
static const struct json_shape exec_shape = {
    JSON_SHAPE(exec_fields, struct journal_exec)};
static const struct json_shape sent_shape = {
    JSON_SHAPE(sent_fields, struct journal_sent)};
static const struct json_shape started_shape = {
    JSON_SHAPE(started_fields, struct journal_started)};
static const struct json_shape asked_shape = {
    JSON_SHAPE(asked_fields, struct journal_asked)};
static const struct json_shape signal_shape = {
    JSON_SHAPE(signal_fields, struct journal_signal), .check = check_signal};
static const struct json_shape ended_shape = {
    JSON_SHAPE(ended_fields, struct journal_ended)};
static const struct json_shape dropped_shape = {
    JSON_SHAPE(dropped_fields, struct journal_number)};

const struct json_shape *const journal_shapes[JOURNAL_TYPES] = {
    [JOURNAL_BEGIN] = &begin_shape,
    [JOURNAL_EXEC] = &exec_shape,
    [JOURNAL_SENT] = &sent_shape,
    [JOURNAL_STARTED] = &started_shape,
    [JOURNAL_ASKED] = &asked_shape,
    [JOURNAL_SIGNAL] = &signal_shape,
    [JOURNAL_DELIVERED] = &json_empty_shape,
    [JOURNAL_ENDED] = &ended_shape,
    [JOURNAL_DROPPED] = &dropped_shape,
};

const struct json_messages journal_messages = {journal_types, journal_shapes};
