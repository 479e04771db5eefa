/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/stream_json.h"

#define SERVER_BYTES 64

const char *const event_types[EVENT_TYPES + 1] = {
    [EVENT_HELLO] = "hello",
    [EVENT_REPLY] = "reply",
    [EVENT_STDOUT] = "stdout",
    [EVENT_STDERR] = "stderr",
    [EVENT_PTY] = "pty",
    [EVENT_GAP] = "gap",
    [EVENT_EOF] = "eof",
    [EVENT_EXIT] = "exit",
    [EVENT_TASK] = "task",
};

#define EXEC(body)                                                         \
	{                                                                  \
		"exec", JSON_STRING, offsetof(struct body, exec),          \
		    .min = 1, .max = LIMIT_EXEC_ID_BYTES, .required = true \
	}
#define NUMBER(name, at)                                         \
	{                                                        \
		name, JSON_INTEGER, at, .max = JSON_INTEGER_MAX, \
		                        .required = true         \
	}

static int
check_reply(const void *body, struct error *err)
{
	const struct event_reply *reply = body;

	if (reply->ok == reply->error.present)
		return error_set(
		    err, ERROR_INVALID, "\"ok\" with \"error\", or neither");
	return 0;
}

static int
check_output(const void *body, struct error *err)
{
	const struct event_output *output = body;

	if (output->data.bytes == NULL)
		return error_set(err, ERROR_INVALID,
		    "none of \"data\" and \"base64\" given");
	return 0;
}

#define AT(member) offsetof(struct hello_limits, member)
static const struct json_field limits_fields[] = {
    NUMBER("line", AT(line)),
    NUMBER("requests", AT(requests)),
    NUMBER("execs", AT(execs)),
    NUMBER("stdin", AT(stdin_bytes)),
};
#undef AT

static const struct json_shape limits_shape = {
    JSON_SHAPE(limits_fields, struct hello_limits)};

#define AT(member) offsetof(struct event_hello, member)
static const struct json_field hello_fields[] = {
    NUMBER("protocol", AT(protocol)),
    {"server", JSON_STRING, AT(server), .min = 1, .max = SERVER_BYTES,
        .required = true},
    {"limits", JSON_RECORD, AT(limits), .shape = &limits_shape,
        .required = true},
};
#undef AT

#define AT(member) offsetof(struct reply_error, member)
static const struct json_field error_fields[] = {
    {"code", JSON_STRING, AT(code), .min = 1, .max = LIMIT_NAME_BYTES,
        .required = true},
    {"message", JSON_STRING, AT(message), .min = 1, .max = LIMIT_TEXT_BYTES,
        .required = true},
};
#undef AT

static const struct json_shape error_shape = {
    JSON_SHAPE(error_fields, struct reply_error)};

static const struct json_field view_fields[] = {
    {.kind = JSON_INLINE,
        .offset = offsetof(struct task_view, of),
        .shape = &control_view_shape},
};

static const struct json_shape view_shape = {
    JSON_SHAPE(view_fields, struct task_view)};

#define AT(member) offsetof(struct event_reply, member)
static const struct json_field reply_fields[] = {
    {"id", JSON_STRING, AT(id), .min = 1, .max = LIMIT_REQUEST_ID_BYTES,
        .required = true, .nullable = true},
    {"ok", JSON_BOOL, AT(ok), .required = true},
    {"error", JSON_RECORD, AT(error), .shape = &error_shape},
    {"task", JSON_STRING, AT(task), .min = 1, .max = LIMIT_NAME_BYTES},
    {"info", JSON_RECORD, AT(view), .shape = &view_shape},
    {"exec", JSON_STRING, AT(exec), .min = 1, .max = LIMIT_EXEC_ID_BYTES},
    {"pid", JSON_INTEGER, AT(pid), .min = 1, .max = LIMIT_PID, .absent = -1},
    {"stdout", JSON_INTEGER, AT(out), .max = JSON_INTEGER_MAX, .absent = -1},
    {"stderr", JSON_INTEGER, AT(err), .max = JSON_INTEGER_MAX, .absent = -1},
    {"pty", JSON_INTEGER, AT(pty), .max = JSON_INTEGER_MAX, .absent = -1},
    {"running", JSON_MAYBE, AT(running), .absent = -1},
    {"screen", JSON_RECORD, AT(screen), .shape = &screen_answer_shape},
    {"wait", JSON_RECORD, AT(wait), .shape = &wait_answer_shape},
    {"sessions", JSON_RECORDS, AT(sessions), .max = LIMIT_EXECS_MAX,
        .shape = &terminal_info_shape},
};
#undef AT

#define AT(member) offsetof(struct event_output, member)
static const struct json_field output_fields[] = {
    EXEC(event_output),
    NUMBER("offset", AT(offset)),
    {.kind = JSON_BYTES, .offset = AT(data), .max = LIMIT_LINE_BYTES},
};
#undef AT

#define AT(member) offsetof(struct event_gap, member)
static const struct json_field gap_fields[] = {
    EXEC(event_gap),
    {"stream", JSON_ENUM, AT(stream), .names = output_stream_names,
        .required = true},
    NUMBER("from", AT(from)),
    NUMBER("to", AT(to)),
};
#undef AT

#define AT(member) offsetof(struct event_eof, member)
static const struct json_field eof_fields[] = {
    EXEC(event_eof),
    {"stream", JSON_ENUM, AT(stream), .names = output_stream_names,
        .required = true},
    NUMBER("total", AT(total)),
};
#undef AT

static const struct json_field exit_fields[] = {
    EXEC(event_exit),
    {.kind = JSON_INLINE,
        .offset = offsetof(struct event_exit, exit),
        .shape = &attachment_exit_shape},
};

static const struct json_field task_fields[] = {
    {.kind = JSON_INLINE,
        .offset = offsetof(struct event_task, of),
        .shape = &control_view_shape},
};

static const struct json_shape hello_shape = {
    JSON_SHAPE(hello_fields, struct event_hello)};
static const struct json_shape reply_shape = {
    JSON_SHAPE(reply_fields, struct event_reply), .check = check_reply};
static const struct json_shape output_shape = {
    JSON_SHAPE(output_fields, struct event_output), .check = check_output};
static const struct json_shape gap_shape = {
    JSON_SHAPE(gap_fields, struct event_gap)};
static const struct json_shape eof_shape = {
    JSON_SHAPE(eof_fields, struct event_eof)};
static const struct json_shape exit_shape = {
    JSON_SHAPE(exit_fields, struct event_exit)};
static const struct json_shape task_shape = {
    JSON_SHAPE(task_fields, struct event_task)};

const struct json_shape *const event_shapes[EVENT_TYPES] = {
    [EVENT_HELLO] = &hello_shape,
    [EVENT_REPLY] = &reply_shape,
    [EVENT_STDOUT] = &output_shape,
    [EVENT_STDERR] = &output_shape,
    [EVENT_PTY] = &output_shape,
    [EVENT_GAP] = &gap_shape,
    [EVENT_EOF] = &eof_shape,
    [EVENT_EXIT] = &exit_shape,
    [EVENT_TASK] = &task_shape,
};

const struct json_messages event_messages = {event_types, event_shapes};
