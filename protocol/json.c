/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/json.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "protocol/error.h"
#include "protocol/json_place.h"
#include "protocol/json_scan.h"
#include "protocol/json_shape.h"
#include "protocol/json_value.h"
#include "protocol/memory.h"

/* What a kind is made from; the words that an error calls it by. */
static const struct {
	unsigned types; /* bits of enum json_type */
	const char *words;
} kinds[] = {
#define BIT(type) (1u << json_type_##type)
    [JSON_BOOL] = {BIT(boolean), "true or false"},
    [JSON_MAYBE] = {BIT(boolean), "true or false"},
    [JSON_INTEGER] = {BIT(int), "an integer"},
    [JSON_MILLI] = {BIT(int) | BIT(double), "a number"},
    [JSON_STRING] = {BIT(string), "a string"},
    [JSON_TEXT] = {BIT(string) | BIT(object), "a string or {\"base64\"}"},
    [JSON_BYTES] = {0, ""},
    [JSON_BLOB] = {BIT(object), "{\"data\"} or {\"base64\"}"},
    [JSON_ENUM] = {BIT(string), "a string"},
    [JSON_VECTOR] = {BIT(array), "an array"},
    [JSON_MAP] = {BIT(object), "an object"},
    [JSON_RECORD] = {BIT(object), "an object"},
    [JSON_RECORDS] = {BIT(array), "an array"},
    [JSON_INLINE] = {0, ""},
#undef BIT
};
static_assert(sizeof(kinds) / sizeof(*kinds) == JSON_KINDS, "every kind");

static void *
at(void *body, const struct json_field *field)
{
	return (char *)body + field->offset;
}

static bool
fits(const struct json_field *field, struct json_object *value)
{
	unsigned type = 1u << json_object_get_type(value);

	if (value == NULL)
		return field->nullable;
	return (kinds[field->kind].types & type) != 0;
}

static int
read_bytes(struct json_object *string, bool base64, int64_t min, int64_t max,
    struct json_data *out, const struct json_place *place)
{
	struct json_value text = {json_object_get_string(string),
	    (size_t)json_object_get_string_len(string), base64};

	return json_value_bytes(&text, min, max, out, place);
}

/* The value of an object's only member: "base64", or "data" if that may be. */
static struct json_object *
only_member(struct json_object *object, bool data, bool *base64)
{
	struct json_object *value;

	if (json_object_object_length(object) != 1)
		return NULL;
	*base64 = json_object_object_get_ex(object, "base64", &value);
	if (!*base64 &&
	    (!data || !json_object_object_get_ex(object, "data", &value)))
		return NULL;
	return json_object_is_type(value, json_type_string) ? value : NULL;
}

/* A string or {"base64": ...} without a NUL, as a C string that is owned. */
static int
read_text(struct json_object *value, int64_t min, int64_t max, char **out,
    const struct json_place *place)
{
	struct json_data data;
	bool base64 = false;

	if (json_object_is_type(value, json_type_object))
		value = only_member(value, false, &base64);
	if (!json_object_is_type(value, json_type_string))
		return json_refuse(
		    place, ERROR_INVALID, "is not %s", kinds[JSON_TEXT].words);
	if (read_bytes(value, base64, min, max, &data, place) != 0)
		return -1;
	if (memchr(data.bytes, '\0', data.len) != NULL) {
		free(data.bytes);
		return json_refuse(place, ERROR_INVALID, "holds a NUL");
	}
	*out = data.bytes;
	return 0;
}

static int
read_blob(const struct json_field *field, struct json_object *value,
    struct json_data *out, const struct json_place *place)
{
	bool base64;

	value = only_member(value, true, &base64);
	if (value == NULL)
		return json_refuse(
		    place, ERROR_INVALID, "is not %s", kinds[JSON_BLOB].words);
	return read_bytes(value, base64, field->min, field->max, out, place);
}

