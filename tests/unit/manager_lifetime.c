/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "protocol/error.h"
#include "protocol/limits.h"
#include "server/manager/lease.h"
#include "server/manager/lifetime.h"

#define START  1000000
#define MINUTE 60000
#define HOUR   (60 * MINUTE)

static void
check(const struct lifetime *lifetime, int64_t now_ms,
    const struct lifetime_look *want)
{
	struct lifetime_look look;

	lifetime_look(lifetime, now_ms, &look);
	assert_int_equal(look.end, want->end);
	assert_int_equal(look.stage, want->stage);
	assert_int_equal(look.next_ms, want->next_ms);
}

static void
a_task_without_times_never_ends(void **state)
{
	const struct lifetime lifetime = {.idle_from_ms = START};

	(void)state;
	check(&lifetime, START + HOUR,
	    &(struct lifetime_look){.end = TASK_END_NONE});
}

static void
its_end_is_told_a_minute_and_ten_seconds_before(void **state)
{
	const int64_t end = START + HOUR;
	const struct lifetime lifetime = {
	    .ttl_ms = HOUR, .ends_ms = end, .is_active = true};
	static const struct {
		int64_t before;
		enum lifetime_stage stage;
		int64_t next;
	} moments[] = {
	    {HOUR, LIFETIME_FAR, MINUTE},
	    {MINUTE + 1, LIFETIME_FAR, MINUTE},
	    {MINUTE, LIFETIME_NEAR, 10000},
	    {10001, LIFETIME_NEAR, 10000},
	    {10000, LIFETIME_NEARER, 0},
	    {1, LIFETIME_NEARER, 0},
	    {0, LIFETIME_OVER, 0},
	    {-HOUR, LIFETIME_OVER, 0},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(moments) / sizeof(moments[0]); i++)
		check(&lifetime, end - moments[i].before,
		    &(struct lifetime_look){.end = TASK_END_TTL,
		        .stage = moments[i].stage,
		        .next_ms = end - moments[i].next});
}

static void
the_end_of_a_short_life_is_told_when_a_tenth_is_left(void **state)
{
	const struct lifetime lifetime = {
	    .idle_ms = 2000, .idle_from_ms = START};

	(void)state;
	check(&lifetime, START + 1799,
	    &(struct lifetime_look){.end = TASK_END_IDLE,
	        .stage = LIFETIME_FAR,
	        .next_ms = START + 1800});
	check(&lifetime, START + 1800,
	    &(struct lifetime_look){.end = TASK_END_IDLE,
	        .stage = LIFETIME_NEARER,
	        .next_ms = START + 2000});
}

static void
an_active_task_is_not_idle_but_its_life_goes_by(void **state)
{
	struct lifetime lifetime = {.idle_ms = MINUTE,
	    .idle_from_ms = START,
	    .ttl_ms = HOUR,
	    .ends_ms = START + HOUR,
	    .is_active = true};

	(void)state;
	check(&lifetime, START + 2 * MINUTE,
	    &(struct lifetime_look){
	        .end = TASK_END_TTL, .next_ms = START + HOUR - MINUTE});
	lifetime.is_active = false;
	check(&lifetime, START + 2 * MINUTE,
	    &(struct lifetime_look){.end = TASK_END_IDLE,
	        .stage = LIFETIME_OVER,
	        .next_ms = START + MINUTE});
}

static void
idleness_begins_behind_a_lease_which_a_time_to_live_does_not_mind(void **state)
{
	struct lifetime lifetime = {.idle_ms = MINUTE,
	    .idle_from_ms = START,
	    .leased_ms = START + HOUR};

	(void)state;
	check(&lifetime, START + HOUR + MINUTE - 1,
	    &(struct lifetime_look){.end = TASK_END_IDLE,
	        .stage = LIFETIME_NEARER,
	        .next_ms = START + HOUR + MINUTE});
	lifetime.ttl_ms = MINUTE;
	lifetime.ends_ms = START + MINUTE;
	check(&lifetime, START + MINUTE,
	    &(struct lifetime_look){.end = TASK_END_TTL,
	        .stage = LIFETIME_OVER,
	        .next_ms = START + MINUTE});
}

static void
each_principal_has_one_lease_and_the_longest_counts(void **state)
{
	struct leases leases = {0};

	(void)state;
	assert_int_equal(leases_end(&leases), 0);
	assert_int_equal(leases_set(&leases, "ann", 100, 10, NULL), 0);
	assert_int_equal(leases_set(&leases, "bob", 50, 10, NULL), 0);
	assert_int_equal(leases_end(&leases), 100);
	assert_int_equal(leases_set(&leases, "ann", 40, 10, NULL), 0);
	assert_int_equal(leases_end(&leases), 50);
	leases_drop(&leases, "bob", 20);
	assert_int_equal(leases_end(&leases), 40);
	/* given up again, or never had: idleness does not begin anew */
	leases_drop(&leases, "ann", 30);
	leases_drop(&leases, "ann", 35);
	leases_drop(&leases, "eve", 35);
	assert_int_equal(leases_end(&leases), 30);
	assert_int_equal(leases.list.count, 2);
	leases_clear(&leases);
}

static void
so_many_principals_hold_a_lease_and_no_more(void **state)
{
	struct leases leases = {0};
	struct error err = {0};
	char name[16];
	unsigned i;

	(void)state;
	for (i = 0; i < LIMIT_LEASES; i++) {
		(void)snprintf(name, sizeof(name), "p%u", i);
		assert_int_equal(
		    leases_set(&leases, name, 100 + i, 10, &err), 0);
	}
	assert_int_equal(leases_set(&leases, "more", 500, 99, &err), -1);
	assert_int_equal(err.code, ERROR_LIMIT);
	assert_int_equal(leases_set(&leases, "p0", 500, 99, &err), 0);
	/* one that is over makes room */
	assert_int_equal(leases_set(&leases, "more", 600, 101, &err), 0);
	assert_int_equal(leases.list.count, LIMIT_LEASES);
	assert_int_equal(leases_end(&leases), 600);
	leases_clear(&leases);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_task_without_times_never_ends),
	    cmocka_unit_test(its_end_is_told_a_minute_and_ten_seconds_before),
	    cmocka_unit_test(
	        the_end_of_a_short_life_is_told_when_a_tenth_is_left),
	    cmocka_unit_test(an_active_task_is_not_idle_but_its_life_goes_by),
	    cmocka_unit_test(
	        idleness_begins_behind_a_lease_which_a_time_to_live_does_not_mind),
	    cmocka_unit_test(
	        each_principal_has_one_lease_and_the_longest_counts),
	    cmocka_unit_test(so_many_principals_hold_a_lease_and_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
