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
#include "server/terminal/reports.h"

#define OUT_BYTES (4u << 20)

static const struct {
	const char *in;
	const char *out;
	bool is_typing;
} rows[] = {
    /* typed */
    {"", "", false},
    {"ls -l\r", "ls -l\r", true},
    {"\x03", "\x03", true},
    {"\xc3\xa9", "\xc3\xa9", true},
    {"\x1b[A", "\x1b[A", true},
    {"\x1bOA", "\x1bOA", true},
    {"\x1b[1;5D", "\x1b[1;5D", true},
    {"\x1b[3~", "\x1b[3~", true},
    {"\x1b[Z", "\x1b[Z", true},
    {"\x1bx", "\x1bx", true},
    {"\x1b\x1b[A", "\x1b\x1b[A", true},
    {"\x1b\x1bx", "\x1b\x1bx", true},
    {"\x1b[c", "\x1b[c", true},
    {"\x1b[27;5;9~", "\x1b[27;5;9~", true},
    {"\x1b[97;5u", "\x1b[97;5u", true},
    {"\x1b[27u", "\x1b[27u", true},
    {"\x1b[1;2S", "\x1b[1;2S", true},
    {"\x1b[[A", "\x1b[[A", true},
    {"\x1bP", "\x1bP", true},
    {"\x1bPx", "\x1bPx", true},
    {"\x1b]x", "\x1b]x", true},
    {"\x1b]\r", "\x1b]\r", true},
    {"\x1b]1\r", "\x1b]1\r", true},
    {"\x1b_x", "\x1b_x", true},
    {"\x1bX0", "\x1bX0", true},
    /* F3, and where the cursor is */
    {"\x1b[R", "\x1b[R", true},
    {"\x1b[1;2R", "\x1b[1;2R", true},
    {"\x1b[1;8R", "\x1b[1;8R", true},
    {"\x1b[1;2:3R", "\x1b[1;2:3R", true},
    {"\x1b[1;1R", "", false},
    {"\x1b[1;9R", "", false},
    {"\x1b[1;80R", "", false},
    {"\x1b[2;2R", "", false},
    {"\x1b[12;40R", "", false},
    {"\x1b[?12;40R", "", false},
    {"\x1b[?12;40;1R", "", false},
    /* attributes, states, modes, versions */
    {"\x1b[?62;22c", "", false},
    {"\x1b[>41;366;0c", "", false},
    {"\x1b[=0c", "", false},
    {"\x1b[0n", "", false},
    {"\x1b[?997;1n", "", false},
    {"\x1b[2;1;1;112;112;1;0x", "", false},
    {"\x1b[?2026;2$y", "", false},
    {"\x1b[4;2$y", "", false},
    {"\x1b[?1u", "", false},
    {"\x1b[>4;2m", "", false},
    {"\x1b[?1;0;256S", "", false},
    {"\x1b[8;24;80t", "", false},
    {"\x1b[48;24;80;480;800t", "", false},
    {"\x1bP>|xterm(380)\x1b\\", "", false},
    {"\x1bP1+r544e=787465726d\x1b\\", "", false},
    {"\x1bP0+r\x1b\\", "", false},
    {"\x1bP1$r0m\x1b\\", "", false},
    {"\x1bP!|00000000\x1b\\", "", false},
    {"\x1b]10;rgb:ffff/ffff/ffff\x1b\\", "", false},
    {"\x1b]11;rgb:0000/0000/0000\a", "", false},
    {"\x1b]4;1;rgb:cdcd/0000/0000\a", "", false},
    {"\x1b]52;c;aGVsbG8=\a", "", false},
    {"\x1b]lrm -rf /\x1b\\", "", false},
    {"\x1b]Licon\x1b\\", "", false},
    {"\x1b_Gi=1;OK\x1b\\", "", false},
    /* between keys */
    {"a\x1b[?62;22c"
     "b",
        "ab", true},
    {"\x1b[?1;2c\x1b[A\x1b]11;rgb:0/0/0\a\r", "\x1b[A\r", true},
    {"\x1b]11;rgb\x1b[A", "\x1b]11;rgb\x1b[A", true},
    {"\x1b]11;rgb\x1b]11;rgb:0\a", "\x1b]11;rgb", true},
    {"\x1b[12;\x1b[12;40R", "\x1b[12;", true},
    {"\x1b[12;\r", "\x1b[12;\r", true},
    {"\x1b[12\xc3\xa9", "\x1b[12\xc3\xa9", true},
    {"\x1bP1$r0m\x1b[0n", "\x1bP1$r0m", true},
    /* focus and mouse */
    {"\x1b[I", "\x1b[I", false},
    {"\x1b[O", "\x1b[O", false},
    {"\x1b[I\x1b[O", "\x1b[I\x1b[O", false},
    {"\x1b[Ix", "\x1b[Ix", true},
    {"\x1b[<35;10;10M", "\x1b[<35;10;10M", false},
    {"\x1b[<32;10;10M", "\x1b[<32;10;10M", false},
    {"\x1b[<0;10;10M", "\x1b[<0;10;10M", true},
    {"\x1b[<0;10;10m", "\x1b[<0;10;10m", true},
    {"\x1b[<64;10;10M", "\x1b[<64;10;10M", true},
    {"\x1b[67;10;10M", "\x1b[67;10;10M", false},
    {"\x1b[32;10;10M", "\x1b[32;10;10M", true},
    {"\x1b[M !!", "\x1b[M !!", true},
    {"\x1b[MC!!", "\x1b[MC!!", false},
    {"\x1b[M\x1b[0", "\x1b[M\x1b[0", true},
    {"\x1b[M !!\x1b[0n", "\x1b[M !!", true},
    {"\x1b[M\x1b[0n", "\x1b[M", true},
    /* pasted */
    {"\x1b[200~\x1b[0n\x1b]11;x\a\x1b[I\x1b[201~",
        "\x1b[200~\x1b[0n\x1b]11;x\a\x1b[I\x1b[201~", true},
    {"\x1b[200~x\x1b[201~\x1b[0n", "\x1b[200~x\x1b[201~", true},
    {"\x1b[200~\x1b[M\x1b[201~\x1b[0n", "\x1b[200~\x1b[M\x1b[201~", true},
    {"\x1b[200~\x1b]1\x1b[201~\x1b[0n", "\x1b[200~\x1b]1\x1b[201~", true},
    {"\x1b[200~\x1b[\x1b[201~\x1b[0n", "\x1b[200~\x1b[\x1b[201~", true},
    {"\x1b[200~\x1b\x1b[201~\x1b[0n", "\x1b[200~\x1b\x1b[201~", true},
    {"\x1b[200~\x1b[0n", "\x1b[200~\x1b[0n", true},
    {"\x1b[201~\x1b[0n", "\x1b[201~", true},
};

