/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that make `ssh -F DIR/ssh_config TASK` work: ssh_config, known_hosts,
 * and run/tasks.conf, which names the tasks that are there.
 */
#ifndef SERVER_MANAGER_SSH_CONFIG_H
#define SERVER_MANAGER_SSH_CONFIG_H

struct error;
struct registry;

#define SSH_CONFIG_TASKS "run/tasks.conf"
#define SSH_CONFIG_ALIAS "sallyport" /* HostKeyAlias */

/*
 * Write DIR/ssh_config; dir is absolute.
 *   address  what a client here connects to
 */
int ssh_config_write(
    const char *dir, const char *address, int port, struct error *err);

/*
 * Write DIR/known_hosts.
 *   public_line  "ssh-ed25519 AAAA..."
 */
int ssh_config_write_known(const char *public_line, struct error *err);

/* Write the Host blocks of every task that is ready. */
int ssh_config_write_tasks(const struct registry *registry, struct error *err);

#endif
