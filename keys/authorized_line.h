/* SPDX-License-Identifier: Apache-2.0 */
/* One line of authorized_keys: OPTIONS TYPE BASE64 COMMENT. */
#ifndef KEYS_AUTHORIZED_LINE_H
#define KEYS_AUTHORIZED_LINE_H

#include <stddef.h>

#include "keys/role.h"

struct error;

#define AUTHORIZED_TASKS_MAX          64u
#define AUTHORIZED_TASK_PATTERN_BYTES 49u /* a name and a '*' */

struct authorized_line {
	char *type; /* NULL: the line is blank or a comment */
	char *blob; /* base64 */
	struct principal principal;
};

/*
 * Read one line of len bytes, without its newline.
 *   out      zeroed; always needs authorized_line_clear
 *   returns  0, or -1: ERROR_INVALID, ERROR_LIMIT
 *   source   sshd(8), AUTHORIZED_KEYS FILE FORMAT
 */
int authorized_line_parse(struct authorized_line *out, const char *line,
    size_t len, struct error *err);

void authorized_line_clear(struct authorized_line *line);

#endif
