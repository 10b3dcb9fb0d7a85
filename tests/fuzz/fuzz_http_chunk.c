/* SPDX-License-Identifier: MIT
 *
 * Chunked bodies: how the bytes are cut makes no difference, and what was decoded and
 * is encoded anew decodes to the same.
 */
#include <stdlib.h>

#include "lib/base/must.h"
#include "lib/base/num.h"
#include "lib/http/chunk.h"

enum { INPUT_MAX = 16 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct http_limits limits = {.trailers_bytes = 512};

struct decoded {
	char data[INPUT_MAX], trailers[INPUT_MAX];
	size_t data_n, trailers_n, used;
	enum http_chunk_result result;
	enum http_reject why;
};

static struct decoded whole, pieces, recoded;

/* Pieces of at most `step` bytes, the sizes from `seed`; step 0: all at once. Each piece
 * is a block of its own, so that one byte too many is seen. */
static void
decode(const char *p, size_t n, unsigned seed, size_t step, struct decoded *d)
{
	struct http_chunk c;
	size_t at = step ? 0 : n;

	d->data_n = d->trailers_n = d->used = 0;
	d->result = HTTP_CHUNK_MORE;
	http_chunk_init(&c);
	while (d->result == HTTP_CHUNK_MORE || d->result == HTTP_CHUNK_DATA) {
		size_t left = at - d->used, used = 0;
		char *block = malloc(left ? left : 1);
		struct span data;
		must(block);
		memcpy(block, p + d->used, left);
		d->result = http_chunk_decode(&c, block, left, &limits, &used, &data,
					      &d->why);
		must(used <= left);
		d->used += used;
		if (d->result == HTTP_CHUNK_DATA) {
			must(data.n > 0 && data.p + data.n == block + used);
			memcpy(d->data + d->data_n, data.p, data.n);
			d->data_n += data.n;
		} else if (d->result == HTTP_CHUNK_END && data.n) {
			memcpy(d->trailers, data.p, data.n);
			d->trailers_n = data.n;
		}
		free(block);
		if (d->result != HTTP_CHUNK_MORE)
			continue;
		if (at == n)
			break;
		seed = seed * 1103515245 + 12345;
		at += 1 + (seed >> 16) % step;
		at = at < n ? at : n;
	}
}

static void
expect_same(const struct decoded *a, const struct decoded *b)
{
	must(a->result == b->result && a->used == b->used && a->why == b->why);
	must(a->data_n == b->data_n && memcmp(a->data, b->data, a->data_n) == 0);
	must(a->trailers_n == b->trailers_n &&
	     memcmp(a->trailers, b->trailers, a->trailers_n) == 0);
}

static void
check_encoded(const struct decoded *d)
{
	static char out[3 * INPUT_MAX];
	size_t n = 0, filtered;

	if (d->data_n) {
		n = num_put_hex(out, d->data_n);
		memcpy(out + n, "\r\n", 2);
		memcpy(out + n + 2, d->data, d->data_n);
		memcpy(out + n + 2 + d->data_n, "\r\n", 2);
		n += d->data_n + 4;
	}
	memcpy(out + n, "0\r\n", 3);
	n += 3;
	filtered = http_trailers_filter(span_of(d->trailers, d->trailers_n), out + n,
					d->trailers_n);
	must(filtered <= d->trailers_n);
	n += filtered;
	memcpy(out + n, "\r\n", 2);
	n += 2;
	decode(out, n, 0, 0, &recoded);
	must(recoded.result == HTTP_CHUNK_END && recoded.used == n);
	must(recoded.data_n == d->data_n && recoded.trailers_n == filtered);
	must(memcmp(recoded.data, d->data, d->data_n) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	unsigned seed = (unsigned)size;

	if (size > INPUT_MAX)
		return 0;
	for (size_t i = 0; i < size; i += 7)
		seed = seed * 31 + data[i];
	decode(p, size, 0, 0, &whole);
	decode(p, size, seed, 1, &pieces);
	expect_same(&whole, &pieces);
	decode(p, size, seed, 9, &pieces);
	expect_same(&whole, &pieces);
	if (whole.result == HTTP_CHUNK_END)
		check_encoded(&whole);
	return 0;
}
