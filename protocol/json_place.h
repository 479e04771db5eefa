/* SPDX-License-Identifier: Apache-2.0 */
/* Where in a message a value stands, for the text of an error. */
#ifndef PROTOCOL_JSON_PLACE_H
#define PROTOCOL_JSON_PLACE_H

#include <stddef.h>

#include "protocol/error.h"

struct json_place {
	const struct json_place *in; /* borrowed; NULL: the message itself */
	const char *name;            /* borrowed; NULL: an item of an array */
	size_t item;
	struct error *err;
};

/* Fill place->err: the place in quotes ("limits.cpu", "argv[2]") and the text.
 * Returns -1. */
int json_refuse(const struct json_place *place, enum error_code code,
    const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
