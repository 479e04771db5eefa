/* SPDX-License-Identifier: Apache-2.0 */
/* What an exec does when time has passed: see exec.h for its life. */
#ifndef AGENT_EXEC_TIME_H
#define AGENT_EXEC_TIME_H

#include <stdint.h>

struct exec;

/* Memory for output is given back when none has come or gone for so long. */
#define EXEC_TRIM_MS 1000

/*
 * Do what is due by now.
 * returns ms until it should be called again, -1: nothing is waited for
 */
int exec_time_tick(struct exec *exec, int64_t now_ms);

#endif
