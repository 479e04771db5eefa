/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/store_world.h"

static void
a_task_comes_back_whole(void **state)
{
	struct world *world = *state;
	struct task_record record = a_task("abcd2345", 7);
	const struct task_record *back = &world->loaded[0];

	record.spec.token = memory_string("once");
	assert_int_equal(
	    store_save_task(world->store, &record, &world->err), 0);
	reopen(world);
	assert_int_equal(
	    store_load_tasks(world->store, on_task, world, &world->err), 0);
	assert_int_equal(world->count, 1);
	assert_string_equal(back->id, "abcd2345");
	assert_string_equal(back->owner, "brain@example");
	assert_int_equal(back->state, TASK_READY);
	assert_null(back->reason);
	assert_int_equal(back->slot, 7);
	assert_string_equal(back->spec.name, "build");
	assert_string_equal(back->spec.runtime, "runc");
	assert_int_equal(back->spec.limits.cpu_milli, 1500);
	assert_int_equal(back->spec.limits.memory, 1 << 30);
	assert_string_equal(back->spec.env[1], "B=two words");
	assert_null(back->spec.env[2]);
	assert_string_equal(back->spec.token, "once");
	assert_int_equal(back->exec_ms_max, 60000);
	assert_int_equal(back->created_ms, 1700000000123);
	assert_int_equal(back->ends_ms, 100123);
	assert_int_equal(back->idle_from_ms, 70123);
	assert_int_equal(back->spec.idle_ms, 5000);
	assert_true(back->asked == UINT64_MAX - 1);
	assert_int_equal(leases_end(&back->leases), 90000);
	assert_int_equal(back->provision_ms, 42);
	assert_int_equal(back->keeper.pid, 4321);
	assert_int_equal(back->keeper.start, 987654);
	task_record_clear(&record);
}

static void
a_destroyed_task_does_not_come_back_and_frees_its_slot(void **state)
{
	struct world *world = *state;
	struct task_record first = a_task("aaaa2222", 1);
	struct task_record second = a_task("bbbb2222", 1);

	assert_int_equal(store_save_task(world->store, &first, &world->err), 0);
	assert_int_equal(
	    store_save_task(world->store, &second, &world->err), -1);
	task_move(&first, TASK_STOPPING, "asked for");
	task_move(&first, TASK_DESTROYED, NULL);
	assert_int_equal(store_save_task(world->store, &first, &world->err), 0);
	assert_int_equal(
	    store_save_task(world->store, &second, &world->err), 0);
	assert_int_equal(
	    store_load_tasks(world->store, on_task, world, &world->err), 0);
	assert_int_equal(world->count, 1);
	assert_string_equal(world->loaded[0].id, "bbbb2222");
	task_record_clear(&first);
	task_record_clear(&second);
}

static void
a_task_is_found_also_when_it_is_destroyed(void **state)
{
	struct world *world = *state;
	struct task_record record = a_task("aaaa2222", 1), found;

	task_move(&record, TASK_STOPPING, "asked for");
	task_move(&record, TASK_DESTROYED, NULL);
	assert_int_equal(
	    store_save_task(world->store, &record, &world->err), 0);
	assert_int_equal(
	    store_find_task(world->store, "aaaa2222", &found, &world->err), 0);
	assert_string_equal(found.owner, "brain@example");
	assert_string_equal(found.spec.name, "build");
	task_record_clear(&found);
	assert_int_equal(
	    store_find_task(world->store, "bbbb2222", &found, &world->err), -1);
	assert_int_equal(world->err.code, ERROR_NOT_FOUND);
	task_record_clear(&record);
}

static void
on_gate(void *data, const struct process_id *id)
{
	struct world *world = data;

	assert_in_range(world->gate_count, 0, 3);
	world->gates[world->gate_count++] = *id;
}

static void
gates_are_known_until_they_are_removed(void **state)
{
	const struct process_id one = {.pid = 10, .start = 100};
	const struct process_id two = {.pid = 10, .start = 200};
	struct world *world = *state;

	assert_int_equal(store_add_gate(world->store, &one, &world->err), 0);
	assert_int_equal(store_add_gate(world->store, &one, &world->err), 0);
	assert_int_equal(store_add_gate(world->store, &two, &world->err), 0);
	assert_int_equal(store_remove_gate(world->store, &one, &world->err), 0);
	reopen(world);
	assert_int_equal(
	    store_load_gates(world->store, on_gate, world, &world->err), 0);
	assert_int_equal(world->gate_count, 1);
	assert_int_equal(world->gates[0].start, 200);
}

