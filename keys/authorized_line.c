/* SPDX-License-Identifier: Apache-2.0 */
#include "keys/authorized_line.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys/authorized_keys.h"
#include "keys/key_blob.h"
#include "protocol/base64.h"
#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/memory.h"

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static const char *
skip_blanks(const char *at)
{
	while (is_blank(*at))
		at++;
	return at;
}

/* The word at the front, owned; *at is moved behind it. */
static char *
take_word(const char **at)
{
	size_t len = strcspn(*at, " \t");
	char *word = memory_new(len + 1, 1);

	memcpy(word, *at, len);
	*at += len;
	return word;
}

static int
set_role(struct principal *out, const char *value, struct error *err)
{
	size_t i;

	for (i = 0; i < ROLES; i++) {
		if (strcmp(role_names[i], value) == 0) {
			out->role = (enum role)i;
			return 0;
		}
	}
	return error_set(err, ERROR_INVALID,
	    "role=\"%.40s\" is not admin, brain, operator or user", value);
}

static int
set_name(struct principal *out, const char *value, struct error *err)
{
	if (!principal_name_is_valid(value))
		return error_set(err, ERROR_INVALID,
		    "name=\"%.40s\" is not a principal's name", value);
	out->name = memory_string(value);
	return 0;
}

/* Of a task's name, with or without a '*' at its end. */
static bool
is_pattern(const char *text, size_t len)
{
	size_t i;

	if (len > 0 && text[len - 1] == '*')
		len--;
	else if (len == 0)
		return false;
	for (i = 0; i < len; i++) {
		if (!islower((unsigned char)text[i]) &&
		    !isdigit((unsigned char)text[i]) && text[i] != '-')
			return false;
	}
	return len <= LIMIT_NAME_BYTES;
}

static int
set_tasks(struct principal *out, const char *value, struct error *err)
{
	size_t count = 0;

	out->tasks = memory_new(AUTHORIZED_TASKS_MAX + 1, sizeof(*out->tasks));
	for (;;) {
		size_t len = strcspn(value, ",");

		if (!is_pattern(value, len))
			return error_set(err, ERROR_INVALID,
			    "tasks: \"%.*s\" is not a task's name or pattern",
			    len > 40 ? 40 : (int)len, value);
		if (count == AUTHORIZED_TASKS_MAX)
			return error_set(err, ERROR_LIMIT,
			    "tasks: more than %u patterns",
			    AUTHORIZED_TASKS_MAX);
		out->tasks[count] = memory_new(len + 1, 1);
		memcpy(out->tasks[count++], value, len);
		if (value[len] == '\0')
			return 0;
		value += len + 1;
	}
}

static const struct option {
	const char *name;
	int (*set)(struct principal *out, const char *value, struct error *err);
} options[] = {
    {"role", set_role},
    {"name", set_name},
    {"tasks", set_tasks},
};

#define OPTIONS (sizeof(options) / sizeof(*options))

/* name="value" up to a comma or the blank that ends the options. No value of
 * ours has a quote or a backslash in it, so none is understood. */
static int
parse_option(
    struct principal *out, const char **at, unsigned *seen, struct error *err)
{
	size_t name = strcspn(*at, "=,\" \t");
	const char *value;
	autofree char *copy = NULL;
	size_t len;
	size_t i;

	for (i = 0; i < OPTIONS; i++) {
		if (strlen(options[i].name) == name &&
		    strncmp(options[i].name, *at, name) == 0)
			break;
	}
	if (i == OPTIONS)
		return error_set(err, ERROR_INVALID,
		    "the option \"%.*s\" is not known",
		    name > 40 ? 40 : (int)name, *at);
	if ((*seen & (1u << i)) != 0)
		return error_set(err, ERROR_INVALID,
		    "the option \"%s\" stands twice", options[i].name);
	*seen |= 1u << i;
	if ((*at)[name] != '=' || (*at)[name + 1] != '"')
		return error_set(err, ERROR_INVALID,
		    "the option \"%s\" has no \"value\"", options[i].name);
	value = *at + name + 2;
	len = strcspn(value, "\"\\");
	if (value[len] != '"')
		return error_set(err, ERROR_INVALID,
		    "the value of \"%s\" has no end, or a backslash",
		    options[i].name);
	copy = memory_new(len + 1, 1);
	memcpy(copy, value, len);
	*at = value + len + 1;
	return options[i].set(out, copy, err);
}

