/* SPDX-License-Identifier: Apache-2.0 */
#include "protocol/screen.h"

#include <stddef.h>

#include "protocol/error.h"
#include "protocol/limits.h"

#define ROW_MIN    (-(int64_t)LIMIT_SCROLLBACK)
#define ROW_MAX    ((int64_t)LIMIT_PTY_ROWS)
#define COLOR_MAX  16  /* bytes of "default", "255", "#rrggbb" */
#define TITLE_MAX  256 /* as the terminal keeps it */
#define WHAT_MAX   256
#define WORDS_MAX  32 /* modes, attributes */
#define WORD_BYTES 32
#define LINES_MAX  (LIMIT_SCROLLBACK + LIMIT_PTY_ROWS)
#define RUNS_MAX   8192 /* of one answer */

const char *const screen_format_names[SCREEN_FORMATS + 1] = {
    [SCREEN_TEXT] = "text",
    [SCREEN_CELLS] = "cells",
    [SCREEN_ANSI] = "ansi",
};

static const char *const cursor_shape_names[CURSOR_SHAPES + 1] = {
    [CURSOR_BLOCK] = "block",
    [CURSOR_UNDERLINE] = "underline",
    [CURSOR_BAR] = "bar",
};

static int
check_keys(const void *body, struct error *err)
{
	const struct keys_ask *ask = body;
	int given =
	    (ask->keys != NULL) + (ask->text != NULL) + (ask->paste != NULL);

	if (given != 1)
		return error_set(err, ERROR_INVALID,
		    "%s of \"keys\", \"text\" and \"paste\" given, not one",
		    given == 0 ? "none" : "more than one");
	return 0;
}

static int
check_condition(const void *body, struct error *err)
{
	const struct wait_condition *until = body;
	int given = (until->text != NULL) + (until->regex != NULL) +
	            (until->quiet_ms >= 0) + (until->stable_ms >= 0) +
	            until->cursor.present + (until->alt >= 0) +
	            (until->echo >= 0) + until->bell + until->change +
	            until->prompt + until->exit;

	if (given != 1)
		return error_set(err, ERROR_INVALID,
		    "a condition of \"until\" says %d things, not one", given);
	if (until->ignore != NULL && until->stable_ms < 0)
		return error_set(err, ERROR_INVALID,
		    "\"ignore\" goes with \"stable_ms\" only");
	return 0;
}

#define ROW(at)                                                          \
	{                                                                \
		"row", JSON_INTEGER, at, .min = ROW_MIN, .max = ROW_MAX, \
		                         .required = true                \
	}
#define COUNT(name, at, most)                                           \
	{                                                               \
		name, JSON_INTEGER, at, .max = (most), .required = true \
	}

#define AT(member) offsetof(struct screen_ask, member)
static const struct json_field ask_fields[] = {
    {"format", JSON_ENUM, AT(format), .names = screen_format_names},
    {"scrollback", JSON_INTEGER, AT(scrollback), .max = LIMIT_SCROLLBACK},
    {"first", JSON_INTEGER, AT(first), .min = ROW_MIN, .max = ROW_MAX,
        .absent = SCREEN_FIRST},
    {"join", JSON_BOOL, AT(join), .absent = false},
};
#undef AT

#define AT(member) offsetof(struct screen_cursor, member)
static const struct json_field cursor_fields[] = {
    ROW(AT(row)),
    COUNT("col", AT(col), LIMIT_PTY_COLS),
    {"visible", JSON_BOOL, AT(visible), .required = true},
    {"shape", JSON_ENUM, AT(shape), .names = cursor_shape_names,
        .required = true},
};
#undef AT

static const struct json_shape cursor_shape = {
    JSON_SHAPE(cursor_fields, struct screen_cursor)};

