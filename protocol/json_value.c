/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/json_value.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/base64.h"
#include "protocol/cleanup.h"
#include "protocol/json_place.h"
#include "protocol/memory.h"

#define DIGITS    "0123456789"
#define WHOLE_MAX 11 /* digits of a JSON_MILLI before its point */

int
json_value_find(const char *const *names, const char *text, size_t len)
{
	int i;

	for (i = 0; names[i] != NULL; i++) {
		/* text may hold a NUL, where strcmp would stop */
		if (strlen(names[i]) == len && memcmp(names[i], text, len) == 0)
			return i;
	}
	return -1;
}

int
json_value_bytes(const struct json_value *value, int64_t min, int64_t max,
    struct json_data *out, const struct json_place *place)
{
	autofree char *decoded = NULL;
	size_t len = value->len;

	if (value->base64 &&
	    base64_decode(value->text, value->len, &decoded, &len, NULL) != 0)
		return json_refuse(place, ERROR_INVALID, "is not base64");
	if (len < (size_t)min || len > (size_t)max)
		return json_refuse(place, ERROR_LIMIT,
		    "has %zu bytes, not %" PRId64 " to %" PRId64, len, min,
		    max);
	out->bytes = decoded != NULL ? take(&decoded)
	                             : memory_copy(value->text, len + 1);
	out->len = len;
	return 0;
}

/* Thousandths; -1: a sign, an exponent, too many decimals, or digits. */
static int
parse_milli(const char *text, int64_t *out)
{
	size_t whole = strspn(text, DIGITS);
	const char *point = text + whole;
	size_t decimals = *point == '.' ? strspn(point + 1, DIGITS) : 0;
	const char *end = point + (*point == '.' ? decimals + 1 : 0);
	int64_t number = 0;
	size_t i;

	if (whole == 0 || whole > WHOLE_MAX || decimals > 3 || *end != '\0')
		return -1;
	for (i = 0; i < whole; i++)
		number = number * 10 + (text[i] - '0');
	for (i = 0; i < 3; i++)
		number = number * 10 + (i < decimals ? point[1 + i] - '0' : 0);
	*out = number;
	return 0;
}

int
json_value_milli(const struct json_field *field, const char *text, int64_t *out,
    const struct json_place *place)
{
	int64_t number;

	if (parse_milli(text, &number) != 0)
		return json_refuse(place, ERROR_INVALID,
		    "is %.20s, not a plain number of at most 3 decimals", text);
	if (number < field->min || number > field->max)
		return json_refuse(place, ERROR_LIMIT, "is %s, not %g to %g",
		    text, (double)field->min / 1000, (double)field->max / 1000);
	*out = number;
	return 0;
}

int
json_value_enum(const struct json_field *field, const char *text, size_t len,
    int *out, const struct json_place *place)
{
	int found = json_value_find(field->names, text, len);
	char known[80] = "";
	size_t used = 0;
	int i;

	if (found >= 0) {
		*out = found;
		return 0;
	}
	for (i = 0; field->names[i] != NULL && used < sizeof(known); i++)
		used += (size_t)snprintf(known + used, sizeof(known) - used,
		    "%s%s", i == 0 ? "" : ", ", field->names[i]);
	return json_refuse(
	    place, ERROR_INVALID, "is \"%.40s\", not one of: %s", text, known);
}

int
json_value_pair(const struct json_field *field, const char *name, char *value,
    char **out, const struct json_place *place)
{
	autofree char *taken = value;
	size_t name_len = strlen(name);
	size_t len = strlen(taken);
	char *pair;

	if (name_len == 0 || strchr(name, '=') != NULL)
		return json_refuse(
		    place, ERROR_INVALID, "is no name: empty, or with a \"=\"");
	if (name_len + 1 + len > field->item_max)
		return json_refuse(place, ERROR_LIMIT,
		    "has more than %u bytes with its name", field->item_max);
	pair = memory_new(1, name_len + len + sizeof("="));
	(void)snprintf(
	    pair, name_len + len + sizeof("="), "%s=%s", name, taken);
	*out = pair;
	return 0;
}
