/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/exec_spec.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/name.h"

static const char *const stdin_names[EXEC_STDIN_MODES + 1] = {
    [EXEC_STDIN_CLOSED] = "closed",
    [EXEC_STDIN_OPEN] = "open",
};

const char *const size_policy_names[SIZE_POLICIES + 1] = {
    [SIZE_LATEST] = "latest",
    [SIZE_SMALLEST] = "smallest",
    [SIZE_LARGEST] = "largest",
    [SIZE_FIXED] = "fixed",
};

const char *const exec_overflow_names[OVERFLOWS + 1] = {
    [OVERFLOW_SLOW] = "slow",
    [OVERFLOW_DROP] = "drop",
};

#define AT(member) offsetof(struct exec_pty, member)
static const struct json_field pty_fields[] = {
    {"rows", JSON_INTEGER, AT(rows), .min = 1, .max = LIMIT_PTY_ROWS,
        .required = true},
    {"cols", JSON_INTEGER, AT(cols), .min = 1, .max = LIMIT_PTY_COLS,
        .required = true},
    {"term", JSON_STRING, AT(term), .min = 1, .max = LIMIT_TERM_BYTES},
    {"size", JSON_ENUM, AT(size), .names = size_policy_names,
        .absent = SIZE_LATEST},
};
#undef AT

const struct json_shape exec_pty_shape = {
    JSON_SHAPE(pty_fields, struct exec_pty)};

#define AT(member) offsetof(struct exec_spec, member)
static const struct json_field fields[] = {
    {"argv", JSON_VECTOR, AT(argv), .min = 1, .max = LIMIT_ARGV,
        .item_max = LIMIT_COMMAND_BYTES},
    {"command", JSON_TEXT, AT(command), .min = 1, .max = LIMIT_COMMAND_BYTES},
    {"cwd", JSON_TEXT, AT(cwd), .min = 1, .max = LIMIT_PATH_BYTES},
    {"env", JSON_MAP, AT(env), .max = LIMIT_ENV, .item_max = LIMIT_ENV_BYTES},
    {"user", JSON_STRING, AT(user), .min = 1, .max = LIMIT_USER_BYTES},
    {"stdin", JSON_ENUM, AT(stdin_mode), .names = stdin_names},
    {"stdin", JSON_BLOB, AT(input), .max = LIMIT_STDIN_BYTES},
    {"timeout_ms", JSON_INTEGER, AT(timeout_ms), .min = 1,
        .max = LIMIT_EXEC_MS_MAX},
    {"name", JSON_STRING, AT(name), .min = 1, .max = LIMIT_NAME_BYTES},
    {"pty", JSON_RECORD, AT(pty), .shape = &exec_pty_shape},
    {"token", JSON_STRING, AT(token), .min = 1, .max = LIMIT_TOKEN_BYTES},
    {"overflow", JSON_ENUM, AT(overflow), .names = exec_overflow_names,
        .absent = OVERFLOW_SLOW},
    /* the rest is not a brain's */
    {"login", JSON_BOOL, AT(login), .absent = false},
};
#undef AT

#define NOT_A_BRAINS 1

int
exec_spec_check(const struct exec_spec *spec, struct error *err)
{
	int given =
	    (spec->argv != NULL) + (spec->command != NULL) + spec->login;

	if (given != 1)
		return error_set(err, ERROR_INVALID,
		    "%s of \"argv\" and \"command\" given, not one",
		    given == 0 ? "none" : "more than one");
	if (spec->argv != NULL &&
	    (spec->argv[0] == NULL || spec->argv[0][0] == '\0'))
		return error_set(err, ERROR_INVALID, "\"argv[0]\" is empty");
	if (spec->name != NULL && !name_is_valid(spec->name))
		return error_set(err, ERROR_INVALID,
		    "\"name\" is not [a-z0-9][a-z0-9-]*, 1 to %u bytes",
		    LIMIT_NAME_BYTES);
	if (spec->pty.present && spec->input.bytes != NULL)
		return error_set(err, ERROR_INVALID,
		    "\"stdin\" is given beside \"pty\", whose input it is");
	return 0;
}

static int
check(const void *body, struct error *err)
{
	return exec_spec_check(body, err);
}

const struct json_shape exec_spec_shape = {
    JSON_SHAPE(fields, struct exec_spec), .check = check};

const struct json_shape exec_spec_brain_shape = {.fields = fields,
    .count = sizeof(fields) / sizeof(*fields) - NOT_A_BRAINS,
    .size = sizeof(struct exec_spec),
    .check = check};

void
exec_spec_describe(const struct exec_spec *spec, char *text, size_t size)
{
	size_t len = 0;
	size_t i;

	if (spec->argv == NULL) {
		(void)snprintf(text, size, "%s",
		    spec->command != NULL ? spec->command : "(login shell)");
		return;
	}
	text[0] = '\0';
	for (i = 0; spec->argv[i] != NULL && len < size; i++)
		len += (size_t)snprintf(text + len, size - len, "%s%s",
		    i == 0 ? "" : " ", spec->argv[i]);
}
