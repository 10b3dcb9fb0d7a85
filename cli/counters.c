/* SPDX-License-Identifier: MIT
 *
 * weirctl counters: every cell of every object, as the region describes itself.
 */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "lib/base/clock.h"
#include "shm/counters.h"

/* Totals of the look before this one, by place in the directory and counter. */
struct earlier {
	uint64_t *totals;
	size_t n;
	uint64_t at_ms, now_ms;
};

/* Where a picture goes. */
struct picture {
	struct cli *c;
	struct earlier *e;
	struct shm_text *json;
	struct table table;
	struct shm_text name;
	size_t lines_n;
};

static const char *
kind_name(enum shm_kind kind)
{
	switch (kind) {
	case SHM_GLOBAL:
		return "global";
	case SHM_FRONTEND:
		return "frontend";
	case SHM_LISTENER:
		return "listener";
	case SHM_BACKEND:
		return "backend";
	case SHM_SERVER:
		return "server";
	case SHM_TABLE:
		return "table";
	case SHM_KINDS_N:
		break;
	}
	return "?";
}

/* "server.app/a." */
static void
put_prefix(enum shm_kind kind, const struct shm_facts *f, struct shm_text *out)
{
	shm_text_clear(out);
	shm_text_str(out, kind_name(kind));
	shm_text_char(out, '.');
	if (kind == SHM_GLOBAL)
		return;
	if (f->parent[0]) {
		shm_text_plain(out, f->parent);
		shm_text_char(out, '/');
	}
	shm_text_plain(out, f->name);
	shm_text_char(out, '.');
}

/* "server.app/a.bin", "app/a.bin" or "bin": what one would think of first. */
static bool
is_wanted(const struct cli *c, const char *full, const char *last)
{
	const char *glob = c->words_n ? c->words[0] : "*";
	const char *dot = strchr(full, '.');
	return fnmatch(glob, full, 0) == 0 || fnmatch(glob, last, 0) == 0 ||
	       (dot && fnmatch(glob, dot + 1, 0) == 0);
}

/* The total of the last look, and in its place the new one. */
static bool
exchange(struct earlier *e, size_t at, uint64_t total, uint64_t *was)
{
	if (at >= e->n) {
		size_t n = at + 4096;
		uint64_t *more = realloc(e->totals, n * sizeof(*more));
		if (!more)
			return false;
		for (size_t i = e->n; i < n; i++)
			more[i] = UINT64_MAX;
		e->totals = more;
		e->n = n;
	}
	*was = e->totals[at];
	e->totals[at] = total;
	return e->at_ms && *was != UINT64_MAX;
}

static void
put_counter(struct picture *p, const struct shm_counter_desc *d, uint64_t total,
	    bool has_rate, uint64_t was)
{
	struct table *t = &p->table;
	if (p->c->is_json) {
		shm_text_str(p->json, p->lines_n ? ",\n " : "\n ");
		shm_text_json(p->json, p->name.bytes ? p->name.bytes : "");
		shm_text_char(p->json, ':');
		shm_text_u64(p->json, total);
		return;
	}
	uint64_t elapsed_ms = p->e->now_ms - p->e->at_ms;
	shm_text_str(table_cell(t), p->name.bytes ? p->name.bytes : "");
	shm_text_u64(table_cell(t), total);
	struct shm_text *rate = table_cell(t);
	if (has_rate && elapsed_ms)
		shm_text_u64(rate, total > was ? (total - was) * 1000 / elapsed_ms : 0);
	shm_text_plain(table_cell(t), d->unit);
	shm_text_plain(table_cell(t), d->help);
}

static void
put_object(struct picture *p, uint32_t i, const struct shm_object *o)
{
	struct cli *c = p->c;
	struct shm_facts f;
	struct shm_counter_desc d;
	shm_object_facts(c->shm, o, &f);
	put_prefix(o->kind, &f, &p->name);
	size_t prefix_n = p->name.n;
	for (uint32_t k = 0; k < shm_counters_n(c->shm, o->kind); k++) {
		uint64_t was = 0, total;
		if (!shm_counter_desc(c->shm, o->kind, k, &d))
			continue;
		p->name.n = prefix_n;
		shm_text_plain(&p->name, d.name);
		if (p->name.failed || !is_wanted(c, p->name.bytes, d.name))
			continue;
		total = shm_total(c->shm, o, k);
		bool has_rate = exchange(p->e, (size_t)i * 64 + k, total, &was);
		put_counter(p, &d, total, has_rate, was);
		p->lines_n++;
	}
}

static enum cli_exit
draw(struct cli *c, struct shm_text *out)
{
	static const char *const titles[] = {"<COUNTER", "TOTAL", "PER S", "<UNIT",
					     "<MEANING"};
	struct picture p = {.c = c, .e = c->state, .json = out};
	struct shm_object o;
	table_init(&p.table, titles, sizeof(titles) / sizeof(titles[0]));
	p.e->now_ms = clock_mono_ms();
	shm_text_str(out, c->is_json ? "{" : "");
	for (uint32_t i = 0; i < shm_objects_n(c->shm); i++) {
		if (shm_object_at(c->shm, i, &o) && (o.is_current || c->with_gone))
			put_object(&p, i, &o);
	}
	p.e->at_ms = p.e->now_ms;
	if (c->is_json)
		shm_text_str(out, "\n}\n");
	else
		table_render(&p.table, out);
	table_fini(&p.table);
	shm_text_fini(&p.name);
	if (p.lines_n == 0 && c->words_n) {
		cli_error("no counter matches '%s'", c->words[0]);
		return CLI_FAILED;
	}
	return CLI_OK;
}

enum cli_exit
cli_counters(struct cli *c)
{
	struct earlier e = {0};
	enum cli_exit rc = cli_attach(c);
	if (rc != CLI_OK)
		return rc;
	c->state = &e;
	rc = cli_watch(c, draw);
	free(e.totals);
	return rc;
}
