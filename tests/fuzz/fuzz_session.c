/* SPDX-License-Identifier: MIT
 *
 * Whole sessions: a worker between scripted clients and scripted servers. The input is
 * a program: its first byte are the circumstances, then come steps of two bytes (what,
 * how) with an operand, some followed by raw bytes. Whatever the peers do, weir
 * sends well-formed messages with one framing, an answer meets its own question with
 * its own body or is visibly broken, and in the end nothing is left.
 */
#include <signal.h>
#include <stdio.h>

#include "lib/base/must.h"
#include "lib/http/chunk.h"
#include "lib/net/proxy_header.h"
#include "session/world.h"

enum {
	INPUT_MAX = 4096,
	STEPS_MAX = 64,
	SIZE_UNIT = 61,
	BIG_BYTES = 600 * 1024, /* operand 255: enough for splice(2) */
	SURPLUS = 999999,	/* the number of no question */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

struct program {
	const uint8_t *p, *end;
	uint64_t questions_n; /* numbered ones asked so far */
};

static unsigned askers[STEPS_MAX + 1]; /* the client that asked the numbered question */

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	(void)signal(SIGPIPE, SIG_IGN); /* as all processes of weir: splice() raises it */
	world_make();
	return 0;
}

static uint8_t
take(struct program *g)
{
	return g->p < g->end ? *g->p++ : 0;
}

static void
say(struct peer *p, const char *text)
{
	heap_add(&p->out, text, strlen(text));
}

/* Bytes of the input; '~' is kept for what only the script may say. */
static void
say_raw(struct program *g, struct peer *p, size_t n)
{
	for (; n && g->p < g->end; n--) {
		char c = (char)*g->p++;
		heap_add(&p->out, c == '~' ? "-" : &c, 1);
	}
}

static size_t
size_of(uint8_t operand)
{
	return operand == 255 ? BIG_BYTES : (size_t)operand * SIZE_UNIT;
}

/* Body bytes [0, n) of a number; chunked: in pieces of growing size, with an end. */
static void
say_body(struct peer *p, uint64_t number, size_t n, bool is_chunked)
{
	char line[32], piece[2048];
	size_t most = is_chunked ? 7 : sizeof(piece);
	for (size_t at = 0, here; at < n; at += here) {
		here = n - at < most ? n - at : most;
		for (size_t i = 0; i < here; i++)
			piece[i] = body_byte(number, at + i);
		snprintf(line, sizeof(line), "%zx\r\n", here);
		if (is_chunked)
			say(p, line);
		heap_add(&p->out, piece, here);
		if (is_chunked)
			say(p, "\r\n");
		most = 2 * most < sizeof(piece) ? 2 * most : sizeof(piece);
	}
	if (is_chunked)
		say(p, "0\r\n\r\n");
}

/* --- the client's steps ------------------------------------------------------------ */

static void
ask(struct program *g, struct peer *p, uint8_t how, uint8_t operand)
{
	static const char *const methods[] = {"GET", "HEAD", "POST", "PUT"};
	static const char *const fields[] = {"", "Connection: close\r\n",
					     "Expect: 100-continue\r\n",
					     "Connection: upgrade\r\nUpgrade: x\r\n"};
	char head[256];
	uint64_t number = ++g->questions_n;
	askers[number] = (unsigned)(p - world.clients);
	unsigned method = how & 3;
	bool is_old = how >> 4 & 1, has_body = method >= 2;
	bool is_chunked = has_body && !is_old && how >> 5 & 1;
	size_t n = size_of(operand);
	snprintf(head, sizeof(head),
		 "%s " NUMBERED_PATH "%llu HTTP/1.%d\r\nHost: x\r\n%s", methods[method],
		 (unsigned long long)number, !is_old, fields[how >> 2 & 3]);
	say(p, head);
	snprintf(head, sizeof(head), "Content-Length: %zu\r\n", n);
	if (has_body)
		say(p, is_chunked ? "Transfer-Encoding: chunked\r\n" : head);
	say(p, "\r\n");
	if (has_body)
		say_body(p, number, n, is_chunked);
}