static void
rows_of_a_batch_are_there_after_its_commit_only(void **state)
{
	struct world *world = *state;
	char event[] = "attach", principal[] = "alice", signal[] = "KILL";
	struct audit_row row = {
	    .at_ms = 5, .event = event, .principal = principal};
	const struct exec_start start = {.at_ms = 6,
	    .exec = "abcd2345-1",
	    .task = "abcd2345",
	    .principal = "alice",
	    .what = "make check"};
	struct attachment_exit end = {.code = -1,
	    .signal = signal,
	    .reason = REASON_OOM,
	    .duration_ms = 77};

	assert_int_equal(store_begin(world->store, &world->err), 0);
	assert_int_equal(store_add_audit(world->store, &row, &world->err), 0);
	assert_int_equal(store_add_exec(world->store, &start, &world->err), 0);
	assert_int_equal(
	    store_end_exec(world->store, "abcd2345-1", 99, &end, &world->err),
	    0);
	assert_int_equal(number_of(world, "SELECT count(*) FROM audit"), 0);
	assert_int_equal(store_commit(world->store, &world->err), 0);
	assert_int_equal(number_of(world, "SELECT count(*) FROM audit"), 1);
	assert_int_equal(number_of(world, "SELECT duration_ms FROM exec WHERE"
	                                  " signal = 'KILL' AND reason = 'oom'"
	                                  " AND code IS NULL"),
	    77);
}

static void
an_abandoned_batch_leaves_nothing(void **state)
{
	struct world *world = *state;
	char event[] = "attach";
	struct audit_row row = {.at_ms = 5, .event = event};

	assert_int_equal(store_begin(world->store, &world->err), 0);
	assert_int_equal(store_add_audit(world->store, &row, &world->err), 0);
	store_abandon(world->store);
	assert_int_equal(store_begin(world->store, &world->err), 0);
	assert_int_equal(store_commit(world->store, &world->err), 0);
	assert_int_equal(number_of(world, "SELECT count(*) FROM audit"), 0);
}

static void
a_store_of_a_newer_version_is_refused(void **state)
{
	struct world *world = *state;

	store_close(world->store);
	world->store = NULL;
	run_sql(world, "PRAGMA user_version = 999");
	assert_int_equal(
	    store_open(world->path, &world->store, &world->err), -1);
	assert_non_null(strstr(world->err.text, "newer version"));
}

static void
a_row_that_was_tampered_with_is_refused(void **state)
{
	static const struct {
		const char *sql;
		const char *because;
	} cases[] = {
	    {"UPDATE task SET id = '../etc'", "not ours"},
	    {"UPDATE task SET state = 'flying'", "not ours"},
	    {"UPDATE task SET slot = 10000", "not ours"},
	    {"UPDATE task SET slot = -1", "not ours"},
	    {"UPDATE task SET spec = '{'", "task abcd2345"},
	    {"UPDATE task SET spec = '{\"color\":1}'", "color"},
	    {"UPDATE task SET spec = '{}'", "no name"},
	    {"UPDATE task SET leases = '{\"a\":1}'", "leases of task"},
	};
	struct world *world = *state;
	struct task_record record;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		record = a_task("abcd2345", 7);
		run_sql(world, "DELETE FROM task");
		assert_int_equal(
		    store_save_task(world->store, &record, &world->err), 0);
		run_sql(world, cases[i].sql);
		assert_int_equal(
		    store_load_tasks(world->store, on_task, world, &world->err),
		    -1);
		if (strstr(world->err.text, cases[i].because) == NULL)
			fail_msg("%s: %s", cases[i].sql, world->err.text);
		task_record_clear(&record);
	}
}

static void
only_its_owner_reads_a_store_and_its_log(void **state)
{
	struct world *world = *state;
	struct stat info;
	char path[128];

	assert_int_equal(store_begin(world->store, &world->err), 0);
	assert_int_equal(store_commit(world->store, &world->err), 0);
	assert_int_equal(stat(world->path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	(void)snprintf(path, sizeof(path), "%s-wal", world->path);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	/* also one that was made with another mode */
	assert_int_equal(chmod(world->path, 0644), 0);
	reopen(world);
	assert_int_equal(stat(world->path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	    TEST(a_task_comes_back_whole),
	    TEST(a_destroyed_task_does_not_come_back_and_frees_its_slot),
	    TEST(a_task_is_found_also_when_it_is_destroyed),
	    TEST(gates_are_known_until_they_are_removed),
	    TEST(rows_of_a_batch_are_there_after_its_commit_only),
	    TEST(an_abandoned_batch_leaves_nothing),
	    TEST(a_store_of_a_newer_version_is_refused),
	    TEST(a_row_that_was_tampered_with_is_refused),
	    TEST(only_its_owner_reads_a_store_and_its_log),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
