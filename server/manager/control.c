/* SPDX-License-Identifier: Apache-2.0 */
#include "server/manager/control.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "protocol/control.h"
#include "protocol/error.h"
#include "protocol/frame.h"
#include "server/manager/asker.h"
#include "server/manager/gate.h"
#include "server/manager/manager.h"
#include "server/manager/reload.h"
#include "server/manager/renewal.h"
#include "server/manager/upgrade.h"

#define FROM_NEW   (1u << ASKER_GATE_NEW | 1u << ASKER_GATE_LEFT)
#define FROM_GATE  (1u << ASKER_GATE)
#define FROM_ADMIN (1u << ASKER_ADMIN)
#define FROM_BOTH  (FROM_GATE | FROM_ADMIN)

struct row {
	unsigned from; /* bits of enum asker_kind; 0: nobody may send it */
	bool is_request;
	control_fn handle;
};

static int
on_ready(struct asker *asker, union control_body *body, struct error *err)
{
	(void)err;
	gate_ready(asker, &body->ready);
	return 0;
}

static int
on_session(struct asker *asker, union control_body *body, struct error *err)
{
	const struct control_session *session = &body->session;
	char event[64];
	char what[512];

	(void)err;
	(void)snprintf(event, sizeof(event), "session.%s", session->event);
	(void)snprintf(what, sizeof(what), "%s as %s", session->address,
	    session->user == NULL ? "-" : session->user);
	audit_note(&asker->manager->audit, event, session->principal,
	    session->session, NULL, what);
	return 0;
}

static int
on_down(struct asker *asker, union control_body *body, struct error *err)
{
	return manager_down(asker->manager, asker, body->ask.request, err);
}

static int
on_reload(struct asker *asker, union control_body *body, struct error *err)
{
	char note[RELOAD_NOTE_BYTES];
	struct control_answer answer = {.request = body->ask.request};

	if (reload_all(asker->manager, note, sizeof(note), err) != 0)
		return -1;
	answer.note = note[0] == '\0' ? NULL : note;
	asker_say(asker, CONTROL_ANSWER, &answer);
	return 0;
}

static int
on_upgrade(struct asker *asker, union control_body *body, struct error *err)
{
	return upgrade_begin(asker->manager, asker, body->ask.request, err);
}

static int
on_keepers(struct asker *asker, union control_body *body, struct error *err)
{
	return renewal_begin(asker, &body->ask, err);
}

static const struct row rows[] = {
    [CONTROL_READY] = {FROM_NEW, false, on_ready},
    [CONTROL_ATTACH] = {FROM_BOTH, true, control_attach},
    [CONTROL_TASK_CREATE] = {FROM_BOTH, true, control_create},
    [CONTROL_TASK_LIST] = {FROM_BOTH, true, control_list},
    [CONTROL_TASK_GET] = {FROM_BOTH, true, control_get},
    [CONTROL_TASK_UPDATE] = {FROM_BOTH, true, control_update},
    [CONTROL_TASK_DESTROY] = {FROM_BOTH, true, control_destroy},
    [CONTROL_LEASE] = {FROM_BOTH, true, control_lease},
    [CONTROL_RECORDINGS] = {FROM_BOTH, true, control_recordings},
    [CONTROL_REPLAY] = {FROM_BOTH, true, control_replay},
    [CONTROL_SESSION] = {FROM_GATE, false, on_session},
    [CONTROL_DOWN] = {FROM_ADMIN, true, on_down},
    [CONTROL_RELOAD] = {FROM_ADMIN, true, on_reload},
    [CONTROL_UPGRADE] = {FROM_ADMIN, true, on_upgrade},
    [CONTROL_KEEPERS] = {FROM_ADMIN, true, on_keepers},
    [CONTROL_CONFIGURE] = {0, false, NULL},
    [CONTROL_KEYS] = {0, false, NULL},
    [CONTROL_NAMES] = {0, false, NULL},
    [CONTROL_DRAIN] = {0, false, NULL},
    [CONTROL_TASK] = {0, false, NULL},
    [CONTROL_RECORDING] = {0, false, NULL},
    [CONTROL_ANSWER] = {0, false, NULL},
};
static_assert(
    sizeof(rows) / sizeof(rows[0]) == CONTROL_TYPES, "a row for each type");

/* Each request begins with its number. */
static_assert(offsetof(struct control_attach, request) == 0 &&
                  offsetof(struct control_create, request) == 0 &&
                  offsetof(struct control_update, request) == 0 &&
                  offsetof(struct control_ask, request) == 0 &&
                  offsetof(struct control_lease, request) == 0 &&
                  offsetof(struct control_replay, request) == 0,
    "request comes first");

static int
handle(struct asker *asker, enum control_type type, union control_body *body,
    struct error *err)
{
	const struct row *row = &rows[type];
	struct error why = {0};

	if ((row->from & 1u << asker->kind) == 0)
		return error_set(err, ERROR_STATE, "%s is not its to say now",
		    control_types[type]);
	if (row->handle(asker, body, &why) == 0)
		return 0;
	if (!row->is_request) {
		*err = why;
		return -1;
	}
	asker_answer(asker, body->ask.request, &why, NULL);
	return 0;
}

int
control_dispatch(
    struct asker *asker, const struct frame *frame, struct error *err)
{
	union control_body body;
	int type = -1, ret;

	if (frame->kind != FRAME_CONTROL || frame->stream != 0)
		return error_set(err, ERROR_INVALID, "%s frame on stream %u",
		    frame_kind_name(frame->kind), frame->stream);
	ret = json_read_typed(&control_messages, (const char *)frame->payload,
	    frame->len, &type, &body, err);
	if (ret == 0)
		ret = handle(asker, (enum control_type)type, &body, err);
	if (type >= 0)
		json_clear(control_shapes[type], &body);
	return ret;
}
