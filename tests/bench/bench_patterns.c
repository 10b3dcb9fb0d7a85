/* SPDX-License-Identifier: MIT
 *
 * Pattern lists of ACLs and maps with a million entries, read from a file: CPU time to
 * load, CPU time of one lookup in random order, memory. Prints one line for each match;
 * fails nothing.
 *
 *   bench_patterns [DIRECTORY]      where files are made, /tmp without it
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/must.h"
#include "lib/expr/parts.h"
#include "lib/expr/pattern.h"

enum { ENTRIES_N = 1000000, LOOKS_N = 2000000, TEXT_BYTES = 40 };

static uint64_t
cpu_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int
put_text(char *out, enum expr_match m, uint32_t i)
{
	const char *form = m == EXPR_MATCH_IP	 ? "10.%u.%u.%u"
			   : m == EXPR_MATCH_STR ? "host%u.example%u.com%u"
						 : "/a%u/b%u/c%u";
	return snprintf(out, TEXT_BYTES, form, i >> 16, i >> 8 & 255, i & 255);
}

static void
make_file(const char *path, enum expr_match m)
{
	char text[TEXT_BYTES];
	FILE *f = fopen(path, "w");
	must(f);
	for (uint32_t i = 0; i < ENTRIES_N; i++) {
		put_text(text, m, i);
		fprintf(f, "%s v%u\n", text, i % 1000);
	}
	fclose(f);
}

/* The samples are made before the clock starts. */
static uint64_t
look(const struct expr_patterns *p, const struct expr_context *c, enum expr_match m)
{
	struct expr_sample *samples = must_calloc(ENTRIES_N, sizeof(*samples));
	char *texts = must_calloc(ENTRIES_N, TEXT_BYTES);
	uint64_t random = 88172645463325252ULL, found_n = 0;
	for (uint32_t i = 0; i < ENTRIES_N; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		uint32_t k = (uint32_t)(random % ENTRIES_N);
		char *text = texts + (size_t)i * TEXT_BYTES;
		int n = put_text(text, m, k);
		expr_set_str(&samples[i], span_of(text, (size_t)n));
		if (m == EXPR_MATCH_IP) {
			samples[i].type = EXPR_IPV4;
			samples[i].ipv4.s_addr = htonl(10u << 24 | k);
		}
	}
	uint64_t start_us = cpu_us();
	for (uint32_t i = 0; i < LOOKS_N; i++) {
		struct expr_found found = {.value = {NULL, 0}};
		c->scratch->used = 0;
		found_n += expr_patterns_find(p, c, &samples[i % ENTRIES_N], &found);
	}
	uint64_t us = cpu_us() - start_us;
	must(found_n == LOOKS_N);
	free(samples);
	free(texts);
	return us;
}

static void
bench(const char *path, enum expr_match m, bool is_caseless)
{
	static char bytes[4096];
	static const struct expr_host host;
	struct expr_scratch scratch = {bytes, sizeof(bytes), 0};
	struct expr_context c = {&host, &scratch, EXPR_AT_ALONE, NULL};
	struct arena *a = arena_new();
	struct expr_env env;
	struct expr_error err;
	expr_env_init(&env, a, NULL);
	make_file(path, m);
	uint64_t start_us = cpu_us();
	struct expr_patterns *p = expr_patterns_new(&env, m, is_caseless);
	must(expr_patterns_read(p, span_str(path), EXPR_STR, &err) == 0);
	expr_patterns_seal(p);
	uint64_t load_us = cpu_us() - start_us, look_us = look(p, &c, m);
	printf("%s%s: loaded in %.2f s, %.0f ns per lookup, %zu MB\n", expr_match_name(m),
	       is_caseless ? " -i" : "", (double)load_us / 1e6,
	       (double)look_us * 1000 / LOOKS_N, expr_patterns_bytes(p) >> 20);
	expr_env_free(&env);
	arena_free(&a);
	unlink(path);
}

int
main(int argc, char **argv)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/patterns-%d.lst", argc > 1 ? argv[1] : "/tmp",
		 (int)getpid());
	bench(path, EXPR_MATCH_STR, false);
	bench(path, EXPR_MATCH_STR, true);
	bench(path, EXPR_MATCH_BEG, false);
	bench(path, EXPR_MATCH_END, false);
	bench(path, EXPR_MATCH_IP, false);
	return 0;
}
