/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/asciicast.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/json.h"
#include "protocol/json_scan.h"
#include "protocol/limits.h"

#define DIGITS       "0123456789"
#define NUMBER_BYTES 32u
#define SECONDS_MAX  1e9
#define DATA_BYTES   LIMIT_RECORDING_MAX
#define TEXT_BYTES   4096 /* a title, a command */
#define LIST_ITEMS   256
#define SIZE_BYTES   9u /* "1000x500" and its end */

/* Both versions' headers; what is not used here is named so that it may be
 * there. */
struct term {
	bool present;
	int64_t cols;
	int64_t rows;
	char *type;
	char *version;
};

struct header {
	int64_t version;
	int64_t width;
	int64_t height;
	struct term term;
	int64_t timestamp;
	int64_t idle_limit;
	char *title;
	char *command;
	char **env;
	char **tags;
};

#define AT(member) offsetof(struct term, member)
static const struct json_field term_fields[] = {
    {"cols", JSON_INTEGER, AT(cols), .min = 1, .max = LIMIT_PTY_COLS,
        .required = true},
    {"rows", JSON_INTEGER, AT(rows), .min = 1, .max = LIMIT_PTY_ROWS,
        .required = true},
    {"type", JSON_STRING, AT(type), .max = TEXT_BYTES},
    {"version", JSON_STRING, AT(version), .max = TEXT_BYTES},
};
#undef AT

static const struct json_shape term_shape = {
    JSON_SHAPE(term_fields, struct term)};

#define AT(member) offsetof(struct header, member)
static const struct json_field header_fields[] = {
    {"version", JSON_INTEGER, AT(version), .min = ASCIICAST_2,
        .max = ASCIICAST_3, .required = true},
    {"width", JSON_INTEGER, AT(width), .min = 1, .max = LIMIT_PTY_COLS},
    {"height", JSON_INTEGER, AT(height), .min = 1, .max = LIMIT_PTY_ROWS},
    {"term", JSON_RECORD, AT(term), .shape = &term_shape},
    {"timestamp", JSON_INTEGER, AT(timestamp), .max = JSON_INTEGER_MAX},
    {"idle_time_limit", JSON_MILLI, AT(idle_limit), .max = JSON_INTEGER_MAX},
    {"title", JSON_STRING, AT(title), .max = TEXT_BYTES},
    {"command", JSON_STRING, AT(command), .max = TEXT_BYTES},
    {"env", JSON_MAP, AT(env), .max = LIST_ITEMS, .item_max = TEXT_BYTES},
    {"tags", JSON_VECTOR, AT(tags), .max = LIST_ITEMS, .item_max = TEXT_BYTES},
};
#undef AT

static const struct json_shape header_shape = {
    JSON_SHAPE(header_fields, struct header)};

/* The last item of an event, as a member of an object. */
struct data {
	struct json_data bytes;
};

static const struct json_field data_fields[] = {
    {NULL, JSON_BYTES, offsetof(struct data, bytes), .max = DATA_BYTES},
};

static const struct json_shape data_shape = {
    JSON_SHAPE(data_fields, struct data)};

static int
set_header(const struct header *header, struct asciicast_header *out,
    struct error *err)
{
	bool is_old = header->version == ASCIICAST_2;

	if (is_old ? header->width == 0 || header->height == 0
	           : !header->term.present)
		return error_set(err, ERROR_INVALID, "no size is given");
	memset(out, 0, sizeof(*out));
	out->version = is_old ? ASCIICAST_2 : ASCIICAST_3;
	out->size.cols = (uint16_t)(is_old ? header->width : header->term.cols);
	out->size.rows =
	    (uint16_t)(is_old ? header->height : header->term.rows);
	out->timestamp = header->timestamp;
	return 0;
}

int
asciicast_read_header(const char *line, size_t len,
    struct asciicast_header *header, struct error *err)
{
	struct header read;
	int result = json_read(&header_shape, line, len, &read, err);

	if (result == 0)
		result = set_header(&read, header, err);
	json_clear(&header_shape, &read);
	return result;
}

/* What is left to be read of a line. */
struct cut {
	const char *at;
	const char *end;
};

static void
skip_spaces(struct cut *cut)
{
	while (cut->at < cut->end && (*cut->at == ' ' || *cut->at == '\t'))
		cut->at++;
}

static bool
skip(struct cut *cut, char c)
{
	skip_spaces(cut);
	if (cut->at == cut->end || *cut->at != c)
		return false;
	cut->at++;
	return true;
}

static size_t
count_digits(const char *text)
{
	return strspn(text, DIGITS);
}

/* The length of a JSON number that is not negative; 0: there is none. */
static size_t
number_len(const char *text)
{
	size_t len = count_digits(text);
	size_t more;

	if (len == 0 || (len > 1 && text[0] == '0'))
		return 0;
	if (text[len] == '.') {
		more = count_digits(text + len + 1);
		if (more == 0)
			return 0;
		len += 1 + more;
	}
	if (text[len] == 'e' || text[len] == 'E') {
		more = text[len + 1] == '-' || text[len + 1] == '+' ? 2 : 1;
		if (count_digits(text + len + more) == 0)
			return 0;
		len += more + count_digits(text + len + more);
	}
	return len;
}

