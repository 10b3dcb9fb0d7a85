/* SPDX-License-Identifier: MIT
 *
 * Log targets: one list for the whole configuration, equal ones shared, chosen by a mask
 * of bits. Master (at load).
 */
#include <sys/stat.h>

#include "config/loading.h"
#include "lib/base/num.h"

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

/* ":514" is a port of this machine; "host:" and ":" are without a port. */
static const char *
with_host(struct loading *l, const char *text)
{
	const char *colon = strchr(text, ':');
	if (colon && !colon[1])
		text = arena_span(l->arena, span_of(text, (size_t)(colon - text)));
	if (!*text || *text == ':')
		text = arena_printf(l->arena, "127.0.0.1%s", text);
	return text;
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
	if (!is_unix)
		path = with_host(l, path);
	enum addr_result r = addr_parse(span_str(path), 514, &t->addr, host);
	bool is_usable = is_unix ? r == ADDR_OK && t->addr.kind == ADDR_UNIX
				 : (r == ADDR_OK || r == ADDR_HOSTNAME) &&
					   (t->addr.kind == ADDR_INET ||
					    t->addr.kind == ADDR_INET6);
	if (is_usable && !is_unix && path[0] == '*')
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
	       a->level_min == b->level_min && a->bytes_max == b->bytes_max &&
	       a->sample_n == b->sample_n && a->sample_mask == b->sample_mask &&
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

/* "1-2,5:10": lines 1, 2 and 5 of every ten. false: wrong. */
static bool
parse_sample(struct span text, struct log_target *t)
{
	uint64_t size, from, to;
	struct span ranges = span_cut(&text, ':');
	if (num_u64(text, &size) != NUM_OK || size == 0 || size > LOG_SAMPLE_MAX ||
	    !ranges.n)
		return false;
	while (ranges.n) {
		struct span last = span_cut(&ranges, ',');
		struct span first = span_cut(&last, '-');
		if (num_u64(first, &from) != NUM_OK)
			return false;
		to = from;
		if (last.n && num_u64(last, &to) != NUM_OK)
			return false;
		if (from == 0 || to < from || to > size)
			return false;
		for (uint64_t i = from; i <= to; i++)
			t->sample_mask |= 1ULL << (i - 1);
	}
	t->sample_n = (uint32_t)size;
	return true;
}

static enum log_format
format_of(const struct log_target *t, const char *name)
{
	static const char names[] = ""
#define LOG_FORMAT(id, name, priority, date, host, process, help) "|" name
#include "lib/net/log_format.def"
#undef LOG_FORMAT
		;
	if (name)
		return (enum log_format)value_choice(names + 1, name);
	return t->kind == LOG_TO_UDP || t->kind == LOG_TO_UNIX ? LOG_FORMAT_LOCAL
							       : LOG_FORMAT_RAW;
}

static uint64_t
build_target(struct loading *l, const struct node *map)
{
	const struct node *address = node_get(map, "address");
	const struct node *sample = node_get(map, "sample");
	struct log_target t = {.addr = {.kind = ADDR_NONE, .fd = -1}};
	struct span host = {NULL, 0};
	if (!address || !parse_address(l, address, address->text, &t, &host))
		return 0;
	build_fields(l, SECTION_log, map, &t);
	t.format = format_of(&t, node_text(map, "format"));
	if (sample && !parse_sample(span_str(sample->text), &t)) {
		report_error(l->report, sample,
			     "'%s' is not a sample; expected ranges and a size up to %d, "
			     "such as 1-2,5:10",
			     sample->text, LOG_SAMPLE_MAX);
		return 0;
	}
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
