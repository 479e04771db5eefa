/* SPDX-License-Identifier: Apache-2.0 */
/* What a keeper says to the manager, and back. */
#include "protocol/custody.h"

#include "tests/fuzz/message.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	union custody_body body;

	message_fuzz(&custody_messages, &body, bytes, len);
	return 0;
}