/* Seconds, as milliseconds. */
static int
read_time(struct cut *cut, uint64_t *out)
{
	char text[NUMBER_BYTES] = "";
	size_t left;
	size_t len;
	double seconds;

	skip_spaces(cut);
	left = (size_t)(cut->end - cut->at);
	memcpy(text, cut->at, left < sizeof(text) ? left : sizeof(text) - 1);
	len = number_len(text);
	if (len == 0 || len == sizeof(text) - 1)
		return -1;
	text[len] = '\0';
	seconds = strtod(text, NULL);
	if (!(seconds <= SECONDS_MAX))
		return -1;
	*out = (uint64_t)(seconds * 1000 + 0.5);
	cut->at += len;
	return 0;
}

/* A string of one plain character. */
static int
read_code(struct cut *cut, char *out)
{
	if (!skip(cut, '"') || cut->end - cut->at < 2 || cut->at[0] == '\\' ||
	    cut->at[1] != '"')
		return -1;
	*out = cut->at[0];
	cut->at += 2;
	return 0;
}

/* The string that is all that is left: as the only member of an object. */
static int
read_data(const struct cut *cut, struct json_data *out, struct error *err)
{
	static const char head[] = "{\"data\":";
	size_t len = (size_t)(cut->end - cut->at);
	struct data data;
	struct buffer text;
	int result;

	buffer_init(&text, sizeof(head) + len + 1);
	if (buffer_append(&text, head, sizeof(head) - 1, err) != 0 ||
	    buffer_append(&text, cut->at, len, err) != 0 ||
	    buffer_append(&text, "}", 1, err) != 0) {
		buffer_clear(&text);
		return -1;
	}
	result = json_read(&data_shape, (const char *)buffer_bytes(&text),
	    buffer_len(&text), &data, err);
	buffer_clear(&text);
	if (result == 0 && data.bytes.bytes == NULL)
		result = error_set(err, ERROR_INVALID, "no data");
	if (result == 0) {
		*out = data.bytes;
		data.bytes.bytes = NULL;
	}
	json_clear(&data_shape, &data);
	return result;
}

/* Digits up to most, at least 1; the bytes used, or 0. */
static size_t
read_count(const char *text, unsigned most, uint16_t *out)
{
	size_t len = count_digits(text);
	unsigned value = 0;
	size_t i;

	for (i = 0; i < len && value <= most; i++)
		value = value * 10 + (unsigned)(text[i] - '0');
	*out = (uint16_t)value;
	return value >= 1 && value <= most ? len : 0;
}

/* COLSxROWS */
static int
read_size(const struct json_data *data, struct terminal_size *out)
{
	char text[SIZE_BYTES] = "";
	size_t used;
	size_t more;

	if (data->len >= sizeof(text))
		return -1;
	memcpy(text, data->bytes, data->len);
	used = read_count(text, LIMIT_PTY_COLS, &out->cols);
	if (used == 0 || text[used] != 'x')
		return -1;
	more = read_count(text + used + 1, LIMIT_PTY_ROWS, &out->rows);
	return more > 0 && used + 1 + more == data->len ? 0 : -1;
}

static int
set_event(const struct cut *cut, char code, struct asciicast_event *event,
    struct error *err)
{
	struct json_data data;
	int result = 0;

	if (code != 'o' && code != 'r')
		return 0;
	if (read_data(cut, &data, err) != 0)
		return -1;
	if (code == 'o') {
		event->kind = ASCIICAST_OUTPUT;
		event->bytes = data.bytes;
		event->len = data.len;
		return 0;
	}
	event->kind = ASCIICAST_RESIZE;
	if (read_size(&data, &event->size) != 0)
		result = error_set(err, ERROR_INVALID, "not a size");
	free(data.bytes);
	return result;
}

int
asciicast_read_event(enum asciicast_version version, uint64_t before_ms,
    const char *line, size_t len, struct asciicast_event *event,
    struct error *err)
{
	struct asciicast_event read = {.kind = ASCIICAST_OTHER};
	struct cut cut = {line, line + len};
	char code = 0;

	read.at_ms = before_ms;
	if (version == ASCIICAST_3 && len > 0 && line[0] == '#') {
		*event = read;
		return 0;
	}
	while (cut.end > cut.at && json_is_space(cut.end[-1]))
		cut.end--;
	if (cut.end == cut.at || *--cut.end != ']' || !skip(&cut, '[') ||
	    read_time(&cut, &read.at_ms) != 0 || !skip(&cut, ',') ||
	    read_code(&cut, &code) != 0 || !skip(&cut, ','))
		return error_set(err, ERROR_INVALID, "not an event");
	if (version == ASCIICAST_3)
		read.at_ms += before_ms;
	if (set_event(&cut, code, &read, err) != 0)
		return -1;
	*event = read;
	return 0;
}
