/* SPDX-License-Identifier: MIT
 *
 * Once, or again and again: on a terminal the screen is drawn anew, elsewhere the
 * pictures follow each other with an empty line between.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "cli/cli.h"
#include "lib/base/clock.h"

static volatile sig_atomic_t is_interrupted;

static void
interrupt(int signal)
{
	(void)signal;
	is_interrupted = 1;
}

bool
cli_is_coloured(void)
{
	return isatty(STDOUT_FILENO) == 1;
}

uint32_t
cli_width(void)
{
	struct winsize size = {0};
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0)
		return 0;
	return size.ws_col;
}

static void
sleep_until_ms(uint64_t at_ms)
{
	struct timespec at = {.tv_sec = (time_t)(at_ms / 1000),
			      .tv_nsec = (long)(at_ms % 1000) * 1000000};
	while (!is_interrupted &&
	       clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

enum cli_exit
cli_watch(struct cli *c, enum cli_exit (*draw)(struct cli *c, struct shm_text *out))
{
	struct shm_text out = {0};
	struct sigaction act = {.sa_handler = interrupt};
	bool is_terminal = cli_is_coloured();
	uint64_t at_ms = clock_mono_ms();
	enum cli_exit rc;
	if (c->watch_ms)
		(void)sigaction(SIGINT, &act, NULL);
	if (!c->is_json && !c->is_csv)
		cli_tell_stopped(c);
	for (uint64_t i = 0;; i++) {
		if (i && is_terminal)
			shm_text_str(&out, "\033[H\033[2J");
		else if (i)
			shm_text_char(&out, '\n');
		rc = draw(c, &out);
		if (rc == CLI_OK)
			rc = cli_print(&out);
		if (rc != CLI_OK || !c->watch_ms || is_interrupted ||
		    i + 1 == c->watch_count)
			break;
		at_ms += c->watch_ms;
		sleep_until_ms(at_ms);
		if (is_interrupted)
			break;
	}
	shm_text_fini(&out);
	return rc;
}
