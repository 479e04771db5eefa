/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/control.h"

#include <stddef.h>

#include "protocol/error.h"
#include "protocol/limits.h"

#define EVENT_BYTES    32
#define ADDRESS_BYTES  128
#define TIME_BYTES     40
#define HOST_KEYS      8
#define HOST_KEY_BYTES (16u << 10)
#define KEY_LINES      4096
#define KEY_LINE_BYTES (16u << 10)
#define NAMES          4096
#define COUNT_MAX      1000000
#define MS_MAX         (24ll * 3600 * 1000)

const char *const control_types[CONTROL_TYPES + 1] = {
    [CONTROL_READY] = "ready",
    [CONTROL_ATTACH] = "attach",
    [CONTROL_TASK_CREATE] = "task.create",
    [CONTROL_TASK_LIST] = "task.list",
    [CONTROL_TASK_GET] = "task.get",
    [CONTROL_TASK_UPDATE] = "task.update",
    [CONTROL_TASK_DESTROY] = "task.destroy",
    [CONTROL_LEASE] = "lease",
    [CONTROL_RECORDINGS] = "recordings",
    [CONTROL_REPLAY] = "replay",
    [CONTROL_SESSION] = "session",
    [CONTROL_DOWN] = "down",
    [CONTROL_RELOAD] = "reload",
    [CONTROL_UPGRADE] = "upgrade",
    [CONTROL_KEEPERS] = "keepers",
    [CONTROL_CONFIGURE] = "configure",
    [CONTROL_KEYS] = "keys",
    [CONTROL_NAMES] = "names",
    [CONTROL_DRAIN] = "drain",
    [CONTROL_TASK] = "task",
    [CONTROL_RECORDING] = "recording",
    [CONTROL_ANSWER] = "answer",
};

const char *const task_state_names[TASK_STATES + 1] = {
    [TASK_PROVISIONING] = "provisioning",
    [TASK_READY] = "ready",
    [TASK_STOPPING] = "stopping",
    [TASK_DESTROYED] = "destroyed",
    [TASK_FAILED] = "failed",
};

static const char *const end_names[TASK_ENDS + 1] = {
    [TASK_END_TTL] = "ttl",
    [TASK_END_IDLE] = "idle",
};

#define REQUEST(body)                                                    \
	{                                                                \
		"request", JSON_INTEGER, offsetof(struct body, request), \
		    .min = 1, .max = JSON_INTEGER_MAX, .required = true  \
	}
#define PRINCIPAL(body)                                                      \
	{                                                                    \
		"principal", JSON_STRING, offsetof(struct body, principal),  \
		    .min = 1, .max = LIMIT_PRINCIPAL_BYTES, .required = true \
	}
#define COUNT(name, at)                                                    \
	{                                                                  \
		name, JSON_INTEGER, at, .max = COUNT_MAX, .required = true \
	}

#define AT(member) offsetof(struct control_ready, member)
static const struct json_field ready_fields[] = {
    {"pid", JSON_INTEGER, AT(pid), .min = 1, .max = LIMIT_PID,
        .required = true},
    COUNT("sessions", AT(sessions)),
    {"draining", JSON_BOOL, AT(draining), .absent = false},
};
#undef AT

#define AT(member) offsetof(struct control_attach, member)
static const struct json_field attach_fields[] = {
    REQUEST(control_attach),
    PRINCIPAL(control_attach),
    {"session", JSON_STRING, AT(session), .min = 1, .max = LIMIT_SESSION_BYTES,
        .required = true},
    {"task", JSON_STRING, AT(task), .min = 1, .max = LIMIT_NAME_BYTES,
        .required = true},
    {"right", JSON_ENUM, AT(right), .names = right_names, .required = true},
    {"person", JSON_BOOL, AT(person), .absent = false},
};
#undef AT

static const struct json_field create_fields[] = {
    REQUEST(control_create),
    PRINCIPAL(control_create),
    {.kind = JSON_INLINE,
        .offset = offsetof(struct control_create, spec),
        .shape = &task_spec_shape},
};

#define AT(member) offsetof(struct control_update, member)
static const struct json_field update_fields[] = {
    REQUEST(control_update),
    PRINCIPAL(control_update),
    {"task", JSON_STRING, AT(task), .min = 1, .max = LIMIT_NAME_BYTES,
        .required = true},
    {"labels", JSON_MAP, AT(labels), .max = LIMIT_LABELS,
        .item_max = LIMIT_LABEL_BYTES},
    {"ttl_ms", JSON_INTEGER, AT(ttl_ms), .max = LIMIT_TTL_MS_MAX, .absent = -1},
    {"idle_ms", JSON_INTEGER, AT(idle_ms), .max = LIMIT_TTL_MS_MAX,
        .absent = -1},
};
#undef AT

#define AT(member) offsetof(struct control_lease, member)
static const struct json_field lease_fields[] = {
    REQUEST(control_lease),
    PRINCIPAL(control_lease),
    {"task", JSON_STRING, AT(task), .min = 1, .max = LIMIT_NAME_BYTES,
        .required = true},
    {"ttl_ms", JSON_INTEGER, AT(ttl_ms), .max = LIMIT_LEASE_MS_MAX,
        .required = true},
};
#undef AT

