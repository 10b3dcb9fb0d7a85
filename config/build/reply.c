/* SPDX-License-Identifier: MIT
 *
 * Answers: of `return`, `deny`, `tarpit` and `http_error`. Master (at load).
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "config/loading.h"

enum { FILE_BYTES_MAX = 16 << 20 };

static bool
is_field_name(const char *text)
{
	for (const char *p = text; *p; p++)
		if (*p <= ' ' || *p > '~' || strchr("\"(),/:;<=>?@[\\]{}", *p))
			return false;
	return text[0] != '\0';
}

/* Framing is decided by what is sent; so is the end of a connection, but for checks. */
static bool
is_ours(const char *name, bool is_check)
{
	return strcasecmp(name, "Content-Length") == 0 ||
	       strcasecmp(name, "Transfer-Encoding") == 0 ||
	       (!is_check && strcasecmp(name, "Connection") == 0);
}

void
build_headers(struct loading *l, const struct node *map, bool is_check,
	      struct cfg_header **headers, size_t *n)
{
	for (size_t i = 0; i < map->n; i++) {
		const char *name = map->keys[i]->text;
		bool is_set_here = is_ours(name, is_check);
		if (!is_field_name(name) || is_set_here) {
			report_error(l->report, map->items[i],
				     is_set_here ? "'%s' is set by weir itself; expected "
						   "another field"
						 : "'%s' is not the name of a field",
				     name);
			continue;
		}
		for (size_t j = 0; j < node_items_n(map->items[i]); j++) {
			const struct node *value = node_item(map->items[i], j);
			if (value->text[strcspn(value->text, "\r\n")]) {
				report_error(l->report, value,
					     "a line break in a field; expected "
					     "one line");
				continue;
			}
			*headers = arena_grow(l->arena, *headers, *n, sizeof(**headers));
			(*headers)[(*n)++] = (struct cfg_header){
				build_text(l, name), build_text(l, value->text)};
		}
	}
}

/* --- files ----------------------------------------------------------------------------
 */

/* /dev/null is the usual way to name an empty file. */
static bool
is_readable_file(const struct stat *st)
{
	return S_ISREG(st->st_mode) ||
	       (S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3));
}

const char *
build_file(struct loading *l, const char *path, struct span *bytes)
{
	struct stat st;
	const char *wrong = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0) {
		wrong = arena_printf(l->arena, "'%s' cannot be opened: %s", path,
				     strerror(errno));
	} else if (!is_readable_file(&st) || st.st_size > FILE_BYTES_MAX) {
		wrong = arena_printf(
			l->arena,
			"'%s' is not usable; expected a regular file of at most 16 MB",
			path);
	} else {
		char *p = arena_alloc(l->arena, (size_t)st.st_size + 1);
		size_t n = 0;
		ssize_t got;
		while (n < (size_t)st.st_size &&
		       (got = read(fd, p + n, (size_t)st.st_size - n)) > 0)
			n += (size_t)got;
		*bytes = span_of(p, n);
		if (n < (size_t)st.st_size)
			wrong = arena_printf(l->arena, "'%s' cannot be read", path);
	}
	if (fd >= 0)
		close(fd);
	return wrong;
}

/* --- answers --------------------------------------------------------------------------
 */

/* Where an answer comes from. */
static const char *const sources[] = {
	"string",     "lf_string",	   "file", "lf_file", "errorfile",
	"errorfiles", "default_errorfiles"};

/* The one source that is given, NULL: none. Two are one too many. */
static const struct node *
source_of(struct loading *l, const struct node *map)
{
	const struct node *first = NULL;
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		const struct node *n = node_get(map, sources[i]);
		if (n && first)
			report_error(l->report, n,
				     "'%s' is given too; expected one of them",
				     first->name);
		else if (n)
			first = n;
	}
	return first;
}

/* Values are formats where there is a proxy to compile them for; those that are made
 * later go to r->fields, the others into lines. */
static void
compile_fields(struct loading *l, struct built *b, const struct node *map,
	       struct cfg_header *h, size_t *n, struct cfg_reply *r)
{
	size_t kept = 0;
	for (size_t i = 0; i < *n; i++) {
		const struct node *at = node_get(map, arena_span(l->arena, h[i].name));
		const struct format *f =
			memchr(h[i].value.p, '%', h[i].value.n)
				? build_format(l, b, at, h[i].value, FORMAT_FIELD)
				: NULL;
		if (f && !format_constant(f).p) {
			r->fields = arena_grow(l->arena, r->fields, r->fields_n,
					       sizeof(*r->fields));
			r->fields[r->fields_n++] = (struct cfg_field){h[i].name, f};
			continue;
		}
		h[kept] = h[i];
		if (f)
			h[kept].value = format_constant(f);
		kept++;
	}
	*n = kept;
}

