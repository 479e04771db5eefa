/* SPDX-License-Identifier: Apache-2.0 */
#include "server/gate/refusal.h"

#include <endian.h>
#include <string.h>
#include <sys/socket.h>

#define VERSION "SSH-2.0-sallyport_" SALLYPORT_VERSION "\r\n"

#define MESSAGE_DISCONNECT   1
#define TOO_MANY_CONNECTIONS 12
#define BLOCK_BYTES          8u
#define PADDING_MIN          4u
#define LENGTH_BYTES         4u

static uint8_t *
put_number(uint8_t *at, uint32_t number)
{
	uint32_t wire = htobe32(number);

	memcpy(at, &wire, sizeof(wire));
	return at + sizeof(wire);
}

size_t
refusal_write(uint8_t out[REFUSAL_BYTES], const char *text)
{
	size_t version_len = strlen(VERSION);
	uint32_t text_len = (uint32_t)strnlen(text, REFUSAL_TEXT_BYTES);
	/* message, reason, description, language */
	uint32_t len = 1 + 4 + 4 + text_len + 4;
	uint32_t over = (LENGTH_BYTES + 1 + len + PADDING_MIN) % BLOCK_BYTES;
	uint32_t padding = PADDING_MIN + (BLOCK_BYTES - over) % BLOCK_BYTES;
	uint8_t *at = out + version_len;

	memset(out, 0, REFUSAL_BYTES);
	memcpy(out, VERSION, version_len);
	at = put_number(at, 1 + len + padding);
	*at++ = (uint8_t)padding;
	*at++ = MESSAGE_DISCONNECT;
	at = put_number(at, TOO_MANY_CONNECTIONS);
	at = put_number(at, text_len);
	memcpy(at, text, text_len);
	return version_len + LENGTH_BYTES + 1 + len + padding;
}

/* What has come is read: else the end would be a reset, which can overtake
 * what we say. */
void
refusal_send(int fd, const char *text)
{
	uint8_t bytes[REFUSAL_BYTES];
	size_t len = refusal_write(bytes, text);

	(void)send(fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	(void)shutdown(fd, SHUT_WR);
	(void)recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
}
