/* SPDX-License-Identifier: Apache-2.0 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "protocol/base64.h"
#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/json.h"
#include "protocol/json_shape.h"
#include "protocol/utf8.h"

#define ONES      0x0101010101010101u
#define HIGH_BITS 0x8080808080808080u

#define BLOCK_BYTES 512

/* Errors stick: the pieces are appended without a look at each. */
struct writer {
	struct buffer *out;
	struct error *err;
	bool first; /* no member was written yet in this object */
	int result;
};

static void
put(struct writer *writer, const char *bytes, size_t len)
{
	if (writer->result == 0)
		writer->result =
		    buffer_append(writer->out, bytes, len, writer->err);
}

#define PUT_LITERAL(writer, text) put(writer, text, sizeof(text) - 1)

/* Small pieces of a string, so that not each has to be appended. */
struct block {
	struct writer *writer;
	size_t len;
	char bytes[BLOCK_BYTES];
};

static void
flush(struct block *block)
{
	put(block->writer, block->bytes, block->len);
	block->len = 0;
}

static inline void
add(struct block *block, const char *bytes, size_t len)
{
	if (len > sizeof(block->bytes) - block->len)
		flush(block);
	if (len > sizeof(block->bytes)) {
		put(block->writer, bytes, len);
		return;
	}
	memcpy(block->bytes + block->len, bytes, len);
	block->len += len;
}

static bool
is_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\';
}

/* High bits where a byte of the word is zero; exact for the lowest one. */
static uint64_t
zero_bytes(uint64_t word)
{
	return (word - ONES) & ~word & HIGH_BITS;
}

/* Bytes at the front that stand for themselves in a JSON string. */
static size_t
plain_prefix(const char *bytes, size_t len)
{
	size_t i = 0;
	uint64_t word;

	while (len - i >= sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		if ((zero_bytes(word ^ ONES * '"') |
		        zero_bytes(word ^ ONES * '\\') |
		        ((word - ONES * 0x20) & ~word & HIGH_BITS)) != 0)
			break;
		i += sizeof(word);
	}
	while (i < len && is_plain((unsigned char)bytes[i]))
		i++;
	return i;
}

static void
add_escape(struct block *block, unsigned char c)
{
	static const char hex[] = "0123456789abcdef";
	static const char short_forms[] = {['"'] = '"',
	    ['\\'] = '\\',
	    ['\b'] = 'b',
	    ['\f'] = 'f',
	    ['\n'] = 'n',
	    ['\r'] = 'r',
	    ['\t'] = 't'};
	char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};

	if (short_forms[c] == '\0') {
		add(block, text, sizeof(text));
		return;
	}
	text[1] = short_forms[c];
	add(block, text, 2);
}

/* Valid UTF-8, between the quotes. */
static void
add_characters(struct block *block, const char *bytes, size_t len)
{
	size_t run;

	while (len > 0) {
		run = plain_prefix(bytes, len);
		add(block, bytes, run);
		if (run < len) {
			add_escape(block, (unsigned char)bytes[run]);
			run++;
		}
		bytes += run;
		len -= run;
	}
}

static void
put_string(struct writer *writer, const char *bytes, size_t len)
{
	struct block block;
	size_t partial;
	size_t valid;

	block.writer = writer;
	block.len = 0;
	add(&block, "\"", 1);
	while (len > 0) {
		valid = utf8_valid_prefix(bytes, len, &partial);
		add_characters(&block, bytes, valid);
		if (valid < len) {
			add(&block, "\xef\xbf\xbd", 3);
			valid++;
		}
		bytes += valid;
		len -= valid;
	}
	add(&block, "\"", 1);
	flush(&block);
}

static void
put_base64(struct writer *writer, const char *bytes, size_t len)
{
	uint8_t *room = NULL;

	PUT_LITERAL(writer, "\"");
	if (writer->result == 0)
		writer->result = buffer_reserve(
		    writer->out, BASE64_LEN(len), &room, writer->err);
	if (writer->result != 0)
		return;
	base64_encode(bytes, len, (char *)room);
	buffer_commit(writer->out, BASE64_LEN(len));
	PUT_LITERAL(writer, "\"");
}

