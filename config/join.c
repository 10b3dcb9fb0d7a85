/* SPDX-License-Identifier: MIT
 *
 * A server that joins is read as the only one of a configuration of its own, and then
 * becomes one of its backend's: checked as that says. Defaults are the built-in ones.
 */
#include "config/join.h"

#include <stdlib.h>
#include <string.h>

#include "config/loading.h"
#include "lib/base/must.h"

/* What outlives the configuration that it was read from. */
struct joined {
	struct cfg_server server; /* first */
	struct cfg *origin;	  /* what the pointers of its agent lead to; or NULL */
	char bytes[];		  /* name, address, cookie */
};

static const char *
keep(char **at, const char *text, size_t n)
{
	char *to = *at;
	if (n)
		memcpy(to, text, n);
	to[n] = '\0';
	*at += n + 1;
	return to;
}

static struct joined *
copy_of(const struct cfg_server *s)
{
	size_t name_n = strlen(s->name), addr_n = strlen(s->addr_text);
	struct joined *j = must_calloc(1, sizeof(*j) + name_n + addr_n + s->cookie.n + 3);
	char *at = j->bytes;
	j->server = *s;
	j->server.name = keep(&at, s->name, name_n);
	j->server.addr_text = keep(&at, s->addr_text, addr_n);
	j->server.cookie = span_of(keep(&at, s->cookie.p, s->cookie.n), s->cookie.n);
	return j;
}

static struct cfg *
read_alone(const struct cfg_proxy *p, const char *name, const char *text,
	   struct cfg_errors **errors)
{
	static const struct cfg_request request = {.is_part = true};
	struct arena *a = arena_new();
	const char *yaml = arena_printf(
		a, "{backends: {\"%s\": {mode: %s, servers: {\"%s\": %s}}}}", p->name,
		p->mode == CFG_MODE_HTTP ? "http" : "tcp", name, text);
	struct cfg *c = cfg_load_text(&request, p->name, yaml, strlen(yaml), errors);
	arena_free(&a);
	return c;
}

struct cfg_server *
cfg_server_join(const struct cfg_proxy *p, const char *name, const char *text,
		struct cfg_errors **errors)
{
	struct cfg *c = read_alone(p, name, text, errors);
	if (!c)
		return NULL;
	must(c->proxies_n == 1 && c->proxies[0]->servers_n == 1);
	struct joined *j = copy_of(c->proxies[0]->servers[0]);
	struct cfg_server *s = &j->server;
	s->backend = (struct cfg_proxy *)(uintptr_t)p;
	s->healthcheck = NULL;
	build_server_check(p, s);
	if (s->agent)
		j->origin = c;
	else
		cfg_free(&c);
	return s;
}

void
cfg_server_free(struct cfg_server **s)
{
	struct joined *j = (struct joined *)(void *)*s;
	*s = NULL;
	if (!j)
		return;
	cfg_free(&j->origin);
	free(j);
}
