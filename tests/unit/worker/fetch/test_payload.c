/* SPDX-License-Identifier: MIT
 *
 * What fetches read from the bytes at the beginning of a connection: TLS, RDP, parts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "lib/expr/hello.h"
#include "worker/fetch/fetch.h"

/* A ClientHello: SNI a.example, groups x25519 and secp256r1, two signature algorithms,
 * ALPN h2 and http/1.1, an empty session ticket, two key shares. */
static const char message_hex[] =
	"0100007c0303000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d"
	"1e1f000004130113020100004f0000000e000c000009612e6578616d706c65000a000600"
	"04001d0017000d00060004040308040010000e000c02683208687474702f312e31002300"
	"000033000f000d001d00044b45594b001700014b";
enum { MESSAGE_BYTES = (sizeof(message_hex) - 1) / 2 };

static void
unhex(const char *hex, char *out)
{
	for (size_t i = 0; hex[2 * i]; i++) {
		unsigned v;
		sscanf(hex + 2 * i, "%2x", &v);
		out[i] = (char)v;
	}
}

/* The message in records of at most `size` bytes. */
static size_t
in_records(size_t size, char *out)
{
	char message[MESSAGE_BYTES];
	size_t n = 0;
	unhex(message_hex, message);
	for (size_t at = 0; at < MESSAGE_BYTES; at += size) {
		size_t here = MESSAGE_BYTES - at < size ? MESSAGE_BYTES - at : size;
		const char head[5] = {22, 3, 1, (char)(here >> 8), (char)here};
		memcpy(out + n, head, 5);
		memcpy(out + n + 5, message + at, here);
		n += 5 + here;
	}
	return n;
}

static void
a_hello_is_the_same_however_it_is_cut_into_records(void **state)
{
	(void)state;
	for (size_t size = 1; size <= MESSAGE_BYTES; size++) {
		char bytes[6 * MESSAGE_BYTES], scratch[MESSAGE_BYTES];
		size_t n = in_records(size, bytes);
		struct hello h;
		assert_int_equal(
			hello_parse(span_of(bytes, n), scratch, sizeof(scratch), &h),
			HELLO_OK);
		assert_int_equal(h.type, HELLO_CLIENT);
		assert_int_equal(h.version, 0x0303);
		assert_true(span_eq(hello_server_name(&h), SPAN("a.example")));
		assert_int_equal(h.ciphers.n, 4);
		assert_int_equal(hello_extension(&h, 35).n, 0);
		assert_non_null(hello_extension(&h, 35).p);
		assert_null(hello_extension(&h, 99).p);
	}
}