/* From the object's own "data" or "base64". */
static int
read_beside(const struct json_field *field, struct json_object *object,
    struct json_data *out, const struct json_place *place)
{
	struct json_place here = {place, "data", 0, place->err};
	struct json_object *value;
	bool base64 = false;

	if (!json_object_object_get_ex(object, "data", &value)) {
		here.name = "base64";
		base64 = true;
		if (!json_object_object_get_ex(object, "base64", &value))
			return 0;
	} else if (json_object_object_get_ex(object, "base64", NULL)) {
		return json_refuse(
		    &here, ERROR_INVALID, "is given beside \"base64\"");
	}
	if (!json_object_is_type(value, json_type_string))
		return json_refuse(&here, ERROR_INVALID, "is not a string");
	return read_bytes(value, base64, field->min, field->max, out, &here);
}

static int
read_integer(const struct json_field *field, struct json_object *value,
    int64_t *out, const struct json_place *place)
{
	int64_t number = json_object_get_int64(value);

	/* json-c clamps what does not fit, beyond every field's range */
	if (number < field->min || number > field->max)
		return json_refuse(place, ERROR_LIMIT,
		    "is %s, not %" PRId64 " to %" PRId64,
		    json_object_get_string(value), field->min, field->max);
	*out = number;
	return 0;
}

static int
check_count(const struct json_field *field, size_t count,
    const struct json_place *place)
{
	if (count < (size_t)field->min || count > (size_t)field->max)
		return json_refuse(place, ERROR_LIMIT,
		    "has %zu items, not %" PRId64 " to %" PRId64, count,
		    field->min, field->max);
	return 0;
}

static int
read_vector(const struct json_field *field, struct json_object *value,
    char ***out, const struct json_place *place)
{
	size_t count = json_object_array_length(value);
	size_t i;

	if (check_count(field, count, place) != 0)
		return -1;
	*out = memory_new(count + 1, sizeof(**out));
	for (i = 0; i < count; i++) {
		struct json_place item = {place, NULL, i, place->err};

		if (read_text(json_object_array_get_idx(value, i), 0,
		        (int64_t)field->item_max, &(*out)[i], &item) != 0)
			return -1;
	}
	return 0;
}

static int
read_map(const struct json_field *field, struct json_object *value, char ***out,
    const struct json_place *place)
{
	size_t count = (size_t)json_object_object_length(value);
	struct json_object_iterator item = json_object_iter_begin(value);
	size_t i;

	if (check_count(field, count, place) != 0)
		return -1;
	*out = memory_new(count + 1, sizeof(**out));
	for (i = 0; i < count; i++, json_object_iter_next(&item)) {
		const char *name = json_object_iter_peek_name(&item);
		struct json_place pair = {place, name, 0, place->err};

		char *text = NULL;

		if (read_text(json_object_iter_peek_value(&item), 0,
		        (int64_t)field->item_max, &text, &pair) != 0 ||
		    json_value_pair(field, name, text, &(*out)[i], &pair) != 0)
			return -1;
	}
	return 0;
}

static int read_object(const struct json_shape *shape,
    struct json_object *object, bool typed, void *body,
    const struct json_place *place);

static int
read_record(const struct json_field *field, struct json_object *value,
    void *record, const struct json_place *place)
{
	*(bool *)record = true;
	return read_object(field->shape, value, false, record, place);
}

static int
read_records(const struct json_field *field, struct json_object *value,
    struct json_records *out, const struct json_place *place)
{
	size_t count = json_object_array_length(value);
	size_t i;

	if (check_count(field, count, place) != 0)
		return -1;
	json_records_make(field->shape, count, out);
	for (i = 0; i < count; i++) {
		struct json_place here = {place, NULL, i, place->err};
		struct json_object *item = json_object_array_get_idx(value, i);

		if (!json_object_is_type(item, json_type_object))
			return json_refuse(
			    &here, ERROR_INVALID, "is not an object");
		if (read_object(field->shape, item, false,
		        json_shape_record(field->shape, out, i), &here) != 0)
			return -1;
	}
	return 0;
}

