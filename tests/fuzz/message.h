/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every message must survive: to be read, written, read again and written
 * again, the second time to the same bytes. Included by the targets only.
 */
#ifndef TESTS_FUZZ_MESSAGE_H
#define TESTS_FUZZ_MESSAGE_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/buffer.h"
#include "protocol/error.h"
#include "protocol/json.h"
#include "protocol/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define MESSAGE_MAX (64u << 20)

/* The type, or -1 for what was refused with an error that can be sent. */
static int
message_read(const struct json_messages *messages, const uint8_t *bytes,
    size_t len, void *body)
{
	struct error err = {0};
	int type;

	if (json_read_typed(
	        messages, (const char *)bytes, len, &type, body, &err) == 0)
		return type;
	if (type >= 0)
		json_clear(messages->shapes[type], body);
	if ((err.code != ERROR_INVALID && err.code != ERROR_LIMIT) ||
	    err.text[0] == '\0' || !utf8_is_valid(err.text, strlen(err.text)))
		abort();
	return -1;
}

static void
message_fuzz(const struct json_messages *messages, void *body,
    const uint8_t *bytes, size_t len)
{
	struct buffer first;
	struct buffer second;
	int type = message_read(messages, bytes, len, body);
	int again;

	if (type < 0)
		return;
	buffer_init(&first, MESSAGE_MAX);
	buffer_init(&second, MESSAGE_MAX);
	if (json_write(messages->shapes[type], messages->types[type], body,
	        &first, NULL) != 0)
		abort();
	json_clear(messages->shapes[type], body);
	again = message_read(
	    messages, buffer_bytes(&first), buffer_len(&first), body);
	if (again != type ||
	    json_write(messages->shapes[type], messages->types[type], body,
	        &second, NULL) != 0)
		abort();
	json_clear(messages->shapes[type], body);
	if (buffer_len(&first) != buffer_len(&second) ||
	    memcmp(buffer_bytes(&first), buffer_bytes(&second),
	        buffer_len(&first)) != 0)
		abort();
	buffer_clear(&first);
	buffer_clear(&second);
}

#endif
