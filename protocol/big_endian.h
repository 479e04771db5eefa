/* SPDX-License-Identifier: Apache-2.0 */
/* Integers as files of ours have them: big-endian, at any address. */
#ifndef PROTOCOL_BIG_ENDIAN_H
#define PROTOCOL_BIG_ENDIAN_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline void
put_u64(uint8_t *out, uint64_t value)
{
	value = htobe64(value);
	memcpy(out, &value, sizeof(value));
}

static inline uint64_t
get_u64(const uint8_t *in)
{
	uint64_t value;

	memcpy(&value, in, sizeof(value));
	return be64toh(value);
}

#endif