/* A string, or {"base64": ...} where the bytes are not UTF-8. */
static void
put_text(struct writer *writer, const char *bytes, size_t len)
{
	if (utf8_is_valid(bytes, len)) {
		put_string(writer, bytes, len);
		return;
	}
	PUT_LITERAL(writer, "{\"base64\":");
	put_base64(writer, bytes, len);
	PUT_LITERAL(writer, "}");
}

static void
put_integer(struct writer *writer, int64_t number)
{
	char text[20];
	char *digit = text + sizeof(text);
	uint64_t left = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

	do {
		*--digit = (char)('0' + left % 10);
		left /= 10;
	} while (left > 0);
	if (number < 0)
		*--digit = '-';
	put(writer, digit, (size_t)(text + sizeof(text) - digit));
}

static void
put_milli(struct writer *writer, int64_t number)
{
	char decimals[4] = {'.', (char)('0' + number / 100 % 10),
	    (char)('0' + number / 10 % 10), (char)('0' + number % 10)};
	size_t len = sizeof(decimals);

	put_integer(writer, number / 1000);
	while (len > 0 && (decimals[len - 1] == '0' || len == 1))
		len--;
	put(writer, decimals, len);
}

static void
put_vector(struct writer *writer, char *const *items)
{
	size_t i;

	PUT_LITERAL(writer, "[");
	for (i = 0; items[i] != NULL; i++) {
		if (i > 0)
			PUT_LITERAL(writer, ",");
		put_text(writer, items[i], strlen(items[i]));
	}
	PUT_LITERAL(writer, "]");
}

static void
put_map(struct writer *writer, char *const *items)
{
	size_t i;

	PUT_LITERAL(writer, "{");
	for (i = 0; items[i] != NULL; i++) {
		const char *value = strchr(items[i], '=');

		assert(value != NULL && value > items[i]);
		if (i > 0)
			PUT_LITERAL(writer, ",");
		put_string(writer, items[i], (size_t)(value - items[i]));
		PUT_LITERAL(writer, ":");
		put_text(writer, value + 1, strlen(value + 1));
	}
	PUT_LITERAL(writer, "}");
}

static void
put_name(struct writer *writer, const char *name)
{
	if (!writer->first)
		PUT_LITERAL(writer, ",");
	writer->first = false;
	PUT_LITERAL(writer, "\"");
	put(writer, name, strlen(name));
	PUT_LITERAL(writer, "\":");
}

/* As a member "data" or "base64". */
static void
put_bytes(struct writer *writer, const struct json_data *data)
{
	bool text = utf8_is_valid(data->bytes, data->len);

	put_name(writer, text ? "data" : "base64");
	if (text)
		put_string(writer, data->bytes, data->len);
	else
		put_base64(writer, data->bytes, data->len);
}

/*
 * Whether the member is as json_absent leaves it, which a number, bool or enum
 * that is required never is.
 */
static bool
is_absent(const struct json_field *field, const void *member)
{
	switch (field->kind) {
	case JSON_BOOL:
		return !field->required &&
		       *(const bool *)member == (field->absent != 0);
	case JSON_MAYBE:
		return *(const int *)member < 0;
	case JSON_INTEGER:
	case JSON_MILLI:
		return !field->required &&
		       *(const int64_t *)member == field->absent;
	case JSON_ENUM:
		return !field->required &&
		       *(const int *)member == (int)field->absent;
	case JSON_STRING:
	case JSON_TEXT:
	case JSON_VECTOR:
	case JSON_MAP:
		return *(void *const *)member == NULL;
	case JSON_BYTES:
	case JSON_BLOB:
		return ((const struct json_data *)member)->bytes == NULL;
	case JSON_RECORD:
		return !*(const bool *)member;
	case JSON_RECORDS:
		return ((const struct json_records *)member)->items == NULL;
	case JSON_INLINE:
	case JSON_KINDS:
		break;
	}
	return false;
}

