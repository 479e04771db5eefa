/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/attachment.h"

#include <stddef.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/signal.h"

const char *const attachment_types[ATTACHMENT_TYPES + 1] = {
    [ATTACHMENT_ADMIT] = "admit",
    [ATTACHMENT_START] = "start",
    [ATTACHMENT_ATTACH] = "attach",
    [ATTACHMENT_SIGNAL] = "signal",
    [ATTACHMENT_DETACH] = "detach",
    [ATTACHMENT_STARTED] = "started",
    [ATTACHMENT_ATTACHED] = "attached",
    [ATTACHMENT_REFUSED] = "refused",
    [ATTACHMENT_TAKEN] = "taken",
    [ATTACHMENT_DETACHED] = "detached",
    [ATTACHMENT_GAP] = "gap",
    [ATTACHMENT_EXIT] = "exit",
};

const char *const output_stream_names[OUTPUT_STREAMS + 1] = {
    [OUTPUT_STDOUT] = "stdout",
    [OUTPUT_STDERR] = "stderr",
    [OUTPUT_PTY] = "pty",
};

const char *const exit_reason_names[EXIT_REASONS + 1] = {
    [REASON_EXITED] = "exited",
    [REASON_SIGNALED] = "signaled",
    [REASON_TIMEOUT] = "timeout",
    [REASON_OOM] = "oom",
    [REASON_KILLED] = "killed",
    [REASON_LOST] = "lost",
};

const char *const right_names[RIGHTS + 1] = {
    [RIGHT_READ] = "read",
    [RIGHT_WRITE] = "write",
};

const char *const attach_from_names[ATTACH_FROMS + 1] = {
    [ATTACH_START] = "start",
    [ATTACH_LIVE] = "live",
};

static int
check_gap(const void *body, struct error *err)
{
	const struct attachment_gap *gap = body;

	if (gap->from >= gap->to)
		return error_set(
		    err, ERROR_INVALID, "\"from\" is not before \"to\"");
	return 0;
}

/* Only who lost sight of a command may know neither its code nor its signal. */
static int
check_exit(const void *body, struct error *err)
{
	const struct attachment_exit *exit = body;
	int given = (exit->code >= 0) + (exit->signal != NULL);

	if (given != (exit->reason == REASON_LOST ? 0 : 1))
		return error_set(err, ERROR_INVALID,
		    "not exactly one of \"code\" and \"signal\", or none when "
		    "lost");
	return exit->signal == NULL ? 0 : signal_check(exit->signal, err);
}

#define AT(member) offsetof(struct attachment_admit, member)
static const struct json_field admit_fields[] = {
    {"principal", JSON_STRING, AT(principal), .min = 1,
        .max = LIMIT_PRINCIPAL_BYTES, .required = true},
    {"right", JSON_ENUM, AT(right), .names = right_names, .required = true},
    {"exec_ms", JSON_INTEGER, AT(exec_ms), .max = LIMIT_EXEC_MS_MAX},
    {"exec_ms_max", JSON_INTEGER, AT(exec_ms_max), .max = LIMIT_EXEC_MS_MAX},
};
#undef AT

#define AT(member) offsetof(struct attachment_start, member)
static const struct json_field start_fields[] = {
    {.kind = JSON_INLINE, .offset = AT(spec), .shape = &exec_spec_shape},
    {"tied", JSON_BOOL, AT(tied), .absent = false},
};
#undef AT

#define AT(member) offsetof(struct stream_offsets, member)
static const struct json_field offsets_fields[] = {
    {"stdout", JSON_INTEGER, AT(out), .max = JSON_INTEGER_MAX},
    {"stderr", JSON_INTEGER, AT(err), .max = JSON_INTEGER_MAX},
};
#undef AT

const struct json_shape stream_offsets_shape = {
    JSON_SHAPE(offsets_fields, struct stream_offsets)};

#define AT(member) offsetof(struct attachment_attach, member)
static const struct json_field attach_fields[] = {
    {"exec", JSON_STRING, AT(exec), .min = 1, .max = LIMIT_EXEC_ID_BYTES,
        .required = true},
    {"from", JSON_ENUM, AT(from), .names = attach_from_names},
    {"from", JSON_RECORD, AT(offsets), .shape = &stream_offsets_shape},
};
#undef AT

