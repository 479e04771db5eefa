/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Put before every file that an analyzer reads. It sees one file at a time, so
 * here it is told what the functions of other files promise.
 */
#include "protocol/error.h"

#define error_set(...)  (error_set(__VA_ARGS__), -1)
#define error_sys(...)  (error_sys(__VA_ARGS__), -1)
#define error_wrap(...) (error_wrap(__VA_ARGS__), -1)
