/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A terminal outlives its keeper: what is written of it (checkpoint.h), so that
 * together with the ring it can be made anew. The ring always has what came
 * since the last checkpoint, for one is taken after half of the ring, or
 * PTY_CHECKPOINT_BYTES. A change of size or modes between two of them is noted
 * where it happened; one of size is followed by a checkpoint, because a repaint
 * has no bytes for what another size may bring back, but by few of them.
 *
 * While the disk takes nothing there is none, and it is tried again with the
 * terminal's next output.
 */
#ifndef SERVER_KEEPER_PTY_CHECKPOINT_H
#define SERVER_KEEPER_PTY_CHECKPOINT_H

#include <stdint.h>

struct checkpoint_mark;
struct error;
struct pty;

#define PTY_CHECKPOINT_BYTES                                              \
	(8u << 20)                   /* of the ring, at most, between two \
	                              */
#define PTY_CHECKPOINT_MS       250u /* between two for changes of size */
#define PTY_CHECKPOINT_RETRY_MS 250u /* after a disk that took nothing */

/* Of a pty that is new: as it is now it needs no checkpoint. */
void pty_checkpoint_begin(struct pty *pty);

/*
 * The terminal as it was when its ring ended, and its recording as it went on:
 * of a pty that is new, of an exec whose output was restored. It does not
 * answer, record or tell again what was in the ring.
 *   returns  0, or -1 ERROR_SYSTEM, ERROR_INVALID: the screen has only what is
 *            in the ring, or part of it
 */
int pty_restore(struct pty *pty, struct error *err);

/* Output was fed; something besides output may have changed. */
void pty_checkpoint_fed(struct pty *pty);
void pty_checkpoint_note(struct pty *pty);

/* The recording has come so far. */
void pty_checkpoint_mark(struct pty *pty, const struct checkpoint_mark *mark);

#endif
