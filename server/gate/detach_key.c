/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/detach_key.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define ESC 0x1b

#define CONTROL 4            /* in a key's modifiers, less 1 */
#define LOCKS   (64 | 128)   /* caps lock, num lock: of no matter */
#define RELEASE 3            /* of an event: the key went up */
#define ENCODED "\t\n\r\x1b" /* keys of their own */

int
detach_key_parse(const char *text, int *key)
{
	int letter;

	if (strcmp(text, "none") == 0) {
		*key = DETACH_KEY_NONE;
		return 0;
	}
	if (strncmp(text, "C-", 2) != 0 || text[2] == '\0' || text[3] != '\0')
		return -1;
	letter = toupper((unsigned char)text[2]);
	if (letter < '@' || letter > '_' ||
	    memchr(ENCODED, letter - '@', sizeof(ENCODED) - 1) != NULL)
		return -1;
	*key = letter - '@';
	return 0;
}

void
detach_key_init(struct detach_key *detach, int key)
{
	memset(detach, 0, sizeof(*detach));
	detach->key = key;
}

/* Whether a key's number, as a sequence has it, is ours with Control held. */
static bool
is_key(const struct detach_key *detach, long number, long modifiers)
{
	int held = (int)(modifiers - 1) & ~LOCKS;

	return held == CONTROL && number > 0 && number < 128 &&
	       tolower(detach->key + '@') == (int)number;
}

/* CSI number [: more] ; modifiers [: event] [; text] u */
static bool
is_kitty(const struct detach_key *detach)
{
	char *at;
	long number = strtol(detach->csi + 2, &at, 10);
	long modifiers;

	at += strcspn(at, ";u");
	if (*at != ';')
		return false;
	modifiers = strtol(at + 1, &at, 10);
	if (*at == ':' && strtol(at + 1, &at, 10) == RELEASE)
		return false;
	return is_key(detach, number, modifiers);
}

/* CSI 27 ; modifiers ; number ~ */
static bool
is_xterm(const struct detach_key *detach)
{
	char *at;
	long modifiers;

	if (strtol(detach->csi + 2, &at, 10) != 27 || *at != ';')
		return false;
	modifiers = strtol(at + 1, &at, 10);
	if (*at != ';')
		return false;
	return is_key(detach, strtol(at + 1, NULL, 10), modifiers);
}

/* A sequence goes on with byte. Returns whether it ends as our key. */
static bool
go_on(struct detach_key *detach, uint8_t byte)
{
	size_t len = detach->len;
	bool is_ours = false;

	if (byte == ESC) {
		len = 0;
	} else if ((len == 1 && byte != '[') || len == DETACH_KEY_CSI_BYTES ||
	           byte < 0x20 || byte > 0x7e) {
		detach->len = 0;
		return false;
	}
	detach->csi[len] = (char)byte;
	detach->csi[len + 1] = '\0';
	detach->len = len + 1;
	if (len < 2 || byte < 0x40)
		return false;
	if (byte == 'u')
		is_ours = is_kitty(detach);
	else if (byte == '~')
		is_ours = is_xterm(detach);
	detach->len = 0;
	return is_ours;
}

size_t
detach_key_scan(
    struct detach_key *detach, const uint8_t *bytes, size_t len, bool *found)
{
	size_t began = detach->len; /* of the sequence, in former bytes */
	size_t i;

	*found = false;
	if (detach->key == DETACH_KEY_NONE)
		return len;
	for (i = 0; i < len; i++) {
		if (bytes[i] == detach->key) {
			*found = true;
			return i;
		}
		if (bytes[i] == ESC)
			began = 0;
		if (bytes[i] != ESC && detach->len == 0)
			continue;
		if (go_on(detach, bytes[i])) {
			*found = true;
			return began > 0 ? i + 1 : i + 1 - strlen(detach->csi);
		}
	}
	return len;
}