/* --- the server's steps ------------------------------------------------------------ */

/* Bytes of the PROXY header in front of a stream; 0: none, or not all of it. */
static size_t
header_of(struct span s, struct proxy_header *h)
{
	return proxy_header_parse(s.p, s.n, h) == PROXY_PARSE_OK ? h->bytes : 0;
}

/* The header that weir begins with. false: it is not there yet. */
static bool
note_header(struct peer *p)
{
	struct proxy_header h;
	if (!world.is_proxied || p->header_n)
		return true;
	p->header_n = header_of(span_of(p->in.bytes, p->in.n), &h);
	p->message_at = p->header_n;
	p->told_of = p->header_n ? world_client_of(&h.src) : CLIENTS_MAX;
	return p->header_n;
}

/* Nobody's question goes where somebody else was announced. */
static void
judge_asker(const struct peer *p)
{
	if (world.is_proxied && !world.is_raw && p->number && p->number <= STEPS_MAX)
		must(p->told_of == askers[p->number]);
}

/* Takes note of the heads that have come. One question at a time: weir does not
 * pipeline. */
static void
note_questions(struct peer *p)
{
	struct message m;
	size_t used;
	uint64_t decoded;
	if (!note_header(p))
		return;
	/* what follows a request to upgrade is the tunnel's, if the server agreed */
	while (!(p->is_wild && p->wants_upgrade)) {
		struct span rest =
			span_of(p->in.bytes + p->message_at, p->in.n - p->message_at);
		if (!judge_head(rest, true, &m))
			return;
		rest = span_of(rest.p + m.head_n, rest.n - m.head_n);
		if (!p->is_head_noted) {
			must(p->is_wild || p->asked_n == p->answered_n);
			p->number = judge_number(m.start);
			judge_asker(p);
			p->is_head = memcmp(m.start.p, "HEAD ", 5) == 0;
			p->wants_upgrade = m.wants_upgrade;
			p->asked_n++;
			p->is_head_noted = true;
		}
		if (!judge_body(rest, &m, p->number, &used, &decoded))
			return;
		p->message_at += m.head_n + used;
		p->is_head_noted = false;
	}
}

enum answer_form { LENGTH, CHUNKED, UNTIL_CLOSE, NO_CONTENT };

static void
say_answer(struct peer *p, uint64_t number, enum answer_form form, size_t n, bool is_last)
{
	char head[128];
	snprintf(head, sizeof(head), "HTTP/1.1 %s\r\n" ECHO_NAME ": %llu\r\n",
		 form == NO_CONTENT ? "204 Nothing" : "200 OK",
		 (unsigned long long)number);
	say(p, head);
	if (form != UNTIL_CLOSE) { /* which cannot tell that it was cut */
		snprintf(head, sizeof(head), SIZE_NAME ": %zu\r\n", n);
		say(p, head);
	}
	snprintf(head, sizeof(head), "Content-Length: %zu\r\n", n);
	if (form == LENGTH)
		say(p, head);
	if (form == CHUNKED)
		say(p, "Transfer-Encoding: chunked\r\n");
	if (is_last)
		say(p, "Connection: close\r\n");
	say(p, "\r\n");
	if (form != NO_CONTENT && !p->is_head)
		say_body(p, number, n, form == CHUNKED);
}

/* The answer to what was asked last, or one that nobody asked for. */
static void
answer(struct peer *p, uint8_t how, uint8_t operand)
{
	enum answer_form form = (enum answer_form)(how & 3);
	bool is_cut = how & 4, is_last = how & 8 || form == UNTIL_CLOSE;
	size_t from = p->out.n;
	if (p->is_wild || p->shuts || p->closes)
		return;
	peer_receive(p);
	note_questions(p);
	bool is_asked = p->asked_n > p->answered_n;
	if (!is_asked && (p->is_paused || p->message_at < p->in.n || p->is_head_noted))
		return;
	if (is_asked && how & 16)
		say(p, "HTTP/1.1 100 Continue\r\n\r\n");
	if (!is_asked)
		p->is_head = false;
	say_answer(p, is_asked ? p->number : SURPLUS, form, size_of(operand), is_last);
	if (is_cut)
		p->out.n = from + (p->out.n - from) / 2;
	p->answered_n = p->asked_n;
	p->closes = is_last || is_cut;
	p->is_wild = !is_asked;
}

