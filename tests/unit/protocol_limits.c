/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every limit of every member of every message, at its edge and one beyond:
 * the shapes say what there is to try, so a new member is tried, too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/attachment.h"
#include "protocol/buffer.h"
#include "protocol/control.h"
#include "protocol/custody.h"
#include "protocol/error.h"
#include "protocol/json.h"
#include "protocol/link.h"
#include "protocol/memory.h"
#include "protocol/stream_json.h"
#include "protocol/task_spec.h"

#define TEXT_MAX ((size_t)64 << 20)

/* One member of a shape by itself, so that no other rule is in the way. */
struct trial {
	struct json_field field;
	struct json_shape shape;
	void *body;
	unsigned tried;
};

static void
try_text(struct trial *trial, struct buffer *text, bool taken)
{
	struct error err = {0};
	int result;

	assert_int_equal(buffer_append(text, "}", 1, NULL), 0);
	result = json_read(&trial->shape, (const char *)buffer_bytes(text),
	    buffer_len(text), trial->body, &err);
	json_clear(&trial->shape, trial->body);
	if ((result == 0) != taken)
		fail_msg("\"%s\", %s: %s", trial->field.name,
		    taken ? "at its limit" : "beyond its limit", err.text);
	if (!taken && trial->field.name != NULL &&
	    strstr(err.text, trial->field.name) == NULL)
		fail_msg(
		    "\"%s\" is not named: %s", trial->field.name, err.text);
	buffer_clear(text);
	trial->tried++;
}

static void
put(struct buffer *text, const char *part)
{
	assert_int_equal(buffer_append(text, part, strlen(part), NULL), 0);
}

static void
begin(const struct trial *trial, struct buffer *text)
{
	buffer_init(text, TEXT_MAX);
	assert_int_equal(
	    buffer_printf(text, NULL, "{\"%s\":",
	        trial->field.name == NULL ? "data" : trial->field.name),
	    0);
}

static void
try_number(struct trial *trial, int64_t number, bool taken)
{
	const char *sign = number < 0 ? "-" : "";
	int64_t size = number < 0 ? -number : number;
	struct buffer text;

	begin(trial, &text);
	if (trial->field.kind == JSON_MILLI)
		assert_int_equal(
		    buffer_printf(&text, NULL, "%s%" PRId64 ".%03" PRId64, sign,
		        size / 1000, size % 1000),
		    0);
	else
		assert_int_equal(
		    buffer_printf(&text, NULL, "%s%" PRId64, sign, size), 0);
	try_text(trial, &text, taken);
}

static void
put_string(struct buffer *text, size_t len)
{
	char *letters = memory_new(len + 3, 1);

	memset(letters, 'a', len + 2);
	letters[0] = '"';
	letters[len + 1] = '"';
	put(text, letters);
	free(letters);
}

static void
try_string(struct trial *trial, int64_t len, bool taken)
{
	struct buffer text;

	begin(trial, &text);
	put(&text, trial->field.kind == JSON_BLOB ? "{\"data\":" : "");
	put_string(&text, (size_t)len);
	put(&text, trial->field.kind == JSON_BLOB ? "}" : "");
	try_text(trial, &text, taken);
}

static void
put_name(struct buffer *text, const char *end, int64_t number)
{
	assert_int_equal(
	    buffer_printf(text, NULL, "\"n%" PRId64 "\"%s", number, end), 0);
}

/* Items of an array, or members of an object, of count times len bytes. */
static void
try_items(struct trial *trial, int64_t count, size_t len, bool taken)
{
	bool map = trial->field.kind == JSON_MAP;
	struct buffer text;
	int64_t i;

	begin(trial, &text);
	put(&text, map ? "{" : "[");
	for (i = 0; i < count; i++) {
		put(&text, i == 0 ? "" : ",");
		if (map)
			put_name(&text, ":", i);
		put_string(&text, len);
	}
	put(&text, map ? "}" : "]");
	try_text(trial, &text, taken);
}

