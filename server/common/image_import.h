/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Import of a folder or a tar archive (plain, gzip, xz, zstd, bzip2) into the
 * image store. The archive is extracted by a child whose root is the new image,
 * so no name in it can lead anywhere else.
 */
#ifndef SERVER_COMMON_IMAGE_IMPORT_H
#define SERVER_COMMON_IMAGE_IMPORT_H

struct error;

/*
 * Import source as DIR/images/NAME.
 *   returns  0, or -1: ERROR_INVALID (name; a member that is a device, or whose
 *            path is absolute or holds ".."), ERROR_STATE (the name is taken),
 *            ERROR_SYSTEM; nothing is left of an import that failed
 */
int image_import(
    const char *dir, const char *name, const char *source, struct error *err);

#endif