static const struct json_field ask_fields[] = {
    REQUEST(control_ask),
    PRINCIPAL(control_ask),
    {"task", JSON_STRING, offsetof(struct control_ask, task), .min = 1,
        .max = LIMIT_NAME_BYTES},
};

#define AT(member) offsetof(struct control_replay, member)
static const struct json_field replay_fields[] = {
    REQUEST(control_replay),
    PRINCIPAL(control_replay),
    {"session", JSON_STRING, AT(session), .min = 1, .max = LIMIT_SESSION_BYTES,
        .required = true},
    {"recording", JSON_STRING, AT(recording), .min = 1,
        .max = LIMIT_EXEC_ID_BYTES, .required = true},
};
#undef AT

#define AT(member) offsetof(struct control_session, member)
static const struct json_field session_fields[] = {
    {"session", JSON_STRING, AT(session), .min = 1, .max = LIMIT_SESSION_BYTES,
        .required = true},
    {"principal", JSON_STRING, AT(principal), .min = 1,
        .max = LIMIT_PRINCIPAL_BYTES},
    {"user", JSON_TEXT, AT(user), .max = LIMIT_TEXT_BYTES},
    {"address", JSON_STRING, AT(address), .min = 1, .max = ADDRESS_BYTES,
        .required = true},
    {"event", JSON_STRING, AT(event), .min = 1, .max = EVENT_BYTES,
        .required = true},
};
#undef AT

#define AT(member) offsetof(struct control_configure, member)
static const struct json_field configure_fields[] = {
    {"host_keys", JSON_VECTOR, AT(host_keys), .min = 1, .max = HOST_KEYS,
        .item_max = HOST_KEY_BYTES, .required = true},
    {"grace_ms", JSON_INTEGER, AT(grace_ms), .max = MS_MAX, .required = true},
    COUNT("connections", AT(connections)),
    COUNT("connections_per_address", AT(connections_per_address)),
    COUNT("channels", AT(channels)),
    {"keepalive_ms", JSON_INTEGER, AT(keepalive_ms), .max = MS_MAX,
        .required = true},
    COUNT("keepalive_count", AT(keepalive_count)),
    {"rekey_bytes", JSON_INTEGER, AT(rekey_bytes), .max = JSON_INTEGER_MAX,
        .required = true},
    {"detach_key", JSON_STRING, AT(detach_key), .min = 1,
        .max = LIMIT_KEY_BYTES},
};
#undef AT

#define AT(member) offsetof(struct control_keys, member)
static const struct json_field keys_fields[] = {
    {"first", JSON_BOOL, AT(first), .absent = false},
    {"last", JSON_BOOL, AT(last), .absent = false},
    {"lines", JSON_VECTOR, AT(lines), .max = KEY_LINES,
        .item_max = KEY_LINE_BYTES, .required = true},
};
#undef AT

#define AT(member) offsetof(struct control_names, member)
static const struct json_field names_fields[] = {
    {"first", JSON_BOOL, AT(first), .absent = false},
    {"add", JSON_VECTOR, AT(add), .max = NAMES, .item_max = LIMIT_NAME_BYTES},
    {"remove", JSON_VECTOR, AT(remove), .max = NAMES,
        .item_max = LIMIT_NAME_BYTES},
};
#undef AT

#define AT(member) offsetof(struct control_task, member)
#define NAME(name, member)                                              \
	{                                                               \
		name, JSON_STRING, AT(member),                          \
		    .min = 1, .max = LIMIT_NAME_BYTES, .required = true \
	}
static const struct json_field view_fields[] = {
    NAME("task", task),
    NAME("name", name),
    {"owner", JSON_STRING, AT(owner), .min = 1, .max = LIMIT_PRINCIPAL_BYTES,
        .required = true},
    {"state", JSON_ENUM, AT(state), .names = task_state_names,
        .required = true},
    {"reason", JSON_STRING, AT(reason), .min = 1, .max = LIMIT_TEXT_BYTES},
    NAME("profile", profile),
    NAME("image", image),
    NAME("runtime", runtime),
    {"limits", JSON_RECORD, AT(limits), .shape = &task_limits_shape},
    {"labels", JSON_MAP, AT(labels), .max = LIMIT_LABELS,
        .item_max = LIMIT_LABEL_BYTES},
    {"ttl_ms", JSON_INTEGER, AT(ttl_ms), .max = LIMIT_TTL_MS_MAX},
    {"idle_ms", JSON_INTEGER, AT(idle_ms), .max = LIMIT_TTL_MS_MAX},
    {"lease_ms", JSON_INTEGER, AT(lease_ms), .max = LIMIT_LEASE_MS_MAX},
    {"warning", JSON_ENUM, AT(warning), .names = end_names,
        .absent = TASK_END_NONE},
    {"ends_in_ms", JSON_INTEGER, AT(ends_in_ms), .max = LIMIT_TTL_MS_MAX},
    {"running", JSON_INTEGER, AT(running), .max = COUNT_MAX, .required = true},
    {"created", JSON_STRING, AT(created), .min = 1, .max = TIME_BYTES,
        .required = true},
    {"provision_ms", JSON_INTEGER, AT(provision_ms), .max = JSON_INTEGER_MAX,
        .absent = -1},
};
#undef NAME
#undef AT

