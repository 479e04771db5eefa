/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach: the gate is given a socket to the task's keeper, on which the
 * manager has already said who this is and what it may do. Every command of
 * every session passes here: nothing blocks, and nothing touches the disk. It
 * waits its turn (parking.h) while the task's keeper cannot let anybody in.
 */
#include "server/manager/control.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "protocol/attachment.h"
#include "protocol/buffer.h"
#include "protocol/cleanup.h"
#include "protocol/error.h"
#include "protocol/frame.h"
#include "server/manager/asker.h"
#include "server/manager/lifecycle.h"
#include "server/manager/manager.h"
#include "server/manager/policy.h"
#include "server/manager/unix_socket.h"

#define ADMIT_BYTES_MAX 4096

/* The first frame on a fresh socket: it fits, or something is wrong. */
static int
send_admit(int fd, const struct attachment_admit *admit, struct error *err)
{
	struct buffer json, frame;
	int ret;

	buffer_init(&json, ADMIT_BYTES_MAX);
	buffer_init(&frame, ADMIT_BYTES_MAX + FRAME_HEADER_BYTES);
	ret = json_write(attachment_shapes[ATTACHMENT_ADMIT],
	    attachment_types[ATTACHMENT_ADMIT], admit, &json, err);
	if (ret == 0)
		ret = frame_append(&frame, FRAME_CONTROL, 0,
		    buffer_bytes(&json), buffer_len(&json), err);
	if (ret == 0 && send(fd, buffer_bytes(&frame), buffer_len(&frame),
	                    MSG_NOSIGNAL) != (ssize_t)buffer_len(&frame))
		ret = error_sys(err, "keeper: admit: %s", strerror(errno));
	buffer_clear(&json);
	buffer_clear(&frame);
	return ret;
}

static int
connect_keeper(struct task *task, const struct control_attach *attach, int *out,
    struct error *err)
{
	const struct task_record *record = &task->record;
	struct attachment_admit admit = {
	    .principal = attach->principal,
	    .right = attach->right,
	    .exec_ms = attach->person ? 0 : record->spec.limits.exec_ms,
	    .exec_ms_max = attach->person ? 0 : record->exec_ms_max,
	};
	char path[KEEPER_PATH_MAX];
	autoclose int fd = -1;

	keeper_path(record->id, path);
	if (unix_connect(path, &fd, err) != 0)
		return -1;
	if (send_admit(fd, &admit, err) != 0)
		return error_set(err, ERROR_SYSTEM,
		    "task %s: its keeper does not answer", record->id);
	*out = take_fd(&fd);
	return 0;
}

static int
check(struct asker *asker, const struct control_attach *attach,
    struct task **out, struct error *err)
{
	if (policy_find(asker, attach->principal, attach->task,
	        attach->right == RIGHT_WRITE ? ACTION_WRITE : ACTION_READ, out,
	        err) != 0)
		return -1;
	if ((*out)->record.state != TASK_READY)
		return error_set(err, ERROR_STATE, "task %s is %s",
		    attach->task, task_state_names[(*out)->record.state]);
	return 0;
}

/* One that is gone is missed in a moment, one that is busy gets round to it. */
enum control_attach_result
control_attach_now(
    struct asker *asker, const struct control_attach *attach, struct error *err)
{
	struct control_answer answer = {.request = attach->request};
	struct task *task;
	int fd = -1;

	if (check(asker, attach, &task, err) != 0)
		return CONTROL_ATTACH_REFUSED;
	if (connect_keeper(task, attach, &fd, err) != 0)
		return err->code == ERROR_NOT_FOUND || err->code == ERROR_LIMIT
		           ? CONTROL_ATTACH_LATER
		           : CONTROL_ATTACH_REFUSED;
	answer.task = task->record.id;
	asker_say_fd(asker, CONTROL_ANSWER, &answer, fd);
	audit_note(&asker->manager->audit, "attach", attach->principal,
	    attach->session, task->record.id,
	    attach->right == RIGHT_WRITE ? "write" : "read");
	return CONTROL_ATTACH_DONE;
}

int
control_attach(struct asker *asker, union control_body *body, struct error *err)
{
	const struct control_attach *attach = &body->attach;
	struct task *task;

	if (check(asker, attach, &task, err) != 0 ||
	    parking_add(task, asker, attach, err) != 0)
		return -1;
	parking_serve(task);
	return 0;
}
