/* SPDX-License-Identifier: Apache-2.0 */
#include "server/common/config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "protocol/buffer.h"
#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/config_option.h"
#include "server/common/config_text.h"

#define KEEPERS         10000
#define SANDBOX_ALL_IDS (10000ll * 65536)
#define NUMBER_BYTES    32

/* The shape that the table makes; fields is the caller's memory for it. */
static struct json_shape
make_shape(struct json_field fields[CONFIG_OPTIONS])
{
	struct json_shape shape = {.fields = fields,
	    .count = CONFIG_OPTIONS,
	    .size = sizeof(struct config)};
	size_t i;

	for (i = 0; i < CONFIG_OPTIONS; i++)
		fields[i] = config_options[i].field;
	return shape;
}

static const void *
member(const struct config *config, const struct config_option *option)
{
	return (const char *)config + option->field.offset;
}

static char **
string(struct config *config, const struct config_option *option)
{
	return (char **)(void *)((char *)config + option->field.offset);
}

static void
set_default_strings(struct config *config)
{
	size_t i;

	for (i = 0; i < CONFIG_OPTIONS; i++) {
		const struct config_option *option = &config_options[i];

		if (option->field.kind == JSON_STRING &&
		    *string(config, option) == NULL)
			*string(config, option) = memory_string(option->text);
	}
	config->task_limits.present = true;
	config->task_limits_max.present = true;
}

static const struct config_option *
find(const char *name)
{
	size_t i;

	for (i = 0; strcmp(config_options[i].field.name, name) != 0; i++)
		assert(i + 1 < CONFIG_OPTIONS);
	return &config_options[i];
}

static int
check_option(const struct config *config, const struct config_option *option,
    struct error *err)
{
	const char *name = option->field.name;
	const char *text;

	if (option->is_valid != NULL) {
		text = *(char *const *)member(config, option);
		if (!option->is_valid(text))
			return error_set(err, ERROR_INVALID,
			    "\"%s\" is \"%.40s\". %s", name, text,
			    option->help);
	}
	if (option->at_most != NULL &&
	    *(const int64_t *)member(config, option) >
	        *(const int64_t *)member(config, find(option->at_most)))
		return error_set(err, ERROR_INVALID,
		    "\"%s\" is more than \"%s\"", name, option->at_most);
	return 0;
}

static bool
overlap(int64_t one, int64_t count, int64_t other, int64_t other_count)
{
	return one < other + other_count && other < one + count;
}

static int
check_id(const struct config *config, const char *name, int64_t id,
    struct error *err)
{
	if (overlap(id, 1, config->uid_keeper_base, KEEPERS))
		return error_set(err, ERROR_INVALID,
		    "\"%s\" is one of the keepers' ids", name);
	if (overlap(id, 1, config->uid_sandbox_base, SANDBOX_ALL_IDS))
		return error_set(err, ERROR_INVALID,
		    "\"%s\" is one of the sandboxes' ids", name);
	return 0;
}

/* Who shares a user id shares everything. */
static int
check_ids(const struct config *config, struct error *err)
{
	if (check_id(config, "uid_gate", config->uid_gate, err) != 0 ||
	    check_id(config, "uid_player", config->uid_player, err) != 0)
		return -1;
	if (config->uid_gate == config->uid_player)
		return error_set(err, ERROR_INVALID,
		    "\"uid_player\" is the same as \"uid_gate\"");
	if (overlap(config->uid_keeper_base, KEEPERS, config->uid_sandbox_base,
	        SANDBOX_ALL_IDS))
		return error_set(err, ERROR_INVALID,
		    "\"uid_keeper_base\": the ids are also the sandboxes'");
	return 0;
}

static int
check(const struct config *config, struct error *err)
{
	size_t i;

	for (i = 0; i < CONFIG_OPTIONS; i++) {
		if (check_option(config, &config_options[i], err) != 0)
			return -1;
	}
	return check_ids(config, err);
}

