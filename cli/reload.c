/* SPDX-License-Identifier: MIT
 *
 * weirctl reload: asks control, or, when nobody answers there and we may, signals the
 * master. With --wait it looks at the region until the result stands there.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/cli.h"
#include "lib/base/clock.h"

enum { LOOK_MS = 10 };

/* SIGHUP to the master, whose pid and start time the region has. asked: how the control
 * socket took it. */
static enum cli_exit
signal_master(const struct shm_info *info, const char *socket, enum cli_exit asked)
{
	if (!info->running) {
		cli_error(info->orphans_n ? "the master is gone; start weir again, which "
					    "reads the files"
					  : "weir is not running; nothing to reload");
		return CLI_FAILED;
	}
	if (kill((pid_t)info->master_pid, SIGHUP) == 0)
		return CLI_OK;
	if (errno == EPERM) {
		cli_error("%s%s, and no permission to signal the master (pid %u)",
			  !socket		    ? "there is no control socket"
			  : asked == CLI_PERMISSION ? "no permission to use "
						    : "nobody answers at ",
			  socket ? socket : "", info->master_pid);
		return CLI_PERMISSION;
	}
	cli_error("cannot signal the master (pid %u): %s", info->master_pid,
		  strerror(errno));
	return CLI_FAILED;
}

static enum cli_exit
request(struct cli *c, struct shm_info *info)
{
	struct shm_text answer = {0};
	const char *socket = cli_socket(c, info);
	enum cli_exit rc = CLI_FAILED;
	if (socket && info->running)
		rc = cli_ask(socket, "reload", true, &answer);
	if (rc != CLI_OK || !answer.n) {
		rc = signal_master(info, socket, rc);
	} else if (strncmp(answer.bytes, "Permission denied", 17) == 0) {
		cli_error("the control socket %s may not reload (its level is below "
			  "admin)",
			  socket);
		rc = CLI_PERMISSION;
	} else if (strncmp(answer.bytes, "Reload requested", 16) != 0) {
		cli_error("%s", answer.bytes);
		rc = CLI_FAILED;
	}
	shm_text_fini(&answer);
	return rc;
}

static void
sleep_ms(unsigned ms)
{
	const struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
	(void)nanosleep(&t, NULL);
}

static enum cli_exit
wait_for(struct cli *c, uint64_t seq_wanted, struct shm_info *info)
{
	uint64_t until_ms = clock_mono_ms() + c->wait_ms;
	do {
		sleep_ms(LOOK_MS);
		shm_info(c->shm, info);
	} while (info->reload_seq < seq_wanted && info->running &&
		 clock_mono_ms() < until_ms);
	if (info->reload_seq < seq_wanted) {
		if (info->running)
			cli_error("no result within %.3g s; weirctl info tells later",
				  (double)c->wait_ms / 1000);
		else
			cli_error("weir ended before the reload did");
		return CLI_FAILED;
	}
	if (info->reload_last_ok) {
		printf("Reloaded: generation %llu serves.\n",
		       (unsigned long long)info->generation);
		return CLI_OK;
	}
	size_t n = strlen(info->reload_text);
	cli_error("reload refused, nothing changed:");
	fprintf(stderr, "%s%s", info->reload_text,
		n && info->reload_text[n - 1] == '\n' ? "" : "\n");
	return CLI_FAILED;
}

enum cli_exit
cli_reload(struct cli *c)
{
	struct shm_info info;
	enum cli_exit rc = cli_attach(c);
	if (rc != CLI_OK)
		return rc;
	shm_info(c->shm, &info);
	/* one that is under way has read the files already: ours is the next */
	uint64_t seq_wanted = info.reload_seq + (info.reload_busy ? 2 : 1);
	rc = request(c, &info);
	if (rc != CLI_OK)
		return rc;
	if (c->does_wait)
		return wait_for(c, seq_wanted, &info);
	puts("Reload requested.");
	return CLI_OK;
}
