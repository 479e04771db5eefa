/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/detach_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void
keys_are_read_as_tmux_writes_them(void **state)
{
	static const struct {
		const char *text;
		int key;
	} rows[] = {{"C-\\", 28}, {"C-]", 29}, {"C-a", 1}, {"C-A", 1},
	    {"C-z", 26}, {"C-@", 0}, {"C-^", 30}, {"C-_", 31},
	    {"none", DETACH_KEY_NONE}};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int key = DETACH_KEY_UNSET;

		assert_int_equal(detach_key_parse(rows[i].text, &key), 0);
		assert_int_equal(key, rows[i].key);
	}
}

static void
what_is_no_key_or_another_one_is_refused(void **state)
{
	static const char *const texts[] = {"", "C-", "C-aa", "a", "M-a", "C-1",
	    "C-[", "C-i", "C-j", "C-m", "C-~", "None", "C-\xc3\xa9", "\x1c"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		int key = DETACH_KEY_UNSET;

		assert_int_equal(detach_key_parse(texts[i], &key), -1);
		assert_int_equal(key, DETACH_KEY_UNSET);
	}
}

/* How many bytes go on, and whether the key is found, of what comes at once. */
static void
expect(int key, const char *typed, size_t on, bool is_there)
{
	struct detach_key detach;
	bool found;

	detach_key_init(&detach, key);
	assert_int_equal(detach_key_scan(&detach, (const uint8_t *)typed,
	                     strlen(typed), &found),
	    on);
	assert_int_equal(found, is_there);
}

static void
the_key_is_found_in_each_of_its_forms(void **state)
{
	(void)state;
	expect(28, "ab\x1c", 2, true);
	expect(28, "ab\x1c\x1c", 2, true);
	expect(28, "a\x1b[92;5u", 1, true);
	expect(28, "\x1b[92;5u", 0, true);
	expect(28, "\x1b[92;69u", 0, true);  /* caps lock */
	expect(28, "\x1b[92;133u", 0, true); /* num lock */
	expect(28, "\x1b[92;5:2u", 0, true); /* repeated */
	expect(28, "\x1b[92:124;5u", 0, true);
	expect(28, "\x1b[92;5;28u", 0, true);
	expect(28, "\x1b[A\x1b[27;5;92~", 3, true);
	expect(1, "\x1b[97;5u", 0, true);
	expect(28, "\x1b[A\x1b\x1b[92;5u", 4, true);
}

static void
other_keys_go_on(void **state)
{
	static const char *const texts[] = {"", "abc", "\\", "\x1b", "\x1b[92u",
	    "\x1b[92;1u", "\x1b[92;6u", "\x1b[92;5:3u", "\x1b[93;5u",
	    "\x1b[92;5~", "\x1b[27;5;93~", "\x1b[27;6;92~", "\x1b[;5u",
	    "\x1bO92;5u", "[92;5u", "\x1b[92;5v",
	    "\x1b[99999999999999999999;5u",
	    "\x1b[000000000000000000000000000000000000092;5u", "\x1b[u",
	    "\x1b[~", "\x1b[27~", "\x1b[27;5~"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		expect(28, texts[i], strlen(texts[i]), false);
	expect(DETACH_KEY_NONE, "a\x1c\x1b[92;5u", 9, false);
}

static void
a_sequence_may_come_in_parts(void **state)
{
	static const char typed[] = "a\x1b[92;5u";
	size_t cut;

	(void)state;
	for (cut = 2; cut < sizeof(typed) - 1; cut++) {
		struct detach_key detach;
		size_t rest = sizeof(typed) - 1 - cut;
		bool found;

		detach_key_init(&detach, 28);
		assert_int_equal(detach_key_scan(&detach,
		                     (const uint8_t *)typed, cut, &found),
		    cut);
		assert_false(found);
		assert_int_equal(
		    detach_key_scan(
		        &detach, (const uint8_t *)typed + cut, rest, &found),
		    rest);
		assert_true(found);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_are_read_as_tmux_writes_them),
	    cmocka_unit_test(what_is_no_key_or_another_one_is_refused),
	    cmocka_unit_test(the_key_is_found_in_each_of_its_forms),
	    cmocka_unit_test(other_keys_go_on),
	    cmocka_unit_test(a_sequence_may_come_in_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