#define AT(member) offsetof(struct screen_run, member)
static const struct json_field run_fields[] = {
    ROW(AT(row)),
    COUNT("col", AT(col), LIMIT_PTY_COLS),
    COUNT("cols", AT(cols), LIMIT_PTY_COLS),
    {"text", JSON_STRING, AT(text), .max = LIMIT_SCREEN_BYTES,
        .required = true},
    {"fg", JSON_STRING, AT(fg), .min = 1, .max = COLOR_MAX},
    {"bg", JSON_STRING, AT(bg), .min = 1, .max = COLOR_MAX},
    {"attributes", JSON_VECTOR, AT(attributes), .max = WORDS_MAX,
        .item_max = WORD_BYTES},
};
#undef AT

const struct json_shape screen_run_shape = {
    JSON_SHAPE(run_fields, struct screen_run)};

#define AT(member) offsetof(struct screen_answer, member)
#define RUNS(name, at)                                             \
	{                                                          \
		name, JSON_RECORDS, at, .max = RUNS_MAX,           \
		                        .shape = &screen_run_shape \
	}
static const struct json_field screen_fields[] = {
    COUNT("gen", AT(gen), JSON_INTEGER_MAX),
    COUNT("offset", AT(offset), JSON_INTEGER_MAX),
    COUNT("rows", AT(rows), LIMIT_PTY_ROWS),
    COUNT("cols", AT(cols), LIMIT_PTY_COLS),
    {"cursor", JSON_RECORD, AT(cursor), .shape = &cursor_shape,
        .required = true},
    {"alt", JSON_BOOL, AT(alt), .required = true},
    {"title", JSON_STRING, AT(title), .max = TITLE_MAX},
    {"modes", JSON_VECTOR, AT(modes), .max = WORDS_MAX, .item_max = WORD_BYTES},
    {"scrollback", JSON_INTEGER, AT(scrollback), .max = LIMIT_SCROLLBACK},
    {"first", JSON_INTEGER, AT(first), .min = ROW_MIN, .max = ROW_MAX},
    {"lines", JSON_VECTOR, AT(lines), .max = LINES_MAX,
        .item_max = LIMIT_SCREEN_BYTES},
    RUNS("runs", AT(runs)),
    RUNS("highlights", AT(highlights)),
    RUNS("hidden", AT(hidden)),
    {"next", JSON_INTEGER, AT(next), .min = ROW_MIN, .max = ROW_MAX,
        .absent = SCREEN_FIRST},
};
#undef AT

#define AT(member) offsetof(struct wait_cursor, member)
static const struct json_field place_fields[] = {
    ROW(AT(row)),
    COUNT("col", AT(col), LIMIT_PTY_COLS),
};
#undef AT

static const struct json_shape place_shape = {
    JSON_SHAPE(place_fields, struct wait_cursor)};

#define AT(member) offsetof(struct wait_condition, member)
static const struct json_field condition_fields[] = {
    {"text", JSON_STRING, AT(text), .min = 1, .max = LIMIT_PATTERN_BYTES},
    {"regex", JSON_STRING, AT(regex), .min = 1, .max = LIMIT_PATTERN_BYTES},
    {"quiet_ms", JSON_INTEGER, AT(quiet_ms), .max = LIMIT_WAIT_MS,
        .absent = -1},
    {"stable_ms", JSON_INTEGER, AT(stable_ms), .max = LIMIT_WAIT_MS,
        .absent = -1},
    {"ignore", JSON_STRING, AT(ignore), .min = 1, .max = LIMIT_PATTERN_BYTES},
    {"cursor", JSON_RECORD, AT(cursor), .shape = &place_shape},
    {"alt", JSON_MAYBE, AT(alt), .absent = -1},
    {"echo", JSON_MAYBE, AT(echo), .absent = -1},
    {"bell", JSON_BOOL, AT(bell), .absent = false},
    {"change", JSON_BOOL, AT(change), .absent = false},
    {"prompt", JSON_BOOL, AT(prompt), .absent = false},
    {"exit", JSON_BOOL, AT(exit), .absent = false},
};
#undef AT

