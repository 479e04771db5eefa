/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/attachment.h"

#include <stddef.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/signal.h"

const char *const attachment_types[ATTACHMENT_TYPES + 1] = {
    [ATTACHMENT_ADMIT] = "admit",
    [ATTACHMENT_START] = "start",
    [ATTACHMENT_SESSION] = "session",
    [ATTACHMENT_ATTACH] = "attach",
    [ATTACHMENT_SIGNAL] = "signal",
    [ATTACHMENT_RESIZE] = "resize",
    [ATTACHMENT_SCREEN] = "screen",
    [ATTACHMENT_KEYS] = "keys",
    [ATTACHMENT_WAIT] = "wait",
    [ATTACHMENT_CANCEL] = "cancel",
    [ATTACHMENT_PLAY] = "play",
    [ATTACHMENT_TERMINALS] = "terminals",
    [ATTACHMENT_DETACH] = "detach",
    [ATTACHMENT_STARTED] = "started",
    [ATTACHMENT_ATTACHED] = "attached",
    [ATTACHMENT_REFUSED] = "refused",
    [ATTACHMENT_TAKEN] = "taken",
    [ATTACHMENT_TERMINAL] = "terminal",
    [ATTACHMENT_ANSWER] = "answer",
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
    [ATTACH_NONE] = "none",
};

const char *const view_names[VIEW_NAMES + 1] = {
    [VIEW_NAME_CLIENT] = "client",
    [VIEW_NAME_WATCH] = "watch",
};

static int
check_session(const void *body, struct error *err)
{
	const struct attachment_start *start = body;

	if (start->spec.name == NULL || !start->spec.pty.present)
		return error_set(err, ERROR_INVALID,
		    "a session without \"name\" or \"pty\"");
	return 0;
}

static int
check_attach(const void *body, struct error *err)
{
	const struct attachment_attach *attach = body;

	if (attach->exec != NULL && attach->session != NULL)
		return error_set(err, ERROR_INVALID,
		    "\"exec\" and \"session\" are given, not one");
	return 0;
}

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

