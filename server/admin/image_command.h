/* SPDX-License-Identifier: Apache-2.0 */
/* image list | image import NAME DIR|TAR | image remove NAME */
#ifndef SERVER_ADMIN_IMAGE_COMMAND_H
#define SERVER_ADMIN_IMAGE_COMMAND_H

/* A verb of sallyport. */
int image_command(int argc, char **argv);

#endif
