/* SPDX-License-Identifier: MIT
 *
 * Reading a TLS hello. Any process.
 */
#include "lib/expr/hello.h"

#include <stdbool.h>
#include <stdint.h>

enum { RECORD_HEAD = 5, RECORD_HANDSHAKE = 22, HANDSHAKE_HEAD = 4, RECORD_MAX = 16384 };

/* A number of n bytes at the front of *s, which moves behind it. false: too short. */
static bool
take_number(struct span *s, size_t n, size_t *out)
{
	size_t v = 0;
	if (s->n < n)
		return false;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | (uint8_t)s->p[i];
	*out = v;
	*s = span_of(s->p + n, s->n - n);
	return true;
}

static bool
take_bytes(struct span *s, size_t n, struct span *out)
{
	if (s->n < n)
		return false;
	*out = span_of(s->p, n);
	*s = span_of(s->p + n, s->n - n);
	return true;
}

/* A list behind its length of n bytes. */
static bool
take_list(struct span *s, size_t n, struct span *out)
{
	size_t length;
	return take_number(s, n, &length) && take_bytes(s, length, out);
}

/* The content of the next record. */
static enum hello_read
take_record(struct span *s, unsigned *version, struct span *out)
{
	size_t type, v, length;
	struct span head = *s;
	if (s->n && (uint8_t)s->p[0] != RECORD_HANDSHAKE)
		return HELLO_BAD;
	if (!take_number(&head, 1, &type) || !take_number(&head, 2, &v) ||
	    !take_number(&head, 2, &length))
		return s->n > 1 && s->p[1] != 3 ? HELLO_BAD : HELLO_INCOMPLETE;
	if (v >> 8 != 3 || length == 0 || length > RECORD_MAX)
		return HELLO_BAD;
	size_t here = length < head.n ? length : head.n;
	*out = span_of(head.p, here);
	*s = span_of(head.p + here, head.n - here);
	*version = (unsigned)v;
	return here < length ? HELLO_INCOMPLETE : HELLO_OK;
}

/* Type, length and content of the message at the front of s, when it is complete. */
static bool
is_message(struct span s, struct span *out)
{
	struct span rest = s;
	size_t type, length;
	if (!take_number(&rest, 1, &type) || !take_number(&rest, 3, &length) ||
	    rest.n < length)
		return false;
	*out = span_of(s.p, HANDSHAKE_HEAD + length);
	return true;
}

/* The whole message: in place when it fills one record, else joined in scratch. */
static enum hello_read
take_message(struct span bytes, char *scratch, size_t cap, unsigned *version,
	     struct span *out)
{
	unsigned ignored;
	struct span part = {NULL, 0};
	enum hello_read r = take_record(&bytes, version, &part);
	if (r != HELLO_BAD && is_message(part, out))
		return HELLO_OK;
	for (size_t n = 0; r == HELLO_OK; r = take_record(&bytes, &ignored, &part)) {
		if (n + part.n > cap)
			return HELLO_BAD;
		memcpy(scratch + n, part.p, part.n);
		n += part.n;
		if (is_message(span_of(scratch, n), out))
			return HELLO_OK;
	}
	return r;
}

/* What is behind type and length of a ClientHello. */
static bool
read_client(struct span rest, struct hello *out)
{
	struct span random, session, compression;
	size_t version;
	if (!take_number(&rest, 2, &version) || !take_bytes(&rest, 32, &random) ||
	    !take_list(&rest, 1, &session) || !take_list(&rest, 2, &out->ciphers) ||
	    !take_list(&rest, 1, &compression))
		return false;
	out->version = (unsigned)version;
	return version >> 8 == 3 &&
	       (rest.n == 0 || take_list(&rest, 2, &out->extensions));
}

enum hello_read
hello_parse(struct span bytes, char *scratch, size_t cap, struct hello *out)
{
	struct span message = {NULL, 0}, rest;
	size_t type, version;
	*out = (struct hello){.type = 0};
	if (bytes.n == 0)
		return HELLO_INCOMPLETE;
	enum hello_read r =
		take_message(bytes, scratch, cap, &out->record_version, &message);
	if (r != HELLO_OK)
		return r;
	type = (uint8_t)message.p[0];
	rest = span_of(message.p + HANDSHAKE_HEAD, message.n - HANDSHAKE_HEAD);
	out->type = (unsigned)type;
	if (type == HELLO_CLIENT)
		return read_client(rest, out) ? HELLO_OK : HELLO_BAD;
	if (type != HELLO_SERVER || !take_number(&rest, 2, &version))
		return HELLO_BAD;
	out->version = (unsigned)version;
	return HELLO_OK;
}

struct span
hello_extension(const struct hello *h, unsigned number)
{
	struct span rest = h->extensions, content;
	size_t type;
	while (take_number(&rest, 2, &type) && take_list(&rest, 2, &content))
		if (type == number)
			return content;
	return span_of(NULL, 0);
}

struct span
hello_server_name(const struct hello *h)
{
	struct span list = hello_list(hello_extension(h, 0), 2), name;
	size_t type;
	while (take_number(&list, 1, &type) && take_list(&list, 2, &name))
		if (type == 0)
			return name;
	return span_of(NULL, 0);
}

struct span
hello_list(struct span extension, size_t size)
{
	struct span list;
	return take_list(&extension, size, &list) ? list : span_of(NULL, 0);
}
