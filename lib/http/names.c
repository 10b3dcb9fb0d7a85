/* SPDX-License-Identifier: MIT
 *
 * Names outside letters, digits and '-'.
 */
#include "lib/http/names.h"

static bool
is_mistakable(struct span name)
{
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i], letter = c | 0x20;
		if (c != '-' && (c < '0' || c > '9') && (letter < 'a' || letter > 'z'))
			return true;
	}
	return false;
}

bool
http_names_mistakable(struct http_head *h, bool drop)
{
	bool found = false;

	for (unsigned i = 0; i < h->fields_n; i++) {
		struct http_field *f = &h->fields[i];
		/* the fields that have an id have sound names */
		if (f->dropped || f->id != HTTP_FIELD_OTHER ||
		    !is_mistakable(http_field_name(h, f)))
			continue;
		found = true;
		f->dropped |= drop;
	}
	return found;
}
