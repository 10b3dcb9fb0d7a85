/* SPDX-License-Identifier: MIT
 *
 * weirctl info and weirctl check: the daemon and the region as a whole.
 */
#include <stdio.h>

#include "cli/cli.h"
#include "shm/stats/render.h"

static enum cli_exit
draw(struct cli *c, struct shm_text *out)
{
	shm_render_info(c->shm, c->is_json ? SHM_INFO_JSON : SHM_INFO_LINES, out);
	return CLI_OK;
}

enum cli_exit
cli_info(struct cli *c)
{
	enum cli_exit rc = cli_attach(c);
	return rc == CLI_OK ? cli_watch(c, draw) : rc;
}

static void
report(void *arg, const char *text)
{
	struct shm_text *out = arg;
	shm_text_plain(out, text);
	shm_text_char(out, '\n');
}

enum cli_exit
cli_check(struct cli *c)
{
	struct shm_text out = {0};
	enum cli_exit rc = cli_attach(c);
	if (rc != CLI_OK)
		return rc;
	int problems_n = shm_verify(c->shm, report, &out);
	if (problems_n)
		shm_text_fmt(&out, "%s: %d problem%s\n", shm_path(c->shm), problems_n,
			     problems_n == 1 ? "" : "s");
	else
		shm_text_fmt(&out, "%s: all is well\n", shm_path(c->shm));
	rc = cli_print(&out);
	shm_text_fini(&out);
	return problems_n ? CLI_FAILED : rc;
}
