/* SPDX-License-Identifier: MIT
 *
 * Servers that join a backend of a configuration that runs.
 */
#ifndef WEIR_CONFIG_JOIN_H
#define WEIR_CONFIG_JOIN_H

#include "config/load.h"

/* The server that `text` describes, not yet among those of p: YAML, a map of settings as
 * in servers.NAME, `address` among them. NULL with errors, else to be freed with
 * cfg_server_free(). Names of hosts are not resolved: an error. */
struct cfg_server *cfg_server_join(const struct cfg_proxy *p, const char *name,
				   const char *text, struct cfg_errors **errors);
void cfg_server_free(struct cfg_server **s);

#endif
