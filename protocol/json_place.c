/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/json_place.h"

#include <stdarg.h>
#include <stdio.h>

#include "protocol/json.h"

/* Deeper than any value stands: an item of an array counts as a place. */
#define PLACES_MAX ((size_t)2 * JSON_DEPTH_MAX)

/* "limits.cpu", "argv[2]": from the outermost place inwards. */
static void
describe(const struct json_place *place, char *text, size_t size)
{
	const struct json_place *path[PLACES_MAX] = {NULL};
	size_t count = 0;
	size_t len = 0;

	for (; place->in != NULL && count < PLACES_MAX; place = place->in)
		path[count++] = place;
	while (count-- > 0 && len < size) {
		const char *name = path[count]->name;

		if (name == NULL)
			len += (size_t)snprintf(
			    text + len, size - len, "[%zu]", path[count]->item);
		else
			len += (size_t)snprintf(text + len, size - len,
			    "%s%.40s", len == 0 ? "" : ".", name);
	}
}

int
json_refuse(const struct json_place *place, enum error_code code,
    const char *format, ...)
{
	char where[96] = "";
	char why[128];
	va_list args;

	describe(place, where, sizeof(where));
	va_start(args, format);
	(void)vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	return error_set(place->err, code, "\"%s\" %s", where, why);
}
