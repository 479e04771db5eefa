/* SPDX-License-Identifier: Apache-2.0 */
/* What the reader asks of a shape. */
#ifndef PROTOCOL_JSON_SHAPE_H
#define PROTOCOL_JSON_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

struct json_records;
struct json_shape;

/* Whether the shape, or one that stands inline in it, has a member name. */
bool json_shape_knows(const struct json_shape *shape, const char *name);

/* The i-th of a shape's records. */
void *json_shape_record(const struct json_shape *shape,
    const struct json_records *records, size_t i);

#endif