static void put_members(
    struct writer *writer, const struct json_shape *shape, const void *body);

static void
put_record(
    struct writer *writer, const struct json_shape *shape, const void *record)
{
	PUT_LITERAL(writer, "{");
	writer->first = true;
	put_members(writer, shape, record);
	writer->first = false;
	PUT_LITERAL(writer, "}");
}

static void
put_records(struct writer *writer, const struct json_shape *shape,
    const struct json_records *records)
{
	size_t i;

	PUT_LITERAL(writer, "[");
	for (i = 0; i < records->count; i++) {
		if (i > 0)
			PUT_LITERAL(writer, ",");
		put_record(writer, shape, json_shape_record(shape, records, i));
	}
	PUT_LITERAL(writer, "]");
}

static void
put_value(
    struct writer *writer, const struct json_field *field, const void *member)
{
	const char *text;
	bool truth;

	switch (field->kind) {
	case JSON_BOOL:
	case JSON_MAYBE:
		truth = field->kind == JSON_BOOL ? *(const bool *)member
		                                 : *(const int *)member != 0;
		put(writer, truth ? "true" : "false", truth ? 4 : 5);
		break;
	case JSON_INTEGER:
		put_integer(writer, *(const int64_t *)member);
		break;
	case JSON_MILLI:
		put_milli(writer, *(const int64_t *)member);
		break;
	case JSON_STRING:
		text = *(char *const *)member;
		put_string(writer, text, strlen(text));
		break;
	case JSON_TEXT:
		text = *(char *const *)member;
		put_text(writer, text, strlen(text));
		break;
	case JSON_BYTES:
		put_bytes(writer, member);
		break;
	case JSON_BLOB:
		PUT_LITERAL(writer, "{");
		writer->first = true;
		put_bytes(writer, member);
		PUT_LITERAL(writer, "}");
		break;
	case JSON_ENUM:
		text = field->names[*(const int *)member];
		put_string(writer, text, strlen(text));
		break;
	case JSON_VECTOR:
		put_vector(writer, *(char **const *)member);
		break;
	case JSON_MAP:
		put_map(writer, *(char **const *)member);
		break;
	case JSON_RECORD:
		put_record(writer, field->shape, member);
		break;
	case JSON_RECORDS:
		put_records(writer, field->shape, member);
		break;
	case JSON_INLINE:
		put_members(writer, field->shape, member);
		break;
	case JSON_KINDS:
		break;
	}
}

static void
put_absent(struct writer *writer, const struct json_field *field)
{
	if (field->nullable) {
		put_name(writer, field->name);
		PUT_LITERAL(writer, "null");
	} else if (field->required) {
		writer->result = error_set(
		    writer->err, ERROR_BUG, "\"%s\" is not set", field->name);
	}
}

static void
put_members(
    struct writer *writer, const struct json_shape *shape, const void *body)
{
	size_t i;

	for (i = 0; i < shape->count && writer->result == 0; i++) {
		const struct json_field *field = &shape->fields[i];
		const void *member = (const char *)body + field->offset;

		if (is_absent(field, member)) {
			put_absent(writer, field);
			continue;
		}
		if (field->name != NULL)
			put_name(writer, field->name);
		put_value(writer, field, member);
	}
}

int
json_write(const struct json_shape *shape, const char *type, const void *body,
    struct buffer *out, struct error *err)
{
	struct writer writer = {out, err, true, 0};
	size_t before = buffer_len(out);

	PUT_LITERAL(&writer, "{");
	if (type != NULL) {
		put_name(&writer, "type");
		put_string(&writer, type, strlen(type));
	}
	put_members(&writer, shape, body);
	PUT_LITERAL(&writer, "}");
	if (writer.result != 0)
		buffer_truncate(out, before);
	return writer.result;
}

int
json_write_string(
    struct buffer *out, const char *bytes, size_t len, struct error *err)
{
	struct writer writer = {out, err, true, 0};
	size_t before = buffer_len(out);

	put_string(&writer, bytes, len);
	if (writer.result != 0)
		buffer_truncate(out, before);
	return writer.result;
}
