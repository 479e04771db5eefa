/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/error.h"
#include "protocol/signal.h"

static void
every_signal_has_one_name_that_leads_back(void **state)
{
	int number;

	(void)state;
	for (number = 1; number <= 64; number++) {
		const char *name = signal_name(number);
		char prefixed[32];

		assert_non_null(name);
		assert_int_equal(signal_number(name), number);
		(void)snprintf(prefixed, sizeof(prefixed), "SIG%s", name);
		assert_int_equal(signal_number(prefixed), number);
	}
}

static void
the_names_are_those_of_the_ssh_rfc(void **state)
{
	static const struct {
		int number;
		const char *name;
	} rows[] = {
	    {SIGABRT, "ABRT"},
	    {SIGALRM, "ALRM"},
	    {SIGFPE, "FPE"},
	    {SIGHUP, "HUP"},
	    {SIGILL, "ILL"},
	    {SIGINT, "INT"},
	    {SIGKILL, "KILL"},
	    {SIGPIPE, "PIPE"},
	    {SIGQUIT, "QUIT"},
	    {SIGSEGV, "SEGV"},
	    {SIGTERM, "TERM"},
	    {SIGUSR1, "USR1"},
	    {SIGUSR2, "USR2"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_string_equal(signal_name(rows[i].number), rows[i].name);
	assert_int_equal(signal_number("RTMIN+3"), SIGRTMIN + 3);
}

static void
what_is_no_signal_has_no_name_and_no_number(void **state)
{
	static const char *const bad[] = {"", "SIG", "9", "term", "TERM ",
	    "SIGSIGTERM", "RTMIN+31", "RTMAX", "NONE"};
	struct error err = {0};
	size_t i;

	(void)state;
	assert_null(signal_name(0));
	assert_null(signal_name(-1));
	assert_null(signal_name(65));
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(signal_number(bad[i]), -1);
		assert_int_equal(signal_check(bad[i], &err), -1);
		assert_int_equal(err.code, ERROR_INVALID);
	}
	assert_int_equal(signal_check("SIGTERM", &err), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(every_signal_has_one_name_that_leads_back),
	    cmocka_unit_test(the_names_are_those_of_the_ssh_rfc),
	    cmocka_unit_test(what_is_no_signal_has_no_name_and_no_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