void
config_init(struct config *config)
{
	struct json_field fields[CONFIG_OPTIONS];
	const struct json_shape shape = make_shape(fields);

	json_absent(&shape, config);
	set_default_strings(config);
}

void
config_clear(struct config *config)
{
	struct json_field fields[CONFIG_OPTIONS];
	const struct json_shape shape = make_shape(fields);

	json_clear(&shape, config);
}

int
config_read(struct config *config, const char *file, const char *bytes,
    size_t len, struct error *err)
{
	struct json_field fields[CONFIG_OPTIONS];
	const struct json_shape shape = make_shape(fields);
	struct error why = {0};
	struct config read;
	int result = json_read(&shape, bytes, len, &read, &why);

	if (result == 0) {
		set_default_strings(&read);
		result = check(&read, &why);
	}
	if (result != 0) {
		json_clear(&shape, &read);
		(void)error_wrap(&why, "%s:%zu", file,
		    config_text_line(bytes, len, why.text));
		if (err != NULL)
			*err = why;
		return -1;
	}
	config_clear(config);
	*config = read;
	return 0;
}

int
config_load(struct config *config, const char *file, struct error *err)
{
	autofree char *bytes = memory_new(CONFIG_FILE_BYTES + 1, 1);
	autoclose int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	size_t len = 0;
	ssize_t part;

	if (fd < 0 && errno == ENOENT)
		return error_set(
		    err, ERROR_NOT_FOUND, "%s: no such file", file);
	if (fd < 0)
		return error_sys(err, "%s: %s", file, strerror(errno));
	while ((part = read(fd, bytes + len, CONFIG_FILE_BYTES + 1 - len)) > 0)
		len += (size_t)part;
	if (part < 0)
		return error_sys(err, "%s: %s", file, strerror(errno));
	if (len > CONFIG_FILE_BYTES)
		return error_set(err, ERROR_LIMIT, "%s: more than %u bytes",
		    file, CONFIG_FILE_BYTES);
	return config_read(config, file, bytes, len, err);
}

static bool
differs(const struct config *one, const struct config *other,
    const struct config_option *option)
{
	const void *a = member(one, option), *b = member(other, option);

	if (option->field.kind == JSON_STRING)
		return strcmp(*(char *const *)a, *(char *const *)b) != 0;
	if (option->field.kind == JSON_ENUM)
		return *(const int *)a != *(const int *)b;
	return *(const int64_t *)a != *(const int64_t *)b;
}

/* What is fixed is put back into fresh, which then is as it should be. */
static void
keep(struct config *config, struct config *fresh,
    const struct config_option *option)
{
	void *to = (char *)fresh + option->field.offset;
	void *from = (char *)config + option->field.offset;
	char *text;

	if (option->field.kind == JSON_STRING) {
		text = *(char **)to;
		*(char **)to = *(char **)from;
		*(char **)from = text;
	} else {
		memcpy(to, from,
		    option->field.kind == JSON_ENUM ? sizeof(int)
		                                    : sizeof(int64_t));
	}
}

void
config_change(struct config *config, struct config *fresh, struct buffer *stays)
{
	const struct config_option *option;
	size_t i;

	for (i = 0; i < CONFIG_OPTIONS; i++) {
		option = &config_options[i];
		if (!option->is_fixed || !differs(config, fresh, option))
			continue;
		keep(config, fresh, option);
		(void)buffer_printf(stays, NULL, "%s%s",
		    buffer_len(stays) == 0 ? "" : ", ", option->field.name);
	}
	config_clear(config);
	*config = *fresh;
	memset(fresh, 0, sizeof(*fresh));
}

static void
print_milli(char text[NUMBER_BYTES], int64_t value)
{
	size_t len = (size_t)snprintf(text, NUMBER_BYTES,
	    "%" PRId64 ".%03" PRId64, value / 1000, value % 1000);

	while (text[len - 1] == '0')
		text[--len] = '\0';
	if (text[len - 1] == '.')
		text[len - 1] = '\0';
}

