/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "protocol/attachment.h"
#include "protocol/buffer.h"
#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "protocol/name.h"

#define BUSY_MS 2000 /* another reader, such as an admin's sqlite3 */

#define SPEC_BYTES_MAX (64u << 20) /* above all that the limits allow */

enum statement {
	SAVE_TASK = 0,
	LOAD_TASKS,
	FIND_TASK,
	ADD_GATE,
	REMOVE_GATE,
	LOAD_GATES,
	ADD_AUDIT,
	ADD_EXEC,
	END_EXEC,
	STATEMENTS
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *statements[STATEMENTS];
};

/* What read_task() reads, in its order. */
#define TASK_COLUMNS                                         \
	"id, owner, state, reason, slot, spec, exec_ms_max," \
	" created_ms, ends_ms, provision_ms, keeper_pid, keeper_start"

static const char *const sql[] = {
    [SAVE_TASK] =
        "INSERT INTO task (id, owner, state, reason, slot, spec,"
        " exec_ms_max, created_ms, ends_ms, provision_ms, keeper_pid,"
        " keeper_start) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
        " ?12) ON CONFLICT (id) DO UPDATE SET state = ?3, reason = ?4,"
        " spec = ?6, ends_ms = ?9, provision_ms = ?10, keeper_pid = ?11,"
        " keeper_start = ?12",
    [LOAD_TASKS] = "SELECT " TASK_COLUMNS " FROM task"
                   " WHERE state <> 'destroyed' ORDER BY created_ms, id",
    [FIND_TASK] = "SELECT " TASK_COLUMNS " FROM task WHERE id = ?1",
    [ADD_GATE] = "INSERT OR REPLACE INTO gate (pid, start) VALUES (?1, ?2)",
    [REMOVE_GATE] = "DELETE FROM gate WHERE pid = ?1 AND start = ?2",
    [LOAD_GATES] = "SELECT pid, start FROM gate",
    [ADD_AUDIT] = "INSERT INTO audit (at_ms, event, principal, session, task,"
                  " what) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [ADD_EXEC] = "INSERT OR REPLACE INTO exec (id, task, principal, what,"
                 " started_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
    [END_EXEC] = "UPDATE exec SET ended_ms = ?2, code = ?3, signal = ?4,"
                 " reason = ?5, duration_ms = ?6 WHERE id = ?1",
};
static_assert(sizeof(sql) / sizeof(sql[0]) == STATEMENTS, "every statement");

/* migrations[n] brings a store of version n to n + 1. */
static const char *const migrations[] = {
    "CREATE TABLE task (id TEXT PRIMARY KEY, owner TEXT NOT NULL,"
    " state TEXT NOT NULL, reason TEXT, slot INTEGER NOT NULL,"
    " spec TEXT NOT NULL, exec_ms_max INTEGER NOT NULL,"
    " created_ms INTEGER NOT NULL, ends_ms INTEGER NOT NULL,"
    " provision_ms INTEGER NOT NULL, keeper_pid INTEGER NOT NULL,"
    " keeper_start INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX task_slot ON task (slot)"
    " WHERE state <> 'destroyed';"
    "CREATE TABLE gate (pid INTEGER NOT NULL, start INTEGER NOT NULL,"
    " PRIMARY KEY (pid, start)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE exec (id TEXT PRIMARY KEY, task TEXT NOT NULL,"
    " principal TEXT NOT NULL, what TEXT NOT NULL,"
    " started_ms INTEGER NOT NULL, ended_ms INTEGER, code INTEGER,"
    " signal TEXT, reason TEXT, duration_ms INTEGER) STRICT, WITHOUT ROWID;"
    "CREATE INDEX exec_task ON exec (task);"
    "CREATE TABLE audit (number INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL,"
    " event TEXT NOT NULL, principal TEXT, session TEXT, task TEXT,"
    " what TEXT) STRICT;"
    "CREATE INDEX audit_at ON audit (at_ms);",
};
static_assert(sizeof(migrations) / sizeof(migrations[0]) == STORE_VERSION,
    "a step for each version");

static int
fault(struct store *store, const char *what, struct error *err)
{
	return error_set(err, ERROR_SYSTEM, "store: %s: %s", what,
	    sqlite3_errmsg(store->db));
}

static int
run(struct store *store, const char *text, struct error *err)
{
	if (sqlite3_exec(store->db, text, NULL, NULL, NULL) != SQLITE_OK)
		return fault(store, "statement", err);
	return 0;
}

static int
version_get(struct store *store, int *out, struct error *err)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &statement,
	        NULL) != SQLITE_OK)
		return fault(store, "version", err);
	if (sqlite3_step(statement) != SQLITE_ROW) {
		(void)sqlite3_finalize(statement);
		return fault(store, "version", err);
	}
	*out = sqlite3_column_int(statement, 0);
	(void)sqlite3_finalize(statement);
	return 0;
}

