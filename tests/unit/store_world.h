/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a folder of its own, for the tests of it. */
#ifndef TESTS_UNIT_STORE_WORLD_H
#define TESTS_UNIT_STORE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "protocol/attachment.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/manager/store.h"

struct world {
	char dir[64];
	char path[80];
	struct store *store;
	struct error err;
	struct task_record loaded[4];
	size_t count;
	struct process_id gates[4];
	size_t gate_count;
};

static inline int
setup(void **state)
{
	struct world *world = memory_new(1, sizeof(*world));

	(void)snprintf(
	    world->dir, sizeof(world->dir), "/tmp/sallyport-store-XXXXXX");
	if (mkdtemp(world->dir) == NULL)
		return -1;
	(void)snprintf(
	    world->path, sizeof(world->path), "%s/store.db", world->dir);
	*state = world;
	return store_open(world->path, &world->store, &world->err);
}

static inline int
teardown(void **state)
{
	static const char *const names[] = {
	    "store.db", "store.db-wal", "store.db-shm"};
	struct world *world = *state;
	char path[128];
	size_t i;

	store_close(world->store);
	for (i = 0; i < world->count; i++)
		task_record_clear(&world->loaded[i]);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		(void)snprintf(
		    path, sizeof(path), "%s/%s", world->dir, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(world->dir);
	free(world);
	return 0;
}

/* As after a kill -9: nothing is closed in order. */
static inline void
reopen(struct world *world)
{
	store_close(world->store);
	world->store = NULL;
	assert_int_equal(
	    store_open(world->path, &world->store, &world->err), 0);
}

static inline struct task_record
a_task(const char *id, unsigned slot)
{
	struct task_record record = {0};
	char one[] = "A=1", two[] = "B=two words";
	char *env[] = {one, two, NULL};

	(void)snprintf(record.id, sizeof(record.id), "%s", id);
	json_absent(&task_spec_shape, &record.spec);
	record.owner = memory_string("brain@example");
	record.state = TASK_READY;
	record.slot = slot;
	record.spec.name = memory_string("build");
	record.spec.profile = memory_string("default");
	record.spec.image = memory_string("default");
	record.spec.runtime = memory_string("runc");
	record.spec.limits.present = true;
	record.spec.limits.cpu_milli = 1500;
	record.spec.limits.memory = 1 << 30;
	record.spec.env = memory_vector(env);
	record.spec.idle_ms = 5000;
	record.exec_ms_max = 60000;
	record.created_ms = 1700000000123;
	record.ends_ms = 100123;
	record.idle_from_ms = 70123;
	record.asked = UINT64_MAX - 1;
	assert_int_equal(
	    leases_set(&record.leases, "ann", 90000, 80000, NULL), 0);
	record.provision_ms = 42;
	record.keeper = (struct process_id){.pid = 4321, .start = 987654};
	return record;
}

static inline void
on_task(void *data, struct task_record *record)
{
	struct world *world = data;

	assert_in_range(world->count, 0, 3);
	world->loaded[world->count++] = *record;
	memset(record, 0, sizeof(*record));
}

/* What a query of one number gives, through a connection of our own. */
static inline int64_t
number_of(const struct world *world, const char *query)
{
	sqlite3_stmt *statement;
	sqlite3 *db;
	int64_t number;

	assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
	assert_int_equal(
	    sqlite3_prepare_v2(db, query, -1, &statement, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
	number = sqlite3_column_int64(statement, 0);
	(void)sqlite3_finalize(statement);
	(void)sqlite3_close(db);
	return number;
}

static inline void
run_sql(const struct world *world, const char *text)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(world->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	(void)sqlite3_close(db);
}

#endif
