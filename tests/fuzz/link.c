/* SPDX-License-Identifier: Apache-2.0 */
/* What an agent says to a keeper, and back. */
#include "protocol/link.h"

#include "tests/fuzz/message.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	union link_body body;

	message_fuzz(&link_messages, &body, bytes, len);
	return 0;
}
