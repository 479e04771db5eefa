/* SPDX-License-Identifier: Apache-2.0 */
/* Where in a file an error of protocol/json.h lies. */
#ifndef SERVER_COMMON_CONFIG_TEXT_H
#define SERVER_COMMON_CONFIG_TEXT_H

#include <stddef.h>

/*
 * The line of the member that why names ("NAME" ..., the last of that name
 * where it is repeated) or of the byte that it counts (byte N: ...).
 *   returns  1 upwards; 1 when why names nothing that is there
 */
size_t config_text_line(const char *bytes, size_t len, const char *why);

#endif