static int
migrate(struct store *store, struct error *err)
{
	char pragma[64];
	int version = 0;

	if (version_get(store, &version, err) != 0)
		return -1;
	if (version < 0 || version > STORE_VERSION)
		return error_set(err, ERROR_SYSTEM,
		    "store: written by a newer version (%d, not %d)", version,
		    STORE_VERSION);
	for (; version < STORE_VERSION; version++) {
		(void)sqlite3_snprintf((int)sizeof(pragma), pragma,
		    "PRAGMA user_version = %d", version + 1);
		if (store_begin(store, err) != 0 ||
		    run(store, migrations[version], err) != 0 ||
		    run(store, pragma, err) != 0 ||
		    store_commit(store, err) != 0)
			return error_wrap(err, "to version %d", version + 1);
	}
	return 0;
}

static int
prepare(struct store *store, struct error *err)
{
	size_t i;

	for (i = 0; i < STATEMENTS; i++) {
		if (sqlite3_prepare_v3(store->db, sql[i], -1,
		        SQLITE_PREPARE_PERSISTENT, &store->statements[i],
		        NULL) != SQLITE_OK)
			return fault(store, "prepare", err);
	}
	return 0;
}

/* NORMAL: a commit writes the log without fsync, see the header. */
#define PRAGMAS                                                   \
	"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;" \
	"PRAGMA cache_size = -512; PRAGMA foreign_keys = ON;"     \
	"PRAGMA trusted_schema = OFF;"

/* Commands, variables and the audit are root's alone to read. The log that
 * SQLite keeps beside the store gets the store's mode. */
static int
make_private(const char *path, struct error *err)
{
	autoclose int fd =
	    open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 || fchmod(fd, 0600) != 0)
		return error_sys(err, "%s: %s", path, strerror(errno));
	return 0;
}

int
store_open(const char *path, struct store **out, struct error *err)
{
	struct store *store;

	if (make_private(path, err) != 0)
		return -1;
	store = memory_new(1, sizeof(*store));
	if (sqlite3_open_v2(path, &store->db,
	        SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
	            SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
	        NULL) != SQLITE_OK ||
	    sqlite3_busy_timeout(store->db, BUSY_MS) != SQLITE_OK) {
		(void)fault(store, path, err);
		store_close(store);
		return -1;
	}
	if (run(store, PRAGMAS, err) != 0 || migrate(store, err) != 0 ||
	    prepare(store, err) != 0) {
		store_close(store);
		return -1;
	}
	*out = store;
	return 0;
}

void
store_close(struct store *store)
{
	size_t i;

	if (store == NULL)
		return;
	for (i = 0; i < STATEMENTS; i++)
		(void)sqlite3_finalize(store->statements[i]);
	(void)sqlite3_close(store->db);
	free(store);
}

int
store_begin(struct store *store, struct error *err)
{
	return run(store, "BEGIN IMMEDIATE", err);
}

int
store_commit(struct store *store, struct error *err)
{
	if (run(store, "COMMIT", err) == 0)
		return 0;
	store_abandon(store);
	return -1;
}

void
store_abandon(struct store *store)
{
	(void)sqlite3_exec(store->db, "ROLLBACK", NULL, NULL, NULL);
}