static struct span
field_lines(struct loading *l, struct built *b, const struct node *map,
	    struct cfg_reply *reply)
{
	struct cfg_header *h = NULL;
	size_t n = 0, bytes = 0, at = 0;
	if (!map)
		return span_of(NULL, 0);
	for (size_t i = 0; i < map->n; i++)
		if (strcasecmp(map->keys[i]->text, "Content-Type") == 0)
			report_error(l->report, map->items[i],
				     "expected as 'content_type' of the answer");
		else if (strcasecmp(map->keys[i]->text, "Date") == 0)
			report_error(
				l->report, map->items[i],
				"'Date' is set by weir itself; expected another field");
	build_headers(l, map, false, &h, &n);
	if (b)
		compile_fields(l, b, map, h, &n, reply);
	for (size_t i = 0; i < n; i++)
		bytes += h[i].name.n + h[i].value.n + 4;
	char *lines = arena_alloc(l->arena, bytes + 1);
	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(lines + at, bytes + 1 - at, "%.*s: %.*s\r\n",
				       (int)h[i].name.n, h[i].name.p, (int)h[i].value.n,
				       h[i].value.p);
	return span_of(lines, at);
}

/* What an error file already says. */
static void
warn_ignored(struct loading *l, const struct node *map, const struct node *source)
{
	static const char *const keys[] = {"content_type", "headers"};
	for (size_t i = 0; i < 2; i++) {
		const struct node *n = node_get(map, keys[i]);
		if (n)
			report_warning(l->report, n,
				       "has no effect beside '%s', which has all fields",
				       source->name);
	}
}

static struct http_reply *
copy_reply(struct loading *l, const struct http_reply *r)
{
	struct http_reply *copy = arena_alloc(l->arena, sizeof(*copy));
	*copy = *r;
	return copy;
}

/* From an error file. */
static const struct http_reply *
whole_reply(struct loading *l, const struct node *source, int status)
{
	const struct node *file = source;
	if (strcmp(source->name, "errorfiles") == 0) {
		const struct node *group = build_error_group(l, source);
		file = group ? node_get(group, arena_printf(l->arena, "%d", status))
			     : NULL;
		if (group && !file)
			report_warning(l->report, source,
				       "'%s' has no file for %d; the answer is the error "
				       "page of the proxy",
				       source->text, status);
	}
	const struct http_reply *found = file ? build_error_file(l, file) : NULL;
	if (!found || !found->is_silent)
		return found;
	struct http_reply *silent = copy_reply(l, found);
	silent->status = status;
	return silent;
}

/* The body that a source gives; in r->body when it is made later. */
static struct span
body_of(struct loading *l, struct built *b, const struct node *source,
	struct cfg_reply *r)
{
	bool is_format = span_begins(span_str(source->name), SPAN("lf_"));
	struct span body;
	if (span_ends(span_str(source->name), SPAN("string"))) {
		body = build_text(l, source->text);
	} else {
		const char *wrong = build_file(l, source->text, &body);
		if (wrong) {
			report_error(l->report, source, "%s", wrong);
			return span_of(NULL, 0);
		}
	}
	if (!is_format || !b)
		return body;
	r->body = build_format(l, b, source, body, FORMAT_BYTES);
	if (!r->body || !format_constant(r->body).p)
		return span_of(NULL, 0);
	body = format_constant(r->body);
	r->body = NULL;
	return body;
}

/* From its parts. */
static const struct http_reply *
made_reply(struct loading *l, struct built *b, const struct node *map,
	   const struct node *source, struct cfg_reply *reply)
{
	int status = reply->status;
	struct http_reply r = {.status = status};
	const char *type = node_text(map, "content_type");
	r.extra = field_lines(l, b, node_get(map, "headers"), reply);
	if (source)
		r.body = body_of(l, b, source, reply);
	bool has_no_body = status == 204 || status == 205 || status == 304;
	if ((r.body.n || reply->body) && has_no_body)
		report_error(
			l->report, source,
			"a response %d has no body; expected another status, or no body",
			status);
	if (r.body.n || reply->body)
		r.content_type = type ? build_text(l, type) : SPAN("text/plain");
	return copy_reply(l, &r);
}

void
build_reply(struct loading *l, struct built *b, const struct node *map, bool has_page,
	    int usual, struct cfg_reply *r)
{
	const struct node *source = source_of(l, map);
	bool is_file = source && strncmp(source->name, "errorfile", 9) == 0;
	bool is_page = source && strcmp(source->name, "default_errorfiles") == 0;
	const char *status = node_text(map, "status");
	r->status = status ? (int)value_uint(status) : usual;
	if (is_file || is_page)
		warn_ignored(l, map, source);
	if ((is_page || (is_file && source->name[9])) && http_error_of(r->status) < 0)
		report_error(l->report, source,
			     "there are no error files for %d; expected one of %s",
			     r->status, value_choices_text(l->arena, HTTP_ERRORS_TEXT));
	if (is_file)
		r->message = whole_reply(l, source, r->status);
	else if (source ? !is_page : !has_page || node_get(map, "headers"))
		r->message = made_reply(l, b, map, source, r);
}
