/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may be asked of the manager: one row per message with who may send it,
 * one handler each. A handler returns 0 when it has answered or will, or -1
 * with the error that the dispatcher answers. What is not a request that may
 * be answered is the peer's fault and closes its channel.
 */
#ifndef SERVER_MANAGER_CONTROL_H
#define SERVER_MANAGER_CONTROL_H

#include <stdint.h>

struct asker;
struct control_attach;
struct error;
struct frame;
struct manager;
union control_body;

#define CONTROL_LISTINGS_MAX   32u   /* lists of recordings made at once */
#define CONTROL_RECORDINGS_MAX 4096u /* recordings in a list: the newest */

typedef int (*control_fn)(
    struct asker *asker, union control_body *body, struct error *err);

/* Read one frame and act on it; -1 is the peer's fault. */
int control_dispatch(
    struct asker *asker, const struct frame *frame, struct error *err);

/* control_attach.c */
enum control_attach_result {
	CONTROL_ATTACH_DONE = 0,
	CONTROL_ATTACH_LATER, /* its keeper cannot let anybody in just now */
	CONTROL_ATTACH_REFUSED
};
enum control_attach_result control_attach_now(struct asker *asker,
    const struct control_attach *attach, struct error *err);
int control_attach(
    struct asker *asker, union control_body *body, struct error *err);

/* control_task.c */
int control_create(
    struct asker *asker, union control_body *body, struct error *err);
int control_list(
    struct asker *asker, union control_body *body, struct error *err);
int control_get(
    struct asker *asker, union control_body *body, struct error *err);
int control_update(
    struct asker *asker, union control_body *body, struct error *err);
int control_lease(
    struct asker *asker, union control_body *body, struct error *err);
int control_destroy(
    struct asker *asker, union control_body *body, struct error *err);

/* control_recording.c */
int control_recordings(
    struct asker *asker, union control_body *body, struct error *err);
int control_replay(
    struct asker *asker, union control_body *body, struct error *err);

/* An asker has gone: lists that are being made are not for it any more. */
void control_drop_listings(struct manager *manager, const struct asker *asker);

#endif
