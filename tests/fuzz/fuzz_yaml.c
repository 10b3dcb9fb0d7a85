/* SPDX-License-Identifier: MIT
 *
 * Configurations: any text gives a configuration or errors, never both; what is built
 * points where it should, and its conditions can be evaluated.
 */
#include <stdio.h>
#include <string.h>

#include "config/loading.h"
#include "lib/base/must.h"

enum { INPUT_MAX = 16 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* In place of the one in config/resolve.c, which the linker then leaves aside: a fuzzer
 * asks no name servers. */
void
resolve_names(struct loading *l)
{
	for (size_t i = 0; i < l->names_n; i++)
		must(l->names[i].addr != NULL && l->names[i].host[0] != '\0');
}

static bool
fetch(const struct expr_context *c, const struct expr_arg *args, struct expr_sample *out)
{
	(void)c;
	(void)args;
	expr_set_str(out, out->next ? SPAN("") : SPAN("/api/x.php?q=1"));
	out->has_more = out->next++ == 0;
	return true;
}

static void
check_proxy(const struct cfg *cfg, const struct cfg_proxy *p)
{
	static expr_fetch_fn *const fetches[EXPR_FETCHES_N] = {[EXPR_FETCH_path] = fetch,
							       [EXPR_FETCH_url] = fetch,
							       [EXPR_FETCH_req_hdr] =
								       fetch};
	static const struct expr_host host = {.fetches = fetches};
	static char bytes[4096];
	struct expr_scratch scratch = {bytes, sizeof(bytes), 0};
	const struct expr_context context = {&host, &scratch, EXPR_AT_REQUEST, NULL};
	must(cfg->proxies[p->index] == p && p->name[0] &&
	     strlen(p->name) <= CFG_NAME_MAX);
	const struct cfg_rules *rules = &p->rules[CFG_RULES_REQUEST];
	for (size_t i = 0; i < rules->n; i++)
		if (rules->list[i].cond)
			expr_cond_eval(rules->list[i].cond, &context);
	for (size_t i = 0; i < p->use_backend_n; i++) {
		must(p->use_backend[i].backend->caps & CFG_CAP_BACKEND);
		if (p->use_backend[i].cond)
			expr_cond_eval(p->use_backend[i].cond, &context);
	}
	for (size_t i = 0; i < p->servers_n; i++)
		must(p->servers[i]->backend == p && p->servers[i]->index == i);
	for (size_t i = 0; i < p->binds_n; i++)
		must(strlen(p->binds[i]->name) <= CFG_NAME_MAX &&
		     cfg->binds[p->binds[i]->index] == p->binds[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cfg_request r = {0};
	struct cfg_errors *errors = NULL;
	if (size > INPUT_MAX)
		return 0;
	struct cfg *c = cfg_load_text(&r, "fuzz", (const char *)data, size, &errors);
	must((c == NULL) == (cfg_errors_n(errors) > 0));
	for (size_t i = 0; i < cfg_errors_n(errors); i++)
		must(strncmp(cfg_errors_at(errors, i), "fuzz", 4) == 0 ||
		     strncmp(cfg_errors_at(errors, i), "configuration", 13) == 0);
	for (size_t i = 0; c && i < c->proxies_n; i++)
		check_proxy(c, c->proxies[i]);
	cfg_errors_free(&errors);
	cfg_free(&c);
	return 0;
}
