/* SPDX-License-Identifier: MIT
 *
 * What control asks of the master: that a server joins a backend, or leaves it. A
 * datagram with the request and one end of a socket for the answer.
 */
#ifndef WEIR_ROSTER_REQUEST_H
#define WEIR_ROSTER_REQUEST_H

#include "shm/member.h"

enum roster_wish { ROSTER_JOIN = 1, ROSTER_LEAVE };

struct roster_request {
	uint32_t wish;	 /* enum roster_wish */
	uint32_t id;	 /* of the server; 0: the next one that is free */
	bool is_enabled; /* it gets traffic at once */
	bool is_passing; /* until the next reload or start */
	char backend[SHM_NAME_BYTES], server[SHM_NAME_BYTES];
	char text[SHM_MEMBER_TEXT_BYTES]; /* JOIN: of the server, see cfg_server_join() */
};

struct roster_answer {
	bool is_done;
	char text[SHM_ERROR_BYTES]; /* why not */
};

/* Control: asks over fd and waits for the answer. */
void roster_ask(int fd, const struct roster_request *r, struct roster_answer *out);
/* Master: the next request, checked; *reply_fd is the caller's. false: there is none. */
bool roster_take(int fd, struct roster_request *out, int *reply_fd);
void roster_reply(int reply_fd, const struct roster_answer *a);

#endif
