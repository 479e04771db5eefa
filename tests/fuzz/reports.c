/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client typed, without its reports: however it is cut it must come to
 * the same, and nothing may be in it that was not typed, in that order.
 */
#include "server/terminal/reports.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static bool
filter(const uint8_t *bytes, size_t len, size_t step, struct buffer *out)
{
	struct reports reports = {0};
	bool is_typing = false;
	size_t at;

	for (at = 0; at < len; at += step) {
		size_t piece = len - at < step ? len - at : step;

		reports_filter(&reports, bytes + at, piece, out);
		is_typing = is_typing || reports.is_typing;
	}
	reports_flush(&reports, out);
	return is_typing || reports.is_typing;
}

static bool
is_part(const uint8_t *part, size_t part_len, const uint8_t *all, size_t len)
{
	size_t i;

	for (i = 0; i < len && part_len > 0; i++) {
		if (all[i] == *part) {
			part++;
			part_len--;
		}
	}
	return part_len == 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const size_t steps[] = {1, 2, 3, 7, 600};
	struct buffer whole;
	struct buffer cut;
	bool is_typing;
	size_t i;

	buffer_init(&whole, len + REPORT_BYTES);
	is_typing = filter(bytes, len, len + 1, &whole);
	if (!is_part(buffer_bytes(&whole), buffer_len(&whole), bytes, len))
		abort();
	for (i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
		buffer_init(&cut, len + REPORT_BYTES);
		if (filter(bytes, len, steps[i], &cut) != is_typing ||
		    buffer_len(&cut) != buffer_len(&whole) ||
		    memcmp(buffer_bytes(&cut), buffer_bytes(&whole),
		        buffer_len(&cut)) != 0)
			abort();
		buffer_clear(&cut);
	}
	buffer_clear(&whole);
	return 0;
}
