/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manager's clocks. What people are shown is of the wall clock, which may
 * be set; deadlines are of the boot clock, which never is and runs while the
 * machine is suspended. It begins anew with the machine: what is stored of it
 * means something during one boot only.
 */
#ifndef SERVER_MANAGER_CLOCK_H
#define SERVER_MANAGER_CLOCK_H

#include <stdint.h>

struct error;

#define CLOCK_BOOT_ID_BYTES                              \
	40 /* the kernel's name of this boot, with a NUL \
	    */

/* Milliseconds since the epoch. */
int64_t clock_wall_ms(void);

/* Milliseconds of this boot. */
int64_t clock_boot_ms(void);

/* Errors: ERROR_SYSTEM, ERROR_NOT_FOUND. */
int clock_boot_id(char id[static CLOCK_BOOT_ID_BYTES], struct error *err);

#endif
