/* SPDX-License-Identifier: Apache-2.0 */
/* What the image store's own modules share. */
#ifndef SERVER_COMMON_IMAGE_META_H
#define SERVER_COMMON_IMAGE_META_H

#include <stdbool.h>

#include "protocol/json.h"
#include "server/common/image.h"

struct error;

/* meta.json: struct image without its name. */
extern const struct json_shape image_meta_shape;

/* Whether a task's bundle names the image. */
bool image_is_used(const char *dir, const char *name);

/* image_remove for any image. */
int image_discard(const char *dir, const char *name, struct error *err);

#endif
