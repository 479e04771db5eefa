/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/json_scan.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/json.h"
#include "protocol/utf8.h"

/*
 * Names are compared by a 64-bit hash of what they mean, so that an escape
 * cannot hide a repetition. Two names that share one by chance or by a peer's
 * labour cost that peer its own message.
 */
struct level {
	uint64_t names[JSON_MEMBERS_MAX];
	size_t count;
};

struct scan {
	const char *start;
	const char *at;
	const char *end;
	size_t depth;
	struct level levels[JSON_DEPTH_MAX];
	struct error *err;
};

static int
refuse(const struct scan *scan, const char *why)
{
	return error_set(scan->err, ERROR_INVALID, "byte %zu: %s",
	    (size_t)(scan->at - scan->start), why);
}

static bool
is_digit(const struct scan *scan)
{
	return scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9';
}

static bool
skip(struct scan *scan, char c)
{
	if (scan->at == scan->end || *scan->at != c)
		return false;
	scan->at++;
	return true;
}

static void
skip_space(struct scan *scan)
{
	while (scan->at < scan->end && json_is_space(*scan->at))
		scan->at++;
}

static bool
skip_digits(struct scan *scan)
{
	if (!is_digit(scan))
		return false;
	while (is_digit(scan))
		scan->at++;
	return true;
}

/* RFC 8259 section 6, without the minus zero that integers do not have. */
static int
scan_number(struct scan *scan)
{
	bool minus = skip(scan, '-');
	bool zero = skip(scan, '0');

	if (zero ? is_digit(scan) : !skip_digits(scan))
		return refuse(scan, "not a number");
	if (skip(scan, '.')) {
		if (!skip_digits(scan))
			return refuse(scan, "not a number");
	} else if (minus && zero) {
		return refuse(scan, "minus zero");
	}
	if (skip(scan, 'e') || skip(scan, 'E')) {
		if (!skip(scan, '-'))
			(void)skip(scan, '+');
		if (!skip_digits(scan))
			return refuse(scan, "not a number");
	}
	return 0;
}

static int
scan_word(struct scan *scan)
{
	static const char *const words[] = {"true", "false", "null"};
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++) {
		size_t len = strlen(words[i]);

		if ((size_t)(scan->end - scan->at) >= len &&
		    memcmp(scan->at, words[i], len) == 0) {
			scan->at += len;
			return 0;
		}
	}
	return refuse(scan, "not JSON");
}