/* Filter in pieces of step bytes; whether anything was typed. */
static bool
filter(const char *in, size_t len, size_t step, struct buffer *out)
{
	struct reports reports = {0};
	bool is_typing = false;
	size_t at;

	for (at = 0; at < len; at += step) {
		size_t piece = len - at < step ? len - at : step;

		reports_filter(&reports, (const uint8_t *)in + at, piece, out);
		is_typing = is_typing || reports.is_typing;
	}
	reports_flush(&reports, out);
	return is_typing || reports.is_typing;
}

static void
reports_are_taken_out_however_they_are_cut(void **state)
{
	size_t step;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t len = strlen(rows[i].in);

		for (step = 1; step <= len + 1; step++) {
			struct buffer out;
			bool is_typing;

			buffer_init(&out, OUT_BYTES);
			is_typing = filter(rows[i].in, len, step, &out);
			if (buffer_len(&out) != strlen(rows[i].out) ||
			    memcmp(buffer_bytes(&out), rows[i].out,
			        buffer_len(&out)) != 0 ||
			    is_typing != rows[i].is_typing)
				fail_msg("row %zu (ESC%s), step %zu: %d, %.*s",
				    i, rows[i].in + 1, step, is_typing,
				    (int)buffer_len(&out),
				    (const char *)buffer_bytes(&out));
			buffer_clear(&out);
		}
	}
}

