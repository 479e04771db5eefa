/* SPDX-License-Identifier: Apache-2.0 */
#include "server/common/log.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define TEXT_BYTES    1024 /* of one event, before escaping */
#define LINE_BYTES    (4 * TEXT_BYTES + 512)
#define SUBJECT_BYTES 128
#define WARNINGS_MAX  50 /* a second; a peer decides how often it misbehaves */

/* A process has one log as it has one standard error, so its state is the one
 * thing in server/common that is not passed in. */
static struct {
	const char *program;
	enum log_level level;
	bool terminal;
	char key[SUBJECT_BYTES];
	char value[SUBJECT_BYTES];
	time_t second;     /* that warnings are counted in */
	unsigned warnings; /* written or dropped in it */
} the_log = {.program = "sallyport", .level = LOG_INFO};

const char *const log_level_names[LOG_LEVELS + 1] = {
    [LOG_ERROR] = "error",
    [LOG_WARNING] = "warning",
    [LOG_INFO] = "info",
    [LOG_DEBUG] = "debug",
};

/* Printable ASCII stays; every other byte becomes \xNN, and what JSON quotes is
 * quoted when json is set. */
static void
escape(char *out, size_t size, const char *text, bool json)
{
	size_t at = 0;

	for (; *text != '\0' && at + 6 < size; text++) {
		unsigned char byte = (unsigned char)*text;

		if (byte < 0x20 || byte > 0x7e) {
			at += (size_t)snprintf(out + at, size - at,
			    json ? "\\\\x%02x" : "\\x%02x", byte);
		} else {
			if (json && (byte == '"' || byte == '\\'))
				out[at++] = '\\';
			out[at++] = (char)byte;
		}
	}
	out[at] = '\0';
}

static int
line_json(char *line, size_t size, enum log_level level, const char *text,
    const struct timeval *now)
{
	char event[LINE_BYTES - 512];
	char value[SUBJECT_BYTES];
	char when[32];
	struct tm utc;

	(void)gmtime_r(&now->tv_sec, &utc);
	(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%S", &utc);
	escape(event, sizeof(event), text, true);
	escape(value, sizeof(value), the_log.value, true);
	return snprintf(line, size,
	    "{\"time\":\"%s.%03ldZ\",\"level\":\"%s\",\"program\":\"%s\","
	    "\"pid\":%ld%s%s%s%s%s,\"event\":\"%s\"}\n",
	    when, (long)(now->tv_usec / 1000), log_level_names[level],
	    the_log.program, (long)getpid(), *value != '\0' ? ",\"" : "",
	    *value != '\0' ? the_log.key : "", *value != '\0' ? "\":\"" : "",
	    value, *value != '\0' ? "\"" : "", event);
}

static int
line_text(char *line, size_t size, enum log_level level, const char *text,
    const struct timeval *now)
{
	char event[LINE_BYTES - 512];
	char value[SUBJECT_BYTES];
	char when[32];
	struct tm local;

	(void)localtime_r(&now->tv_sec, &local);
	(void)strftime(when, sizeof(when), "%H:%M:%S", &local);
	escape(event, sizeof(event), text, false);
	escape(value, sizeof(value), the_log.value, false);
	return snprintf(line, size, "%s.%03ld %s %s%s%s%s: %s\n", when,
	    (long)(now->tv_usec / 1000), log_level_names[level],
	    the_log.program, *value != '\0' ? "[" : "", value,
	    *value != '\0' ? "]" : "", event);
}

static void
write_line(enum log_level level, const char *text)
{
	char line[LINE_BYTES];
	struct timeval now;
	int len;

	(void)gettimeofday(&now, NULL);
	len = the_log.terminal
	          ? line_text(line, sizeof(line), level, text, &now)
	          : line_json(line, sizeof(line), level, text, &now);
	assert(len > 0 && (size_t)len < sizeof(line));
	/* There is nobody to tell when the log cannot be written. */
	if (write(STDERR_FILENO, line, (size_t)len) < 0)
		return;
}

/* Whether one more warning may be written in this second; says afterwards how
 * many were not. */
static bool
may_warn(void)
{
	struct timespec now;
	char text[64];

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec != the_log.second) {
		if (the_log.warnings > WARNINGS_MAX) {
			(void)snprintf(text, sizeof(text),
			    "%u more warnings were not written",
			    the_log.warnings - WARNINGS_MAX);
			write_line(LOG_WARNING, text);
		}
		the_log.second = now.tv_sec;
		the_log.warnings = 0;
	}
	return the_log.warnings++ < WARNINGS_MAX;
}

static void __attribute__((format(printf, 2, 0)))
write_event(enum log_level level, const char *format, va_list args)
{
	char text[TEXT_BYTES];

	if (level > the_log.level || (level == LOG_WARNING && !may_warn()))
		return;
	(void)vsnprintf(text, sizeof(text), format, args);
	write_line(level, text);
}

void
log_open(const char *program, enum log_level level)
{
	the_log.program = program;
	the_log.level = level;
	the_log.terminal = isatty(STDERR_FILENO) == 1;
}

void
log_set_level(enum log_level level)
{
	the_log.level = level;
}

void
log_subject(const char *key, const char *value)
{
	(void)snprintf(
	    the_log.key, sizeof(the_log.key), "%s", key == NULL ? "" : key);
	(void)snprintf(the_log.value, sizeof(the_log.value), "%s",
	    key == NULL || value == NULL ? "" : value);
}

void
log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_event(LOG_ERROR, format, args);
	va_end(args);
}

void
log_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_event(LOG_WARNING, format, args);
	va_end(args);
}

void
log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_event(LOG_INFO, format, args);
	va_end(args);
}

void
log_debug(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_event(LOG_DEBUG, format, args);
	va_end(args);
}