/* Four hexadecimal digits; -1 for something else. */
static int
scan_unit(struct scan *scan)
{
	int unit = 0;
	int i;

	for (i = 0; i < 4; i++, scan->at++) {
		int c = scan->at < scan->end ? *scan->at : -1;

		if (c >= '0' && c <= '9')
			unit = unit << 4 | (c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			unit = unit << 4 | ((c | 32) - 'a' + 10);
		else
			return -1;
	}
	return unit;
}

/* What follows a backslash: a character's number, -1 for what is no escape. */
static int
scan_escape(struct scan *scan)
{
	static const char letters[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
	const char *letter;
	int high;
	int low;

	if (!skip(scan, 'u')) {
		if (scan->at == scan->end)
			return -1;
		for (letter = letters; *letter != '\0'; letter += 2) {
			if (skip(scan, *letter))
				return letter[1];
		}
		return -1;
	}
	high = scan_unit(scan);
	if (high < 0xd800 || high > 0xdfff)
		return high;
	if (high > 0xdbff || !skip(scan, '\\') || !skip(scan, 'u'))
		return -1;
	low = scan_unit(scan);
	if (low < 0xdc00 || low > 0xdfff)
		return -1;
	return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

/* Bytes that stand for themselves, from at on. */
static void
skip_plain(struct scan *scan)
{
	while (scan->at < scan->end && (unsigned char)*scan->at >= 0x20 &&
	       *scan->at != '"' && *scan->at != '\\')
		scan->at++;
}

/* Behind the opening quote, to behind the closing one. */
static int
scan_string(struct scan *scan)
{
	for (;;) {
		skip_plain(scan);
		if (scan->at == scan->end)
			return refuse(scan, "a string without an end");
		if (skip(scan, '"'))
			return 0;
		if (!skip(scan, '\\'))
			return refuse(scan, "a control character in a string");
		if (scan_escape(scan) < 0)
			return refuse(scan, "not an escape sequence");
	}
}

static void
hash_byte(uint64_t *hash, unsigned byte)
{
	*hash = (*hash ^ byte) * 0x100000001b3u;
}

static void
hash_character(uint64_t *hash, unsigned c)
{
	if (c < 0x80) {
		hash_byte(hash, c);
		return;
	}
	if (c < 0x800) {
		hash_byte(hash, 0xc0 | c >> 6);
	} else if (c < 0x10000) {
		hash_byte(hash, 0xe0 | c >> 12);
		hash_byte(hash, 0x80 | (c >> 6 & 63));
	} else {
		hash_byte(hash, 0xf0 | c >> 18);
		hash_byte(hash, 0x80 | (c >> 12 & 63));
		hash_byte(hash, 0x80 | (c >> 6 & 63));
	}
	hash_byte(hash, 0x80 | (c & 63));
}

/* FNV-1a of the decoded name [name, end); false when it holds a NUL. */
static bool
hash_name(const char *name, const char *end, uint64_t *out)
{
	struct scan within;
	uint64_t hash = 0xcbf29ce484222325u;
	int c;

	within.at = name;
	within.end = end;
	while (within.at < end) {
		if (!skip(&within, '\\')) {
			hash_byte(&hash, (unsigned char)*within.at++);
			continue;
		}
		c = scan_escape(&within);
		if (c <= 0)
			return false;
		hash_character(&hash, (unsigned)c);
	}
	*out = hash;
	return true;
}

/* A name [name, end) of the innermost object. */
static int
scan_name(struct scan *scan, const char *name, const char *end)
{
	struct level *level;
	uint64_t hash;
	size_t i;

	if (scan->depth == 0)
		return refuse(scan, "not JSON");
	if (!hash_name(name, end, &hash))
		return refuse(scan, "a NUL in a member's name");
	level = &scan->levels[scan->depth - 1];
	for (i = 0; i < level->count; i++) {
		if (level->names[i] == hash)
			return error_set(scan->err, ERROR_INVALID,
			    "\"%.*s\" is repeated",
			    end - name < 40 ? (int)(end - name) : 40, name);
	}
	if (level->count == JSON_MEMBERS_MAX)
		return error_set(scan->err, ERROR_LIMIT,
		    "an object of more than %d members", JSON_MEMBERS_MAX);
	level->names[level->count++] = hash;
	return 0;
}

static int
open_level(struct scan *scan)
{
	if (scan->depth == JSON_DEPTH_MAX)
		return error_set(scan->err, ERROR_LIMIT,
		    "byte %zu: nested deeper than %d",
		    (size_t)(scan->at - scan->start), JSON_DEPTH_MAX);
	scan->levels[scan->depth++].count = 0;
	scan->at++;
	return 0;
}

/* A string, and whether it is a member's name. */
static int
scan_quoted(struct scan *scan)
{
	const char *text = ++scan->at;
	const char *end;

	if (scan_string(scan) != 0)
		return -1;
	end = scan->at - 1;
	skip_space(scan);
	if (scan->at < scan->end && *scan->at == ':')
		return scan_name(scan, text, end);
	return 0;
}

static int
scan_token(struct scan *scan)
{
	char c = *scan->at;

	switch (c) {
	case '"':
		return scan_quoted(scan);
	case '{':
	case '[':
		return open_level(scan);
	case '}':
	case ']':
		if (scan->depth > 0)
			scan->depth--;
		scan->at++;
		return 0;
	case ',':
	case ':':
		scan->at++;
		return 0;
	default:
		return c == '-' || is_digit(scan) ? scan_number(scan)
		                                  : scan_word(scan);
	}
}

int
json_scan(const char *bytes, size_t len, struct error *err)
{
	struct scan scan;
	size_t partial;
	size_t valid = utf8_valid_prefix(bytes, len, &partial);

	scan.start = bytes;
	scan.at = bytes;
	scan.end = bytes + len;
	scan.depth = 0;
	scan.err = err;
	if (valid < len) {
		scan.at += valid;
		return refuse(&scan, "not UTF-8");
	}
	for (;;) {
		skip_space(&scan);
		if (scan.at == scan.end)
			return 0;
		if (scan_token(&scan) != 0)
			return -1;
	}
}