static int
read_value(const struct json_field *field, struct json_object *value,
    void *member, const struct json_place *place)
{
	switch (field->kind) {
	case JSON_BOOL:
		*(bool *)member = json_object_get_boolean(value);
		return 0;
	case JSON_MAYBE:
		*(int *)member = json_object_get_boolean(value);
		return 0;
	case JSON_INTEGER:
		return read_integer(field, value, member, place);
	case JSON_MILLI:
		return json_value_milli(
		    field, json_object_get_string(value), member, place);
	case JSON_STRING:
	case JSON_TEXT:
		return value == NULL ? 0
		                     : read_text(value, field->min, field->max,
		                           member, place);
	case JSON_BLOB:
		return read_blob(field, value, member, place);
	case JSON_ENUM:
		return json_value_enum(field, json_object_get_string(value),
		    (size_t)json_object_get_string_len(value), member, place);
	case JSON_VECTOR:
		return read_vector(field, value, member, place);
	case JSON_MAP:
		return read_map(field, value, member, place);
	case JSON_RECORD:
		return read_record(field, value, member, place);
	case JSON_RECORDS:
		return read_records(field, value, member, place);
	case JSON_BYTES:
	case JSON_INLINE:
	case JSON_KINDS:
		break;
	}
	return json_refuse(place, ERROR_BUG, "has no kind");
}

/* The words for what the fields of this name take; true when one fits. */
static bool
has_alternative(const struct json_shape *shape, const char *name,
    struct json_object *value, char *words, size_t size)
{
	size_t len = 0;
	size_t i;

	for (i = 0; i < shape->count; i++) {
		const struct json_field *field = &shape->fields[i];

		if (field->name == NULL || name == NULL ||
		    strcmp(field->name, name) != 0)
			continue;
		if (fits(field, value))
			return true;
		if (len < size)
			len += (size_t)snprintf(words + len, size - len, "%s%s",
			    len == 0 ? "" : " or ", kinds[field->kind].words);
	}
	return false;
}

static int
read_members(const struct json_shape *shape, struct json_object *object,
    void *body, const struct json_place *place)
{
	char words[80];
	size_t i;

	for (i = 0; i < shape->count; i++) {
		const struct json_field *field = &shape->fields[i];
		struct json_place here = {place, field->name, 0, place->err};
		struct json_object *value;
		int result = 0;

		if (field->kind == JSON_INLINE)
			result = read_members(
			    field->shape, object, at(body, field), place);
		else if (field->kind == JSON_BYTES)
			result =
			    read_beside(field, object, at(body, field), place);
		else if (!json_object_object_get_ex(
		             object, field->name, &value))
			continue;
		else if (fits(field, value))
			result =
			    read_value(field, value, at(body, field), &here);
		else if (!has_alternative(
		             shape, field->name, value, words, sizeof(words)))
			result = json_refuse(
			    &here, ERROR_INVALID, "is not %s", words);
		if (result != 0)
			return -1;
	}
	return 0;
}

static int
check_unknown(const struct json_shape *shape, struct json_object *object,
    bool typed, const struct json_place *place)
{
	struct json_object_iterator end = json_object_iter_end(object);
	struct json_object_iterator item = json_object_iter_begin(object);

	for (; !json_object_iter_equal(&item, &end);
	     json_object_iter_next(&item)) {
		const char *name = json_object_iter_peek_name(&item);
		struct json_place here = {place, name, 0, place->err};

		if (json_shape_knows(shape, name) ||
		    (typed && strcmp(name, "type") == 0))
			continue;
		return json_refuse(&here, ERROR_INVALID, "is not known here");
	}
	return 0;
}

