/* SPDX-License-Identifier: MIT
 *
 * Expressions, conditions and formats: the first line of the input is one (a condition
 * begins with a brace, '!' or a capital letter, a format has a '%'), the rest are bytes
 * of a client. What compiles is evaluated by a worker's fetches on these bytes as they
 * are and, when they are a request, on that; every value must lie in the input, the
 * configuration or the scratch memory. An error points into the text.
 */
#include <stdlib.h>

#include "lib/base/must.h"
#include "lib/expr/cond.h"
#include "lib/expr/format.h"
#include "lib/expr/vars.h"
#include "worker/fetch/alias.h"

enum { INPUT_MAX = 16 * 1024, SCRATCH_BYTES = 8192 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_limits limits = {.request_line_bytes = INPUT_MAX,
					  .field_bytes = INPUT_MAX,
					  .head_bytes = INPUT_MAX,
					  .fields_n = 100};
static struct cfg_proxy proxy = {.name = "p", .id = 1, .caps = CFG_CAP_FRONTEND};
static struct cfg_bind bind_cfg = {.name = "b", .frontend = &proxy};
static struct rt_frontend fe = {.cfg = &proxy};
static struct rt_listener listener = {.cfg = &bind_cfg, .fe = &fe};
static struct session session = {.bind = &listener, .client.watch.fd = -1};
static struct txn txn = {.s = &session, .fe = &fe};
static struct http_head head;

static char store_bytes[1024];
static struct expr_store store = {.bytes = store_bytes, .cap = sizeof(store_bytes)};

/* Those of worker_host but for the ones that ask the shared region, which is not there.
 */
static expr_fetch_fn *fetches[EXPR_FETCHES_N];
static expr_fetch_fn *aliases[FORMAT_ALIASES_N];

static bool
finds_nothing(const struct expr_context *c, const struct expr_arg *args,
	      struct expr_sample *s)
{
	(void)c;
	(void)args;
	(void)s;
	return false;
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	static const struct net_loop_hooks hooks = {.before_wait = NULL};
	static const struct cfg cfg = {.global = {.nbproc = 1}};
	static const struct worker_inherit inherit = {.index = 0};
	static const enum expr_fetch_id shared[] = {
		EXPR_FETCH_act_conn,	 EXPR_FETCH_be_conn, EXPR_FETCH_be_sess_rate,
		EXPR_FETCH_dst_conn,	 EXPR_FETCH_fe_conn, EXPR_FETCH_fe_req_rate,
		EXPR_FETCH_fe_sess_rate, EXPR_FETCH_nbsrv,
	};
	(void)argc;
	(void)argv;
	self.loop = net_loop_new(&hooks);
	self.cfg = &cfg;
	self.in = &inherit;
	memcpy(fetches, worker_host.fetches, sizeof(fetches));
	memcpy(aliases, worker_aliases, sizeof(aliases));
	aliases[FORMAT_ALIAS_ac] = aliases[FORMAT_ALIAS_fc] = finds_nothing;
	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
		fetches[shared[i]] = NULL;
	return 0;
}

static bool
var_get(const struct expr_context *c, const struct expr_var *v, struct expr_sample *out)
{
	(void)c;
	return expr_store_get(&store, v, out);
}

static bool
var_set(const struct expr_context *c, const struct expr_var *v,
	const struct expr_sample *value)
{
	(void)c;
	if (value)
		return expr_store_set(&store, v, value);
	expr_store_unset(&store, v);
	return true;
}

/* What a value may not be without: its bytes are read. */
static void
look_at(const struct expr_sample *s)
{
	volatile char sum = 0;
	must(s->type < EXPR_TYPES_N);
	if (s->type == EXPR_STR || s->type == EXPR_BIN || s->type == EXPR_METHOD)
		for (size_t i = 0; i < s->str.n; i++)
			sum = (char)(sum + s->str.p[i]);
}

/* What the first line compiled to: one of them. */
struct subject {
	const struct expr_program *program;
	const struct expr_cond *cond;
	const struct format *format;
	bool is_printable;
};

static bool
is_print(char c)
{
	return c >= ' ' && c < 0x7f;
}

static bool
compile(struct expr_env *env, struct span text, struct subject *out)
{
	struct expr_error err = {.at = SIZE_MAX};
	char first = text.n ? text.p[0] : ' ';
	*out = (struct subject){.is_printable = true};
	for (size_t i = 0; i < text.n; i++)
		out->is_printable &= is_print(text.p[i]);
	env->at = EXPR_AT_CONTENT;
	if (first == '{' || first == '!' || (first >= 'A' && first <= 'Z'))
		out->cond = expr_cond_compile(env, expr_acls_new(env), text, &err);
	else if (text.n && memchr(text.p, '%', text.n))
		out->format = format_compile(env, text, FORMAT_LOG, true, &err);
	else
		out->program = expr_compile(env, text, &err);
	bool is_good = out->cond || out->format || out->program;
	must(is_good || err.at <= text.n);
	return is_good;
}

static void
evaluate_program(const struct expr_program *p, struct txn_context *c)
{
	struct expr_scratch *scratch = c->base.scratch;
	for (enum expr_type want = 0; want <= EXPR_ANY; want++) {
		struct expr_sample s = {.next = 0};
		scratch->used = 0;
		if (expr_eval(p, &c->base, want, &s))
			look_at(&s);
		s = (struct expr_sample){.next = 0};
		scratch->used = 0;
		for (unsigned n = 0; expr_eval_next(p, &c->base, want, &s); n++) {
			look_at(&s);
			must(n <= INPUT_MAX);
			scratch->used = 0;
		}
	}
}

/* Nothing odd comes into a line but by the format; a line is cut where there is less
 * room. */
static void
evaluate_format(const struct format *f, bool is_printable, struct txn_context *c)
{
	char all[2 * SCRATCH_BYTES];
	size_t n = format_write(f, &c->base, all, sizeof(all));
	must(n <= sizeof(all));
	for (size_t i = 0; i < n; i++)
		must(!is_printable || is_print(all[i]));
	char *exact = malloc(n / 2 + 1);
	must(exact != NULL);
	c->base.scratch->used = 0;
	must(format_write(f, &c->base, exact, n / 2) <= n / 2);
	free(exact);
}

static void
evaluate(const struct subject *what, struct http_head *req)
{
	/* exactly as large as it says, so that ASan sees what goes beyond */
	struct expr_scratch scratch = {malloc(SCRATCH_BYTES), SCRATCH_BYTES, 0};
	struct expr_host host = worker_host;
	bool lacks = false;
	host.fetches = fetches;
	host.aliases = aliases;
	host.var_get = var_get;
	host.var_set = var_set;
	host.complain = NULL;
	host.debug = NULL;
	struct txn_context c = {.base = {&host, &scratch, EXPR_AT_CONTENT, &lacks},
				.s = &session,
				.t = req || what->format ? &txn : NULL,
				.req = req,
				.res = req};
	must(scratch.bytes != NULL);
	if (what->program)
		evaluate_program(what->program, &c);
	if (what->cond)
		must(expr_cond_eval(what->cond, &c.base) <= EXPR_TRUE);
	if (what->format)
		evaluate_format(what->format, what->is_printable, &c);
	free(scratch.bytes);
}

static void
run(const struct subject *what, struct span bytes)
{
	struct buf *b = malloc(sizeof(*b) + bytes.n);
	enum http_reject why;
	must(b != NULL);
	*b = (struct buf){.cap = (uint32_t)bytes.n, .to = (uint32_t)bytes.n};
	if (bytes.n)
		memcpy(b->bytes, bytes.p, bytes.n);
	proxy.limits = limits;
	session.in = b;
	store.used = 0;
	evaluate(what, NULL);
	if (http_head_parse_request(b->bytes, bytes.n, 0, &limits, &head, &why) ==
	    HTTP_PARSE_OK)
		evaluate(what, &head);
	free(b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct expr_env env;
	struct subject what;
	if (size == 0 || size > INPUT_MAX)
		return 0;
	struct arena *a = arena_new();
	struct span bytes = span_of((const char *)data, size);
	struct span text = span_cut(&bytes, '\n');
	expr_env_init(&env, a, NULL);
	if (compile(&env, text, &what))
		run(&what, bytes);
	expr_env_free(&env);
	arena_free(&a);
	return 0;
}
