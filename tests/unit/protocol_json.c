/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/json.h"

/* One member of every kind. */
struct record {
	bool present;
	int64_t number;
};

/* One of an array. */
struct item {
	char *name;
	struct json_records within;
};

struct body {
	char *id;
	bool flag;
	int maybe;
	int64_t number;
	int64_t milli;
	char *text;
	struct json_data bytes;
	struct json_data blob;
	int choice;
	char **vector;
	char **map;
	struct record record;
	struct record inline_record;
	struct json_records records;
};

static const char *const choices[] = {"red", "green", NULL};

static const struct json_field record_fields[] = {
    {"n", JSON_INTEGER, offsetof(struct record, number), .min = -5, .max = 5,
        .absent = 0, .required = true},
};
static const struct json_shape record_shape = {
    JSON_SHAPE(record_fields, struct record)};

static const struct json_field inline_fields[] = {
    {"inner", JSON_INTEGER, offsetof(struct record, number), .max = 9,
        .absent = 7},
};
static const struct json_shape inline_shape = {
    JSON_SHAPE(inline_fields, struct record)};

static const struct json_field item_fields[] = {
    {"name", JSON_STRING, offsetof(struct item, name), .min = 1, .max = 4,
        .required = true},
    {"within", JSON_RECORDS, offsetof(struct item, within), .max = 2,
        .shape = &record_shape},
};

static int
check_item(const void *body, struct error *err)
{
	const struct item *item = body;

	return strcmp(item->name, "bad") == 0
	           ? error_set(err, ERROR_INVALID, "a bad item")
	           : 0;
}

static const struct json_shape item_shape = {
    JSON_SHAPE(item_fields, struct item), .check = check_item};

#define AT(member) offsetof(struct body, member)
static const struct json_field fields[] = {
    {"id", JSON_STRING, AT(id), .min = 1, .max = 8, .nullable = true},
    {"flag", JSON_BOOL, AT(flag), .absent = true},
    {"maybe", JSON_MAYBE, AT(maybe), .absent = -1},
    {"number", JSON_INTEGER, AT(number), .min = -10, .max = JSON_INTEGER_MAX,
        .absent = -1},
    {"milli", JSON_MILLI, AT(milli), .max = 2000, .absent = -1},
    {"text", JSON_TEXT, AT(text), .max = 1 << 20},
    {.kind = JSON_BYTES, .offset = AT(bytes), .max = 8},
    {"blob", JSON_BLOB, AT(blob), .max = 8},
    {"choice", JSON_ENUM, AT(choice), .names = choices, .absent = 1},
    {"vector", JSON_VECTOR, AT(vector), .max = 3, .item_max = 4},
    {"map", JSON_MAP, AT(map), .max = 3, .item_max = 5},
    {"record", JSON_RECORD, AT(record), .shape = &record_shape},
    {.kind = JSON_INLINE, .offset = AT(inline_record), .shape = &inline_shape},
    {"records", JSON_RECORDS, AT(records), .max = 3, .shape = &item_shape},
};
#undef AT
static const struct json_shape shape = {JSON_SHAPE(fields, struct body)};

static void
accepts_as(const char *bytes, size_t len, const char *written)
{
	struct error err = {0};
	struct buffer out;
	struct body body;

	buffer_init(&out, 8u << 20);
	if (json_read(&shape, bytes, len, &body, &err) != 0)
		fail_msg("%.*s: %s", (int)len, bytes, err.text);
	assert_int_equal(json_write(&shape, NULL, &body, &out, &err), 0);
	assert_int_equal(buffer_append(&out, "", 1, NULL), 0);
	assert_string_equal((const char *)buffer_bytes(&out), written);
	json_clear(&shape, &body);
	buffer_clear(&out);
}

