/* SPDX-License-Identifier: Apache-2.0 */
/* Folders with everything in them. */
#ifndef SERVER_COMMON_TREE_H
#define SERVER_COMMON_TREE_H

struct error;

/*
 * Remove name and everything in it; no link is followed. Takes the same few
 * descriptors and no recursion however deep the tree is, for it may be a
 * sandbox's. Nothing there is a success.
 *   parent  descriptor of the folder that holds it, or AT_FDCWD
 */
int tree_remove(int parent, const char *name, struct error *err);

/*
 * Copy from (a file, a link or a folder) to the name to, which must not exist.
 * Of files only those that everybody may read are copied, owned by root, mode
 * 0644 or 0755; links are copied as links; anything else is left out. From is
 * trusted. Nothing there is a success.
 */
int tree_copy(const char *from, int parent, const char *to, struct error *err);

#endif
