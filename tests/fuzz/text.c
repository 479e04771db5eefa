/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to a JSON string, to base64, and back; and where UTF-8 is valid. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/base64.h"
#include "protocol/buffer.h"
#include "protocol/json.h"
#include "protocol/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define TEXT_MAX (64u << 20)

static const struct json_field fields[] = {
    {"blob", JSON_BLOB, 0, .max = TEXT_MAX, .required = true},
};
static const struct json_shape shape = {JSON_SHAPE(fields, struct json_data)};

static void
check_base64(const char *bytes, size_t len)
{
	size_t text_len = BASE64_LEN(len);
	char *text = malloc(text_len + 1);
	char *back;
	size_t back_len;

	if (text == NULL)
		abort();
	base64_encode(bytes, len, text);
	if (base64_decode(text, text_len, &back, &back_len, NULL) != 0 ||
	    back_len != len || memcmp(back, bytes, len) != 0)
		abort();
	free(back);
	free(text);
	if (base64_decode(bytes, len, &back, &back_len, NULL) != 0)
		return;
	/* one text for one value */
	text = malloc(BASE64_LEN(back_len) + 1);
	if (text == NULL)
		abort();
	base64_encode(back, back_len, text);
	if (BASE64_LEN(back_len) != len || memcmp(text, bytes, len) != 0)
		abort();
	free(back);
	free(text);
}

static void
check_blob(char *bytes, size_t len)
{
	struct json_data data = {bytes, len};
	struct json_data back;
	struct buffer out;

	buffer_init(&out, TEXT_MAX);
	if (json_write(&shape, NULL, &data, &out, NULL) != 0 ||
	    json_read(&shape, (const char *)buffer_bytes(&out),
	        buffer_len(&out), &back, NULL) != 0 ||
	    back.len != len || memcmp(back.bytes, bytes, len) != 0)
		abort();
	json_clear(&shape, &back);
	buffer_clear(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *text = malloc(len + 1);
	size_t partial;
	size_t valid;

	if (text == NULL)
		abort();
	memcpy(text, bytes, len);
	text[len] = '\0';
	valid = utf8_valid_prefix(text, len, &partial);
	if (valid + partial > len || partial > 3 ||
	    (partial > 0 && valid + partial != len) ||
	    !utf8_is_valid(text, valid))
		abort();
	check_base64(text, len);
	check_blob(text, len);
	free(text);
	return 0;
}
