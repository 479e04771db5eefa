/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line, one event, subject first: text on a terminal, JSON lines
 * otherwise, always on standard error. Values are escaped; payloads and
 * secrets are never logged.
 */
#ifndef SERVER_COMMON_LOG_H
#define SERVER_COMMON_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR = 0, LOG_WARNING, LOG_INFO, LOG_DEBUG, LOG_LEVELS };

/* Call once, first. program is borrowed for ever ("gate", "keeper"). */
void log_open(const char *program, enum log_level level);

/* From now on. */
void log_set_level(enum log_level level);

/* A task's or session's id that every later line of this process carries;
 * copied. NULL: none. */
void log_subject(const char *key, const char *value);

/* Names of the levels, NULL-terminated: "error", "warning", "info", "debug". */
extern const char *const log_level_names[LOG_LEVELS + 1];

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
