/* SPDX-License-Identifier: Apache-2.0 */
/* What a gate says to a keeper, and back. */
#include "protocol/attachment.h"

#include "tests/fuzz/message.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	union attachment_body body;

	message_fuzz(&attachment_messages, &body, bytes, len);
	return 0;
}