static void
what_is_absent_is_not_written(void **state)
{
	static const struct {
		const char *bytes;
		const char *written;
	} rows[] = {
	    {"{}", "{\"id\":null}"},
	    {"{\"id\":null,\"flag\":true,\"number\":-1,\"choice\":\"green\"}",
	        "{\"id\":null}"},
	    {"{\"flag\":false,\"maybe\":false,\"number\":0,\"milli\":0}",
	        "{\"id\":null,\"flag\":false,\"maybe\":false,\"number\":0,"
	        "\"milli\":0}"},
	    {"{\"id\":\"a\",\"vector\":[],\"map\":{},\"blob\":{\"data\":\"\"},"
	     "\"data\":\"\",\"text\":\"\"}",
	        "{\"id\":\"a\",\"text\":\"\",\"data\":\"\",\"blob\":{\"data\":"
	        "\"\"},\"vector\":[],\"map\":{}}"},
	    {"{\"inner\":7}", "{\"id\":null}"},
	    {"{\"inner\":0,\"record\":{\"n\":0}}",
	        "{\"id\":null,\"record\":{\"n\":0},\"inner\":0}"},
	    {"\t\r\n {} \t\r\n", "{\"id\":null}"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		accepts_as(
		    rows[i].bytes, strlen(rows[i].bytes), rows[i].written);
}

static void
values_are_written_in_one_way(void **state)
{
	static const struct {
		const char *bytes;
		const char *written; /* behind {"id":null, */
	} rows[] = {
	    {"{\"number\":9007199254740991}", "\"number\":9007199254740991}"},
	    {"{\"number\":-10}", "\"number\":-10}"},
	    {"{\"milli\":0.001}", "\"milli\":0.001}"},
	    {"{\"milli\":1.500}", "\"milli\":1.5}"},
	    {"{\"milli\":0.05}", "\"milli\":0.05}"},
	    {"{\"milli\":2.000}", "\"milli\":2}"},
	    {"{\"text\":\"\\u0041\\/\\b\\f\\n\\r\\t\\u001f\\u007f\"}",
	        "\"text\":\"A/\\b\\f\\n\\r\\t\\u001f\x7f\"}"},
	    {"{\"text\":\"\\ud83d\\ude00\\u20ac\"}",
	        "\"text\":\"\xf0\x9f\x98\x80\xe2\x82\xac\"}"},
	    {"{\"text\":{\"base64\":\"/w==\"}}",
	        "\"text\":{\"base64\":\"/w==\"}}"},
	    {"{\"text\":{\"base64\":\"YQ==\"}}", "\"text\":\"a\"}"},
	    {"{\"data\":\"a\\u0000b\"}", "\"data\":\"a\\u0000b\"}"},
	    {"{\"base64\":\"AP8=\"}", "\"base64\":\"AP8=\"}"},
	    {"{\"vector\":[\"\",{\"base64\":\"/w==\"}]}",
	        "\"vector\":[\"\",{\"base64\":\"/w==\"}]}"},
	    {"{\"map\":{\"\xc3\xa9\":\"=\",\"b\":\"\"}}",
	        "\"map\":{\"\xc3\xa9\":\"=\",\"b\":\"\"}}"},
	    {"{\"records\":[]}", "\"records\":[]}"},
	    {"{\"records\":[{\"within\":[{\"n\":-5},{\"n\":5}],\"name\":"
	     "\"a\"},{\"name\":\"b\"}]}",
	        "\"records\":[{\"name\":\"a\",\"within\":[{\"n\":-5},{"
	        "\"n\":5}]},{\"name\":\"b\"}]}"},
	};
	char written[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		(void)snprintf(written, sizeof(written), "{\"id\":null,%s",
		    rows[i].written);
		accepts_as(rows[i].bytes, strlen(rows[i].bytes), written);
	}
}

static const struct {
	const char *bytes;
	size_t len;
	enum error_code code;
	const char *words;
} refusals[] = {
#define ROW(bytes, code, words)                               \
	{                                                     \
		bytes, sizeof(bytes) - 1, ERROR_##code, words \
	}
    ROW("", INVALID, "not a JSON object"),
    ROW(" \n", INVALID, "not a JSON object"),
    ROW("\xef\xbb\xbf{}", INVALID, "not a JSON object"),
    ROW("{", INVALID, "the end came too early"),
    ROW("{\"id\":\"a", INVALID, "a string without an end"),
    ROW("{\"id\":\"a\\", INVALID, "not an escape"),
    ROW("{\"id\":\"\\u12", INVALID, "not an escape"),
    ROW("{\"id\":\"\\u12g4\"}", INVALID, "not an escape"),
    ROW("{\"id\":\"\\x41\"}", INVALID, "not an escape"),
    ROW("{\"id\":\"\\ud800\"}", INVALID, "not an escape"),
    ROW("{\"id\":\"\\ud800\\u0041\"}", INVALID, "not an escape"),
    ROW("{\"id\":\"\\udc00\"}", INVALID, "not an escape"),
    ROW("{\"id\":\"a\nb\"}", INVALID, "a control character in a string"),
    ROW("{\"id\":\"a\0b\"}", INVALID, "a control character in a string"),
    ROW("{\"id\":\"a\"}\0", INVALID, "byte 10: not JSON"),
    ROW("{}\0{", INVALID, "byte 2: not JSON"),
    ROW("{\"id\":\"\xff\"}", INVALID, "byte 7: not UTF-8"),
    ROW("{\"id\":\"\xc0\x80\"}", INVALID, "byte 7: not UTF-8"),
    ROW("{\"id\":\"\xed\xa0\x80\"}", INVALID, "byte 7: not UTF-8"),
    ROW("{\"id\":\"a\"}}", INVALID, "byte 10: unexpected character"),
    ROW("{}{}", INVALID, "byte 2: unexpected character"),
    ROW("{\"id\" \"a\"}", INVALID, "byte"),
    ROW("{\"id\":\"a\" \"flag\":true}", INVALID, "byte"),
    ROW("{\"id\":,}", INVALID, "byte"),
    ROW("{,}", INVALID, "byte"),
    ROW("{\"vector\":[\"a\",]}", INVALID, "byte"),
    ROW("{\"vector\":[\"a\" \"b\"]}", INVALID, "byte"),
    ROW("{\"vector\":[\"a\":\"b\"]}", INVALID, "byte"),
    ROW("{\"vector\":[\"a\"}", INVALID, "byte"),
    ROW("{1:2}", INVALID, "byte"),
    ROW("{'id':\"a\"}", INVALID, "not JSON"),
    ROW("{id:\"a\"}", INVALID, "not JSON"),
    ROW("{/**/}", INVALID, "not JSON"),
    ROW("{//\n}", INVALID, "not JSON"),
    ROW("{\"number\":NaN}", INVALID, "not JSON"),
    ROW("{\"number\":Infinity}", INVALID, "not JSON"),
    ROW("{\"number\":-Infinity}", INVALID, "not a number"),
    ROW("{\"flag\":True}", INVALID, "not JSON"),
    ROW("{\"flag\":tru}", INVALID, "not JSON"),
    ROW("{\"flag\":truefalse}", INVALID, "byte"),
    ROW("{\"number\":01}", INVALID, "not a number"),
    ROW("{\"number\":-}", INVALID, "not a number"),
    ROW("{\"number\":-01}", INVALID, "not a number"),
    ROW("{\"number\":-0}", INVALID, "minus zero"),
    ROW("{\"number\":-0e1}", INVALID, "minus zero"),
    ROW("{\"number\":.5}", INVALID, "not JSON"),
    ROW("{\"number\":5.}", INVALID, "not a number"),
    ROW("{\"number\":1e}", INVALID, "not a number"),
    ROW("{\"number\":1e+}", INVALID, "not a number"),
    ROW("{\"number\":1.0}", INVALID, "\"number\" is not an integer"),
    ROW("{\"number\":12abc}", INVALID, "byte"),
    ROW("{\"number\":\"12\"}", INVALID, "\"number\" is not an integer"),
    ROW("{\"number\":true}", INVALID, "\"number\" is not an integer"),
    ROW("{\"number\":null}", INVALID, "\"number\" is not an integer"),
    ROW("{\"number\":-11}", LIMIT, "\"number\" is -11, not -10 to"),
    ROW("{\"number\":9007199254740992}", LIMIT, "\"number\" is"),
    ROW("{\"number\":9223372036854775807}", LIMIT, "\"number\" is"),
    ROW("{\"number\":9223372036854775808}", LIMIT, "\"number\" is"),
    ROW("{\"number\":18446744073709551615}", LIMIT, "\"number\" is"),
    ROW("{\"number\":18446744073709551617}", LIMIT, "\"number\" is"),
    ROW("{\"number\":-18446744073709551617}", LIMIT, "\"number\" is"),
    ROW("{\"milli\":2.001}", LIMIT, "\"milli\" is 2.001, not 0 to 2"),
    ROW("{\"milli\":0.0001}", INVALID, "at most 3 decimals"),
    ROW("{\"milli\":1e0}", INVALID, "at most 3 decimals"),
    ROW("{\"milli\":-1}", INVALID, "at most 3 decimals"),
    ROW("{\"milli\":123456789012345678901234567890}", INVALID, "\"milli\""),
    ROW("{\"id\":\"\"}", LIMIT, "\"id\" has 0 bytes, not 1 to 8"),
    ROW("{\"id\":\"123456789\"}", LIMIT, "\"id\" has 9 bytes, not 1 to 8"),
    ROW("{\"id\":{\"base64\":\"YQ==\"}}", INVALID, "\"id\" is not a string"),
    ROW("{\"id\":\"a\",\"id\":\"a\"}", INVALID, "\"id\" is repeated"),
    ROW("{\"id\":\"a\",\"i\\u0064\":\"b\"}", INVALID, "is repeated"),
    ROW("{\"map\":{\"\xc3\xa9\":\"\",\"\\u00e9\":\"\"}}", INVALID, "repeated"),
    ROW("{\"map\":{\"\\ud83d\\ude00\":\"\",\"\xf0\x9f\x98\x80\":\"\"}}",
        INVALID, "repeated"),
    ROW("{\"map\":{\"\\n\":\"\",\"\\u000a\":\"\"}}", INVALID, "repeated"),
    ROW("{\"record\":{\"n\":1,\"n\":2}}", INVALID, "\"n\" is repeated"),
    ROW("{\"id\\u0000x\":\"a\"}", INVALID, "a NUL in a member's name"),
    ROW("{\"other\":1}", INVALID, "\"other\" is not known here"),
    ROW("{\"type\":\"x\"}", INVALID, "\"type\" is not known here"),
    ROW("{\"record\":{\"x\":1,\"n\":1}}", INVALID, "\"record.x\" is not known"),
    ROW("{\"record\":{}}", INVALID, "\"record.n\" is missing"),
    ROW("{\"record\":{\"n\":6}}", LIMIT, "\"record.n\" is 6, not -5 to 5"),
    ROW("{\"record\":[]}", INVALID, "\"record\" is not an object"),
    ROW("{\"record\":null}", INVALID, "\"record\" is not an object"),
    ROW("{\"inner\":10}", LIMIT, "\"inner\" is 10, not 0 to 9"),
    ROW("{\"maybe\":0}", INVALID, "\"maybe\" is not true or false"),
    ROW("{\"choice\":\"blue\"}", INVALID, "not one of: red, green"),
    ROW("{\"choice\":\"red\\u0000\"}", INVALID, "not one of: red, green"),
    ROW("{\"choice\":0}", INVALID, "\"choice\" is not a string"),
    ROW("{\"text\":\"a\\u0000\"}", INVALID, "\"text\" holds a NUL"),
    ROW("{\"text\":{\"base64\":\"AA==\"}}", INVALID, "\"text\" holds a NUL"),
    ROW("{\"text\":{\"base64\":\"a\"}}", INVALID, "\"text\" is not base64"),
    ROW("{\"text\":{\"base64\":1}}", INVALID, "\"text\" is not a string or"),
    ROW("{\"text\":{\"data\":\"a\"}}", INVALID, "\"text\" is not a string or"),
    ROW("{\"text\":{\"base64\":\"\",\"x\":1}}", INVALID, "\"text\" is not"),
    ROW("{\"text\":{}}", INVALID, "\"text\" is not a string or"),
    ROW("{\"data\":\"123456789\"}", LIMIT, "\"data\" has 9 bytes"),
    ROW("{\"base64\":\"MTIzNDU2Nzg5\"}", LIMIT, "\"base64\" has 9 bytes"),
    ROW("{\"base64\":\"MTIz\\n\"}", INVALID, "\"base64\" is not base64"),
    ROW("{\"data\":\"a\",\"base64\":\"YQ==\"}", INVALID, "beside"),
    ROW("{\"data\":1}", INVALID, "\"data\" is not a string"),
    ROW("{\"blob\":\"a\"}", INVALID, "\"blob\" is not {\"data\"} or"),
    ROW("{\"blob\":{\"data\":\"123456789\"}}", LIMIT, "\"blob\" has 9 bytes"),
    ROW("{\"vector\":[\"12345\"]}", LIMIT, "\"vector[0]\" has 5 bytes"),
    ROW("{\"vector\":[\"\",\"\",\"\",\"\"]}", LIMIT, "\"vector\" has 4 items"),
    ROW("{\"vector\":[\"\",[]]}", INVALID, "\"vector[1]\" is not a string"),
    ROW("{\"vector\":{}}", INVALID, "\"vector\" is not an array"),
    ROW("{\"map\":{\"a\":\"1234\"}}", LIMIT, "\"map.a\" has more than 5"),
    ROW("{\"map\":{\"a\":\"123456\"}}", LIMIT, "\"map.a\" has 6 bytes"),
    ROW("{\"map\":{\"a\":\"\",\"b\":\"\",\"c\":\"\",\"d\":\"\"}}", LIMIT,
        "\"map\" has 4 items"),
    ROW("{\"map\":{\"a=\":\"\"}}", INVALID, "\"map.a=\" is no name"),
    ROW("{\"map\":{\"\":\"\"}}", INVALID, "is no name"),
    ROW("{\"map\":[\"a=b\"]}", INVALID, "\"map\" is not an object"),
    ROW("{\"records\":{}}", INVALID, "\"records\" is not an array"),
    ROW("{\"records\":[1]}", INVALID, "\"records[0]\" is not an object"),
    ROW("{\"records\":[{\"name\":\"a\"},{}]}", INVALID,
        "\"records[1].name\" is missing"),
    ROW("{\"records\":[{\"name\":\"a\"},{\"name\":\"bad\"}]}", INVALID,
        "a bad item"),
    ROW("{\"records\":[{\"name\":\"a\",\"within\":[{\"n\":1},{\"n\":6}]}]}",
        LIMIT, "\"records[0].within[1].n\" is 6, not -5 to 5"),
    ROW("{\"records\":[{\"name\":\"a\",\"x\":1}]}", INVALID,
        "\"records[0].x\" is not known here"),
    ROW("{\"records\":[{\"name\":\"a\"},{\"name\":\"a\"},{\"name\":\"a\"},"
        "{\"name\":\"a\"}]}",
        LIMIT, "\"records\" has 4 items, not 0 to 3"),
    ROW("{\"x\":[[[[[[[[]]]]]]]]}", LIMIT, "nested deeper than 8"),
    ROW("{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{\"x\":{}}}}}}}}}",
        LIMIT, "nested deeper than 8"),
#undef ROW
};

static void
everything_else_is_refused_by_name(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(refusals) / sizeof(*refusals); i++) {
		/* exactly as long as it is, so that ASan sees one byte more */
		char *bytes = malloc(refusals[i].len + 1);
		struct error err = {0};
		struct body body;

		assert_non_null(bytes);
		memcpy(bytes, refusals[i].bytes, refusals[i].len);
		bytes = realloc(bytes, refusals[i].len);
		if (json_read(&shape, bytes, refusals[i].len, &body, &err) == 0)
			fail_msg("%s was read", refusals[i].bytes);
		json_clear(&shape, &body);
		free(bytes);
		if (strstr(err.text, refusals[i].words) == NULL)
			fail_msg("%s: \"%s\" instead of \"%s\"",
			    refusals[i].bytes, err.text, refusals[i].words);
		assert_int_equal(err.code, refusals[i].code);
	}
}

static void
every_prefix_of_a_message_is_refused(void **state)
{
	static const char bytes[] =
	    "{\"id\":\"a\\u00e9\",\"number\":12,\"vector\":[\"a\"],\"record\":"
	    "{\"n\":1},\"flag\":false,\"records\":[{\"name\":\"a\",\"within\":[{"
	    "\"n\":2}]}]}";
	size_t len;

	(void)state;
	for (len = 0; len < sizeof(bytes) - 1; len++) {
		char *prefix = malloc(len + (len == 0));
		struct body body;

		assert_non_null(prefix);
		memcpy(prefix, bytes, len);
		assert_int_equal(
		    json_read(&shape, prefix, len, &body, NULL), -1);
		json_clear(&shape, &body);
		free(prefix);
	}
}

static void
an_object_has_at_most_so_many_members(void **state)
{
	struct error err = {0};
	struct buffer text;
	struct body body;
	int count;
	int i;

	(void)state;
	for (count = JSON_MEMBERS_MAX; count <= JSON_MEMBERS_MAX + 1; count++) {
		buffer_init(&text, 1u << 20);
		for (i = 0; i < count; i++)
			assert_int_equal(
			    buffer_printf(&text, NULL, "%c\"m%d\":0",
			        i == 0 ? '{' : ',', i),
			    0);
		assert_int_equal(buffer_append(&text, "}", 1, NULL), 0);
		assert_int_equal(
		    json_read(&shape, (const char *)buffer_bytes(&text),
		        buffer_len(&text), &body, &err),
		    -1);
		assert_int_equal(err.code,
		    count > JSON_MEMBERS_MAX ? ERROR_LIMIT : ERROR_INVALID);
		json_clear(&shape, &body);
		buffer_clear(&text);
	}
}

static void
what_was_read_before_a_fault_is_there(void **state)
{
	static const char bytes[] =
	    "{\"other\":1,\"number\":\"x\",\"flag\":false,\"id\":\"seen\"}";
	struct body body;

	(void)state;
	assert_int_equal(
	    json_read(&shape, bytes, sizeof(bytes) - 1, &body, NULL), -1);
	assert_string_equal(body.id, "seen");
	assert_false(body.flag);
	assert_int_equal(body.number, -1);
	json_clear(&shape, &body);
	assert_null(body.id);
	assert_true(body.flag);
}

static void
the_type_chooses_the_shape(void **state)
{
	static const char *const types[] = {"record", "body", NULL};
	static const struct json_shape *const shapes[] = {
	    &record_shape, &shape};
	static const struct json_messages messages = {types, shapes};
	struct error err = {0};
	struct buffer out;
	struct body body;
	int type = 5;

	(void)state;
	assert_int_equal(
	    json_read_typed(&messages, "{\"n\":2,\"type\":\"record\"}", 23,
	        &type, &body, &err),
	    0);
	assert_int_equal(type, 0);
	buffer_init(&out, 100);
	assert_int_equal(
	    json_write(shapes[type], types[type], &body, &out, &err), 0);
	assert_memory_equal(
	    buffer_bytes(&out), "{\"type\":\"record\",\"n\":2}", 23);
	buffer_clear(&out);
	assert_int_equal(
	    json_read_typed(&messages, "{\"type\":\"body\",\"n\":2}", 21, &type,
	        &body, &err),
	    -1);
	assert_int_equal(type, 1);
	json_clear(shapes[type], &body);
	assert_int_equal(json_read_typed(&messages, "{\"type\":\"b\"}", 12,
	                     &type, &body, &err),
	    -1);
	assert_int_equal(type, -1);
	assert_int_equal(
	    json_read_typed(&messages, "{", 1, &type, &body, &err), -1);
	assert_int_equal(type, -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_is_absent_is_not_written),
	    cmocka_unit_test(values_are_written_in_one_way),
	    cmocka_unit_test(everything_else_is_refused_by_name),
	    cmocka_unit_test(every_prefix_of_a_message_is_refused),
	    cmocka_unit_test(an_object_has_at_most_so_many_members),
	    cmocka_unit_test(what_was_read_before_a_fault_is_there),
	    cmocka_unit_test(the_type_chooses_the_shape),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
