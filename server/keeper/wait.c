/* SPDX-License-Identifier: Apache-2.0 */
#include "server/keeper/wait.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/memory.h"
#include "server/terminal/match.h"
#include "server/terminal/snapshot.h"
#include "server/terminal/terminal.h"

/* A new terminal's generation; match_find takes 0 for the screen alone. */
#define SINCE_FIRST 1u

enum kind {
	KIND_TEXT = 0,
	KIND_QUIET,
	KIND_STABLE,
	KIND_CURSOR,
	KIND_ALT,
	KIND_ECHO,
	KIND_BELL,
	KIND_CHANGE,
	KIND_PROMPT,
	KIND_EXIT,
	KINDS
};

struct condition {
	enum kind kind;
	struct pattern *pattern; /* owned: what to find; of KIND_STABLE, what to
	                            ignore; NULL: nothing */
	uint64_t ms;
	int64_t row;
	int64_t col;
	bool wanted; /* of KIND_ALT and KIND_ECHO */
	bool has_digest;
	uint64_t digest;     /* of the text, for KIND_STABLE, */
	uint64_t changed_ms; /* and since when at the latest it has been so */
};

struct wait {
	bool is_since; /* only what is newer counts: than a since, */
	bool is_typed; /* or than keys without one */
	uint32_t since;
	uint64_t echoes; /* as they were then */
	uint64_t armed_ms;
	uint64_t end_ms; /* of its time */
	uint64_t due_ms;
	uint64_t texts; /* as they were looked at */
	size_t count;
	struct condition conditions[];
};

/* One look at a wait. */
struct look {
	struct wait *wait;
	const struct wait_past *past;
	uint64_t now_ms;
	uint32_t gen;  /* the terminal's */
	bool is_fresh; /* the text may have changed since the last look */
	struct screen_answer screen; /* but its lines; once it was needed */
	struct wait_where *where;    /* to be set */
	int64_t end_us;              /* of its time for expressions */
};

typedef int (*holds_fn)(
    struct look *look, struct condition *condition, struct error *err);

static bool
has_come(const struct look *look)
{
	const struct wait *wait = look->wait;

	return look->gen > wait->since || look->past->echoes != wait->echoes;
}

/* Whether what is so now is new enough to count. */
static bool
may_count(const struct look *look)
{
	return !look->wait->is_since || has_come(look);
}

static int64_t
now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* Others wait while this one is looked at. */
static int
check_time(const struct look *look, struct error *err)
{
	if (look->past->is_hurried || now_us() >= look->end_us)
		return error_set(err, ERROR_LIMIT,
		    "what is looked for takes too long on this screen");
	return 0;
}

static int
find(const struct look *look, const struct pattern *pattern, uint32_t since,
    struct error *err)
{
	struct match match = {0};
	int found =
	    match_find(look->past->terminal, pattern, since, &match, err);

	if (found == 1)
		*look->where =
		    (struct wait_where){true, match.row, match.col, match.text};
	return found;
}

/* Without a since: anything on the screen, and what has scrolled off it from
 * the arming on. */
static int
holds_text(struct look *look, struct condition *condition, struct error *err)
{
	const struct wait *wait = look->wait;
	int found = 0;

	if (!look->is_fresh)
		return 0;
	if (check_time(look, err) != 0)
		return -1;
	if (!wait->is_since)
		found = find(look, condition->pattern, 0, err);
	if (found == 0 && look->gen > wait->since)
		found = find(look, condition->pattern, wait->since, err);
	return found;
}

/* Whether so long has passed; if not, it will be due. */
static int
holds_for(struct look *look, uint64_t from_ms, uint64_t ms)
{
	struct wait *wait = look->wait;

	if (look->now_ms >= from_ms + ms)
		return 1;
	if (from_ms + ms < wait->due_ms)
		wait->due_ms = from_ms + ms;
	return 0;
}

static int
holds_quiet(struct look *look, struct condition *condition, struct error *err)
{
	const struct wait *wait = look->wait;
	uint64_t from_ms = look->past->output_ms;

	(void)err;
	if (!wait->is_typed && !may_count(look))
		return 0;
	if (wait->is_typed && wait->armed_ms > from_ms)
		from_ms = wait->armed_ms;
	return holds_for(look, from_ms, condition->ms);
}

/* Since when the text has been as it is. At the first look it has been so since
 * it was last written to, or the keys were sent. */