static void
half_a_sequence_waits_for_its_rest_or_the_flush(void **state)
{
	struct reports reports = {0};
	struct buffer out;

	(void)state;
	buffer_init(&out, OUT_BYTES);
	reports_filter(&reports, (const uint8_t *)"a\x1b", 2, &out);
	assert_int_equal(buffer_len(&out), 1);
	assert_true(reports.is_typing);
	assert_int_equal(reports.len, 1);
	reports_flush(&reports, &out);
	assert_true(reports.is_typing);
	assert_int_equal(buffer_len(&out), 2);
	assert_int_equal(reports.len, 0);
	reports_flush(&reports, &out);
	assert_false(reports.is_typing);
	assert_int_equal(buffer_len(&out), 2);
	/* what follows a flush begins anew */
	reports_filter(&reports, (const uint8_t *)"[0n", 3, &out);
	assert_int_equal(buffer_len(&out), 5);
	/* a paste lasts over it */
	reports_filter(&reports, (const uint8_t *)"\x1b[200~\x1b", 7, &out);
	reports_flush(&reports, &out);
	reports_filter(&reports, (const uint8_t *)"\x1b[0n", 4, &out);
	assert_int_equal(buffer_len(&out), 5 + 7 + 4);
	buffer_clear(&out);
}

/* Owned: head, then count times 'a', then tail. */
static char *
long_text(const char *head, size_t count, const char *tail, size_t *len)
{
	size_t before = strlen(head);
	char *text = malloc(before + count + strlen(tail) + 1);

	assert_non_null(text);
	memcpy(text, head, before);
	memset(text + before, 'a', count);
	memcpy(text + before + count, tail, strlen(tail) + 1);
	*len = before + count + strlen(tail);
	return text;
}

static size_t
left_of(const char *head, size_t count, const char *tail)
{
	size_t len;
	char *text = long_text(head, count, tail, &len);
	struct buffer out;
	size_t left;

	buffer_init(&out, OUT_BYTES);
	(void)filter(text, len, len, &out);
	left = buffer_len(&out);
	buffer_clear(&out);
	(void)filter(text, len, 7, &out);
	assert_int_equal(buffer_len(&out), left);
	buffer_clear(&out);
	free(text);
	return left;
}

static void
long_reports_are_dropped_up_to_their_limit(void **state)
{
	size_t edge = REPORT_BYTES - strlen("\x1b]52;");

	(void)state;
	assert_int_equal(left_of("\x1b]52;", edge - 1, "\a"), 0);
	assert_int_equal(left_of("\x1b]52;", edge, "\a"), 0);
	assert_int_equal(left_of("\x1b]52;", edge + 1, "\a"), 0);
	assert_int_equal(left_of("\x1b]52;", edge - 2, "\x1b\\"), 0);
	assert_int_equal(left_of("\x1b]52;", edge - 1, "\x1b\\"), 0);
	assert_int_equal(left_of("\x1b]52;", edge, "\x1b\\"), 0);
	assert_int_equal(left_of("\x1b]52;", edge + 1, "\x1b\\"), 0);
	assert_int_equal(left_of("\x1b]52;", edge + 9, "\x1b[A"), 3);
	assert_int_equal(left_of("\x1b]52;", edge + 9, "\r"), 1);
	assert_int_equal(left_of("\x1bP1$r", edge + 9, "\a"), 1);
	assert_int_equal(left_of("\x1b]52;", 1u << 19, "\a!"), 1);
	/* the limit: then it is typed after all */
	assert_int_equal(
	    left_of("\x1b]52;", edge + REPORT_STRING_BYTES, "\x1b\\"), 0);
	assert_int_equal(
	    left_of("\x1b]52;", edge + REPORT_STRING_BYTES + 2, "\x1b\\"), 2);
}

/* A CSI sequence of REPORT_BYTES is known, a longer one is none. */
static void
a_longer_sequence_is_let_through(void **state)
{
	char text[REPORT_BYTES + 2];
	struct buffer out;

	(void)state;
	memset(text, '1', sizeof(text));
	memcpy(text, "\x1b[", 2);
	text[REPORT_BYTES - 1] = 'n';
	buffer_init(&out, OUT_BYTES);
	(void)filter(text, REPORT_BYTES, REPORT_BYTES, &out);
	assert_int_equal(buffer_len(&out), 0);
	text[REPORT_BYTES - 1] = '1';
	text[REPORT_BYTES] = 'n';
	(void)filter(text, REPORT_BYTES + 1, REPORT_BYTES + 1, &out);
	assert_int_equal(buffer_len(&out), REPORT_BYTES + 1);
	buffer_clear(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reports_are_taken_out_however_they_are_cut),
	    cmocka_unit_test(half_a_sequence_waits_for_its_rest_or_the_flush),
	    cmocka_unit_test(long_reports_are_dropped_up_to_their_limit),
	    cmocka_unit_test(a_longer_sequence_is_let_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
