/* SPDX-License-Identifier: MIT
 *
 * Log targets: one list for the whole configuration, equal ones shared, chosen by a mask
 * of bits. Master (at load).
 */
#include <sys/stat.h>

#include "config/loading.h"

static bool
is_socket(const char *path)
{
	struct stat st;
	struct span s = span_str(path);
	if (stat(path, &st) == 0)
		return S_ISSOCK(st.st_mode);
	return span_eq(s, SPAN("/dev/log")) || span_ends(s, SPAN(".sock")) ||
	       span_ends(s, SPAN(".socket"));
}

static bool
begins(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Sets kind, addr and path; false: wrong (reported). `host` is set when it is a name. */
static bool
parse_address(struct loading *l, const struct node *at, const char *text,
	      struct log_target *t, struct span *host)
{
	const char *path = begins(text, "unix@")   ? text + 5
			   : begins(text, "file@") ? text + 5
						   : text;
	if (!strcmp(text, "stdout") || !strcmp(text, "fd@1")) {
		t->kind = LOG_TO_STDOUT;
		return true;
	}
	if (!strcmp(text, "stderr") || !strcmp(text, "fd@2")) {
		t->kind = LOG_TO_STDERR;
		return true;
	}
	bool is_unix = begins(text, "unix@") ||
		       (path[0] == '/' && path == text && is_socket(path));
	bool is_file = begins(text, "file@") || (path[0] == '/' && !is_unix);
	if ((is_unix || is_file) && path[0] != '/') {
		report_error(l->report, at,
			     "'%s' is not an absolute path; expected one such as "
			     "/var/log/weir.log",
			     path);
		return false;
	}
	if (is_file) {
		t->kind = LOG_TO_FILE;
		t->path = arena_strdup(l->arena, path);
		return true;
	}
	t->kind = is_unix ? LOG_TO_UNIX : LOG_TO_UDP;
	if (begins(text, "udp@"))
		path = text + 4;
	enum addr_result r = addr_parse(span_str(path), 514, &t->addr, host);
	bool is_usable = is_unix ? r == ADDR_OK && t->addr.kind == ADDR_UNIX
				 : (r == ADDR_OK || r == ADDR_HOSTNAME) &&
					   (t->addr.kind == ADDR_INET ||
					    t->addr.kind == ADDR_INET6);
	if (is_usable && !is_unix && (path[0] == '*' || path[0] == ':'))
		is_usable = false;
	if (!is_usable)
		report_error(l->report, at,
			     "'%s' is not a log target; expected host:port, "
			     "unix@path, stdout, stderr or the path of a file",
			     text);
	return is_usable;
}

static bool
is_same(const struct log_target *a, const struct log_target *b)
{
	return a->kind == b->kind && a->format == b->format &&
	       a->facility == b->facility && a->level_max == b->level_max &&
	       addr_eq(&a->addr, &b->addr) &&
	       (a->path == b->path || (a->path && b->path && !strcmp(a->path, b->path)));
}

/* The bit of a target, added when it is new; 0: no room (reported). */
static uint64_t
target_bit(struct loading *l, const struct node *at, const struct log_target *t,
	   struct span host)
{
	struct cfg *c = l->cfg;
	for (size_t i = 0; i < c->log_targets_n && !host.n; i++)
		if (is_same(&c->log_targets[i], t))
			return 1ULL << i;
	if (c->log_targets_n == LOG_TARGETS_MAX) {
		report_error(l->report, at, "too many log targets; expected at most %d",
			     LOG_TARGETS_MAX);
		return 0;
	}
	if (!c->log_targets)
		c->log_targets =
			arena_alloc(l->arena, LOG_TARGETS_MAX * sizeof(*c->log_targets));
	struct log_target *own = &c->log_targets[c->log_targets_n];
	*own = *t;
	own->index = (unsigned)c->log_targets_n++;
	if (host.n)
		build_unresolved(l, host, &own->addr, NULL, at, true);
	return 1ULL << own->index;
}

static uint64_t
build_target(struct loading *l, const struct node *map)
{
	const struct node *address = node_get(map, "address");
	const char *format = node_text(map, "format");
	struct log_target t = {.addr = {.kind = ADDR_NONE, .fd = -1}};
	struct span host = {NULL, 0};
	if (!address || !parse_address(l, address, address->text, &t, &host))
		return 0;
	build_fields(l, SECTION_log, map, &t);
	bool is_raw = t.kind != LOG_TO_UDP && t.kind != LOG_TO_UNIX;
	if (format)
		is_raw = value_choice("rfc3164|raw", format) == 1;
	t.format = is_raw ? LOG_RAW : LOG_RFC3164;
	return target_bit(l, address, &t, host);
}

uint64_t
build_log(struct loading *l, const struct node *list)
{
	uint64_t mask = 0;
	for (size_t i = 0; i < list->n; i++) {
		const struct node *n = list->items[i];
		if (n->kind == NODE_MAP)
			mask |= build_target(l, n);
		else if (strcmp(n->text, "global") == 0 && l->cfg->proxies_n == 0)
			report_error(l->report, n,
				     "'global' is possible in proxies only; "
				     "expected a log target here");
		else if (strcmp(n->text, "global") == 0)
			mask |= l->cfg->global_log_mask;
	}
	return mask;
}
