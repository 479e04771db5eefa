/* SPDX-License-Identifier: Apache-2.0 */
#include "server/terminal/pattern.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/terminal/match.h"

#define REGEX_OPTIONS                                            \
	(PCRE2_UTF | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C | \
	    PCRE2_AUTO_CALLOUT)
#define TICKS       32u /* steps between two looks at the clock */
#define REASON_SIZE 120

struct pattern {
	pcre2_code *code; /* NULL: plain text */
	pcre2_match_context *context;
	pcre2_match_data *data;
	char *text; /* owned; of a plain one */
	size_t len;
};

static int64_t
now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* One more step; 0, or -1: that was too much. */
static int
tick(struct pattern_work *work)
{
	if (work->ticks > 0) {
		work->ticks--;
		return 0;
	}
	work->ticks = TICKS;
	if (work->end_us == 0)
		work->end_us = now_us() + PATTERN_WORK_US;
	return now_us() < work->end_us ? 0 : -1;
}

/* Before each item of the expression that is tried: PCRE2's own limits are for
 * one place of the text, and count no long runs of characters. */
static int
on_step(pcre2_callout_block *block, void *data)
{
	(void)block;
	return tick(data) == 0 ? 0 : PCRE2_ERROR_CALLOUT;
}

static void
refuse(int code, size_t at, struct error *err)
{
	PCRE2_UCHAR reason[REASON_SIZE];

	if (pcre2_get_error_message(code, reason, sizeof(reason)) < 0)
		reason[0] = '\0';
	(void)error_set(err, ERROR_INVALID, "not an expression: byte %zu: %s",
	    at, (const char *)reason);
}

struct pattern *
pattern_regex(const char *text, struct error *err)
{
	struct pattern *pattern;
	pcre2_code *code;
	PCRE2_SIZE at = 0;
	int why = 0;

	code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
	    REGEX_OPTIONS, &why, &at, NULL);
	if (code == NULL) {
		refuse(why, at, err);
		return NULL;
	}
	pattern = memory_new(1, sizeof(*pattern));
	pattern->code = code;
	pattern->context = pcre2_match_context_create(NULL);
	pattern->data = pcre2_match_data_create(1, NULL);
	if (pattern->context == NULL || pattern->data == NULL)
		abort();
	(void)pcre2_set_match_limit(pattern->context, PATTERN_STEPS_MAX);
	(void)pcre2_set_heap_limit(pattern->context, PATTERN_HEAP_KIB);
	return pattern;
}

struct pattern *
pattern_text(const char *text)
{
	struct pattern *pattern = memory_new(1, sizeof(*pattern));

	pattern->text = memory_string(text);
	pattern->len = strlen(text);
	return pattern;
}

void
pattern_free(struct pattern *pattern)
{
	if (pattern == NULL)
		return;
	pcre2_match_data_free(pattern->data);
	pcre2_match_context_free(pattern->context);
	pcre2_code_free(pattern->code);
	free(pattern->text);
	free(pattern);
}

static int
find_text(const struct pattern *pattern, const char *text, size_t len,
    size_t from, struct pattern_place *out)
{
	const char *found =
	    memmem(text + from, len - from, pattern->text, pattern->len);

	if (found == NULL)
		return 0;
	out->start = (size_t)(found - text);
	out->end = out->start + pattern->len;
	return 1;
}

int
pattern_find(const struct pattern *pattern, const char *text, size_t len,
    size_t from, struct pattern_work *work, struct pattern_place *out)
{
	const PCRE2_SIZE *place;
	int result;

	if (tick(work) != 0)
		return -1;
	if (pattern->code == NULL)
		return find_text(pattern, text, len, from, out);
	(void)pcre2_set_callout(pattern->context, on_step, work);
	result = pcre2_match(pattern->code, (PCRE2_SPTR)text, len, from,
	    PCRE2_NO_UTF_CHECK, pattern->data, pattern->context);
	if (result == PCRE2_ERROR_NOMATCH)
		return 0;
	if (result < 0)
		return -1;
	place = pcre2_get_ovector_pointer(pattern->data);
	out->start = place[0];
	out->end = place[1] > place[0] ? place[1] : place[0];
	return 1;
}
