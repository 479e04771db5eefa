/* SPDX-License-Identifier: Apache-2.0 */
/* What a gate or an admin asks the manager, and back. */
#include "protocol/control.h"

#include "tests/fuzz/message.h"

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	union control_body body;

	message_fuzz(&control_messages, &body, bytes, len);
	return 0;
}
