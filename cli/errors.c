/* SPDX-License-Identifier: MIT
 *
 * weirctl errors: the last messages that broke the protocol.
 */
#include "cli/cli.h"
#include "shm/offence.h"

static enum cli_exit
draw(struct cli *c, struct shm_text *out)
{
	const struct shm_offence_query q = {.proxy = c->words_n ? c->words[0] : NULL};
	if (c->is_json)
		shm_offences_json(c->shm, &q, out);
	else
		shm_offences_text(c->shm, &q, out);
	return CLI_OK;
}

enum cli_exit
cli_errors(struct cli *c)
{
	enum cli_exit rc = cli_attach(c);
	return rc == CLI_OK ? cli_watch(c, draw) : rc;
}
