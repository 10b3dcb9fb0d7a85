/* SPDX-License-Identifier: MIT
 *
 * Converters that hash bytes. Any process. libcrypto allocates memory for a digest and
 * gives it back; the other ones do not allocate.
 */
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <xxhash.h>

#include "lib/base/base64.h"
#include "lib/base/hash.h"
#include "lib/expr/parts.h"

/* A 32-bit hash; "avalanche" as the first argument mixes it once more. */
static bool
set_hash(struct expr_sample *s, uint32_t hash, const struct expr_arg *args)
{
	bool avalanches = args[0].kind == EXPR_ARG_INT && args[0].integer;
	expr_set_int(s, avalanches ? hash_avalanche(hash) : hash);
	return true;
}

bool
expr_conv_crc32(const struct expr_context *c, const struct expr_arg *args,
		struct expr_sample *s)
{
	(void)c;
	return set_hash(s, hash_crc32(s->str.p, s->str.n), args);
}

bool
expr_conv_crc32c(const struct expr_context *c, const struct expr_arg *args,
		 struct expr_sample *s)
{
	(void)c;
	return set_hash(s, hash_crc32c(s->str.p, s->str.n), args);
}

bool
expr_conv_djb2(const struct expr_context *c, const struct expr_arg *args,
	       struct expr_sample *s)
{
	(void)c;
	return set_hash(s, hash_djb2(s->str.p, s->str.n), args);
}

bool
expr_conv_sdbm(const struct expr_context *c, const struct expr_arg *args,
	       struct expr_sample *s)
{
	(void)c;
	return set_hash(s, hash_sdbm(s->str.p, s->str.n), args);
}

bool
expr_conv_wt6(const struct expr_context *c, const struct expr_arg *args,
	      struct expr_sample *s)
{
	(void)c;
	return set_hash(s, hash_wt6(s->str.p, s->str.n), args);
}

static uint64_t
seed_of(const struct expr_arg *args)
{
	return args[0].kind == EXPR_ARG_INT ? (uint64_t)args[0].integer : 0;
}

bool
expr_conv_xxh32(const struct expr_context *c, const struct expr_arg *args,
		struct expr_sample *s)
{
	(void)c;
	expr_set_int(s, XXH32(s->str.p, s->str.n, (uint32_t)seed_of(args)));
	return true;
}

bool
expr_conv_xxh64(const struct expr_context *c, const struct expr_arg *args,
		struct expr_sample *s)
{
	(void)c;
	expr_set_int(s, (int64_t)XXH64(s->str.p, s->str.n, seed_of(args)));
	return true;
}

bool
expr_conv_xxh3(const struct expr_context *c, const struct expr_arg *args,
	       struct expr_sample *s)
{
	(void)c;
	expr_set_int(s, (int64_t)XXH3_64bits_withSeed(s->str.p, s->str.n, seed_of(args)));
	return true;
}

/* --- cryptographic ones --------------------------------------------------------------
 */

static bool
set_digest(const struct expr_context *c, struct expr_sample *s, const EVP_MD *md)
{
	unsigned n = 0;
	char *p = expr_scratch_take(c->scratch, EVP_MAX_MD_SIZE);
	if (!p || !EVP_Digest(s->str.p, s->str.n, (unsigned char *)p, &n, md, NULL))
		return false;
	expr_set_own(s, EXPR_BIN, p, n);
	return true;
}

bool
expr_conv_sha1(const struct expr_context *c, const struct expr_arg *args,
	       struct expr_sample *s)
{
	(void)args;
	return set_digest(c, s, EVP_sha1());
}

bool
expr_conv_sha2(const struct expr_context *c, const struct expr_arg *args,
	       struct expr_sample *s)
{
	switch (args[0].kind == EXPR_ARG_INT ? args[0].integer : 1) {
	case 0:
		return set_digest(c, s, EVP_sha224());
	case 2:
		return set_digest(c, s, EVP_sha384());
	case 3:
		return set_digest(c, s, EVP_sha512());
	default:
		return set_digest(c, s, EVP_sha256());
	}
}

/* The name of a digest becomes a reference to it. */
int
expr_check_digest(struct expr_env *env, struct expr_arg *args,
		  const struct expr_arg_text *texts, struct expr_error *err)
{
	const EVP_MD *md = EVP_get_digestbyname(arena_span(env->arena, args[0].str));
	if (!md)
		return expr_fail(err, texts[0].at,
				 "'%.*s' is not a digest; expected sha256 for instance",
				 (int)args[0].str.n, args[0].str.p);
	args[0] = (struct expr_arg){.kind = EXPR_ARG_REF, .ref = (void *)(uintptr_t)md};
	return 0;
}

bool
expr_conv_digest(const struct expr_context *c, const struct expr_arg *args,
		 struct expr_sample *s)
{
	return set_digest(c, s, args[0].ref);
}

/* The key is a variable or base64; both are decoded here or when it is used. */
int
expr_check_hmac(struct expr_env *env, struct expr_arg *args,
		const struct expr_arg_text *texts, struct expr_error *err)
{
	struct expr_error ignored;
	struct span key = args[1].str;
	if (expr_check_digest(env, args, texts, err) < 0)
		return -1;
	const struct expr_var *var = expr_var_of(env->vars, key, 0, &ignored);
	if (var) {
		args[1] = (struct expr_arg){.kind = EXPR_ARG_VAR, .var = var};
		return 0;
	}
	char *bytes = arena_alloc(env->arena, key.n + 1);
	ssize_t n = base64_decode(key, BASE64_PADDED, bytes);
	if (n < 0)
		return expr_fail(err, texts[1].at,
				 "'%.*s' is neither a variable nor base64", (int)key.n,
				 key.p);
	args[1].str = span_of(bytes, (size_t)n);
	return 0;
}

static bool
hmac_key(const struct expr_context *c, const struct expr_arg *arg, struct span *key)
{
	struct expr_sample v = {.next = 0};
	*key = arg->str;
	if (arg->kind == EXPR_ARG_STR)
		return true;
	if (!c->host->var_get || !c->host->var_get(c, arg->var, &v) ||
	    !expr_cast(c, &v, EXPR_STR))
		return false;
	char *bytes = expr_scratch_take(c->scratch, v.str.n);
	ssize_t n = bytes ? base64_decode(v.str, BASE64_PADDED, bytes) : -1;
	*key = span_of(bytes, n < 0 ? 0 : (size_t)n);
	return n >= 0;
}

bool
expr_conv_hmac(const struct expr_context *c, const struct expr_arg *args,
	       struct expr_sample *s)
{
	unsigned n = 0;
	struct span key;
	char *p = expr_scratch_take(c->scratch, EVP_MAX_MD_SIZE);
	if (!p || !hmac_key(c, &args[1], &key) ||
	    !HMAC(args[0].ref, key.p ? key.p : "", (int)key.n,
		  (const unsigned char *)s->str.p, s->str.n, (unsigned char *)p, &n))
		return false;
	expr_set_own(s, EXPR_BIN, p, n);
	return true;
}

/* In constant time when the lengths are the same. */
bool
expr_conv_secure_memcmp(const struct expr_context *c, const struct expr_arg *args,
			struct expr_sample *s)
{
	struct expr_sample v = {.next = 0};
	if (!c->host->var_get || !c->host->var_get(c, args[0].var, &v) ||
	    !expr_cast(c, &v, EXPR_BIN))
		return false;
	expr_set_bool(s, v.str.n == s->str.n &&
				 (v.str.n == 0 ||
				  CRYPTO_memcmp(v.str.p, s->str.p, v.str.n) == 0));
	return true;
}
