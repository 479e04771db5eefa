/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image store, DIR/images: NAME/rootfs is a folder that sandboxes have as
 * their read-only lower layer, NAME/meta.json says where it came from. Nothing
 * in it is changed once it is there; a new one appears by rename.
 *
 * An image is in use while a folder DIR/tasks/ID/bundle names it with a link
 * called "image", which is made before the image is opened and goes with the
 * bundle. remove renames the image away before it looks for those links, so
 * of a create and a remove that meet one loses cleanly.
 */
#ifndef SERVER_COMMON_IMAGE_H
#define SERVER_COMMON_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

struct error;

#define IMAGE_DEFAULT "default"
#define IMAGE_LINK    "image" /* in a bundle: names its image */
#define IMAGE_CWD     "/workspace"
#define IMAGE_UID     1000 /* of "user" in the default image */

struct image {
	char *name;
	char *source;   /* what it was imported from; "host" for the default */
	char *imported; /* RFC 3339 */
	char *user;     /* who runs commands unless they say: "user", "0" */
	bool host_usr;  /* /usr is the host's */
};

/* Free what image owns; it is all absent afterwards. */
void image_clear(struct image *image);

/* ERROR_INVALID, with the rule in its text, unless an image may be named so. */
int image_check_name(const char *name, struct error *err);

/*
 * Read an image's meta.json.
 *   dir      DIR
 *   out      filled on 0; image_clear
 *   returns  0, or -1: ERROR_INVALID (name), ERROR_NOT_FOUND, ERROR_SYSTEM
 */
int image_find(
    const char *dir, const char *name, struct image *out, struct error *err);

/*
 * Every image, by name.
 *   out      owned: NULL-terminated names; memory_vector_free
 */
int image_list(const char *dir, char ***out, struct error *err);

/*
 * Make the default image from this host: links to /usr, a small /etc without
 * anything that is the host's own. An older one is replaced, unless a task
 * uses it: then it stays.
 */
int image_make_default(const char *dir, struct error *err);

/* ERROR_STATE while a task uses it, ERROR_INVALID for the default image,
 * ERROR_NOT_FOUND, ERROR_SYSTEM. */
int image_remove(const char *dir, const char *name, struct error *err);

/*
 * An image in the making: DIR/images/.tmp/rootfs, and a lock so that there is
 * one at a time; what a crash left there goes when the next one begins.
 */
struct image_stage {
	char *dir;  /* owned: DIR */
	char *path; /* owned: of the folder that will be the rootfs */
	int lock;
};

/* image_stage_close afterwards, also after -1. ERROR_STATE: another one is
 * being made. */
int image_stage_open(
    struct image_stage *stage, const char *dir, struct error *err);

/*
 * Make the folders that every sandbox needs, or check that they are folders;
 * write meta.json and rename it all into place as image->name.
 *   image    imported and, when NULL, user are filled in
 *   returns  0, or -1: ERROR_INVALID (a link where a folder must be),
 *            ERROR_STATE (the name is taken), ERROR_SYSTEM
 */
int image_publish(
    struct image_stage *stage, struct image *image, struct error *err);

/* Remove what was not published. */
void image_stage_close(struct image_stage *stage);

#endif