static void
try_lists(struct trial *trial)
{
	const struct json_field *field = &trial->field;
	/* "n0=" stands before the value */
	size_t most = field->item_max - (field->kind == JSON_MAP ? 3 : 0);

	try_items(trial, field->max, 1, true);
	try_items(trial, field->max + 1, 1, false);
	try_items(trial, 1, most, true);
	try_items(trial, 1, most + 1, false);
	if (field->min > 0)
		try_items(trial, field->min - 1, 1, false);
}

static void
try_edges(struct trial *trial,
    void (*try_one)(struct trial *trial, int64_t value, bool taken))
{
	const struct json_field *field = &trial->field;
	bool number = field->kind == JSON_INTEGER || field->kind == JSON_MILLI;

	try_one(trial, field->min, true);
	try_one(trial, field->max, true);
	try_one(trial, field->max + 1, false);
	if (number || field->min > 0)
		try_one(trial, field->min - 1, false);
}

/* As many records as an array may have; what is in them is tried apart. */
static void
try_records(struct trial *trial, int64_t count, bool taken)
{
	static const struct json_shape nothing = {.size = sizeof(int)};
	struct buffer text;
	int64_t i;

	trial->field.shape = &nothing;
	begin(trial, &text);
	put(&text, "[");
	for (i = 0; i < count; i++)
		put(&text, i == 0 ? "{}" : ",{}");
	put(&text, "]");
	try_text(trial, &text, taken);
}

static void try_shape(const struct json_shape *shape, unsigned *tried);

static void
try_field(const struct json_shape *shape, const struct json_field *field,
    unsigned *tried)
{
	struct trial trial = {.field = *field};

	trial.field.required = false;
	trial.shape = (struct json_shape){
	    .fields = &trial.field, .count = 1, .size = shape->size};
	trial.body = memory_new(1, shape->size);
	if (field->kind == JSON_INTEGER || field->kind == JSON_MILLI)
		try_edges(&trial, try_number);
	else if (field->kind == JSON_STRING || field->kind == JSON_TEXT ||
	         field->kind == JSON_BYTES || field->kind == JSON_BLOB)
		try_edges(&trial, try_string);
	else if (field->kind == JSON_VECTOR || field->kind == JSON_MAP)
		try_lists(&trial);
	else if (field->shape != NULL)
		try_shape(field->shape, tried);
	if (field->kind == JSON_RECORDS)
		try_edges(&trial, try_records);
	*tried += trial.tried;
	free(trial.body);
}

static void
try_shape(const struct json_shape *shape, unsigned *tried)
{
	size_t i;

	for (i = 0; i < shape->count; i++)
		try_field(shape, &shape->fields[i], tried);
}

static void
try_shapes(const struct json_shape *const *shapes, size_t count)
{
	unsigned tried = 0;
	size_t i;

	for (i = 0; i < count; i++)
		try_shape(shapes[i], &tried);
	assert_true(tried > count);
}

#define BOUNDARY(name, shapes, COUNT)      \
	static void name(void **state)     \
	{                                  \
		(void)state;               \
		try_shapes(shapes, COUNT); \
	}

BOUNDARY(limits_of_a_brain_s_requests, request_shapes, REQUEST_TYPES)
BOUNDARY(limits_on_the_link, link_shapes, LINK_TYPES)
BOUNDARY(limits_on_an_attachment, attachment_shapes, ATTACHMENT_TYPES)
BOUNDARY(limits_of_control, control_shapes, CONTROL_TYPES)
BOUNDARY(limits_of_custody, custody_shapes, CUSTODY_TYPES)

static void
limits_of_a_task_spec(void **state)
{
	const struct json_shape *const shapes[] = {&task_spec_shape};

	(void)state;
	try_shapes(shapes, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(limits_of_a_brain_s_requests),
	    cmocka_unit_test(limits_on_the_link),
	    cmocka_unit_test(limits_on_an_attachment),
	    cmocka_unit_test(limits_of_control),
	    cmocka_unit_test(limits_of_custody),
	    cmocka_unit_test(limits_of_a_task_spec),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
