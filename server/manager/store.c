/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/store.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "protocol/attachment.h"
#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/manager/clock.h"
#include "server/manager/store_db.h"

#define BUSY_MS 2000 /* another reader, such as an admin's sqlite3 */

/* What store_task.c reads, in its order. */
#define TASK_COLUMNS                                                    \
	"id, owner, state, reason, slot, spec, exec_ms_max,"            \
	" created_ms, ends_ms, provision_ms, keeper_pid, keeper_start," \
	" asked, idle_from_ms, leases"

static const char *const sql[] = {
    [STORE_SAVE_TASK] =
        "INSERT INTO task (id, owner, state, reason, slot, spec,"
        " exec_ms_max, created_ms, ends_ms, provision_ms, keeper_pid,"
        " keeper_start, token, asked, idle_from_ms, ended_ms, leases)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14,"
        " ?15, ?16, ?17) ON CONFLICT (id) DO UPDATE SET state = ?3,"
        " reason = ?4, spec = ?6, ends_ms = ?9, provision_ms = ?10,"
        " keeper_pid = ?11, keeper_start = ?12, token = ?13,"
        " idle_from_ms = ?15, ended_ms = ?16, leases = ?17",
    [STORE_LOAD_TASKS] = "SELECT " TASK_COLUMNS " FROM task"
                         " WHERE state <> 'destroyed' ORDER BY created_ms, id",
    [STORE_FIND_TASK] = "SELECT " TASK_COLUMNS " FROM task WHERE id = ?1",
    [STORE_FIND_TOKEN] = "SELECT id, asked, reason, ended_ms FROM task"
                         " WHERE owner = ?1 AND token = ?2",
    [STORE_FREE_TOKEN] = "UPDATE task SET token = NULL WHERE id = ?1",
    [STORE_TRIM_TOKENS] =
        "UPDATE task SET token = NULL WHERE id IN (SELECT id FROM task"
        " WHERE owner = ?1 AND token IS NOT NULL AND state = 'destroyed'"
        " ORDER BY ended_ms DESC LIMIT -1 OFFSET ?2)",
    [STORE_GET_BOOT] = "SELECT id FROM boot",
    [STORE_SET_BOOT] = "INSERT OR REPLACE INTO boot (number, id)"
                       " VALUES (1, ?1)",
    [STORE_DROP_GATES] = "DELETE FROM gate",
    [STORE_RENEW_TOKENS] = "UPDATE task SET ended_ms = ?1 WHERE ended_ms > 0"
                           " AND token IS NOT NULL",
    [STORE_ADD_GATE] =
        "INSERT OR REPLACE INTO gate (pid, start) VALUES (?1, ?2)",
    [STORE_REMOVE_GATE] = "DELETE FROM gate WHERE pid = ?1 AND start = ?2",
    [STORE_LOAD_GATES] = "SELECT pid, start FROM gate",
    [STORE_ADD_AUDIT] =
        "INSERT INTO audit (at_ms, event, principal, session, task,"
        " what) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    [STORE_ADD_EXEC] = "INSERT OR IGNORE INTO exec (id, task, principal, what,"
                       " started_ms) VALUES (?1, ?2, ?3, ?4, ?5)",
    [STORE_END_EXEC] = "UPDATE exec SET ended_ms = ?2, code = ?3, signal = ?4,"
                       " reason = ?5, duration_ms = ?6 WHERE id = ?1"
                       " AND ended_ms IS NULL",
};
static_assert(
    sizeof(sql) / sizeof(sql[0]) == STORE_STATEMENTS, "every statement");

/* migrations[n] brings a store of version n to n + 1; as sqlite3_mprintf() has
 * it, given by how much the wall clock is ahead of the boot clock. */
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
    /* deadlines were of the wall clock */
    "ALTER TABLE task ADD COLUMN token TEXT;"
    "ALTER TABLE task ADD COLUMN asked INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE task ADD COLUMN idle_from_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE task ADD COLUMN ended_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE task ADD COLUMN leases TEXT NOT NULL DEFAULT '{}';"
    "UPDATE task SET token = json_extract(spec, '$.token')"
    " WHERE state <> 'destroyed';"
    "UPDATE task SET ends_ms = max(1, ends_ms - %lld) WHERE ends_ms > 0;"
    "CREATE UNIQUE INDEX task_token ON task (owner, token)"
    " WHERE token IS NOT NULL;"
    "CREATE INDEX task_token_ended ON task (owner, ended_ms)"
    " WHERE token IS NOT NULL AND state = 'destroyed';"
    "CREATE TABLE boot (number INTEGER PRIMARY KEY, id TEXT NOT NULL) STRICT;",
};
static_assert(sizeof(migrations) / sizeof(migrations[0]) == STORE_VERSION,
    "a step for each version");

