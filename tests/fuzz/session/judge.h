/* SPDX-License-Identifier: MIT
 *
 * Reads what a peer of weir received, by RFC 9112 and nothing else: an opinion of its
 * own, so that weir and its judge do not share a mistake. Whatever weir must never send
 * ends the process.
 */
#ifndef WEIR_FUZZ_JUDGE_H
#define WEIR_FUZZ_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/span.h"

enum { QUESTIONS_MAX = 512 };

/* The field only the scripted server writes, and the path only the scripted client asks
 * for: no byte of a fuzzed message can be a '~'. */
#define ECHO_NAME     "X~Echo"
#define SIZE_NAME     "X~Size"
#define NUMBERED_PATH "/q~"

struct message {
	struct span start; /* the start line, without CRLF */
	size_t head_n;	   /* with the empty line */
	bool is_chunked, has_length, wants_upgrade;
	uint64_t length;
	unsigned hosts_n;
	/* of a numbered question or its answer; 0: none */
	uint64_t echo, size;
	bool has_echo, has_size;
};

/* What a client asked, as lib/http reads its bytes: the order of the answers. */
struct question {
	uint64_t number; /* 0: not a numbered one */
	bool is_head, wants_upgrade;
};
struct questions {
	struct question q[QUESTIONS_MAX];
	unsigned n;
};

/* Byte `at` of the body that belongs to a number. */
static inline char
body_byte(uint64_t number, size_t at)
{
	return (char)('a' + (number * 7 + at / 3 + at / 1000) % 26);
}
/* The number in the target of a request line; 0: none. */
uint64_t judge_number(struct span start_line);
/* A head. false: it is not complete. */
bool judge_head(struct span bytes, bool is_request, struct message *m);
/* A body that must be the one of `number` (0: any). false: it is not complete. *used:
 * its bytes, *decoded: its payload. */
bool judge_body(struct span bytes, const struct message *m, uint64_t number, size_t *used,
		uint64_t *decoded);
/* All that a server received on one connection. is_tunnel: it has sent a 101. */
void judge_requests(struct span bytes, bool is_tunnel);
/* All that a client received on one connection, and what it had asked. */
void judge_responses(struct span bytes, const struct questions *asked);

#endif