static void
upgrade(struct peer *p)
{
	if (p->is_wild)
		return;
	peer_receive(p);
	note_questions(p);
	if (p->asked_n == p->answered_n)
		return;
	say(p, "HTTP/1.1 101 Switching\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n");
	p->is_wild = true;
}

/* --- steps ------------------------------------------------------------------------- */

enum step {
	CONNECT,
	ASK,
	CLIENT_RAW,
	CLIENT_SHUT,
	CLIENT_CLOSE,
	CLIENT_PAUSE,
	CLIENT_FLOOD,
	ANSWER,
	SERVER_RAW,
	SERVER_SHUT,
	SERVER_CLOSE,
	SERVER_PAUSE,
	SERVER_UPGRADE,
	REFUSE,
	PASS_TIME,
	TURN,
	STEPS_N
};

static void
client_step(struct program *g, enum step step, struct peer *p, uint8_t how,
	    uint8_t operand)
{
	switch (step) {
	case ASK:
		ask(g, p, how, operand);
		break;
	case CLIENT_RAW:
		say_raw(g, p, how);
		break;
	case CLIENT_SHUT:
		p->shuts = true;
		break;
	case CLIENT_CLOSE:
		peer_close(p);
		break;
	case CLIENT_PAUSE:
		p->is_paused = !p->is_paused;
		break;
	default: /* CLIENT_FLOOD */
		for (size_t i = size_of(operand); i; i--)
			heap_add(&p->out, (const char *)&how, how != '~');
		break;
	}
}

static void
server_step(struct program *g, enum step step, struct peer *p, uint8_t how,
	    uint8_t operand)
{
	switch (step) {
	case ANSWER:
		answer(p, how, operand);
		break;
	case SERVER_RAW:
		if (p->closes) /* it has said its last */
			break;
		p->is_wild = true;
		say_raw(g, p, how);
		break;
	case SERVER_SHUT:
		p->shuts = true;
		break;
	case SERVER_CLOSE:
		peer_close(p);
		break;
	case SERVER_PAUSE:
		p->is_paused = !p->is_paused;
		break;
	default: /* SERVER_UPGRADE */
		upgrade(p);
		break;
	}
}

static void
run(struct program *g)
{
	for (int i = 0; i < STEPS_MAX && g->p < g->end; i++) {
		uint8_t what = take(g), how = take(g), operand = take(g);
		enum step step = (enum step)(what % STEPS_N);
		unsigned nth = what >> 4 & 3; /* counted from the latest */
		if (step == CONNECT)
			world_connect();
		else if (step == REFUSE)
			world.refuses = !world.refuses;
		else if (step == PASS_TIME)
			world_let_pass(how & 1 ? operand : operand * 20U);
		else if (step >= ASK && step <= CLIENT_FLOOD && nth < world.clients_n)
			client_step(g, step, &world.clients[world.clients_n - 1 - nth],
				    how, operand);
		else if (step >= ANSWER && step <= SERVER_UPGRADE &&
			 nth < world.servers_n)
			server_step(g, step, &world.servers[world.servers_n - 1 - nth],
				    how, operand);
		if (!(what & 64))
			world_turn();
	}
}

/* --- what must have happened ------------------------------------------------------- */

