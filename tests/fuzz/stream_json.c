/* SPDX-License-Identifier: Apache-2.0 */
/* A line from a brain, and the gateway's own events as a client reads them. */
#include "protocol/stream_json.h"

#include "tests/fuzz/message.h"

union event_body {
	struct event_hello hello;
	struct event_reply reply;
	struct event_output output;
	struct event_gap gap;
	struct event_eof eof;
	struct event_exit exit;
	struct event_task task;
};

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	union request_body request;
	union event_body event;

	message_fuzz(&request_messages, &request, bytes, len);
	message_fuzz(&event_messages, &event, bytes, len);
	return 0;
}