static void
see_text(const struct look *look, struct condition *condition)
{
	uint64_t digest =
	    match_digest(look->past->terminal, condition->pattern);

	if (!condition->has_digest &&
	    look->past->text_ms > condition->changed_ms)
		condition->changed_ms = look->past->text_ms;
	else if (condition->has_digest && digest != condition->digest)
		condition->changed_ms = look->now_ms;
	condition->digest = digest;
	condition->has_digest = true;
}

static int
holds_stable(struct look *look, struct condition *condition, struct error *err)
{
	const struct wait *wait = look->wait;

	if (look->is_fresh && check_time(look, err) != 0)
		return -1;
	if (look->is_fresh)
		see_text(look, condition);
	if (!wait->is_typed && !may_count(look))
		return 0;
	return holds_for(look, condition->changed_ms, condition->ms);
}

/* The screen without its lines. */
static const struct screen_answer *
get_screen(struct look *look)
{
	const struct screen_ask none = {
	    .format = SCREEN_TEXT, .first = LIMIT_PTY_ROWS};

	if (!look->screen.present)
		snapshot_take(look->past->terminal, &none, &look->screen);
	look->screen.present = true;
	return &look->screen;
}

static int
holds_cursor(struct look *look, struct condition *condition, struct error *err)
{
	const struct screen_cursor *cursor;

	(void)err;
	if (!may_count(look))
		return 0;
	cursor = &get_screen(look)->cursor;
	return cursor->row == condition->row && cursor->col == condition->col;
}

static int
holds_alt(struct look *look, struct condition *condition, struct error *err)
{
	(void)err;
	return may_count(look) && get_screen(look)->alt == condition->wanted;
}

/* A change of echo alone is in no screen's gen: with a since of a screen's it
 * must count. */
static int
holds_echo(struct look *look, struct condition *condition, struct error *err)
{
	(void)err;
	return (!look->wait->is_typed || has_come(look)) &&
	       look->past->echo == condition->wanted;
}

static int
holds_bell(struct look *look, struct condition *condition, struct error *err)
{
	(void)condition;
	(void)err;
	return look->past->bell > look->wait->since;
}

static int
holds_change(struct look *look, struct condition *condition, struct error *err)
{
	(void)condition;
	(void)err;
	return look->gen > look->wait->since;
}

static int
holds_prompt(struct look *look, struct condition *condition, struct error *err)
{
	(void)condition;
	(void)err;
	return look->past->prompt > look->wait->since;
}

static int
holds_exit(struct look *look, struct condition *condition, struct error *err)
{
	(void)condition;
	(void)err;
	return look->past->is_over;
}

static const holds_fn holds[] = {
    [KIND_TEXT] = holds_text,
    [KIND_QUIET] = holds_quiet,
    [KIND_STABLE] = holds_stable,
    [KIND_CURSOR] = holds_cursor,
    [KIND_ALT] = holds_alt,
    [KIND_ECHO] = holds_echo,
    [KIND_BELL] = holds_bell,
    [KIND_CHANGE] = holds_change,
    [KIND_PROMPT] = holds_prompt,
    [KIND_EXIT] = holds_exit,
};

_Static_assert(sizeof(holds) / sizeof(*holds) == KINDS, "a row for each kind");

static enum kind
kind_of(const struct wait_condition *until)
{
	if (until->text != NULL || until->regex != NULL)
		return KIND_TEXT;
	if (until->quiet_ms >= 0)
		return KIND_QUIET;
	if (until->stable_ms >= 0)
		return KIND_STABLE;
	if (until->cursor.present)
		return KIND_CURSOR;
	if (until->alt >= 0)
		return KIND_ALT;
	if (until->echo >= 0)
		return KIND_ECHO;
	if (until->bell)
		return KIND_BELL;
	if (until->change)
		return KIND_CHANGE;
	return until->prompt ? KIND_PROMPT : KIND_EXIT;
}

static int
compile(const char *name, const char *regex, struct pattern **out,
    struct error *err)
{
	if (regex == NULL)
		return 0;
	*out = pattern_regex(regex, err);
	return *out != NULL ? 0 : error_wrap(err, "\"%s\"", name);
}