static const struct json_shape condition_shape = {
    JSON_SHAPE(condition_fields, struct wait_condition),
    .check = check_condition};

#define AT(member) offsetof(struct wait_ask, member)
static const struct json_field wait_fields[] = {
    {"since", JSON_INTEGER, AT(since), .max = JSON_INTEGER_MAX, .absent = -1},
    {"until", JSON_RECORDS, AT(until), .min = 1, .max = LIMIT_UNTIL,
        .shape = &condition_shape, .required = true},
    COUNT("timeout_ms", AT(timeout_ms), LIMIT_WAIT_MS),
};
#undef AT

#define AT(member) offsetof(struct wait_where, member)
static const struct json_field where_fields[] = {
    ROW(AT(row)),
    COUNT("col", AT(col), LIMIT_PTY_COLS),
    {"text", JSON_STRING, AT(text), .max = LIMIT_TEXT_BYTES, .required = true},
};
#undef AT

static const struct json_shape where_shape = {
    JSON_SHAPE(where_fields, struct wait_where)};

#define AT(member) offsetof(struct wait_answer, member)
static const struct json_field answer_fields[] = {
    {"which", JSON_INTEGER, AT(which), .min = -1, .max = LIMIT_UNTIL,
        .required = true},
    {"where", JSON_RECORD, AT(where), .shape = &where_shape},
    {"screen", JSON_RECORD, AT(screen), .shape = &screen_answer_shape,
        .required = true},
};
#undef AT

#define AT(member) offsetof(struct keys_ask, member)
static const struct json_field keys_fields[] = {
    {"keys", JSON_VECTOR, AT(keys), .min = 1, .max = LIMIT_KEYS,
        .item_max = LIMIT_KEY_BYTES},
    {"text", JSON_STRING, AT(text), .min = 1, .max = LIMIT_PASTE_BYTES},
    {"paste", JSON_STRING, AT(paste), .min = 1, .max = LIMIT_PASTE_BYTES},
};
#undef AT

#define AT(member) offsetof(struct terminal_info, member)
static const struct json_field terminal_fields[] = {
    {"exec", JSON_STRING, AT(exec), .min = 1, .max = LIMIT_EXEC_ID_BYTES,
        .required = true},
    {"name", JSON_STRING, AT(name), .min = 1, .max = LIMIT_NAME_BYTES},
    {"what", JSON_TEXT, AT(what), .max = WHAT_MAX, .required = true},
    {"title", JSON_STRING, AT(title), .max = TITLE_MAX},
    {"principal", JSON_STRING, AT(principal), .min = 1,
        .max = LIMIT_PRINCIPAL_BYTES, .required = true},
    COUNT("rows", AT(rows), LIMIT_PTY_ROWS),
    COUNT("cols", AT(cols), LIMIT_PTY_COLS),
    COUNT("clients", AT(clients), JSON_INTEGER_MAX),
    COUNT("watchers", AT(watchers), JSON_INTEGER_MAX),
    COUNT("age_ms", AT(age_ms), JSON_INTEGER_MAX),
    COUNT("idle_ms", AT(idle_ms), JSON_INTEGER_MAX),
    {"recorded", JSON_BOOL, AT(recorded), .required = true},
};
#undef AT

const struct json_shape screen_ask_shape = {
    JSON_SHAPE(ask_fields, struct screen_ask)};
const struct json_shape screen_answer_shape = {
    JSON_SHAPE(screen_fields, struct screen_answer)};
const struct json_shape wait_ask_shape = {
    JSON_SHAPE(wait_fields, struct wait_ask)};
const struct json_shape wait_answer_shape = {
    JSON_SHAPE(answer_fields, struct wait_answer)};
const struct json_shape keys_ask_shape = {
    JSON_SHAPE(keys_fields, struct keys_ask), .check = check_keys};
const struct json_shape terminal_info_shape = {
    JSON_SHAPE(terminal_fields, struct terminal_info)};
