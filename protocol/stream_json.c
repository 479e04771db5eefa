/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/stream_json.h"

#include <stddef.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/signal.h"

const char *const request_types[REQUEST_TYPES + 1] = {
    [REQUEST_TASK_CREATE] = "task.create",
    [REQUEST_TASK_LIST] = "task.list",
    [REQUEST_TASK_GET] = "task.get",
    [REQUEST_TASK_UPDATE] = "task.update",
    [REQUEST_TASK_DESTROY] = "task.destroy",
    [REQUEST_LEASE] = "lease",
    [REQUEST_EXEC] = "exec",
    [REQUEST_STDIN] = "stdin",
    [REQUEST_SIGNAL] = "signal",
    [REQUEST_ATTACH] = "attach",
    [REQUEST_DETACH] = "detach",
    [REQUEST_RESIZE] = "resize",
    [REQUEST_SCREEN] = "screen",
    [REQUEST_KEYS] = "keys",
    [REQUEST_WAIT] = "wait",
    [REQUEST_SESSIONS] = "sessions",
    [REQUEST_CANCEL] = "cancel",
    [REQUEST_PING] = "ping",
};

#define ID(body)                                                              \
	{                                                                     \
		"id", JSON_STRING, offsetof(struct body, id),                 \
		    .min = 1, .max = LIMIT_REQUEST_ID_BYTES, .required = true \
	}
#define TASK(body)                                                      \
	{                                                               \
		"task", JSON_STRING, offsetof(struct body, task),       \
		    .min = 1, .max = LIMIT_NAME_BYTES, .required = true \
	}
#define EXEC(body)                                                         \
	{                                                                  \
		"exec", JSON_STRING, offsetof(struct body, exec),          \
		    .min = 1, .max = LIMIT_EXEC_ID_BYTES, .required = true \
	}

static int
check_signal(const void *body, struct error *err)
{
	const struct request_signal *request = body;

	return signal_check(request->signal, err);
}

static int
check_offsets(const void *body, struct error *err)
{
	const struct request_offsets *offsets = body;

	if (offsets->pty >= 0 && (offsets->out >= 0 || offsets->err >= 0))
		return error_set(err, ERROR_INVALID,
		    "\"pty\" is given beside \"stdout\" or \"stderr\"");
	return 0;
}

static int
check_stdin(const void *body, struct error *err)
{
	const struct request_stdin *request = body;

	if (request->data.bytes == NULL && !request->eof)
		return error_set(err, ERROR_INVALID,
		    "none of \"data\", \"base64\" and \"eof\" given");
	return 0;
}

static const struct json_field plain_fields[] = {
    ID(request_plain),
};

static const struct json_field task_fields[] = {
    ID(request_task),
    TASK(request_task),
};

static const struct json_field create_fields[] = {
    ID(request_create),
    {.kind = JSON_INLINE,
        .offset = offsetof(struct request_create, spec),
        .shape = &task_spec_shape},
};

#define AT(member) offsetof(struct request_update, member)
static const struct json_field update_fields[] = {
    ID(request_update),
    TASK(request_update),
    {"labels", JSON_MAP, AT(labels), .max = LIMIT_LABELS,
        .item_max = LIMIT_LABEL_BYTES},
    {"ttl_ms", JSON_INTEGER, AT(ttl_ms), .max = LIMIT_TTL_MS_MAX, .absent = -1},
    {"idle_ms", JSON_INTEGER, AT(idle_ms), .max = LIMIT_TTL_MS_MAX,
        .absent = -1},
};
#undef AT

static const struct json_field lease_fields[] = {
    ID(request_lease),
    TASK(request_lease),
    {"ttl_ms", JSON_INTEGER, offsetof(struct request_lease, ttl_ms),
        .max = LIMIT_LEASE_MS_MAX, .required = true},
};

#define AT(member) offsetof(struct request_exec, member)
static const struct json_field exec_fields[] = {
    ID(request_exec),
    TASK(request_exec),
    {.kind = JSON_INLINE, .offset = AT(spec), .shape = &exec_spec_brain_shape},
    {"attach", JSON_BOOL, AT(attach), .absent = true},
};
#undef AT

#define AT(member) offsetof(struct request_stdin, member)
static const struct json_field stdin_fields[] = {
    ID(request_stdin),
    EXEC(request_stdin),
    {.kind = JSON_BYTES, .offset = AT(data), .max = LIMIT_STDIN_BYTES},
    {"eof", JSON_BOOL, AT(eof), .absent = false},
};
#undef AT

#define AT(member) offsetof(struct request_signal, member)
static const struct json_field signal_fields[] = {
    ID(request_signal),
    EXEC(request_signal),
    {"signal", JSON_STRING, AT(signal), .min = 1, .max = LIMIT_SIGNAL_BYTES,
        .required = true},
    {"tree", JSON_BOOL, AT(tree), .absent = false},
};
#undef AT

/* ATTACH_NONE is between gate and keeper. */
static const char *const from_names[] = {
    [ATTACH_START] = "start",
    [ATTACH_LIVE] = "live",
    NULL,
};

