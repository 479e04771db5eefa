/* SPDX-License-Identifier: Apache-2.0 */
/* doctor [--dir DIR] [--json]: what this machine can do, and how to mend what
 * it cannot. */
#ifndef SERVER_ADMIN_DOCTOR_H
#define SERVER_ADMIN_DOCTOR_H

/* A verb of sallyport; status 0 when the default runtime ran a sandbox. */
int doctor_command(int argc, char **argv);

#endif
