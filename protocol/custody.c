/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/custody.h"

#include <stddef.h>

#include "protocol/limits.h"

#define WHAT_BYTES 256

const char *const custody_types[CUSTODY_TYPES + 1] = {
    [CUSTODY_TAKE] = "take",
    [CUSTODY_LINK] = "link",
    [CUSTODY_CONFIGURE] = "configure",
    [CUSTODY_CGROUP] = "cgroup",
    [CUSTODY_ENDING] = "ending",
    [CUSTODY_STOP] = "stop",
    [CUSTODY_STATE] = "state",
    [CUSTODY_READY] = "ready",
    [CUSTODY_STARTED] = "started",
    [CUSTODY_ENDED] = "ended",
    [CUSTODY_ACTIVITY] = "activity",
    [CUSTODY_LOST] = "lost",
    [CUSTODY_STOPPED] = "stopped",
};

#define AT(member) offsetof(struct custody_configure, member)
static const struct json_field configure_fields[] = {
    {"env", JSON_MAP, AT(env), .max = LIMIT_ENV, .item_max = LIMIT_ENV_BYTES},
    {"user", JSON_STRING, AT(user), .min = 1, .max = LIMIT_USER_BYTES},
    {"cwd", JSON_TEXT, AT(cwd), .min = 1, .max = LIMIT_PATH_BYTES},
    {"execs", JSON_INTEGER, AT(execs), .min = 1, .max = LIMIT_EXECS_MAX,
        .required = true},
    {"output", JSON_INTEGER, AT(output), .min = LIMIT_OUTPUT_MIN,
        .max = LIMIT_OUTPUT_MAX, .required = true},
    {"spool", JSON_INTEGER, AT(spool), .min = LIMIT_SPOOL_MIN,
        .max = LIMIT_SPOOL_MAX},
    {"recording", JSON_RECORD, AT(recording), .shape = &recording_spec_shape},
};
#undef AT

#define AT(member) offsetof(struct custody_state, member)
static const struct json_field state_fields[] = {
    {"configured", JSON_BOOL, AT(configured), .required = true},
    {"ready", JSON_BOOL, AT(ready), .required = true},
    {"running", JSON_INTEGER, AT(running), .max = LIMIT_EXECS_MAX,
        .required = true},
};
#undef AT

#define AT(member) offsetof(struct custody_started, member)
static const struct json_field started_fields[] = {
    {"exec", JSON_STRING, AT(exec), .min = 1, .max = LIMIT_EXEC_ID_BYTES,
        .required = true},
    {"principal", JSON_STRING, AT(principal), .min = 1,
        .max = LIMIT_PRINCIPAL_BYTES, .required = true},
    {"what", JSON_TEXT, AT(what), .max = WHAT_BYTES, .required = true},
};
#undef AT

#define AT(member) offsetof(struct custody_ended, member)
static const struct json_field ended_fields[] = {
    {"exec", JSON_STRING, AT(exec), .min = 1, .max = LIMIT_EXEC_ID_BYTES,
        .required = true},
    {.kind = JSON_INLINE, .offset = AT(exit), .shape = &attachment_exit_shape},
};
#undef AT

#define AT(member) offsetof(struct custody_activity, member)
static const struct json_field activity_fields[] = {
    {"active", JSON_BOOL, AT(active), .required = true},
    {"idle_ms", JSON_INTEGER, AT(idle_ms), .max = JSON_INTEGER_MAX},
};
#undef AT

static const struct json_shape configure_shape = {
    JSON_SHAPE(configure_fields, struct custody_configure)};
static const struct json_shape state_shape = {
    JSON_SHAPE(state_fields, struct custody_state)};
static const struct json_shape started_shape = {
    JSON_SHAPE(started_fields, struct custody_started)};
static const struct json_shape ended_shape = {
    JSON_SHAPE(ended_fields, struct custody_ended)};
static const struct json_shape activity_shape = {
    JSON_SHAPE(activity_fields, struct custody_activity)};

const struct json_shape *const custody_shapes[CUSTODY_TYPES] = {
    [CUSTODY_TAKE] = &json_empty_shape,
    [CUSTODY_LINK] = &json_empty_shape,
    [CUSTODY_CONFIGURE] = &configure_shape,
    [CUSTODY_CGROUP] = &json_empty_shape,
    [CUSTODY_ENDING] = &json_empty_shape,
    [CUSTODY_STOP] = &json_empty_shape,
    [CUSTODY_STATE] = &state_shape,
    [CUSTODY_READY] = &link_hello_shape,
    [CUSTODY_STARTED] = &started_shape,
    [CUSTODY_ENDED] = &ended_shape,
    [CUSTODY_ACTIVITY] = &activity_shape,
    [CUSTODY_LOST] = &json_empty_shape,
    [CUSTODY_STOPPED] = &json_empty_shape,
};

const struct json_messages custody_messages = {custody_types, custody_shapes};
