/* SPDX-License-Identifier: MIT
 *
 * A worker inside the fuzz target, with a clock of its own and with peers at the other
 * ends of socket pairs. The worker is made once and used for every input; what an input
 * leaves behind is an error.
 */
#ifndef WEIR_FUZZ_WORLD_H
#define WEIR_FUZZ_WORLD_H

#include "judge.h"
#include "worker/session.h"

enum { CLIENTS_MAX = 4, SERVERS_MAX = 16 };

/* Bytes, growing; the memory stays for the next input. */
struct heap {
	char *bytes;
	size_t n, cap;
};
void heap_add(struct heap *h, const char *p, size_t n);

/* The far end of one connection. */
struct peer {
	int fd;		    /* -1: closed, or never was */
	bool is_paused;	    /* does not read */
	bool is_eof;	    /* weir closed */
	bool shuts, closes; /* when everything is sent */
	struct heap in;	    /* received */
	struct heap out;    /* told to send; [0, sent) is sent */
	size_t sent;
	/* a server's view of the requests that have come */
	uint64_t number; /* of the last one */
	bool is_head;	 /* it was a HEAD */
	bool wants_upgrade;
	bool is_head_noted;
	size_t message_at; /* where in `in` the one begins that is not whole yet */
	unsigned asked_n, answered_n;
	bool is_wild;	  /* what it has sent proves nothing any more */
	size_t header_n;  /* bytes of the PROXY header it was told first; 0: none yet */
	unsigned told_of; /* the client that names */
};

struct world {
	struct peer clients[CLIENTS_MAX], servers[SERVERS_MAX];
	unsigned clients_n, servers_n;
	struct rt_listener *listener;
	bool is_tcp;
	bool refuses; /* connections to servers */
	bool has_tiny_buffers;
	bool is_proxied; /* connections begin with PROXY headers, on both sides ... */
	bool is_raw;	 /* ... if the script of the client writes one */
};
extern struct world world;

/* Once. */
void world_make(void);
struct circumstances {
	unsigned listener; /* of the four, or, where headers are spoken, of the two */
	bool has_tiny_buffers;
	bool is_poor; /* the worker has few buffers */
	bool is_proxied, is_raw;
};
/* Before each input. */
void world_begin(struct circumstances c);
/* The client that a header names; CLIENTS_MAX: none. */
unsigned world_client_of(const struct addr *src);
/* A new client. */
void world_connect(void);
void world_let_pass(uint64_t ms);
/* Everybody does what is possible now. */
void world_turn(void);
void peer_close(struct peer *p);
/* Reads what has come, unless it is paused. */
void peer_receive(struct peer *p);
/* Ends the input: time alone (is_patient) or the peers' leaving must end everything. Then
 * nothing may be left. */
void world_end(bool is_patient);

#endif
