/* SPDX-License-Identifier: Apache-2.0 */
#include "server/common/config_text.h"

#include <stdlib.h>
#include <string.h>

static size_t
line_of(const char *bytes, size_t len, size_t offset)
{
	size_t line = 1;
	size_t i;

	for (i = 0; i < len && i < offset; i++)
		line += bytes[i] == '\n';
	return line;
}

/* The length of the string that begins behind a quote. */
static size_t
string_len(const char *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len && bytes[i] != '"'; i++) {
		if (bytes[i] == '\\')
			i++;
	}
	return i < len ? i : len;
}

/* Offset of the last string of that text, at the depth of the file's own
 * members; 0 when there is none. A value that looks like a name is no harm: it
 * gives the wrong line at worst. */
static size_t
find_name(const char *bytes, size_t len, const char *name, size_t name_len)
{
	size_t found = 0;
	int depth = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		size_t part;

		depth += bytes[i] == '{' || bytes[i] == '[';
		depth -= bytes[i] == '}' || bytes[i] == ']';
		if (bytes[i] != '"')
			continue;
		part = string_len(bytes + i + 1, len - i - 1);
		if (depth == 1 && part >= name_len &&
		    memcmp(bytes + i + 1, name, name_len) == 0 &&
		    (part == name_len || name_len == 40))
			found = i;
		i += part + 1;
	}
	return found;
}

size_t
config_text_line(const char *bytes, size_t len, const char *why)
{
	size_t name;

	if (strncmp(why, "byte ", 5) == 0)
		return line_of(bytes, len, strtoul(why + 5, NULL, 10));
	if (why[0] != '"')
		return 1;
	name = strcspn(why + 1, ".[\""); /* of the file's own, "limits.pids" */
	return line_of(bytes, len, find_name(bytes, len, why + 1, name));
}
