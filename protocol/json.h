/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON objects to C structs and back, by table. A shape lists the members an
 * object may have, their exact types and limits; reading refuses everything
 * else by name: unknown, repeated or missing members, wrong types, numbers out
 * of range, NUL bytes, invalid UTF-8, more than one value.
 *
 * A struct that was read owns its strings and vectors until json_clear.
 */
#ifndef PROTOCOL_JSON_H
#define PROTOCOL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buffer;
struct error;

#define JSON_DEPTH_MAX   8
#define JSON_MEMBERS_MAX 320 /* of one object */
/* The largest integer that every JSON reader holds exactly: 2^53 - 1. */
#define JSON_INTEGER_MAX 9007199254740991

enum json_kind {
	JSON_BOOL,    /* bool */
	JSON_MAYBE,   /* int: 1, 0, or -1 when not given */
	JSON_INTEGER, /* int64_t, min..max */
	JSON_MILLI,   /* int64_t thousandths of a number of at most 3 decimals;
	                 min..max in thousandths */
	JSON_STRING,  /* char *, min..max bytes of UTF-8, no NUL */
	JSON_TEXT,    /* char *, as JSON_STRING, or {"base64": ...} where the
	                 bytes are not UTF-8 (a path, a command) */
	JSON_BYTES,   /* struct json_data from a member "data", a string, or
	                 "base64", which stand beside the shape's own; the field
	                 has no name */
	JSON_BLOB, /* struct json_data from {"data": ...} or {"base64": ...} */
	JSON_ENUM, /* int: index of the string in names */
	JSON_VECTOR,  /* char **, NULL-terminated; min..max items, JSON_TEXT
	                 each, at most item_max bytes */
	JSON_MAP,     /* char **, NULL-terminated "name=value"; names are not
	                 empty and hold no '='; as JSON_VECTOR */
	JSON_RECORD,  /* an embedded struct with a shape of its own, whose first
	                 member is "bool present" */
	JSON_RECORDS, /* struct json_records: an array of min..max objects of
	                 the field's shape */
	JSON_INLINE,  /* an embedded struct whose shape's members stand beside
	                 this shape's own; the field has no name */
	JSON_KINDS
};

struct json_data {
	char *bytes; /* owned; NULL when the member is absent */
	size_t len;
};

struct json_records {
	void *items; /* owned; NULL when the member is absent */
	size_t count;
};

struct json_shape;

struct json_field {
	const char *name;
	enum json_kind kind;
	uint32_t offset; /* of the member in the struct */
	int64_t min;
	int64_t max;
	int64_t absent; /* number, enum or bool when not given; not written
	                   when it has this value, unless required */
	const char *const *names;       /* JSON_ENUM: NULL-terminated */
	const struct json_shape *shape; /* JSON_RECORD, JSON_RECORDS,
	                                   JSON_INLINE */
	uint32_t item_max;              /* JSON_VECTOR, JSON_MAP */
	bool required;
	bool nullable; /* JSON_STRING: null is read as NULL, written for it */
};

/*
 * Two fields of one name are alternatives told apart by JSON type, such as
 * "live" or {"stdout": 0, "stderr": 0}; a body to be written sets one at most.
 */
struct json_shape {
	const struct json_field *fields;
	size_t count;
	size_t size; /* sizeof the struct */
	/* Rules between members, of a record that is there; NULL for none. */
	int (*check)(const void *body, struct error *err);
};

/* The first members of a shape of these rows (an array), for this struct. */
#define JSON_SHAPE(rows, body)                                     \
	.fields = (rows), .count = sizeof(rows) / sizeof(*(rows)), \
	.size = sizeof(body)

/* Of a message without members; its body is not touched. */
extern const struct json_shape json_empty_shape;

/*
 * Parse bytes[0..len) as exactly one object of this shape.
 *   body     of shape->size bytes; set to what is absent, then filled in the
 *            order of the fields. Always needs json_clear, also after -1: what
 *            was read before the fault is there. Members that are unknown or
 *            missing are only looked for when all others were read.
 *   returns  0, or -1 ERROR_INVALID, ERROR_LIMIT; the text names the member
 */
int json_read(const struct json_shape *shape, const char *bytes, size_t len,
    void *body, struct error *err);

/* The messages of a boundary: one type and one shape each, in one order. */
struct json_messages {
	const char *const *types; /* NULL-terminated */
	const struct json_shape *const *shapes;
};

/*
 * As json_read for an object whose member "type" chooses the shape.
 *   type     index of it; set on -1 too when it was known, else -1
 *   body     large enough for every shape; json_clear with shapes[*type]
 */
int json_read_typed(const struct json_messages *messages, const char *bytes,
    size_t len, int *type, void *body, struct error *err);

/*
 * Append body as one object, without a newline.
 *   type  a first member "type", or NULL
 *   body  may be NULL for a shape without fields
 * returns 0, or -1 (the buffer's errors, ERROR_BUG: a required member is not
 *         set); on -1 the buffer is as before.
 */
int json_write(const struct json_shape *shape, const char *type,
    const void *body, struct buffer *out, struct error *err);

/* Set every member to its absent value (a body to be written). */
void json_absent(const struct json_shape *shape, void *body);

/* Room for count records, all absent; out->items is owned. */
void json_records_make(
    const struct json_shape *shape, size_t count, struct json_records *out);

/* Free what a body owns and set every member to absent. */
void json_clear(const struct json_shape *shape, void *body);

/*
 * Append bytes as a JSON string with its quotes. A byte that is not part of
 * valid UTF-8 becomes U+FFFD, a NUL \u0000. Errors as buffer_append.
 */
int json_write_string(
    struct buffer *out, const char *bytes, size_t len, struct error *err);

#endif
