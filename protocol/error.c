/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/error.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "protocol/utf8.h"

static const char *const code_names[] = {
    [ERROR_NONE] = "none",
    [ERROR_INVALID] = "invalid",
    [ERROR_LIMIT] = "limit",
    [ERROR_NOT_FOUND] = "not_found",
    [ERROR_DENIED] = "denied",
    [ERROR_STATE] = "state",
    [ERROR_SYSTEM] = "system",
    [ERROR_BUG] = "internal",
};
static_assert(sizeof(code_names) / sizeof(*code_names) == ERROR_CODES,
    "a name for every code");

/*
 * The text may quote a peer's bytes, and may have been cut inside a character:
 * keep it out of the log's structure, and fit for a JSON string.
 */
static void
scrub(char *text)
{
	size_t len = strlen(text);
	size_t partial;
	size_t i;

	for (i = 0; i < len; i++) {
		if (iscntrl((unsigned char)text[i]))
			text[i] = '?';
	}
	for (i = 0; i < len; i++) {
		i += utf8_valid_prefix(text + i, len - i, &partial);
		if (i < len)
			text[i] = '?';
	}
}

/* Put the reason of a failed call behind a text that does not end in it. */
static void
add_reason(struct error *err)
{
	const char *reason = strerrordesc_np(err->sys);
	size_t len = strlen(err->text);
	size_t size;

	if (reason == NULL)
		return;
	size = strlen(reason);
	if (len >= size && strcmp(err->text + len - size, reason) == 0)
		return;
	if (len > sizeof(err->text) - size - sizeof(": "))
		len = sizeof(err->text) - size - sizeof(": ");
	(void)snprintf(
	    err->text + len, sizeof(err->text) - len, ": %s", reason);
}

static void __attribute__((format(printf, 4, 0))) fill(struct error *err,
    enum error_code code, int sys, const char *format, va_list args)
{
	if (err == NULL)
		return;
	err->code = code;
	err->sys = sys;
	(void)vsnprintf(err->text, sizeof(err->text), format, args);
	if (sys != 0)
		add_reason(err);
	scrub(err->text);
}

int
error_set(struct error *err, enum error_code code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill(err, code, 0, format, args);
	va_end(args);
	return -1;
}

int
error_sys(struct error *err, const char *format, ...)
{
	int sys = errno;
	va_list args;

	va_start(args, format);
	fill(err, ERROR_SYSTEM, sys, format, args);
	va_end(args);
	return -1;
}

int
error_wrap(struct error *err, const char *format, ...)
{
	char what[sizeof(err->text)];
	char was[sizeof(err->text)];
	va_list args;

	if (err == NULL)
		return -1;
	va_start(args, format);
	(void)vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	memcpy(was, err->text, sizeof(was));
	(void)snprintf(err->text, sizeof(err->text), "%.90s: %.99s", what, was);
	scrub(err->text);
	return -1;
}

const char *
error_code_name(enum error_code code)
{
	return (unsigned)code < ERROR_CODES ? code_names[code]
	                                    : code_names[ERROR_BUG];
}

enum error_code
error_code_named(const char *name)
{
	unsigned code;

	for (code = ERROR_INVALID; code < ERROR_CODES; code++) {
		if (strcmp(code_names[code], name) == 0)
			return (enum error_code)code;
	}
	return ERROR_BUG;
}