#define AT(member) offsetof(struct attachment_started, member)
static const struct json_field started_fields[] = {
    {"exec", JSON_STRING, AT(exec), .min = 1, .max = LIMIT_EXEC_ID_BYTES,
        .required = true},
    {"pid", JSON_INTEGER, AT(pid), .min = 1, .max = LIMIT_PID,
        .required = true},
};
#undef AT

#define AT(member) offsetof(struct attachment_attached, member)
static const struct json_field attached_fields[] = {
    {"exec", JSON_STRING, AT(exec), .min = 1, .max = LIMIT_EXEC_ID_BYTES,
        .required = true},
    {"stdout", JSON_INTEGER, AT(out), .max = JSON_INTEGER_MAX,
        .required = true},
    {"stderr", JSON_INTEGER, AT(err), .max = JSON_INTEGER_MAX,
        .required = true},
    {"pty", JSON_BOOL, AT(pty), .absent = false},
    {"running", JSON_BOOL, AT(running), .required = true},
};
#undef AT

#define AT(member) offsetof(struct attachment_refused, member)
static const struct json_field refused_fields[] = {
    {"code", JSON_STRING, AT(code), .min = 1, .max = LIMIT_NAME_BYTES,
        .required = true},
    {"text", JSON_STRING, AT(text), .min = 1, .max = LIMIT_TEXT_BYTES,
        .required = true},
};
#undef AT

#define AT(member) offsetof(struct attachment_gap, member)
static const struct json_field gap_fields[] = {
    {"stream", JSON_ENUM, AT(stream), .names = output_stream_names,
        .required = true},
    {"from", JSON_INTEGER, AT(from), .max = JSON_INTEGER_MAX, .required = true},
    {"to", JSON_INTEGER, AT(to), .max = JSON_INTEGER_MAX, .required = true},
};
#undef AT

#define AT(member) offsetof(struct attachment_exit, member)
static const struct json_field exit_fields[] = {
    {"code", JSON_INTEGER, AT(code), .max = 255, .absent = -1},
    {"signal", JSON_STRING, AT(signal), .min = 1, .max = LIMIT_SIGNAL_BYTES},
    {"core", JSON_BOOL, AT(core), .absent = false},
    {"reason", JSON_ENUM, AT(reason), .names = exit_reason_names,
        .required = true},
    {"duration_ms", JSON_INTEGER, AT(duration_ms), .max = JSON_INTEGER_MAX,
        .required = true},
    {"oom_kills", JSON_INTEGER, AT(oom_kills), .max = JSON_INTEGER_MAX},
    {"rusage", JSON_RECORD, AT(rusage), .shape = &rusage_shape},
};
#undef AT

static const struct json_shape admit_shape = {
    JSON_SHAPE(admit_fields, struct attachment_admit)};
static const struct json_shape start_shape = {
    JSON_SHAPE(start_fields, struct attachment_start)};
static const struct json_shape attach_shape = {
    JSON_SHAPE(attach_fields, struct attachment_attach)};
static const struct json_shape started_shape = {
    JSON_SHAPE(started_fields, struct attachment_started)};
static const struct json_shape attached_shape = {
    JSON_SHAPE(attached_fields, struct attachment_attached)};
static const struct json_shape refused_shape = {
    JSON_SHAPE(refused_fields, struct attachment_refused)};
static const struct json_shape gap_shape = {
    JSON_SHAPE(gap_fields, struct attachment_gap), .check = check_gap};
const struct json_shape attachment_exit_shape = {
    JSON_SHAPE(exit_fields, struct attachment_exit), .check = check_exit};

const struct json_shape *const attachment_shapes[ATTACHMENT_TYPES] = {
    [ATTACHMENT_ADMIT] = &admit_shape,
    [ATTACHMENT_START] = &start_shape,
    [ATTACHMENT_ATTACH] = &attach_shape,
    [ATTACHMENT_SIGNAL] = &link_signal_shape,
    [ATTACHMENT_DETACH] = &json_empty_shape,
    [ATTACHMENT_STARTED] = &started_shape,
    [ATTACHMENT_ATTACHED] = &attached_shape,
    [ATTACHMENT_REFUSED] = &refused_shape,
    [ATTACHMENT_TAKEN] = &json_empty_shape,
    [ATTACHMENT_DETACHED] = &json_empty_shape,
    [ATTACHMENT_GAP] = &gap_shape,
    [ATTACHMENT_EXIT] = &attachment_exit_shape,
};

const struct json_messages attachment_messages = {
    attachment_types, attachment_shapes};
