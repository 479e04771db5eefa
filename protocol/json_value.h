/* SPDX-License-Identifier: Apache-2.0 */
/* From the text of a value to what a field takes, by the field's rules. */
#ifndef PROTOCOL_JSON_VALUE_H
#define PROTOCOL_JSON_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "protocol/json.h"

struct json_place;

struct json_value {
	const char *text; /* borrowed */
	size_t len;
	bool base64; /* the text is base64 of what is meant */
};

/* The index of text[0..len) in NULL-terminated names; -1 for none. */
int json_value_find(const char *const *names, const char *text, size_t len);

/* min..max bytes; out is owned, with a NUL behind its bytes. */
int json_value_bytes(const struct json_value *value, int64_t min, int64_t max,
    struct json_data *out, const struct json_place *place);

/* JSON_MILLI, from the number as the peer wrote it. */
int json_value_milli(const struct json_field *field, const char *text,
    int64_t *out, const struct json_place *place);

/* JSON_ENUM. */
int json_value_enum(const struct json_field *field, const char *text,
    size_t len, int *out, const struct json_place *place);

/* One "name=value" of a JSON_MAP; takes value, out is owned. */
int json_value_pair(const struct json_field *field, const char *name,
    char *value, char **out, const struct json_place *place);

#endif
