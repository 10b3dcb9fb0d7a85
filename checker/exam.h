/* SPDX-License-Identifier: MIT
 *
 * The judgement over what a server has sent: one expectation at a time, against all bytes
 * since the last step that sent something. No sockets: bytes in, result out.
 *
 * Judging starts anew with every piece that arrives: responses to checks come in one or
 * two pieces, and there is no state to get wrong. The time it may take is bounded by the
 * size of the response and by the budget of regular expressions.
 */
#ifndef WEIR_CHECKER_EXAM_H
#define WEIR_CHECKER_EXAM_H

#include "checker/results.h"
#include "config/cfg.h"
#include "lib/http/head.h"

/* A response longer than that is judged by its beginning. */
enum { PROBE_RESPONSE_BYTES = 64 * 1024, EXAM_SCRATCH_BYTES = 128 * 1024 };

struct checked;
struct probe;

/* Who asks, and what has come. */
struct exam {
	struct expr_context base;      /* first: fetches get its address */
	const struct cfg_check *check; /* texts depend on its kind */
	const struct http_limits *limits;
	const struct checked *server; /* for names; NULL: none */
	struct probe *probe;	      /* for variables; NULL: none */
	enum http_method method;      /* of the last request */
	struct span upgrade;	      /* what it asked to switch to */
	uint16_t query_id;	      /* of the last query */
	struct span bytes;
	bool is_all; /* no more will come */

	/* of HTTP, once it was asked for */
	bool is_parsed, is_broken;
	bool has_head, has_body; /* body: all of it */
	bool is_body_broken;
	bool is_last; /* the server closes behind it, or more came than was asked for */
	struct span body; /* as far as it is here, decoded */

	struct http_head head;
	struct expr_scratch scratch;
	char chunks[PROBE_RESPONSE_BYTES]; /* a chunked body, joined */
	char digits[2 * PROBE_RESPONSE_BYTES];
};

struct exam *exam_new(const struct expr_host *host);
void exam_free(struct exam **x);
/* Other bytes, or more of the same: forgets what was parsed. */
void exam_read(struct exam *x, struct span bytes, bool is_all);

enum expectation { EXPECT_MET, EXPECT_MISSED, EXPECT_OPEN /* more bytes decide */ };

/* MET, MISSED: *out has a status, a code and a text; its duration is left alone. */
enum expectation exam_expect(struct exam *x, const struct cfg_step *step,
			     struct probe_result *out);
/* " at step 2 of tcp-check (expect string '+PONG')": where it stopped, for checks that
 * users wrote; else empty. */
void exam_place(const struct cfg_check *check, const struct cfg_step *step, char *out,
		size_t cap);
/* Parses the response; for fetches. false: there is no head. */
bool exam_head(struct exam *x);
/* A text as it is for this server, in the scratch when it is made. */
struct span exam_text(struct exam *x, const struct cfg_text *t);

/* Turns digits a format has made into bytes; false: they are none. */
bool exam_from_digits(struct exam *x, struct span *s);

/* --- protocol.c ------------------------------------------------------------------ */

/* The expectations of presets that no pattern describes. */
enum expectation protocol_expect(struct exam *x, const struct cfg_expect *e,
				 struct probe_result *out);

#endif