static void
print_number(
    char text[NUMBER_BYTES], const struct json_field *field, int64_t value)
{
	if (field->kind == JSON_MILLI)
		print_milli(text, value);
	else
		(void)snprintf(text, NUMBER_BYTES, "%" PRId64, value);
}

static int
print_value(const struct config_option *option, const void *value,
    struct buffer *out, struct error *err)
{
	char number[NUMBER_BYTES];
	const char *text = number;

	if (option->field.kind == JSON_STRING)
		text = *(char *const *)value;
	else if (option->field.kind == JSON_ENUM)
		text = option->field.names[*(const int *)value];
	else
		print_number(number, &option->field, *(const int64_t *)value);
	if (text == number)
		return buffer_append(out, text, strlen(text), err);
	return json_write_string(out, text, strlen(text), err);
}

int
config_print(const struct config *config, struct buffer *out, struct error *err)
{
	size_t i;

	for (i = 0; i < CONFIG_OPTIONS; i++) {
		const struct config_option *option = &config_options[i];

		if (buffer_printf(out, err, "%s\n\t\"%s\": ",
		        i == 0 ? "{" : ",", option->field.name) != 0 ||
		    print_value(option, member(config, option), out, err) != 0)
			return -1;
	}
	return buffer_printf(out, err, "\n}\n");
}

/* A backslash means something else to man. */
static int
print_roff(struct buffer *out, const char *text, struct error *err)
{
	size_t len;

	for (;;) {
		len = strcspn(text, "\\");
		if (buffer_append(out, text, len, err) != 0)
			return -1;
		if (text[len] == '\0')
			return 0;
		if (buffer_append(out, "\\e", 2, err) != 0)
			return -1;
		text += len + 1;
	}
}

static int
print_string(const char *usual, struct buffer *out, struct error *err)
{
	if (buffer_printf(out, err, "(a string; \\(dq") != 0 ||
	    print_roff(out, usual, err) != 0)
		return -1;
	return buffer_printf(out, err, "\\(dq if not given)");
}

/* "1 to 65535 ms; 0 if not given" */
static int
print_range(
    const struct config_option *option, struct buffer *out, struct error *err)
{
	const struct json_field *field = &option->field;
	char number[3][NUMBER_BYTES];
	size_t i;

	if (field->kind == JSON_STRING)
		return print_string(option->text, out, err);
	if (field->kind == JSON_ENUM) {
		for (i = 0; field->names[i] != NULL; i++) {
			if (buffer_printf(out, err, "%s\\(dq%s\\(dq",
			        i == 0 ? "(" : ", ", field->names[i]) != 0)
				return -1;
		}
		return buffer_printf(out, err, "; \\(dq%s\\(dq if not given)",
		    field->names[field->absent]);
	}
	print_number(number[0], field, field->min);
	print_number(number[1], field, field->max);
	print_number(number[2], field, field->absent);
	return buffer_printf(out, err, "(%s to %s%s%s; %s if not given)",
	    number[0], number[1], option->unit == NULL ? "" : " ",
	    option->unit == NULL ? "" : option->unit, number[2]);
}

int
config_print_manual(struct buffer *out, struct error *err)
{
	size_t i;

	for (i = 0; i < CONFIG_OPTIONS; i++) {
		const struct config_option *option = &config_options[i];

		if (buffer_printf(
		        out, err, ".TP\n.B %s\n", option->field.name) != 0 ||
		    print_range(option, out, err) != 0 ||
		    buffer_printf(out, err, "\n.br\n") != 0 ||
		    print_roff(out, option->help, err) != 0 ||
		    (option->is_fixed &&
		        buffer_printf(out, err, " A change takes a restart.") !=
		            0) ||
		    buffer_printf(out, err, "\n") != 0)
			return -1;
	}
	return 0;
}
