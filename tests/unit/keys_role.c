/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "keys/role.h"
#include "protocol/limits.h"

static char alice_name[] = "alice";
static char *named[] = {(char[]){"build-1"}, (char[]){"web-*"}, NULL};
static char *all[] = {(char[]){"*"}, NULL};

static const struct action_target own = {"alice", "k3v9m2qa", "mine"};
static const struct action_target others = {"bob", "p2m4n6qb", "his"};
static const struct action_target by_name = {"bob", "p2m4n6qb", "web-7"};
static const struct action_target by_id = {"bob", "build-1", NULL};
static const struct action_target near = {"bob", "x", "build-12"};

/* Letters of the actions that may be done: Brain Ops Create See Update Destroy
 * Read Write. */
static void
check(const struct principal *principal, const struct action_target *target,
    const char *may)
{
	static const char letters[] = "BOCSUDRW";
	char found[ACTIONS + 1] = "";
	size_t len = 0;
	int i;

	for (i = 0; i < ACTIONS; i++) {
		if (principal_may(principal, (enum action)i, target))
			found[len++] = letters[i];
	}
	assert_string_equal(found, may);
}

static void
an_admin_may_do_everything(void **state)
{
	const struct principal alice = {alice_name, ROLE_ADMIN, NULL};

	(void)state;
	check(&alice, NULL, "BOCSUDRW");
	check(&alice, &own, "BOCSUDRW");
	check(&alice, &others, "BOCSUDRW");
}

static void
a_brain_drives_the_tasks_it_made_and_no_other(void **state)
{
	const struct principal alice = {alice_name, ROLE_BRAIN, NULL};
	const struct principal wide = {alice_name, ROLE_BRAIN, named};

	(void)state;
	check(&alice, NULL, "BCSUDRW");
	check(&alice, &own, "BCSUDRW");
	check(&alice, &others, "BC");
	check(&wide, &by_name, "BCSRW");
	check(&wide, &others, "BC");
}

static void
an_operator_sees_all_touches_none_and_may_destroy(void **state)
{
	const struct principal alice = {alice_name, ROLE_OPERATOR, NULL};

	(void)state;
	check(&alice, NULL, "BOSDR");
	check(&alice, &own, "BOSDR");
	check(&alice, &others, "BOSDR");
}

static void
a_user_enters_the_tasks_its_key_names(void **state)
{
	const struct principal alice = {alice_name, ROLE_USER, named};
	const struct principal any = {alice_name, ROLE_USER, all};

	(void)state;
	check(&alice, NULL, "SRW");
	check(&alice, &by_name, "SRW");
	check(&alice, &by_id, "SRW");
	check(&alice, &near, "");
	check(&alice, &others, "");
	check(&any, &others, "SRW");
}

static void
a_user_whose_key_names_no_task_may_do_nothing(void **state)
{
	const struct principal alice = {alice_name, ROLE_USER, NULL};

	(void)state;
	check(&alice, &own, "");
	check(&alice, &others, "");
}

static void
names_are_bounded_and_plain(void **state)
{
	char name[LIMIT_PRINCIPAL_BYTES + 2];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[LIMIT_PRINCIPAL_BYTES] = '\0';
	assert_true(principal_name_is_valid(name));
	name[LIMIT_PRINCIPAL_BYTES] = 'a';
	name[LIMIT_PRINCIPAL_BYTES + 1] = '\0';
	assert_false(principal_name_is_valid(name));
	assert_true(principal_name_is_valid("alice@example.org"));
	assert_true(principal_name_is_valid("SHA256:a+/b"));
	assert_false(principal_name_is_valid(""));
	assert_false(principal_name_is_valid("a b"));
	assert_false(principal_name_is_valid("a\"b"));
	assert_false(principal_name_is_valid("a\n"));
	assert_false(principal_name_is_valid("\xc3\xa4"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(an_admin_may_do_everything),
	    cmocka_unit_test(a_brain_drives_the_tasks_it_made_and_no_other),
	    cmocka_unit_test(an_operator_sees_all_touches_none_and_may_destroy),
	    cmocka_unit_test(a_user_enters_the_tasks_its_key_names),
	    cmocka_unit_test(a_user_whose_key_names_no_task_may_do_nothing),
	    cmocka_unit_test(names_are_bounded_and_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
