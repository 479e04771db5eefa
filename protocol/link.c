/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/link.h"

#include <stddef.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/signal.h"

#define PROTOCOL_MAX 1000

const char *const link_types[LINK_TYPES + 1] = {
    [LINK_EXEC] = "exec",
    [LINK_SIGNAL] = "signal",
    [LINK_KILL] = "kill",
    [LINK_RESIZE] = "resize",
    [LINK_HANGUP] = "hangup",
    [LINK_RESUME] = "resume",
    [LINK_FORGET] = "forget",
    [LINK_HELLO] = "hello",
    [LINK_HELD] = "held",
    [LINK_STARTED] = "started",
    [LINK_REFUSED] = "refused",
    [LINK_TERMINAL] = "terminal",
    [LINK_EXIT] = "exit",
};

static const char *const refusal_names[REFUSALS + 1] = {
    [REFUSAL_NOT_FOUND] = "not_found",
    [REFUSAL_NOT_EXECUTABLE] = "not_executable",
    [REFUSAL_NO_USER] = "no_user",
    [REFUSAL_BAD_CWD] = "bad_cwd",
    [REFUSAL_LIMIT] = "limit",
    [REFUSAL_SYSTEM] = "system",
};

const char *
refusal_name(enum refusal refusal)
{
	return (unsigned)refusal < REFUSALS ? refusal_names[refusal]
	                                    : refusal_names[REFUSAL_SYSTEM];
}

static int
check_signal(const void *body, struct error *err)
{
	const struct link_signal *signal = body;

	return signal_check(signal->signal, err);
}

static int
check_exit(const void *body, struct error *err)
{
	const struct link_exit *exit = body;

	if ((exit->code >= 0) == (exit->signal != NULL))
		return error_set(err, ERROR_INVALID,
		    "not exactly one of \"code\" and \"signal\"");
	return exit->signal == NULL ? 0 : signal_check(exit->signal, err);
}

static const struct json_field exec_fields[] = {
    {.kind = JSON_INLINE,
        .offset = offsetof(struct link_exec, spec),
        .shape = &exec_spec_shape},
};

#define AT(member) offsetof(struct link_signal, member)
static const struct json_field signal_fields[] = {
    {"signal", JSON_STRING, AT(signal), .min = 1, .max = LIMIT_SIGNAL_BYTES,
        .required = true},
    {"tree", JSON_BOOL, AT(tree), .absent = false},
};
#undef AT

#define AT(member) offsetof(struct link_hello, member)
static const struct json_field hello_fields[] = {
    {"protocol", JSON_INTEGER, AT(protocol), .min = 1, .max = PROTOCOL_MAX,
        .required = true},
    {"version", JSON_STRING, AT(version), .min = 1, .max = LINK_VERSION_BYTES,
        .required = true},
    {"execs", JSON_INTEGER, AT(execs), .max = LINK_HELD_MAX},
};
#undef AT

#define AT(member) offsetof(struct link_held, member)
static const struct json_field held_fields[] = {
    {"stdout", JSON_INTEGER, AT(out), .max = JSON_INTEGER_MAX},
    {"stderr", JSON_INTEGER, AT(err), .max = JSON_INTEGER_MAX},
    {"stdin", JSON_INTEGER, AT(taken), .max = JSON_INTEGER_MAX},
    {"credit", JSON_INTEGER, AT(credit), .max = WINDOW_STDIN},
};
#undef AT

#define AT(member) offsetof(struct link_resume, member)
static const struct json_field resume_fields[] = {
    {"stdout", JSON_INTEGER, AT(out), .max = JSON_INTEGER_MAX},
    {"stderr", JSON_INTEGER, AT(err), .max = JSON_INTEGER_MAX},
};
#undef AT

#define AT(member) offsetof(struct link_resize, member)
static const struct json_field resize_fields[] = {
    {"rows", JSON_INTEGER, AT(rows), .min = 1, .max = LIMIT_PTY_ROWS,
        .required = true},
    {"cols", JSON_INTEGER, AT(cols), .min = 1, .max = LIMIT_PTY_COLS,
        .required = true},
};
#undef AT

