/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the store share. For them alone. */
#ifndef SERVER_MANAGER_STORE_DB_H
#define SERVER_MANAGER_STORE_DB_H

#include <stdint.h>

#include <sqlite3.h>

struct error;

enum store_statement {
	STORE_SAVE_TASK = 0,
	STORE_LOAD_TASKS,
	STORE_FIND_TASK,
	STORE_FIND_TOKEN,
	STORE_FREE_TOKEN,
	STORE_TRIM_TOKENS,
	STORE_GET_BOOT,
	STORE_SET_BOOT,
	STORE_DROP_GATES,
	STORE_RENEW_TOKENS,
	STORE_ADD_GATE,
	STORE_REMOVE_GATE,
	STORE_LOAD_GATES,
	STORE_ADD_AUDIT,
	STORE_ADD_EXEC,
	STORE_END_EXEC,
	STORE_STATEMENTS
};

struct store {
	sqlite3 *db;
	sqlite3_stmt *statements[STORE_STATEMENTS];
};

/* err says what, and why SQLite would not; returns -1. */
int store_fault(struct store *store, const char *what, struct error *err);

/* Bound text is borrowed: it lives until the statement is reset. */
void store_bind_text(sqlite3_stmt *statement, int at, const char *text);
void store_bind_integer(sqlite3_stmt *statement, int at, int64_t number);

/* Run a bound statement that gives no rows. */
int store_finish(
    struct store *store, enum store_statement which, struct error *err);

/* End a query; ret is what its last step gave, SQLITE_ROW when a row was
 * refused and err says why. */
int store_close_query(struct store *store, enum store_statement which, int ret,
    struct error *err);

#endif
