/* SPDX-License-Identifier: MIT
 *
 * mode health: accept, say OK, close (HAProxy 1.x "mode health"; with option httpchk an
 * HTTP/1.0 status line). Kept for old configurations; monitor_uri replaces it. Worker.
 */
#include <unistd.h>

#include "worker/session.h"

void
health_answer(int fd, const struct cfg_proxy *fe)
{
	struct span ok = fe->options & CFG_OPT_HTTPCHK ? SPAN("HTTP/1.0 200 OK\r\n\r\n")
						       : SPAN("OK");
	/* a fresh socket takes 19 bytes; a client that is gone already loses nothing */
	ssize_t sent = send(fd, ok.p, ok.n, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)sent;
	/* FIN first, then read what a prober may have sent, so that it sees no reset */
	(void)shutdown(fd, SHUT_WR);
	for (int i = 0; i < 4; i++)
		if (recv(fd, self.rx, WORKER_RX_BYTES, MSG_DONTWAIT) <= 0)
			break;
	close(fd);
}
