/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text from a sandbox as a person's terminal may get it: names, titles,
 * commands. No control, no format character (text direction, zero width, tags),
 * nothing that is not UTF-8: U+FFFD stands for each.
 */
#ifndef SERVER_GATE_PRINTABLE_H
#define SERVER_GATE_PRINTABLE_H

#include <stdbool.h>
#include <stddef.h>

struct buffer;

/*
 * Append at most width characters of text (NULL: "-").
 *   is_column  fill up with blanks to width, and one more
 */
void printable_append(
    struct buffer *out, const char *text, size_t width, bool is_column);

/* Append a row of a table, count columns of these widths; the last is not
 * filled up. */
void printable_row(struct buffer *out, const char *const *fields,
    const size_t *widths, size_t count);

#endif