int
store_fault(struct store *store, const char *what, struct error *err)
{
	return error_set(err, ERROR_SYSTEM, "store: %s: %s", what,
	    sqlite3_errmsg(store->db));
}

static int
run(struct store *store, const char *text, struct error *err)
{
	if (sqlite3_exec(store->db, text, NULL, NULL, NULL) != SQLITE_OK)
		return store_fault(store, "statement", err);
	return 0;
}

static int
version_get(struct store *store, int *out, struct error *err)
{
	sqlite3_stmt *statement;

	if (sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &statement,
	        NULL) != SQLITE_OK)
		return store_fault(store, "version", err);
	if (sqlite3_step(statement) != SQLITE_ROW) {
		(void)sqlite3_finalize(statement);
		return store_fault(store, "version", err);
	}
	*out = sqlite3_column_int(statement, 0);
	(void)sqlite3_finalize(statement);
	return 0;
}

static int
migrate_once(struct store *store, int version, struct error *err)
{
	int64_t ahead_ms = clock_wall_ms() - clock_boot_ms();
	char *text = sqlite3_mprintf(migrations[version], (long long)ahead_ms);
	int ret;

	if (text == NULL)
		return error_set(err, ERROR_SYSTEM, "store: out of memory");
	ret = run(store, text, err);
	sqlite3_free(text);
	return ret;
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
		    migrate_once(store, version, err) != 0 ||
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

	for (i = 0; i < STORE_STATEMENTS; i++) {
		if (sqlite3_prepare_v3(store->db, sql[i], -1,
		        SQLITE_PREPARE_PERSISTENT, &store->statements[i],
		        NULL) != SQLITE_OK)
			return store_fault(store, "prepare", err);
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
		(void)store_fault(store, path, err);
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
	for (i = 0; i < STORE_STATEMENTS; i++)
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

void
store_bind_text(sqlite3_stmt *statement, int at, const char *text)
{
	(void)sqlite3_bind_text(statement, at, text, -1, SQLITE_STATIC);
}

void
store_bind_integer(sqlite3_stmt *statement, int at, int64_t number)
{
	(void)sqlite3_bind_int64(statement, at, number);
}

int
store_finish(struct store *store, enum store_statement which, struct error *err)
{
	sqlite3_stmt *statement = store->statements[which];
	int ret = sqlite3_step(statement);

	if (ret != SQLITE_DONE)
		(void)store_fault(store, "write", err);
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
	return ret == SQLITE_DONE ? 0 : -1;
}

int
store_close_query(
    struct store *store, enum store_statement which, int ret, struct error *err)
{
	if (ret != SQLITE_DONE && ret != SQLITE_ROW)
		(void)store_fault(store, "read", err);
	(void)sqlite3_reset(store->statements[which]);
	return ret == SQLITE_DONE ? 0 : -1;
}

int
store_get_boot(
    struct store *store, char id[static CLOCK_BOOT_ID_BYTES], struct error *err)
{
	sqlite3_stmt *statement = store->statements[STORE_GET_BOOT];
	int ret = sqlite3_step(statement);
	char found[CLOCK_BOOT_ID_BYTES] = "";

	if (ret == SQLITE_ROW) {
		(void)snprintf(found, sizeof(found), "%s",
		    (const char *)sqlite3_column_text(statement, 0));
		ret = sqlite3_step(statement);
	}
	if (store_close_query(store, STORE_GET_BOOT, ret, err) != 0)
		return -1;
	memcpy(id, found, sizeof(found));
	return 0;
}

int
store_set_boot(struct store *store, const char *id, struct error *err)
{
	store_bind_text(store->statements[STORE_SET_BOOT], 1, id);
	store_bind_integer(
	    store->statements[STORE_RENEW_TOKENS], 1, clock_boot_ms());
	if (store_begin(store, err) != 0)
		return -1;
	if (store_finish(store, STORE_SET_BOOT, err) != 0 ||
	    store_finish(store, STORE_RENEW_TOKENS, err) != 0 ||
	    store_finish(store, STORE_DROP_GATES, err) != 0) {
		store_abandon(store);
		return -1;
	}
	return store_commit(store, err);
}

static int
write_gate(struct store *store, enum store_statement which,
    const struct process_id *id, struct error *err)
{
	store_bind_integer(store->statements[which], 1, id->pid);
	store_bind_integer(store->statements[which], 2, id->start);
	return store_finish(store, which, err);
}

int
store_add_gate(
    struct store *store, const struct process_id *id, struct error *err)
{
	return write_gate(store, STORE_ADD_GATE, id, err);
}

int
store_remove_gate(
    struct store *store, const struct process_id *id, struct error *err)
{
	return write_gate(store, STORE_REMOVE_GATE, id, err);
}

int
store_load_gates(struct store *store,
    void (*on_gate)(void *data, const struct process_id *id), void *data,
    struct error *err)
{
	sqlite3_stmt *statement = store->statements[STORE_LOAD_GATES];
	struct process_id id;
	int ret;

	while ((ret = sqlite3_step(statement)) == SQLITE_ROW) {
		id.pid = sqlite3_column_int64(statement, 0);
		id.start = sqlite3_column_int64(statement, 1);
		on_gate(data, &id);
	}
	return store_close_query(store, STORE_LOAD_GATES, ret, err);
}

int
store_add_audit(
    struct store *store, const struct audit_row *row, struct error *err)
{
	sqlite3_stmt *statement = store->statements[STORE_ADD_AUDIT];

	store_bind_integer(statement, 1, row->at_ms);
	store_bind_text(statement, 2, row->event);
	store_bind_text(statement, 3, row->principal);
	store_bind_text(statement, 4, row->session);
	store_bind_text(statement, 5, row->task);
	store_bind_text(statement, 6, row->what);
	return store_finish(store, STORE_ADD_AUDIT, err);
}

int
store_add_exec(
    struct store *store, const struct exec_start *start, struct error *err)
{
	sqlite3_stmt *statement = store->statements[STORE_ADD_EXEC];

	store_bind_text(statement, 1, start->exec);
	store_bind_text(statement, 2, start->task);
	store_bind_text(statement, 3, start->principal);
	store_bind_text(statement, 4, start->what);
	store_bind_integer(statement, 5, start->at_ms);
	return store_finish(store, STORE_ADD_EXEC, err);
}

int
store_end_exec(struct store *store, const char *exec, int64_t at_ms,
    const struct attachment_exit *exit, struct error *err)
{
	sqlite3_stmt *statement = store->statements[STORE_END_EXEC];

	store_bind_text(statement, 1, exec);
	store_bind_integer(statement, 2, at_ms);
	if (exit->code >= 0)
		store_bind_integer(statement, 3, exit->code);
	store_bind_text(statement, 4, exit->signal);
	store_bind_text(statement, 5, exit_reason_names[exit->reason]);
	store_bind_integer(statement, 6, exit->duration_ms);
	return store_finish(store, STORE_END_EXEC, err);
}
