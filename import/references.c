/* SPDX-License-Identifier: MIT
 *
 * Rules of named defaults that mean a server or a table of the proxy they will be in:
 * HAProxy resolves names where they are written, and defaults have neither. Refused here
 * as there, with the place.
 */
#include <ctype.h>
#include <string.h>

#include "import/importing.h"

/* Fetches of a server, whose argument is "backend/server" or a server of the proxy. */
static bool
is_of_server(struct span name)
{
	static const struct {
		const char *name, *args;
	} fetches[] = {
#define FETCH(id, name, args, type, where, help, manual) {name, args},
#include "lib/expr/fetch.def"
#undef FETCH
	};
	for (size_t i = 0; i < sizeof(fetches) / sizeof(fetches[0]); i++)
		if (span_eq(name, span_str(fetches[i].name)))
			return strcmp(fetches[i].args, "server:server") == 0;
	return false;
}

static struct span
name_before(const char *text, const char *end)
{
	const char *begin = end;
	while (begin > text && (isalnum((unsigned char)begin[-1]) || begin[-1] == '_' ||
				begin[-1] == '.'))
		begin--;
	return span_of(begin, (size_t)(end - begin));
}

static void
refuse_servers(struct importing *im, const struct node *n)
{
	for (const char *at = n->text; (at = strchr(at, '(')); at++) {
		size_t argument_bytes = strcspn(at, ",)");
		if (is_of_server(name_before(n->text, at)) &&
		    !memchr(at, '/', argument_bytes))
			import_lost(im, n->pos,
				    "defaults have no server '%.*s'; expected "
				    "backend/server",
				    (int)argument_bytes - 1, at + 1);
	}
}

/* "track-sc0 src": into the table of the proxy itself. */
static void
refuse_own_table(struct importing *im, const struct node *key, const struct node *value)
{
	if (strncmp(key->text, "track_sc", 8) == 0 &&
	    !(value->kind == NODE_MAP && node_get(value, "table")))
		import_lost(im, value->pos,
			    "defaults have no stick-table; expected 'table NAME'");
}

void
import_refuse_unnamed(struct importing *im, const struct node *n)
{
	if (n->kind == NODE_SCALAR)
		refuse_servers(im, n);
	for (size_t i = 0; i < n->n; i++) {
		if (n->kind == NODE_MAP)
			refuse_own_table(im, n->keys[i], n->items[i]);
		import_refuse_unnamed(im, n->items[i]);
	}
}
