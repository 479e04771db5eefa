/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/json_shape.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/json.h"
#include "protocol/memory.h"

const struct json_shape json_empty_shape = {NULL, 0, 0, NULL};

static void *
at(void *body, const struct json_field *field)
{
	return (char *)body + field->offset;
}

void *
json_shape_record(const struct json_shape *shape,
    const struct json_records *records, size_t i)
{
	return (char *)records->items + i * shape->size;
}

/* On zeroed memory, so that only what is not zero needs to be set. */
static void
set_absent(const struct json_shape *shape, void *body)
{
	size_t i;

	for (i = 0; i < shape->count; i++) {
		const struct json_field *field = &shape->fields[i];
		void *member = at(body, field);

		if (field->kind == JSON_INTEGER || field->kind == JSON_MILLI)
			*(int64_t *)member = field->absent;
		else if (field->kind == JSON_BOOL)
			*(bool *)member = field->absent != 0;
		else if (field->kind == JSON_MAYBE)
			*(int *)member = -1;
		else if (field->kind == JSON_ENUM)
			*(int *)member = (int)field->absent;
		else if (field->shape != NULL && field->kind != JSON_RECORDS)
			set_absent(field->shape, member);
	}
}

static void free_members(const struct json_shape *shape, void *body);

static void
free_records(const struct json_shape *shape, struct json_records *records)
{
	size_t i;

	for (i = 0; i < records->count; i++)
		free_members(shape, json_shape_record(shape, records, i));
	free(records->items);
}

static void
free_members(const struct json_shape *shape, void *body)
{
	size_t i;

	for (i = 0; i < shape->count; i++) {
		const struct json_field *field = &shape->fields[i];
		void *member = at(body, field);

		if (field->kind == JSON_STRING || field->kind == JSON_TEXT)
			free(*(char **)member);
		else if (field->kind == JSON_BYTES || field->kind == JSON_BLOB)
			free(((struct json_data *)member)->bytes);
		else if (field->kind == JSON_VECTOR || field->kind == JSON_MAP)
			memory_vector_free(*(char ***)member);
		else if (field->kind == JSON_RECORDS)
			free_records(field->shape, member);
		else if (field->shape != NULL)
			free_members(field->shape, member);
	}
}

bool
json_shape_knows(const struct json_shape *shape, const char *name)
{
	bool known = false;
	size_t i;

	for (i = 0; i < shape->count && !known; i++) {
		const struct json_field *field = &shape->fields[i];

		if (field->kind == JSON_INLINE)
			known = json_shape_knows(field->shape, name);
		else if (field->kind == JSON_BYTES)
			known = strcmp(name, "data") == 0 ||
			        strcmp(name, "base64") == 0;
		else
			known = strcmp(name, field->name) == 0;
	}
	return known;
}

void
json_absent(const struct json_shape *shape, void *body)
{
	if (shape->size > 0)
		memset(body, 0, shape->size);
	set_absent(shape, body);
}

void
json_records_make(
    const struct json_shape *shape, size_t count, struct json_records *out)
{
	size_t i;

	out->items = memory_new(count + 1, shape->size);
	out->count = count;
	for (i = 0; i < count; i++)
		set_absent(shape, json_shape_record(shape, out, i));
}

void
json_clear(const struct json_shape *shape, void *body)
{
	free_members(shape, body);
	json_absent(shape, body);
}
