/* SPDX-License-Identifier: Apache-2.0 */
/* The folder that puts the agent into every sandbox, whatever its image: an
 * overlay's layer with nothing else in it. */
#ifndef SERVER_MANAGER_AGENT_LAYER_H
#define SERVER_MANAGER_AGENT_LAYER_H

struct error;

/*
 * Make the layer at path from the program agent; one that holds the same bytes
 * stays, another is exchanged for it.
 */
int agent_layer_make(const char *path, const char *agent, struct error *err);

#endif