static int
check_answer(const void *body, struct error *err)
{
	const struct attachment_answer *answer = body;

	if ((answer->code == NULL) != (answer->text == NULL))
		return error_set(err, ERROR_INVALID,
		    "one of \"code\" and \"text\" without the other");
	return 0;
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

#define AT(member) offsetof(struct attachment_view, member)
static const struct json_field view_fields[] = {
    {"kind", JSON_ENUM, AT(kind), .names = view_names, .required = true},
    {"rows", JSON_INTEGER, AT(rows), .min = 1, .max = LIMIT_PTY_ROWS,
        .required = true},
    {"cols", JSON_INTEGER, AT(cols), .min = 1, .max = LIMIT_PTY_COLS,
        .required = true},
    {"size", JSON_ENUM, AT(size), .names = size_policy_names, .absent = -1},
};
#undef AT

static const struct json_shape view_shape = {
    JSON_SHAPE(view_fields, struct attachment_view)};

#define AT(member) offsetof(struct attachment_start, member)
static const struct json_field start_fields[] = {
    {.kind = JSON_INLINE, .offset = AT(spec), .shape = &exec_spec_shape},
    {"tied", JSON_BOOL, AT(tied), .absent = false},
    {"view", JSON_RECORD, AT(view), .shape = &view_shape},
};
#undef AT

#define AT(member) offsetof(struct stream_offsets, member)
static const struct json_field offsets_fields[] = {
    {"stdout", JSON_INTEGER, AT(out), .max = JSON_INTEGER_MAX},
    {"stderr", JSON_INTEGER, AT(err), .max = JSON_INTEGER_MAX},
};
#undef AT

static const struct json_shape offsets_shape = {
    JSON_SHAPE(offsets_fields, struct stream_offsets)};

#define AT(member) offsetof(struct attachment_attach, member)
static const struct json_field attach_fields[] = {
    {"exec", JSON_STRING, AT(exec), .min = 1, .max = LIMIT_EXEC_ID_BYTES},
    {"session", JSON_STRING, AT(session), .min = 1, .max = LIMIT_NAME_BYTES},
    {"from", JSON_ENUM, AT(from), .names = attach_from_names},
    {"from", JSON_RECORD, AT(offsets), .shape = &offsets_shape},
    {"view", JSON_RECORD, AT(view), .shape = &view_shape},
    {"tied", JSON_BOOL, AT(tied), .absent = false},
};
#undef AT

#define ASK(body)                                                \
	{                                                        \
		"ask", JSON_INTEGER, offsetof(struct body, ask), \
		    .min = 1, .max = LIMIT_ASK, .required = true \
	}
#define INLINE(body, member, its)                                             \
	{                                                                     \
		.kind = JSON_INLINE, .offset = offsetof(struct body, member), \
		.shape = &(its)                                               \
	}

static const struct json_field screen_fields[] = {
    ASK(attachment_screen),
    INLINE(attachment_screen, of, screen_ask_shape),
};

static const struct json_field keys_fields[] = {
    ASK(attachment_keys),
    INLINE(attachment_keys, of, keys_ask_shape),
    {"wait", JSON_RECORD, offsetof(struct attachment_keys, wait),
        .shape = &wait_ask_shape},
};

static const struct json_field wait_fields[] = {
    ASK(attachment_wait),
    INLINE(attachment_wait, of, wait_ask_shape),
};

static const struct json_field cancel_fields[] = {
    ASK(attachment_cancel),
};

#define AT(member) offsetof(struct attachment_play, member)
static const struct json_field play_fields[] = {
    {"speed", JSON_MILLI, AT(speed_milli), .min = 100, .max = 100000,
        .absent = 1000},
    {"idle_ms", JSON_INTEGER, AT(idle_ms), .max = LIMIT_WAIT_MS},
    {"paused", JSON_BOOL, AT(paused), .absent = false},
};
#undef AT

static const struct json_field terminals_fields[] = {
    ASK(attachment_terminals),
};

static const struct json_field terminal_fields[] = {
    ASK(attachment_terminal),
    INLINE(attachment_terminal, of, terminal_info_shape),
};

#define AT(member) offsetof(struct attachment_answer, member)
static const struct json_field answer_fields[] = {
    ASK(attachment_answer),
    {"code", JSON_STRING, AT(code), .min = 1, .max = LIMIT_NAME_BYTES},
    {"text", JSON_STRING, AT(text), .min = 1, .max = LIMIT_TEXT_BYTES},
    {"screen", JSON_RECORD, AT(screen), .shape = &screen_answer_shape},
    {"wait", JSON_RECORD, AT(wait), .shape = &wait_answer_shape},
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
    {"stdin", JSON_INTEGER, AT(taken), .max = JSON_INTEGER_MAX, .absent = -1},
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
static const struct json_shape session_shape = {
    JSON_SHAPE(start_fields, struct attachment_start), .check = check_session};
static const struct json_shape attach_shape = {
    JSON_SHAPE(attach_fields, struct attachment_attach), .check = check_attach};
static const struct json_shape screen_message_shape = {
    JSON_SHAPE(screen_fields, struct attachment_screen)};
static const struct json_shape keys_shape = {
    JSON_SHAPE(keys_fields, struct attachment_keys)};
static const struct json_shape wait_shape = {
    JSON_SHAPE(wait_fields, struct attachment_wait)};
static const struct json_shape cancel_shape = {
    JSON_SHAPE(cancel_fields, struct attachment_cancel)};
static const struct json_shape play_shape = {
    JSON_SHAPE(play_fields, struct attachment_play)};
static const struct json_shape terminals_shape = {
    JSON_SHAPE(terminals_fields, struct attachment_terminals)};
static const struct json_shape terminal_shape = {
    JSON_SHAPE(terminal_fields, struct attachment_terminal)};
static const struct json_shape answer_shape = {
    JSON_SHAPE(answer_fields, struct attachment_answer), .check = check_answer};
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
    [ATTACHMENT_SESSION] = &session_shape,
    [ATTACHMENT_ATTACH] = &attach_shape,
    [ATTACHMENT_SIGNAL] = &link_signal_shape,
    [ATTACHMENT_RESIZE] = &link_resize_shape,
    [ATTACHMENT_SCREEN] = &screen_message_shape,
    [ATTACHMENT_KEYS] = &keys_shape,
    [ATTACHMENT_WAIT] = &wait_shape,
    [ATTACHMENT_CANCEL] = &cancel_shape,
    [ATTACHMENT_PLAY] = &play_shape,
    [ATTACHMENT_TERMINALS] = &terminals_shape,
    [ATTACHMENT_DETACH] = &json_empty_shape,
    [ATTACHMENT_STARTED] = &started_shape,
    [ATTACHMENT_ATTACHED] = &attached_shape,
    [ATTACHMENT_REFUSED] = &refused_shape,
    [ATTACHMENT_TAKEN] = &json_empty_shape,
    [ATTACHMENT_TERMINAL] = &terminal_shape,
    [ATTACHMENT_ANSWER] = &answer_shape,
    [ATTACHMENT_DETACHED] = &json_empty_shape,
    [ATTACHMENT_GAP] = &gap_shape,
    [ATTACHMENT_EXIT] = &attachment_exit_shape,
};

const struct json_messages attachment_messages = {
    attachment_types, attachment_shapes};
