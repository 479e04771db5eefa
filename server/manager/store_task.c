/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks, and the tokens that they were asked for with. */
#include <stdio.h>
#include <string.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/memory.h"
#include "protocol/name.h"
#include "server/manager/store.h"
#include "server/manager/store_db.h"

#define SPEC_BYTES_MAX (64u << 20) /* above all that the limits allow */

static void
bind_json(sqlite3_stmt *statement, int at, const struct buffer *json)
{
	(void)sqlite3_bind_text(statement, at, (const char *)buffer_bytes(json),
	    (int)buffer_len(json), SQLITE_STATIC);
}

int
store_save_task(
    struct store *store, const struct task_record *record, struct error *err)
{
	sqlite3_stmt *statement = store->statements[STORE_SAVE_TASK];
	struct buffer spec, leases;
	int ret;

	buffer_init(&spec, SPEC_BYTES_MAX);
	buffer_init(&leases, SPEC_BYTES_MAX);
	if (json_write(&task_spec_shape, NULL, &record->spec, &spec, err) !=
	        0 ||
	    json_write(&leases_shape, NULL, &record->leases, &leases, err) !=
	        0) {
		buffer_clear(&spec);
		buffer_clear(&leases);
		return -1;
	}
	store_bind_text(statement, 1, record->id);
	store_bind_text(statement, 2, record->owner);
	store_bind_text(statement, 3, task_state_names[record->state]);
	store_bind_text(statement, 4, record->reason);
	store_bind_integer(statement, 5, record->slot);
	bind_json(statement, 6, &spec);
	store_bind_integer(statement, 7, record->exec_ms_max);
	store_bind_integer(statement, 8, record->created_ms);
	store_bind_integer(statement, 9, record->ends_ms);
	store_bind_integer(statement, 10, record->provision_ms);
	store_bind_integer(statement, 11, record->keeper.pid);
	store_bind_integer(statement, 12, record->keeper.start);
	store_bind_text(statement, 13,
	    task_holds_token(record) ? record->spec.token : NULL);
	store_bind_integer(statement, 14, (int64_t)record->asked);
	store_bind_integer(statement, 15, record->idle_from_ms);
	store_bind_integer(statement, 16, record->ended_ms);
	bind_json(statement, 17, &leases);
	ret = store_finish(store, STORE_SAVE_TASK, err);
	buffer_clear(&spec);
	buffer_clear(&leases);
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
	if (json_read(&leases_shape, column_text(statement, 14),
	        (size_t)sqlite3_column_bytes(statement, 14), &record->leases,
	        err) != 0)
		return error_wrap(err, "store: leases of task %s", id);
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
	record->asked = (uint64_t)sqlite3_column_int64(statement, 12);
	record->idle_from_ms = sqlite3_column_int64(statement, 13);
	/* of a store that did not know them */
	if (record->spec.idle_ms < 0)
		record->spec.idle_ms = 0;
	return 0;
}

int
store_load_tasks(struct store *store,
    void (*on_task)(void *data, struct task_record *record), void *data,
    struct error *err)
{
	sqlite3_stmt *statement = store->statements[STORE_LOAD_TASKS];
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
	return store_close_query(store, STORE_LOAD_TASKS, ret, err);
}

int
store_find_task(struct store *store, const char *id, struct task_record *record,
    struct error *err)
{
	sqlite3_stmt *statement = store->statements[STORE_FIND_TASK];
	struct task_record found = {0};
	int ret;

	store_bind_text(statement, 1, id);
	ret = sqlite3_step(statement);
	if (ret == SQLITE_ROW)
		ret = read_task(statement, &found, err);
	else if (ret == SQLITE_DONE)
		ret = error_set(err, ERROR_NOT_FOUND, "no task %s", id);
	else
		ret = store_fault(store, "read", err);
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
	if (ret == 0)
		*record = found;
	else
		task_record_clear(&found);
	return ret;
}

int
store_find_token(struct store *store, const char *owner, const char *token,
    struct store_token *out, struct error *err)
{
	sqlite3_stmt *statement = store->statements[STORE_FIND_TOKEN];
	const char *reason;
	int ret;

	store_bind_text(statement, 1, owner);
	store_bind_text(statement, 2, token);
	ret = sqlite3_step(statement);
	if (ret == SQLITE_ROW) {
		reason = column_text(statement, 2);
		(void)snprintf(out->task, sizeof(out->task), "%s",
		    column_text(statement, 0));
		out->asked = (uint64_t)sqlite3_column_int64(statement, 1);
		(void)snprintf(out->reason, sizeof(out->reason), "%s",
		    reason == NULL ? "" : reason);
		out->ended_ms = sqlite3_column_int64(statement, 3);
		ret = 0;
	} else if (ret == SQLITE_DONE) {
		ret = error_set(err, ERROR_NOT_FOUND, "no task of this token");
	} else {
		ret = store_fault(store, "read", err);
	}
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
	return ret;
}

int
store_free_token(struct store *store, const char *task, struct error *err)
{
	store_bind_text(store->statements[STORE_FREE_TOKEN], 1, task);
	return store_finish(store, STORE_FREE_TOKEN, err);
}

int
store_trim_tokens(
    struct store *store, const char *owner, unsigned keep, struct error *err)
{
	sqlite3_stmt *statement = store->statements[STORE_TRIM_TOKENS];

	store_bind_text(statement, 1, owner);
	store_bind_integer(statement, 2, keep);
	return store_finish(store, STORE_TRIM_TOKENS, err);
}