#define AT(member) offsetof(struct request_offsets, member)
#define OFFSET(name, at)                                                      \
	{                                                                     \
		name, JSON_INTEGER, at, .max = JSON_INTEGER_MAX, .absent = -1 \
	}
static const struct json_field offsets_fields[] = {
    OFFSET("stdout", AT(out)),
    OFFSET("stderr", AT(err)),
    OFFSET("pty", AT(pty)),
};
#undef AT

static const struct json_shape offsets_shape = {
    JSON_SHAPE(offsets_fields, struct request_offsets), .check = check_offsets};

#define AT(member) offsetof(struct request_attach, member)
static const struct json_field attach_fields[] = {
    ID(request_attach),
    EXEC(request_attach),
    {"from", JSON_ENUM, AT(from), .names = from_names},
    {"from", JSON_RECORD, AT(offsets), .shape = &offsets_shape},
};
#undef AT

static const struct json_field on_exec_fields[] = {
    ID(request_on_exec),
    EXEC(request_on_exec),
};

#define INLINE(body, member, its)                                             \
	{                                                                     \
		.kind = JSON_INLINE, .offset = offsetof(struct body, member), \
		.shape = &(its)                                               \
	}

static const struct json_field resize_fields[] = {
    ID(request_resize),
    EXEC(request_resize),
    INLINE(request_resize, size, link_resize_shape),
};

static const struct json_field screen_fields[] = {
    ID(request_screen),
    EXEC(request_screen),
    INLINE(request_screen, of, screen_ask_shape),
};

static const struct json_field keys_fields[] = {
    ID(request_keys),
    EXEC(request_keys),
    INLINE(request_keys, of, keys_ask_shape),
    {"wait", JSON_RECORD, offsetof(struct request_keys, wait),
        .shape = &wait_ask_shape},
};

static const struct json_field wait_fields[] = {
    ID(request_wait),
    EXEC(request_wait),
    INLINE(request_wait, of, wait_ask_shape),
};

static const struct json_field cancel_fields[] = {
    ID(request_cancel),
    {"request", JSON_STRING, offsetof(struct request_cancel, request), .min = 1,
        .max = LIMIT_REQUEST_ID_BYTES, .required = true},
};

static const struct json_shape plain_shape = {
    JSON_SHAPE(plain_fields, struct request_plain)};
static const struct json_shape task_shape = {
    JSON_SHAPE(task_fields, struct request_task)};
static const struct json_shape create_shape = {
    JSON_SHAPE(create_fields, struct request_create)};
static const struct json_shape update_shape = {
    JSON_SHAPE(update_fields, struct request_update)};
static const struct json_shape lease_shape = {
    JSON_SHAPE(lease_fields, struct request_lease)};
static const struct json_shape exec_shape = {
    JSON_SHAPE(exec_fields, struct request_exec)};
static const struct json_shape stdin_shape = {
    JSON_SHAPE(stdin_fields, struct request_stdin), .check = check_stdin};
static const struct json_shape signal_shape = {
    JSON_SHAPE(signal_fields, struct request_signal), .check = check_signal};
static const struct json_shape attach_shape = {
    JSON_SHAPE(attach_fields, struct request_attach)};
static const struct json_shape on_exec_shape = {
    JSON_SHAPE(on_exec_fields, struct request_on_exec)};
static const struct json_shape resize_shape = {
    JSON_SHAPE(resize_fields, struct request_resize)};
static const struct json_shape screen_shape = {
    JSON_SHAPE(screen_fields, struct request_screen)};
static const struct json_shape keys_shape = {
    JSON_SHAPE(keys_fields, struct request_keys)};
static const struct json_shape wait_shape = {
    JSON_SHAPE(wait_fields, struct request_wait)};
static const struct json_shape cancel_shape = {
    JSON_SHAPE(cancel_fields, struct request_cancel)};

const struct json_shape *const request_shapes[REQUEST_TYPES] = {
    [REQUEST_TASK_CREATE] = &create_shape,
    [REQUEST_TASK_LIST] = &plain_shape,
    [REQUEST_TASK_GET] = &task_shape,
    [REQUEST_TASK_UPDATE] = &update_shape,
    [REQUEST_TASK_DESTROY] = &task_shape,
    [REQUEST_LEASE] = &lease_shape,
    [REQUEST_EXEC] = &exec_shape,
    [REQUEST_STDIN] = &stdin_shape,
    [REQUEST_SIGNAL] = &signal_shape,
    [REQUEST_ATTACH] = &attach_shape,
    [REQUEST_DETACH] = &on_exec_shape,
    [REQUEST_RESIZE] = &resize_shape,
    [REQUEST_SCREEN] = &screen_shape,
    [REQUEST_KEYS] = &keys_shape,
    [REQUEST_WAIT] = &wait_shape,
    [REQUEST_SESSIONS] = &task_shape,
    [REQUEST_CANCEL] = &cancel_shape,
    [REQUEST_PING] = &plain_shape,
};

const struct json_messages request_messages = {request_types, request_shapes};