const struct json_shape control_view_shape = {
    JSON_SHAPE(view_fields, struct control_task)};

static const struct json_field task_fields[] = {
    {"request", JSON_INTEGER, offsetof(struct control_task, request),
        .max = JSON_INTEGER_MAX},
    {.kind = JSON_INLINE, .offset = 0, .shape = &control_view_shape},
};

#define AT(member) offsetof(struct control_recording, member)
static const struct json_field recording_fields[] = {
    REQUEST(control_recording),
    {"recording", JSON_STRING, AT(recording), .min = 1,
        .max = LIMIT_EXEC_ID_BYTES, .required = true},
    {"task", JSON_STRING, AT(task), .min = 1, .max = LIMIT_NAME_BYTES,
        .required = true},
    {"owner", JSON_STRING, AT(owner), .min = 1, .max = LIMIT_PRINCIPAL_BYTES,
        .required = true},
    {"bytes", JSON_INTEGER, AT(bytes), .max = JSON_INTEGER_MAX,
        .required = true},
    {"modified", JSON_STRING, AT(modified), .min = 1, .max = TIME_BYTES,
        .required = true},
};
#undef AT

#define AT(member) offsetof(struct control_answer, member)
static const struct json_field answer_fields[] = {
    REQUEST(control_answer),
    {"code", JSON_STRING, AT(code), .min = 1, .max = LIMIT_NAME_BYTES},
    {"text", JSON_STRING, AT(text), .min = 1, .max = LIMIT_TEXT_BYTES},
    {"task", JSON_STRING, AT(task), .min = 1, .max = LIMIT_NAME_BYTES},
    {"note", JSON_STRING, AT(note), .min = 1, .max = LIMIT_TEXT_BYTES},
};
#undef AT

static int
check_answer(const void *body, struct error *err)
{
	const struct control_answer *answer = body;

	if ((answer->code == NULL) != (answer->text == NULL))
		return error_set(err, ERROR_INVALID,
		    "one of \"code\" and \"text\" without the other");
	return 0;
}

static const struct json_shape ready_shape = {
    JSON_SHAPE(ready_fields, struct control_ready)};
static const struct json_shape attach_shape = {
    JSON_SHAPE(attach_fields, struct control_attach)};
static const struct json_shape create_shape = {
    JSON_SHAPE(create_fields, struct control_create)};
static const struct json_shape update_shape = {
    JSON_SHAPE(update_fields, struct control_update)};
static const struct json_shape lease_shape = {
    JSON_SHAPE(lease_fields, struct control_lease)};
static const struct json_shape ask_shape = {
    JSON_SHAPE(ask_fields, struct control_ask)};
static const struct json_shape replay_shape = {
    JSON_SHAPE(replay_fields, struct control_replay)};
static const struct json_shape recording_shape = {
    JSON_SHAPE(recording_fields, struct control_recording)};
static const struct json_shape session_shape = {
    JSON_SHAPE(session_fields, struct control_session)};
static const struct json_shape configure_shape = {
    JSON_SHAPE(configure_fields, struct control_configure)};
static const struct json_shape keys_shape = {
    JSON_SHAPE(keys_fields, struct control_keys)};
static const struct json_shape names_shape = {
    JSON_SHAPE(names_fields, struct control_names)};
static const struct json_shape task_shape = {
    JSON_SHAPE(task_fields, struct control_task)};
static const struct json_shape answer_shape = {
    JSON_SHAPE(answer_fields, struct control_answer), .check = check_answer};

const struct json_shape *const control_shapes[CONTROL_TYPES] = {
    [CONTROL_READY] = &ready_shape,
    [CONTROL_ATTACH] = &attach_shape,
    [CONTROL_TASK_CREATE] = &create_shape,
    [CONTROL_TASK_LIST] = &ask_shape,
    [CONTROL_TASK_GET] = &ask_shape,
    [CONTROL_TASK_UPDATE] = &update_shape,
    [CONTROL_TASK_DESTROY] = &ask_shape,
    [CONTROL_LEASE] = &lease_shape,
    [CONTROL_RECORDINGS] = &ask_shape,
    [CONTROL_REPLAY] = &replay_shape,
    [CONTROL_SESSION] = &session_shape,
    [CONTROL_DOWN] = &ask_shape,
    [CONTROL_RELOAD] = &ask_shape,
    [CONTROL_UPGRADE] = &ask_shape,
    [CONTROL_KEEPERS] = &ask_shape,
    [CONTROL_CONFIGURE] = &configure_shape,
    [CONTROL_KEYS] = &keys_shape,
    [CONTROL_NAMES] = &names_shape,
    [CONTROL_DRAIN] = &json_empty_shape,
    [CONTROL_TASK] = &task_shape,
    [CONTROL_RECORDING] = &recording_shape,
    [CONTROL_ANSWER] = &answer_shape,
};

const struct json_messages control_messages = {control_types, control_shapes};
