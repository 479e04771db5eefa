/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/task_spec.h"

#include <inttypes.h>
#include <stddef.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/name.h"

#define AT(member) offsetof(struct task_limits, member)
static const struct json_field limits_fields[] = {
    {"cpu", JSON_MILLI, AT(cpu_milli), .min = LIMIT_CPU_MILLI_MIN,
        .max = LIMIT_CPU_MILLI_MAX, .absent = -1},
    {"memory", JSON_INTEGER, AT(memory), .min = LIMIT_MEMORY_MIN,
        .max = LIMIT_MEMORY_MAX, .absent = -1},
    {"pids", JSON_INTEGER, AT(pids), .min = LIMIT_PIDS_MIN,
        .max = LIMIT_PIDS_MAX, .absent = -1},
    {"exec_ms", JSON_INTEGER, AT(exec_ms), .min = 1, .max = LIMIT_EXEC_MS_MAX,
        .absent = -1},
    {"execs", JSON_INTEGER, AT(execs), .min = 1, .max = LIMIT_EXECS_MAX,
        .absent = -1},
    {"output", JSON_INTEGER, AT(output), .min = LIMIT_OUTPUT_MIN,
        .max = LIMIT_OUTPUT_MAX, .absent = -1},
    {"spool", JSON_INTEGER, AT(spool), .min = LIMIT_SPOOL_MIN,
        .max = LIMIT_SPOOL_MAX, .absent = -1},
};
#undef AT

#define LIMITS (sizeof(limits_fields) / sizeof(*limits_fields))

const struct json_shape task_limits_shape = {
    JSON_SHAPE(limits_fields, struct task_limits)};

static const char *const recording_format_names[RECORDING_FORMATS + 1] = {
    [RECORDING_2] = "asciicast-v2",
    [RECORDING_3] = "asciicast-v3",
};

#define AT(member) offsetof(struct recording_spec, member)
static const struct json_field recording_fields[] = {
    {"format", JSON_ENUM, AT(format), .names = recording_format_names},
    {"input", JSON_BOOL, AT(input), .absent = false},
    {"bytes", JSON_INTEGER, AT(bytes), .min = LIMIT_RECORDING_MIN,
        .max = LIMIT_RECORDING_MAX, .absent = LIMIT_RECORDING},
};
#undef AT

const struct json_shape recording_spec_shape = {
    JSON_SHAPE(recording_fields, struct recording_spec)};

#define AT(member) offsetof(struct task_spec, member)
static const struct json_field fields[] = {
    {"profile", JSON_STRING, AT(profile), .min = 1, .max = LIMIT_NAME_BYTES},
    {"name", JSON_STRING, AT(name), .min = 1, .max = LIMIT_NAME_BYTES},
    {"image", JSON_STRING, AT(image), .min = 1, .max = LIMIT_NAME_BYTES},
    {"runtime", JSON_STRING, AT(runtime), .min = 1, .max = LIMIT_NAME_BYTES},
    {"limits", JSON_RECORD, AT(limits), .shape = &task_limits_shape},
    {"env", JSON_MAP, AT(env), .max = LIMIT_ENV, .item_max = LIMIT_ENV_BYTES},
    {"labels", JSON_MAP, AT(labels), .max = LIMIT_LABELS,
        .item_max = LIMIT_LABEL_BYTES},
    {"ttl_ms", JSON_INTEGER, AT(ttl_ms), .max = LIMIT_TTL_MS_MAX, .absent = -1},
    {"idle_ms", JSON_INTEGER, AT(idle_ms), .max = LIMIT_TTL_MS_MAX,
        .absent = -1},
    {"token", JSON_STRING, AT(token), .min = 1, .max = LIMIT_TOKEN_BYTES},
};
#undef AT

static int
check_name(const char *field, const char *name, struct error *err)
{
	if (name != NULL && !name_is_valid(name))
		return error_set(err, ERROR_INVALID,
		    "\"%s\" is not [a-z0-9][a-z0-9-]*, 1 to %u bytes", field,
		    LIMIT_NAME_BYTES);
	return 0;
}

static int
check(const void *body, struct error *err)
{
	const struct task_spec *spec = body;

	if (spec->name != NULL && name_check("name", spec->name, err) != 0)
		return -1;
	if (check_name("profile", spec->profile, err) != 0 ||
	    check_name("image", spec->image, err) != 0)
		return -1;
	return check_name("runtime", spec->runtime, err);
}

const struct json_shape task_spec_shape = {
    JSON_SHAPE(fields, struct task_spec), .check = check};

static const int64_t *
limit(const struct task_limits *limits, size_t i)
{
	return (const int64_t *)(const void *)((const char *)limits +
	                                       limits_fields[i].offset);
}

void
task_limits_merge(
    struct task_limits *limits, const struct task_limits *defaults)
{
	struct task_limits merged = *limits;
	size_t i;

	merged.present = true;
	for (i = 0; i < LIMITS; i++) {
		if (*limit(limits, i) < 0)
			*(int64_t *)(void *)((char *)&merged +
			                     limits_fields[i].offset) =
			    *limit(defaults, i);
	}
	*limits = merged;
}

int
task_limits_check(const struct task_limits *limits,
    const struct task_limits *max, struct error *err)
{
	size_t i;

	for (i = 0; i < LIMITS; i++) {
		int64_t value = *limit(limits, i);
		int64_t most = *limit(max, i);
		double unit = limits_fields[i].kind == JSON_MILLI ? 1000 : 1;

		if (most >= 0 && value > most)
			return error_set(err, ERROR_LIMIT,
			    "\"limits.%s\" is %.15g, more than %.15g",
			    limits_fields[i].name, (double)value / unit,
			    (double)most / unit);
	}
	return 0;
}