/* Bound text is borrowed: it lives until the statement is reset. */
static void
bind_text(sqlite3_stmt *statement, int at, const char *text)
{
	(void)sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

static void
bind_integer(sqlite3_stmt *statement, int at, int64_t number)
{
	(void)sqlite3_bind_int64(statement, at, number);
}

/* Run a bound statement that gives no rows. */
static int
finish(struct store *store, enum statement which, struct error *err)
{
	sqlite3_stmt *statement = store->statements[which];
	int ret = sqlite3_step(statement);

	if (ret != SQLITE_DONE)
		(void)fault(store, "write", err);
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
	return ret == SQLITE_DONE ? 0 : -1;
}

int
store_save_task(
    struct store *store, const struct task_record *record, struct error *err)
{
	sqlite3_stmt *statement = store->statements[SAVE_TASK];
	struct buffer spec;
	int ret;

	buffer_init(&spec, SPEC_BYTES_MAX);
	if (json_write(&task_spec_shape, NULL, &record->spec, &spec, err) !=
	    0) {
		buffer_clear(&spec);
		return -1;
	}
	bind_text(statement, 1, record->id);
	bind_text(statement, 2, record->owner);
	bind_text(statement, 3, task_state_names[record->state]);
	bind_text(statement, 4, record->reason);
	bind_integer(statement, 5, record->slot);
	(void)sqlite3_bind_text(statement, 6, (const char *)buffer_bytes(&spec),
	    (int)buffer_len(&spec), SQLITE_STATIC);
	bind_integer(statement, 7, record->exec_ms_max);
	bind_integer(statement, 8, record->created_ms);
	bind_integer(statement, 9, record->ends_ms);
	bind_integer(statement, 10, record->provision_ms);
	bind_integer(statement, 11, record->keeper.pid);
	bind_integer(statement, 12, record->keeper.start);
	ret = finish(store, SAVE_TASK, err);
	buffer_clear(&spec);
	return ret;
}

static const char *
column_text(sqlite3_stmt *statement, int at)
{
	return (const char *)sqlite3_column_text(statement, at);
}

static int
state_named(const char *name)
{
	int state;

	for (state = 0; state < TASK_STATES; state++) {
		if (strcmp(task_state_names[state], name) == 0)
			return state;
	}
	return -1;
}

/* The store is ours, but a file can be edited: believe nothing unread. */
static int
read_task(
    sqlite3_stmt *statement, struct task_record *record, struct error *err)
{
	const char *id = column_text(statement, 0);
	int state = state_named(column_text(statement, 2));
	int64_t slot = sqlite3_column_int64(statement, 4);

	json_absent(&task_spec_shape, &record->spec);
	if (!name_is_valid(id) || strlen(id) >= sizeof(record->id) ||
	    state < 0 || slot < 0 || slot >= TASK_SLOTS)
		return error_set(
		    err, ERROR_SYSTEM, "store: a task row is not ours");
	if (json_read(&task_spec_shape, column_text(statement, 5),
	        (size_t)sqlite3_column_bytes(statement, 5), &record->spec,
	        err) != 0)
		return error_wrap(err, "store: task %s", id);
	if (record->spec.name == NULL || record->spec.profile == NULL)
		return error_set(err, ERROR_SYSTEM,
		    "store: task %s has no name or profile", id);
	memcpy(record->id, id, strlen(id) + 1);
	record->owner = memory_string(column_text(statement, 1));
	record->state = (enum task_state)state;
	record->reason = memory_string(column_text(statement, 3));
	record->slot = (unsigned)slot;
	record->exec_ms_max = sqlite3_column_int64(statement, 6);
	record->created_ms = sqlite3_column_int64(statement, 7);
	record->ends_ms = sqlite3_column_int64(statement, 8);
	record->provision_ms = sqlite3_column_int64(statement, 9);
	record->keeper.pid = sqlite3_column_int64(statement, 10);
	record->keeper.start = sqlite3_column_int64(statement, 11);
	return 0;
}

/* End a query; ret is what its last step gave. */
static int
close_query(
    struct store *store, enum statement which, int ret, struct error *err)
{
	if (ret != SQLITE_DONE && ret != SQLITE_ROW)
		(void)fault(store, "read", err);
	(void)sqlite3_reset(store->statements[which]);
	return ret == SQLITE_DONE ? 0 : -1;
}

int
store_load_tasks(struct store *store,
    void (*on_task)(void *data, struct task_record *record), void *data,
    struct error *err)
{
	sqlite3_stmt *statement = store->statements[LOAD_TASKS];
	struct task_record record;
	int ret;

	while ((ret = sqlite3_step(statement)) == SQLITE_ROW) {
		memset(&record, 0, sizeof(record));
		if (read_task(statement, &record, err) != 0) {
			task_record_clear(&record);
			break;
		}
		on_task(data, &record);
	}
	return close_query(store, LOAD_TASKS, ret, err);
}

int
store_find_task(struct store *store, const char *id, struct task_record *record,
    struct error *err)
{
	sqlite3_stmt *statement = store->statements[FIND_TASK];
	struct task_record found = {0};
	int ret;

	bind_text(statement, 1, id);
	ret = sqlite3_step(statement);
	if (ret == SQLITE_ROW)
		ret = read_task(statement, &found, err);
	else if (ret == SQLITE_DONE)
		ret = error_set(err, ERROR_NOT_FOUND, "no task %s", id);
	else
		ret = fault(store, "read", err);
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
	if (ret == 0)
		*record = found;
	else
		task_record_clear(&found);
	return ret;
}

static int
write_gate(struct store *store, enum statement which,
    const struct process_id *id, struct error *err)
{
	bind_integer(store->statements[which], 1, id->pid);
	bind_integer(store->statements[which], 2, id->start);
	return finish(store, which, err);
}

int
store_add_gate(
    struct store *store, const struct process_id *id, struct error *err)
{
	return write_gate(store, ADD_GATE, id, err);
}

int
store_remove_gate(
    struct store *store, const struct process_id *id, struct error *err)
{
	return write_gate(store, REMOVE_GATE, id, err);
}

int
store_load_gates(struct store *store,
    void (*on_gate)(void *data, const struct process_id *id), void *data,
    struct error *err)
{
	sqlite3_stmt *statement = store->statements[LOAD_GATES];
	struct process_id id;
	int ret;

	while ((ret = sqlite3_step(statement)) == SQLITE_ROW) {
		id.pid = sqlite3_column_int64(statement, 0);
		id.start = sqlite3_column_int64(statement, 1);
		on_gate(data, &id);
	}
	return close_query(store, LOAD_GATES, ret, err);
}

int
store_add_audit(
    struct store *store, const struct audit_row *row, struct error *err)
{
	sqlite3_stmt *statement = store->statements[ADD_AUDIT];

	bind_integer(statement, 1, row->at_ms);
	bind_text(statement, 2, row->event);
	bind_text(statement, 3, row->principal);
	bind_text(statement, 4, row->session);
	bind_text(statement, 5, row->task);
	bind_text(statement, 6, row->what);
	return finish(store, ADD_AUDIT, err);
}

int
store_add_exec(
    struct store *store, const struct exec_start *start, struct error *err)
{
	sqlite3_stmt *statement = store->statements[ADD_EXEC];

	bind_text(statement, 1, start->exec);
	bind_text(statement, 2, start->task);
	bind_text(statement, 3, start->principal);
	bind_text(statement, 4, start->what);
	bind_integer(statement, 5, start->at_ms);
	return finish(store, ADD_EXEC, err);
}

int
store_end_exec(struct store *store, const char *exec, int64_t at_ms,
    const struct attachment_exit *exit, struct error *err)
{
	sqlite3_stmt *statement = store->statements[END_EXEC];

	bind_text(statement, 1, exec);
	bind_integer(statement, 2, at_ms);
	if (exit->code >= 0)
		bind_integer(statement, 3, exit->code);
	bind_text(statement, 4, exit->signal);
	bind_text(statement, 5, exit_reason_names[exit->reason]);
	bind_integer(statement, 6, exit->duration_ms);
	return finish(store, END_EXEC, err);
}
