/* SPDX-License-Identifier: Apache-2.0 */
/* Tokens, boots and the versions before. */
#include "tests/unit/store_world.h"

/* A task with a token, and how it stands. */
static void
save(struct world *world, const char *id, const char *token,
    enum task_state now, int64_t ended_ms)
{
	struct task_record record = a_task(id, (unsigned)(ended_ms % 10000));

	record.spec.token = memory_string(token);
	record.state = now;
	record.ended_ms = ended_ms;
	if (now == TASK_FAILED || ended_ms < 0)
		record.provision_ms = -1;
	assert_int_equal(
	    store_save_task(world->store, &record, &world->err), 0);
	task_record_clear(&record);
}

/* The task that the token leads to; "" for none. */
static const char *
led_to(struct world *world, const char *owner, const char *token)
{
	static struct store_token found;

	found.task[0] = '\0';
	if (store_find_token(world->store, owner, token, &found, &world->err) !=
	    0)
		assert_int_equal(world->err.code, ERROR_NOT_FOUND);
	return found.task;
}

static void
a_token_leads_to_its_task_also_when_that_is_destroyed(void **state)
{
	struct world *world = *state;

	save(world, "aaaa2222", "once", TASK_READY, 0);
	assert_string_equal(led_to(world, "brain@example", "once"), "aaaa2222");
	assert_string_equal(led_to(world, "other@example", "once"), "");
	assert_string_equal(led_to(world, "brain@example", "twice"), "");
	save(world, "aaaa2222", "once", TASK_DESTROYED, 55);
	reopen(world);
	assert_string_equal(led_to(world, "brain@example", "once"), "aaaa2222");
	assert_int_equal(
	    store_free_token(world->store, "aaaa2222", &world->err), 0);
	assert_string_equal(led_to(world, "brain@example", "once"), "");
}

static void
the_token_of_a_task_that_failed_is_free_when_that_is_gone(void **state)
{
	struct world *world = *state;

	save(world, "aaaa2222", "once", TASK_FAILED, 0);
	assert_string_equal(led_to(world, "brain@example", "once"), "aaaa2222");
	save(world, "aaaa2222", "once", TASK_DESTROYED, -1);
	assert_string_equal(led_to(world, "brain@example", "once"), "");
}

static void
the_tokens_of_those_that_ended_last_are_kept(void **state)
{
	struct world *world = *state;

	save(world, "aaaa2222", "first", TASK_DESTROYED, 1);
	save(world, "bbbb2222", "second", TASK_DESTROYED, 2);
	save(world, "cccc2222", "third", TASK_DESTROYED, 3);
	save(world, "dddd2222", "lives", TASK_READY, 0);
	assert_int_equal(
	    store_trim_tokens(world->store, "other@example", 0, &world->err),
	    0);
	assert_int_equal(
	    store_trim_tokens(world->store, "brain@example", 2, &world->err),
	    0);
	assert_string_equal(led_to(world, "brain@example", "first"), "");
	assert_string_equal(
	    led_to(world, "brain@example", "second"), "bbbb2222");
	assert_string_equal(
	    led_to(world, "brain@example", "third"), "cccc2222");
	assert_string_equal(
	    led_to(world, "brain@example", "lives"), "dddd2222");
}

static void
another_boot_is_known_and_takes_its_gates_along(void **state)
{
	const struct process_id gate = {.pid = 10, .start = 100};
	char id[CLOCK_BOOT_ID_BYTES] = "?";
	struct world *world = *state;

	assert_int_equal(store_get_boot(world->store, id, &world->err), 0);
	assert_string_equal(id, "");
	assert_int_equal(store_set_boot(world->store, "one", &world->err), 0);
	assert_int_equal(store_add_gate(world->store, &gate, &world->err), 0);
	save(world, "aaaa2222", "once", TASK_DESTROYED, 55);
	reopen(world);
	assert_int_equal(store_get_boot(world->store, id, &world->err), 0);
	assert_string_equal(id, "one");
	assert_int_equal(store_set_boot(world->store, "other", &world->err), 0);
	assert_int_equal(store_get_boot(world->store, id, &world->err), 0);
	assert_string_equal(id, "other");
	assert_int_equal(number_of(world, "SELECT count(*) FROM gate"), 0);
	/* the clock began anew: its token is kept for a whole day again */
	assert_in_range(number_of(world, "SELECT ended_ms FROM task"),
	    clock_boot_ms() - 60000, clock_boot_ms());
}

/* The schema of version 1, and a task as it was saved then. */
#define VERSION_1                                                               \
	"DROP TABLE task; DROP TABLE boot;"                                     \
	"CREATE TABLE task (id TEXT PRIMARY KEY, owner TEXT NOT NULL,"          \
	" state TEXT NOT NULL, reason TEXT, slot INTEGER NOT NULL,"             \
	" spec TEXT NOT NULL, exec_ms_max INTEGER NOT NULL,"                    \
	" created_ms INTEGER NOT NULL, ends_ms INTEGER NOT NULL,"               \
	" provision_ms INTEGER NOT NULL, keeper_pid INTEGER NOT NULL,"          \
	" keeper_start INTEGER NOT NULL) STRICT, WITHOUT ROWID;"                \
	"CREATE UNIQUE INDEX task_slot ON task (slot)"                          \
	" WHERE state <> 'destroyed';"                                          \
	"INSERT INTO task VALUES ('aaaa2222', 'brain@example', 'ready',"        \
	" NULL, 1, '{\"name\":\"x\",\"profile\":\"default\",\"token\":\"t\"}'," \
	" 0, 1, %lld, 1, 4321, 98765);"                                         \
	"INSERT INTO task VALUES ('bbbb2222', 'brain@example', 'destroyed',"    \
	" NULL, 1, '{\"name\":\"y\",\"profile\":\"default\",\"token\":\"u\"}'," \
	" 0, 1, 0, 1, 0, 0);"                                                   \
	"PRAGMA user_version = 1;"

static void
a_store_of_version_1_is_taken_over(void **state)
{
	struct world *world = *state;
	const struct task_record *back = &world->loaded[0];
	char sql[2048];

	store_close(world->store);
	world->store = NULL;
	(void)snprintf(sql, sizeof(sql), VERSION_1,
	    (long long)(clock_wall_ms() + 3600000));
	run_sql(world, sql);
	reopen(world);
	assert_int_equal(
	    store_load_tasks(world->store, on_task, world, &world->err), 0);
	assert_int_equal(world->count, 1);
	assert_in_range(back->ends_ms - clock_boot_ms(), 3590000, 3600000);
	assert_int_equal(back->spec.idle_ms, 0);
	assert_int_equal(back->asked, 0);
	assert_int_equal(leases_end(&back->leases), 0);
	assert_string_equal(led_to(world, "brain@example", "t"), "aaaa2222");
	assert_string_equal(led_to(world, "brain@example", "u"), "");
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    TEST(a_token_leads_to_its_task_also_when_that_is_destroyed),
	    TEST(the_token_of_a_task_that_failed_is_free_when_that_is_gone),
	    TEST(the_tokens_of_those_that_ended_last_are_kept),
	    TEST(another_boot_is_known_and_takes_its_gates_along),
	    TEST(a_store_of_version_1_is_taken_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