#define AT(member) offsetof(struct link_terminal, member)
static const struct json_field terminal_fields[] = {
    {"echo", JSON_BOOL, AT(echo), .required = true},
    {"canonical", JSON_BOOL, AT(canonical), .required = true},
};
#undef AT

static const struct json_field started_fields[] = {
    {"pid", JSON_INTEGER, offsetof(struct link_started, pid), .min = 1,
        .max = LIMIT_PID, .required = true},
};

#define AT(member) offsetof(struct link_refused, member)
static const struct json_field refused_fields[] = {
    {"reason", JSON_ENUM, AT(reason), .names = refusal_names, .required = true},
    {"text", JSON_STRING, AT(text), .min = 1, .max = LIMIT_TEXT_BYTES,
        .required = true},
};
#undef AT

#define AT(member) offsetof(struct rusage_spec, member)
static const struct json_field rusage_fields[] = {
    {"user_ms", JSON_INTEGER, AT(user_ms), .max = JSON_INTEGER_MAX,
        .required = true},
    {"system_ms", JSON_INTEGER, AT(system_ms), .max = JSON_INTEGER_MAX,
        .required = true},
    {"max_rss", JSON_INTEGER, AT(max_rss), .max = JSON_INTEGER_MAX,
        .required = true},
};
#undef AT

const struct json_shape rusage_shape = {
    JSON_SHAPE(rusage_fields, struct rusage_spec)};

#define AT(member) offsetof(struct link_exit, member)
static const struct json_field exit_fields[] = {
    {"code", JSON_INTEGER, AT(code), .max = 255, .absent = -1},
    {"signal", JSON_STRING, AT(signal), .min = 1, .max = LIMIT_SIGNAL_BYTES},
    {"core", JSON_BOOL, AT(core), .absent = false},
    {"rusage", JSON_RECORD, AT(rusage), .shape = &rusage_shape},
};
#undef AT

static const struct json_shape exec_shape = {
    JSON_SHAPE(exec_fields, struct link_exec)};
const struct json_shape link_signal_shape = {
    JSON_SHAPE(signal_fields, struct link_signal), .check = check_signal};
const struct json_shape link_hello_shape = {
    JSON_SHAPE(hello_fields, struct link_hello)};
const struct json_shape link_resize_shape = {
    JSON_SHAPE(resize_fields, struct link_resize)};
static const struct json_shape held_shape = {
    JSON_SHAPE(held_fields, struct link_held)};
static const struct json_shape resume_shape = {
    JSON_SHAPE(resume_fields, struct link_resume)};
static const struct json_shape terminal_shape = {
    JSON_SHAPE(terminal_fields, struct link_terminal)};
static const struct json_shape started_shape = {
    JSON_SHAPE(started_fields, struct link_started)};
static const struct json_shape refused_shape = {
    JSON_SHAPE(refused_fields, struct link_refused)};
static const struct json_shape exit_shape = {
    JSON_SHAPE(exit_fields, struct link_exit), .check = check_exit};

const struct json_shape *const link_shapes[LINK_TYPES] = {
    [LINK_EXEC] = &exec_shape,
    [LINK_SIGNAL] = &link_signal_shape,
    [LINK_KILL] = &json_empty_shape,
    [LINK_RESIZE] = &link_resize_shape,
    [LINK_HANGUP] = &json_empty_shape,
    [LINK_RESUME] = &resume_shape,
    [LINK_FORGET] = &json_empty_shape,
    [LINK_HELLO] = &link_hello_shape,
    [LINK_HELD] = &held_shape,
    [LINK_STARTED] = &started_shape,
    [LINK_REFUSED] = &refused_shape,
    [LINK_TERMINAL] = &terminal_shape,
    [LINK_EXIT] = &exit_shape,
};

const struct json_messages link_messages = {link_types, link_shapes};
