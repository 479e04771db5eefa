/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recording of one terminal: an asciicast file in the task's folder of
 * recordings, written a little behind (RECORDER_FLUSH_MS) so that a flood costs
 * few writes. While the disk is full it waits, and a marker says how many bytes
 * are missing afterwards; any other error ends the recording, never the
 * terminal.
 */
#ifndef SERVER_KEEPER_RECORDER_H
#define SERVER_KEEPER_RECORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/terminal/terminal.h"

struct checkpoint_mark;
struct pty;
struct recorder;

#define RECORDER_FLUSH_MS 50u
#define RECORDER_RETRY_MS 250u

/*
 * Begin the recording of a terminal to which nothing was written yet, as
 * keeper->config.recording says.
 * returns NULL: none is wanted, or the file cannot be made (it was logged)
 */
struct recorder *recorder_new(struct pty *pty);

/*
 * Go on with a recording that an earlier keeper began, from where it is sure to
 * be whole: what came behind the mark is to be recorded again.
 * returns NULL: there is none, it had ended, or it cannot be gone on with (it
 *         was logged)
 */
struct recorder *recorder_resume(
    struct pty *pty, const struct checkpoint_mark *mark);

/* Write what waits, and close. NULL is accepted, here and below. */
void recorder_free(struct recorder *recorder);

void recorder_output(
    struct recorder *recorder, const uint8_t *bytes, size_t len);
void recorder_resize(
    struct recorder *recorder, const struct terminal_size *size);

/* OSC 133, as on_mark of terminal.h. */
void recorder_mark(struct recorder *recorder, char kind, int code);

/* The command's status, as a shell has it; -1: unknown. */
void recorder_exit(struct recorder *recorder, int status);

/*
 * Input: bytes were sent to the agent; the agent has taken the next so many of
 * them, with echo on or off. Only input that echo shows is recorded.
 */
void recorder_typed(
    struct recorder *recorder, const uint8_t *bytes, size_t len);
void recorder_taken(struct recorder *recorder, size_t len, bool echo);

#endif