static void
a_part_of_a_hello_is_incomplete_and_other_bytes_are_none(void **state)
{
	static const struct span others[] = {{"GET / HTTP/1.1\r\n", 16},
					     {"\x15\x03\x01\0\2", 5},
					     {"\x16\x02\x01\0\2", 5},
					     {"\x16\x03\x01\0\0", 5},
					     {"\x16\x03\x01\x7f\xff", 5}};
	char bytes[6 * MESSAGE_BYTES], scratch[MESSAGE_BYTES];
	struct hello h;
	(void)state;
	for (size_t size = 40; size <= MESSAGE_BYTES; size += 44) {
		size_t n = in_records(size, bytes);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(hello_parse(span_of(bytes, i), scratch,
						     sizeof(scratch), &h),
					 HELLO_INCOMPLETE);
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(hello_parse(others[i], scratch, sizeof(scratch), &h),
				 HELLO_BAD);
}

struct row {
	const char *text, *value;
};

enum { INPUT_BYTES = 4096 };
static _Alignas(struct buf) char memory[sizeof(struct buf) + INPUT_BYTES];
static struct buf *const input = (struct buf *)(void *)memory;

static void
each_is(const struct row *rows, size_t n)
{
	static struct cfg_proxy proxy = {.name = "p",
					 .limits = {.request_line_bytes = 1000,
						    .field_bytes = 1000,
						    .head_bytes = 2000,
						    .fields_n = 10}};
	static struct rt_frontend fe = {.cfg = &proxy};
	static struct rt_listener listener = {.fe = &fe};
	static struct session session = {.bind = &listener};
	static char bytes[8192];
	session.in = input;
	for (size_t i = 0; i < n; i++) {
		struct arena *a = arena_new();
		struct expr_env env;
		struct expr_error err;
		struct expr_sample s;
		struct expr_scratch scratch = {bytes, sizeof(bytes), 0};
		struct txn_context c = {
			.base = {&worker_host, &scratch, EXPR_AT_CONTENT, NULL},
			.s = &session};
		expr_env_init(&env, a, http_field_id_of);
		env.at = EXPR_AT_CONTENT;
		const struct expr_program *p =
			expr_compile(&env, span_str(rows[i].text), &err);
		if (!p)
			fail_msg("%s: %s", rows[i].text, err.text);
		bool has = expr_eval(p, &c.base, EXPR_STR, &s);
		if (has != (rows[i].value != NULL) ||
		    (has && !span_eq(s.str, span_str(rows[i].value))))
			fail_msg("%s is %.*s", rows[i].text, has ? (int)s.str.n : 7,
				 has ? s.str.p : "missing");
		expr_env_free(&env);
		arena_free(&a);
	}
}

#define EACH_IS(rows) each_is(rows, sizeof(rows) / sizeof((rows)[0]))

static void
fetches_read_a_client_hello(void **state)
{
	static const struct row rows[] = {
		{"req.ssl_hello_type", "1"},
		{"req.ssl_sni", "a.example"},
		{"req_ssl_sni,upper", "A.EXAMPLE"},
		{"req.ssl_alpn", "h2,http/1.1"},
		{"req.ssl_ver", "196611"},
		{"req.ssl_cipherlist,hex", "13011302"},
		{"req.ssl_supported_groups,hex", "001D0017"},
		{"req.ssl_ec_ext", "1"},
		{"req.ssl_sigalgs,hex", "04030804"},
		{"req.ssl_st_ext", "1"},
		{"req.ssl_keyshare_groups,hex", "001D0017"},
		{"req.len", "133"},
		{"req.payload(0,3),hex", "160301"},
		{"req.payload(131,2),hex", "014B"},
		{"req.payload(131,3),hex", NULL},
		{"req.payload(131,0),hex", "014B"},
		{"req.payload_lv(3,2),bytes(0,2),hex", "0100"},
		{"req.payload_lv(3,2,+126),hex", NULL},
		{"req.payload_lv(4,1,5),bytes(0,2),hex", "0100"},
		{"req.proto_http", "0"},
		{"req.rdp_cookie", NULL},
	};
	(void)state;
	input->from = 0;
	input->to = (uint32_t)in_records(MESSAGE_BYTES, input->bytes);
	EACH_IS(rows);
	input->to -= 1;
	static const struct row part[] = {{"req.ssl_hello_type", "0"},
					  {"req.ssl_sni", NULL}};
	EACH_IS(part);
}

static void
fetches_read_an_rdp_cookie(void **state)
{
	static const char bytes[] = "\3\0\0\x2b\x26\xe0\0\0\0\0\0"
				    "Cookie: mstshash=user\r\n\1\0\10\0\1\0\0\0";
	static const struct row rows[] = {
		{"req.rdp_cookie", "user"},	 {"rdp_cookie(MSTSHASH)", "user"},
		{"req.rdp_cookie(other)", NULL}, {"req.rdp_cookie_cnt", "1"},
		{"rdp_cookie_cnt(other)", "0"},	 {"req.ssl_sni", NULL},
		{"req.ssl_hello_type", "0"},
	};
	(void)state;
	memcpy(input->bytes, bytes, sizeof(bytes) - 1);
	input->to = sizeof(bytes) - 1;
	EACH_IS(rows);
}

static void
a_complete_request_is_http(void **state)
{
	static const char bytes[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	static const struct row is[] = {{"req.proto_http", "1"}},
				unknown[] = {{"req.proto_http", NULL}};
	(void)state;
	memcpy(input->bytes, bytes, sizeof(bytes) - 1);
	input->to = sizeof(bytes) - 1;
	EACH_IS(is);
	input->to -= 2;
	EACH_IS(unknown);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hello_is_the_same_however_it_is_cut_into_records),
		cmocka_unit_test(
			a_part_of_a_hello_is_incomplete_and_other_bytes_are_none),
		cmocka_unit_test(fetches_read_a_client_hello),
		cmocka_unit_test(fetches_read_an_rdp_cookie),
		cmocka_unit_test(a_complete_request_is_http),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