static int
parse_options(struct principal *out, const char **at, struct error *err)
{
	unsigned seen = 0;

	for (;;) {
		if (parse_option(out, at, &seen, err) != 0)
			return -1;
		if (is_blank(**at)) {
			*at = skip_blanks(*at);
			return 0;
		}
		if (**at != ',')
			return error_set(err, ERROR_INVALID,
			    "no comma or blank after an option");
		(*at)++;
	}
}

/* Who it is when no option says so. */
static void
default_name(
    struct principal *out, const char *comment, const uint8_t *key, size_t len)
{
	char fingerprint[KEY_FINGERPRINT_BYTES];

	if (principal_name_is_valid(comment)) {
		out->name = memory_string(comment);
		return;
	}
	key_fingerprint(key, len, fingerprint);
	out->name = memory_string(fingerprint);
}

static int
parse_key(struct authorized_line *out, const char *at, struct error *err)
{
	autofree char *key = NULL;
	autofree char *comment = NULL;
	size_t len;
	size_t end;

	at = skip_blanks(at);
	out->blob = take_word(&at);
	if (base64_decode(out->blob, strlen(out->blob), &key, &len, NULL) != 0)
		return error_set(err, ERROR_INVALID, "the key is not base64");
	if (key_blob_check(out->type, (const uint8_t *)key, len, err) != 0)
		return -1;
	comment = memory_string(skip_blanks(at));
	for (end = strlen(comment); end > 0 && is_blank(comment[end - 1]);)
		comment[--end] = '\0';
	if (out->principal.name == NULL)
		default_name(
		    &out->principal, comment, (const uint8_t *)key, len);
	return 0;
}

static int
parse(struct authorized_line *out, const char *at, struct error *err)
{
	at = skip_blanks(at);
	if (*at == '\0' || *at == '#')
		return 0;
	out->principal.role = ROLE_USER;
	out->type = take_word(&at);
	if (!key_type_is_known(out->type) && strpbrk(out->type, "=,\"")) {
		at -= strlen(out->type);
		free(take(&out->type));
		if (parse_options(&out->principal, &at, err) != 0)
			return -1;
		out->type = take_word(&at);
	}
	if (!key_type_is_known(out->type))
		return error_set(err, ERROR_INVALID,
		    "\"%.40s\" is no option and no type of key that is taken",
		    out->type);
	return parse_key(out, at, err);
}

int
authorized_line_parse(struct authorized_line *out, const char *line, size_t len,
    struct error *err)
{
	autofree char *copy = NULL;
	size_t i;

	/* a file that was written elsewhere */
	if (len > 0 && line[len - 1] == '\r')
		len--;
	if (len > AUTHORIZED_KEYS_LINE_BYTES)
		return error_set(err, ERROR_LIMIT,
		    "a line of %zu bytes, more than %u", len,
		    AUTHORIZED_KEYS_LINE_BYTES);
	for (i = 0; i < len; i++) {
		if (iscntrl((unsigned char)line[i]) && line[i] != '\t')
			return error_set(err, ERROR_INVALID,
			    "the line holds a control byte");
	}
	copy = memory_new(len + 1, 1);
	if (len > 0)
		memcpy(copy, line, len);
	return parse(out, copy, err);
}

void
authorized_line_clear(struct authorized_line *line)
{
	free(line->type);
	free(line->blob);
	principal_clear(&line->principal);
	memset(line, 0, sizeof(*line));
}
