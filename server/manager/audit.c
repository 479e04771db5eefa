/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/audit.h"

#include <stdlib.h>
#include <string.h>

#include "protocol/error.h"
#include "protocol/memory.h"
#include "server/common/log.h"
#include "server/common/owner.h"
#include "server/manager/clock.h"
#include "server/manager/store.h"

enum entry_kind { ENTRY_NOTE = 0, ENTRY_STARTED, ENTRY_ENDED };

struct audit_entry {
	enum entry_kind kind;
	struct audit_row row;       /* NOTE; STARTED has its exec in event */
	struct custody_ended ended; /* ENDED */
};

void
audit_open(struct audit *audit, uv_loop_t *loop, struct owner *owner,
    struct store *store)
{
	audit->store = store;
	audit->rows = memory_new(AUDIT_ROWS, sizeof(*audit->rows));
	audit->count = 0;
	(void)uv_timer_init(loop, &audit->timer);
	owner_adopt(owner, (uv_handle_t *)&audit->timer);
}

static void
clear(struct audit_entry *entry)
{
	free(entry->row.event);
	free(entry->row.principal);
	free(entry->row.session);
	free(entry->row.task);
	free(entry->row.what);
	free(entry->ended.exec);
	free(entry->ended.exit.signal);
}

static int
write_entry(
    struct store *store, const struct audit_entry *entry, struct error *err)
{
	const struct audit_row *row = &entry->row;

	switch (entry->kind) {
	case ENTRY_NOTE:
		return store_add_audit(store, row, err);
	case ENTRY_STARTED:
		return store_add_exec(store,
		    &(struct exec_start){
		        .at_ms = row->at_ms,
		        .exec = row->event,
		        .task = row->task,
		        .principal = row->principal,
		        .what = row->what,
		    },
		    err);
	case ENTRY_ENDED:
		return store_end_exec(store, entry->ended.exec, row->at_ms,
		    &entry->ended.exit, err);
	}
	return error_set(
	    err, ERROR_BUG, "audit entry of kind %d", (int)entry->kind);
}

void
audit_flush(struct audit *audit)
{
	struct error err;
	int ret;
	size_t i;

	(void)uv_timer_stop(&audit->timer);
	if (audit->count == 0)
		return;
	ret = store_begin(audit->store, &err);
	for (i = 0; i < audit->count && ret == 0; i++)
		ret = write_entry(audit->store, &audit->rows[i], &err);
	if (ret == 0)
		ret = store_commit(audit->store, &err);
	else
		store_abandon(audit->store);
	if (ret != 0)
		log_error(
		    "audit: %zu rows are lost: %s", audit->count, err.text);
	for (i = 0; i < audit->count; i++)
		clear(&audit->rows[i]);
	audit->count = 0;
}

void
audit_close(struct audit *audit)
{
	if (audit->rows == NULL)
		return;
	audit_flush(audit);
	free(audit->rows);
	audit->rows = NULL;
}

static void
on_timer(uv_timer_t *timer)
{
	audit_flush((struct audit *)timer);
}

static struct audit_entry *
add(struct audit *audit, enum entry_kind kind)
{
	struct audit_entry *entry;

	if (audit->count == AUDIT_ROWS)
		audit_flush(audit);
	if (audit->count == 0)
		(void)uv_timer_start(&audit->timer, on_timer, AUDIT_MS, 0);
	entry = &audit->rows[audit->count++];
	memset(entry, 0, sizeof(*entry));
	entry->kind = kind;
	entry->row.at_ms = clock_wall_ms();
	return entry;
}

void
audit_note(struct audit *audit, const char *event, const char *principal,
    const char *session, const char *task, const char *what)
{
	struct audit_row *row = &add(audit, ENTRY_NOTE)->row;

	row->event = memory_string(event);
	row->principal = memory_string(principal);
	row->session = memory_string(session);
	row->task = memory_string(task);
	row->what = memory_string(what);
}

void
audit_exec_started(struct audit *audit, const char *task,
    const struct custody_started *started)
{
	struct audit_row *row = &add(audit, ENTRY_STARTED)->row;

	row->event = memory_string(started->exec);
	row->principal = memory_string(started->principal);
	row->task = memory_string(task);
	row->what = memory_string(started->what);
}

void
audit_exec_ended(struct audit *audit, const struct custody_ended *ended)
{
	struct audit_entry *entry = add(audit, ENTRY_ENDED);

	entry->ended = *ended;
	entry->ended.exec = memory_string(ended->exec);
	entry->ended.exit.signal = memory_string(ended->exit.signal);
}