static int
condition_init(struct condition *condition, const struct wait_condition *until,
    struct error *err)
{
	condition->kind = kind_of(until);
	condition->ms = (uint64_t)(until->quiet_ms >= 0 ? until->quiet_ms
	                                                : until->stable_ms);
	condition->row = until->cursor.row;
	condition->col = until->cursor.col;
	condition->wanted = until->alt > 0 || until->echo > 0;
	if (until->text != NULL)
		condition->pattern = pattern_text(until->text);
	if (compile("regex", until->regex, &condition->pattern, err) != 0)
		return -1;
	return compile("ignore", until->ignore, &condition->pattern, err);
}

static int
conditions_init(struct wait *wait, const struct wait_past *past,
    const struct json_records *until, struct error *err)
{
	const struct wait_condition *items = until->items;
	size_t i;

	for (i = 0; i < until->count; i++) {
		struct condition *condition = &wait->conditions[i];

		if (condition_init(condition, &items[i], err) != 0)
			return -1;
		condition->changed_ms =
		    wait->is_typed ? wait->armed_ms : past->text_ms;
	}
	return 0;
}

struct wait *
wait_new(const struct wait_past *past, const struct wait_ask *ask,
    bool is_typed, uint64_t now_ms, struct error *err)
{
	uint32_t gen = terminal_observe(past->terminal);
	struct wait *wait;

	if (ask->since > gen) {
		(void)error_set(err, ERROR_INVALID,
		    "\"since\" is %" PRId64 ", and the terminal is at %" PRIu32,
		    ask->since, gen);
		return NULL;
	}
	wait = memory_new(
	    1, sizeof(*wait) + ask->until.count * sizeof(wait->conditions[0]));
	wait->is_since = ask->since >= 0 || is_typed;
	wait->is_typed = ask->since < 0 && is_typed;
	wait->since = ask->since >= 0 ? (uint32_t)ask->since : gen;
	if (wait->since < SINCE_FIRST)
		wait->since = SINCE_FIRST;
	wait->echoes = past->echoes;
	wait->armed_ms = now_ms;
	wait->end_ms = now_ms + (uint64_t)ask->timeout_ms;
	wait->due_ms = now_ms;
	wait->texts = past->texts - 1;
	wait->count = ask->until.count;
	if (conditions_init(wait, past, &ask->until, err) != 0) {
		wait_free(wait);
		return NULL;
	}
	return wait;
}

void
wait_free(struct wait *wait)
{
	size_t i;

	if (wait == NULL)
		return;
	for (i = 0; i < wait->count; i++)
		pattern_free(wait->conditions[i].pattern);
	free(wait);
}

/* The first condition that holds: 1, and which is set. */
static int
look_at_all(struct look *look, int64_t *which, struct error *err)
{
	struct wait *wait = look->wait;
	size_t i;

	for (i = 0; i < wait->count; i++) {
		struct condition *condition = &wait->conditions[i];
		int rc = holds[condition->kind](look, condition, err);

		*which = (int64_t)i;
		if (rc != 0)
			return rc;
	}
	return 0;
}

/* Nothing held when the command had ended. */
static int
give_up(const struct wait *wait, int64_t *which, struct error *err)
{
	size_t i;

	for (i = 0; i < wait->count; i++) {
		enum kind kind = wait->conditions[i].kind;

		*which = (int64_t)i;
		if (kind == KIND_QUIET || kind == KIND_STABLE)
			return 1;
	}
	return error_set(err, ERROR_STATE,
	    "the command has ended, and what is waited for cannot come");
}

int
wait_look(struct wait *wait, const struct wait_past *past, uint64_t now_ms,
    struct wait_answer *out, struct error *err)
{
	struct look look = {.wait = wait,
	    .past = past,
	    .now_ms = now_ms,
	    .gen = terminal_observe(past->terminal),
	    .is_fresh = wait->texts != past->texts,
	    .where = &out->where,
	    .end_us = now_us() + WAIT_LOOK_US};
	int64_t which = -1;
	int rc;

	wait->due_ms = wait->end_ms;
	rc = look_at_all(&look, &which, err);
	json_clear(&screen_answer_shape, &look.screen);
	wait->texts = past->texts;
	if (rc == 0 && past->is_over)
		rc = give_up(wait, &which, err);
	if (rc == 0 && now_ms >= wait->end_ms) {
		which = -1;
		rc = 1;
	}
	if (rc == 1)
		out->which = which;
	return rc;
}

uint64_t
wait_due_ms(const struct wait *wait)
{
	return wait->due_ms;
}