/* Missing members, and the rules between those that are there. */
static int
check_members(const struct json_shape *shape, struct json_object *object,
    void *body, const struct json_place *place)
{
	size_t i;

	for (i = 0; i < shape->count; i++) {
		const struct json_field *field = &shape->fields[i];
		struct json_place here = {place, field->name, 0, place->err};

		if (field->kind == JSON_INLINE) {
			if (check_members(field->shape, object, at(body, field),
			        place) != 0)
				return -1;
		} else if (field->required && !json_object_object_get_ex(
		                                  object, field->name, NULL)) {
			return json_refuse(&here, ERROR_INVALID, "is missing");
		}
	}
	return shape->check == NULL ? 0 : shape->check(body, place->err);
}

static int
read_object(const struct json_shape *shape, struct json_object *object,
    bool typed, void *body, const struct json_place *place)
{
	if (read_members(shape, object, body, place) != 0 ||
	    check_unknown(shape, object, typed, place) != 0)
		return -1;
	return check_members(shape, object, body, place);
}

/* One object, to be released with json_object_put; NULL with err set. */
static struct json_object *
parse(const char *bytes, size_t len, struct error *err)
{
	struct json_tokener *tokener;
	struct json_object *object;
	enum json_tokener_error why;
	size_t at = 0;

	while (at < len && json_is_space(bytes[at]))
		at++;
	if (at == len || bytes[at] != '{' || len > INT_MAX) {
		(void)error_set(err, ERROR_INVALID, "not a JSON object");
		return NULL;
	}
	if (json_scan(bytes, len, err) != 0)
		return NULL;
	/* the scan has held the depth; the parser counts one more */
	tokener = json_tokener_new_ex(JSON_DEPTH_MAX + 1);
	if (tokener == NULL)
		abort();
	json_tokener_set_flags(
	    tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	object = json_tokener_parse_ex(tokener, bytes, (int)len);
	/* strict: anything but white space behind the object is an error */
	why = json_tokener_get_error(tokener);
	at = json_tokener_get_parse_end(tokener);
	json_tokener_free(tokener);
	if (why == json_tokener_success)
		return object;
	(void)error_set(err, ERROR_INVALID, "byte %zu: %s", at,
	    why == json_tokener_continue ? "the end came too early"
	                                 : json_tokener_error_desc(why));
	return NULL;
}

int
json_read(const struct json_shape *shape, const char *bytes, size_t len,
    void *body, struct error *err)
{
	struct json_place root = {NULL, NULL, 0, err};
	struct json_object *object = parse(bytes, len, err);
	int result;

	json_absent(shape, body);
	if (object == NULL)
		return -1;
	result = read_object(shape, object, false, body, &root);
	json_object_put(object);
	return result;
}

static int
read_type(const char *const *types, struct json_object *object, int *type,
    struct error *err)
{
	struct json_place root = {NULL, NULL, 0, err};
	struct json_place here = {&root, "type", 0, err};
	struct json_object *value;
	const char *text;

	if (!json_object_object_get_ex(object, "type", &value))
		return json_refuse(&here, ERROR_INVALID, "is missing");
	if (!json_object_is_type(value, json_type_string))
		return json_refuse(&here, ERROR_INVALID, "is not a string");
	text = json_object_get_string(value);
	*type = json_value_find(
	    types, text, (size_t)json_object_get_string_len(value));
	if (*type < 0)
		return json_refuse(
		    &here, ERROR_INVALID, "is \"%.40s\", not known", text);
	return 0;
}

int
json_read_typed(const struct json_messages *messages, const char *bytes,
    size_t len, int *type, void *body, struct error *err)
{
	struct json_place root = {NULL, NULL, 0, err};
	struct json_object *object = parse(bytes, len, err);
	const struct json_shape *shape;
	int result;

	*type = -1;
	if (object == NULL)
		return -1;
	result = read_type(messages->types, object, type, err);
	if (result == 0) {
		shape = messages->shapes[*type];
		json_absent(shape, body);
		result = read_object(shape, object, true, body, &root);
	}
	json_object_put(object);
	return result;
}