/* Skips the body of a request. false: it does not end here. */
static bool
skip_body(const struct http_framing *f, const struct http_limits *limits, struct span *b)
{
	struct http_chunk chunk;
	enum http_chunk_result r = HTTP_CHUNK_DATA;
	enum http_reject why;
	struct span data;
	size_t used;
	if (f->body == HTTP_BODY_LENGTH) {
		used = f->length < b->n ? (size_t)f->length : b->n;
		*b = span_of(b->p + used, b->n - used);
		return used == f->length;
	}
	if (f->body == HTTP_BODY_NONE)
		return true;
	http_chunk_init(&chunk);
	while (r == HTTP_CHUNK_DATA && b->n) {
		r = http_chunk_decode(&chunk, b->p, b->n, limits, &used, &data, &why);
		*b = span_of(b->p + used, b->n - used);
	}
	return r == HTTP_CHUNK_END;
}

/* What a client asked, in order. */
static void
read_questions(struct span b, const struct http_limits *limits, struct questions *out)
{
	static struct http_head h;
	enum http_reject why;
	struct http_framing f;
	out->n = 0;
	while (out->n < QUESTIONS_MAX && b.n &&
	       http_head_parse_request(b.p, b.n, 0, limits, &h, &why) == HTTP_PARSE_OK) {
		struct question *q = &out->q[out->n++];
		*q = (struct question){
			.number = judge_number(span_of(
				h.base, (size_t)(h.target.p + h.target.n - h.base))),
			.is_head = h.method == HTTP_METHOD_HEAD};
		b = span_of(b.p + h.skipped + h.bytes, b.n - h.skipped - h.bytes);
		if (http_framing_request(&h, &f) != HTTP_REJECT_none)
			return;
		q->wants_upgrade = f.wants_upgrade;
		if (!skip_body(&f, limits, &b))
			return;
	}
}

/* A stream without its header; .p NULL: it has none, though it should. */
static struct span
behind_header(struct span s)
{
	struct proxy_header h;
	if (!world.is_proxied)
		return s;
	size_t n = header_of(s, &h);
	return n ? span_of(s.p + n, s.n - n) : span_of(NULL, 0);
}

/* mode tcp: every server has got what one of the clients said, the one it was told of. */
static void
judge_pipes(void)
{
	for (unsigned i = 0; i < world.servers_n; i++) {
		struct peer *p = &world.servers[i];
		bool is_known = false;
		if (!note_header(p))
			continue;
		struct span got =
			span_of(p->in.bytes + p->header_n, p->in.n - p->header_n);
		for (unsigned k = 0; k < world.clients_n; k++) {
			const struct heap *out = &world.clients[k].out;
			struct span said = behind_header(span_of(out->bytes, out->n));
			if (world.is_proxied && !world.is_raw && p->told_of != k)
				continue;
			is_known |= got.n == 0 || (said.p && span_begins(said, got));
		}
		must(is_known);
	}
}

static void
judge(const struct rt_frontend *fe)
{
	static struct questions asked;
	if (world.is_tcp) {
		judge_pipes();
		return;
	}
	for (unsigned i = 0; i < world.servers_n; i++) {
		struct peer *p = &world.servers[i];
		note_questions(p);
		if (!note_header(p))
			continue;
		judge_requests(span_of(p->in.bytes + p->header_n, p->in.n - p->header_n),
			       p->is_wild);
	}
	for (unsigned i = 0; i < world.clients_n; i++) {
		struct peer *p = &world.clients[i];
		struct span said = behind_header(span_of(p->out.bytes, p->sent));
		must(said.p || p->in.n == 0 || !world.is_proxied);
		read_questions(said, &fe->cfg->limits, &asked);
		judge_responses(span_of(p->in.bytes, p->in.n), &asked);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct program g = {.p = data, .end = data + size};
	if (size < 2 || size > INPUT_MAX)
		return 0;
	uint8_t circumstances = take(&g);
	world_begin((struct circumstances){
		.listener = circumstances & 3,
		.has_tiny_buffers = circumstances & 4,
		.is_poor = circumstances & 8,
		.is_proxied = circumstances & 32,
		.is_raw = circumstances & 64,
	});
	world_connect();
	run(&g);
	world_end(circumstances & 16);
	judge(world.listener->fe);
	return 0;
}
