/* SPDX-License-Identifier: MIT
 *
 * The effective configuration as YAML that can be loaded again; behind each value where
 * it comes from. Master (weir --dump-config), and the text that is hashed.
 */
#include "config/loading.h"

struct printer {
	struct loading *l;
	FILE *out;
	bool with_origins;
};

/* True when the text can stand without quotes and reads back the same. */
static bool
is_plain(const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_-./+";
	return text[0] && text[0] != '-' && strcmp(text, "<<") != 0 &&
	       text[strspn(text, plain)] == '\0';
}

static void
print_text(FILE *out, const char *text)
{
	if (is_plain(text)) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == '"' || *p == '\\')
			fprintf(out, "\\%c", *p);
		else if (*p == '\n')
			fputs("\\n", out);
		else if (*p == '$')
			fputs("$$", out);
		else if (*p < ' ' || *p == 0x7f)
			fprintf(out, "\\x%02x", *p);
		else
			fputc(*p, out);
	}
	fputc('"', out);
}

static void
print_origin(const struct printer *p, const struct node *n)
{
	if (p->with_origins)
		fprintf(p->out, "  # %s",
			n->origin ? n->origin : report_place(p->l->arena, n->pos));
	fputc('\n', p->out);
}

static void print_children(const struct printer *p, const struct node *n, int depth);

static void
print_value(const struct printer *p, const struct node *n, int depth)
{
	if (n->kind == NODE_SCALAR) {
		fputc(' ', p->out);
		print_text(p->out, n->text);
		print_origin(p, n);
	} else if (n->n == 0) {
		fputs(n->kind == NODE_MAP ? " {}" : " []", p->out);
		print_origin(p, n);
	} else {
		fputc('\n', p->out);
		print_children(p, n, depth);
	}
}

static void
print_children(const struct printer *p, const struct node *n, int depth)
{
	for (size_t i = 0; i < n->n; i++) {
		fprintf(p->out, "%*s", 2 * depth, "");
		if (n->kind == NODE_MAP) {
			print_text(p->out, n->keys[i]->text);
			fputc(':', p->out);
		} else {
			fputc('-', p->out);
		}
		print_value(p, n->items[i], depth + 1);
	}
}

void
dump_tree(struct loading *l, FILE *out, bool with_origins)
{
	struct printer p = {l, out, with_origins};
	const struct node *e = l->effective;
	for (size_t i = 0; i < e->n; i++) {
		if (e->items[i]->n == 0)
			continue;
		fprintf(out, "%s:\n", e->keys[i]->text);
		print_children(&p, e->items[i], 1);
		bool is_global = strcmp(e->keys[i]->text, "global") == 0;
		if (with_origins && is_global && !node_get(e->items[i], "maxconn"))
			fprintf(out, "  maxconn: %u  # from the limit on open files\n",
				l->cfg->global.maxconn);
	}
}
