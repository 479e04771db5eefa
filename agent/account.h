/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who a command runs as, from the image's own passwd(5) and group(5) files:
 * no NSS, no cache, and nothing trusted. The files may have been rewritten by
 * an earlier command, so what is not a regular file of a sane size is refused
 * and lines that are not well formed are passed over.
 */
#ifndef AGENT_ACCOUNT_H
#define AGENT_ACCOUNT_H

#include <stddef.h>
#include <sys/types.h>

#include "protocol/limits.h"

struct refused;

#define ACCOUNT_GROUPS_MAX 256u       /* supplementary; more are left out */
#define ACCOUNT_FILE_MAX   (4u << 20) /* bytes of a passwd or group file */
#define ACCOUNT_RESERVED   65535u     /* the agent's own uid: never a user */

struct account {
	uid_t uid;
	gid_t gid;
	const char *name;  /* the number's digits where it has no line */
	const char *home;  /* absolute; "/" when the file has none */
	const char *shell; /* absolute; "/bin/sh" likewise */
	char *text; /* owned: what the three borrow from; NULL: nothing */
	char digits[LIMIT_USER_BYTES + 1];
	size_t group_count;
	gid_t groups[ACCOUNT_GROUPS_MAX];
};

/*
 * Look up "user" or "user:group", each a name or a decimal number.
 *   etc      the folder of passwd and group
 *   user     NULL: "0"
 *   out      filled on 0, and then not to be moved; account_clear is due
 *            after either. A number without a passwd line has the group of the
 *            same number, home "/" and shell "/bin/sh". Supplementary groups
 *            are those that list the user's name; none when a group was asked
 *            for.
 *   returns  0, or -1: REFUSAL_NO_USER, REFUSAL_SYSTEM (a file is not to be
 *            read; a file that does not exist is empty)
 */
int account_find(const char *etc, const char *user, struct account *out,
    struct refused *refused);

/* Free what the account owns. */
void account_clear(struct account *account);

#endif
