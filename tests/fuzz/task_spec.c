/* SPDX-License-Identifier: Apache-2.0 */
/* A task's spec as the store has it: an object without a type. */
#include "protocol/task_spec.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/buffer.h"
#include "protocol/error.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define SPEC_MAX (64u << 20)

static const struct task_limits half = {
    true, 32000, 1ll << 39, 32768, 1ll << 28, 512, 1ll << 35, 1ll << 43};

/* What was read, written, must be read and written as the same bytes again. */
static void
check_rewrite(const struct task_spec *spec)
{
	struct buffer first;
	struct buffer second;
	struct task_spec back;

	buffer_init(&first, SPEC_MAX);
	buffer_init(&second, SPEC_MAX);
	if (json_write(&task_spec_shape, NULL, spec, &first, NULL) != 0 ||
	    json_read(&task_spec_shape, (const char *)buffer_bytes(&first),
	        buffer_len(&first), &back, NULL) != 0 ||
	    json_write(&task_spec_shape, NULL, &back, &second, NULL) != 0 ||
	    buffer_len(&first) != buffer_len(&second) ||
	    memcmp(buffer_bytes(&first), buffer_bytes(&second),
	        buffer_len(&first)) != 0)
		abort();
	json_clear(&task_spec_shape, &back);
	buffer_clear(&first);
	buffer_clear(&second);
}

/* A limit that a check has passed is within the maximum; merging fills all. */
static void
check_limits(struct task_limits *limits)
{
	struct error err = {0};

	if (task_limits_check(limits, &half, &err) == 0 &&
	    (limits->memory > half.memory || limits->pids > half.pids))
		abort();
	task_limits_merge(limits, &half);
	if (!limits->present || limits->cpu_milli < 0 || limits->output < 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct task_spec spec;

	if (json_read(
	        &task_spec_shape, (const char *)bytes, len, &spec, NULL) == 0) {
		check_rewrite(&spec);
		check_limits(&spec.limits);
	}
	json_clear(&task_spec_shape, &spec);
	return 0;
}
