/* SPDX-License-Identifier: MIT
 *
 * Checks of protocols, as scripts: what HAProxy's options of the same names ask, and
 * checks over UDP. Master (at load).
 */
#include "config/making.h"

enum { /* places in CFG_OK_STATUSES, CFG_ERROR_STATUSES + 1, CFG_TOUT_STATUSES */
       OK_L6 = 2,
       ERROR_L7RSP = 2,
       ERROR_L7STS = 3,
       ERROR_L6RSP = 4,
       TOUT_L6 = 1,
};

static void
begin(struct making *m, bool linger)
{
	struct cfg_check_connect *c = arena_alloc(m->l->arena, sizeof(*c));
	m->check->kind = CFG_CHECK_PRESET;
	c->linger = linger;
	c->is_default = true;
	making_step(m, CFG_STEP_CONNECT)->connect = c;
}

static struct cfg_expect *
expect_regex(struct making *m, enum cfg_expect_kind kind, const char *regex,
	     uint8_t error, const char *on_error)
{
	struct cfg_expect *e = making_expect(m, kind);
	e->pattern.bytes = span_str(regex);
	e->regex = making_regex(m, regex);
	e->error_status = error;
	e->on_error = on_error ? making_format(m, on_error) : NULL;
	return e;
}

/* Bytes of a packet, appended. */
struct packet {
	char *bytes;
	size_t n;
};

static void
put(struct packet *p, const void *bytes, size_t n)
{
	memcpy(p->bytes + p->n, bytes, n);
	p->n += n;
}

static void
put_byte(struct packet *p, unsigned v)
{
	p->bytes[p->n++] = (char)v;
}

static void
put_zeros(struct packet *p, size_t n)
{
	memset(p->bytes + p->n, 0, n);
	p->n += n;
}

static void
put_be32(struct packet *p, size_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		put_byte(p, (unsigned)(v >> shift) & 0xff);
}

static struct packet
packet_new(struct making *m, size_t cap)
{
	return (struct packet){.bytes = arena_alloc(m->l->arena, cap)};
}

/* --- Redis ---------------------------------------------------------------------- */

void
making_redis(struct making *m, const struct node *args)
{
	(void)args;
	begin(m, false);
	making_send(m, SPAN("*1\r\n$4\r\nPING\r\n"));
	struct cfg_expect *e = making_expect(m, CFG_EXPECT_STRING);
	e->pattern.bytes = SPAN("+PONG\r\n");
	e->min_recv = (int32_t)e->pattern.bytes.n; /* no other answer is waited for */
	e->error_status = ERROR_L7STS;
	e->on_success = making_format(m, "Redis server is ok");
	e->on_error = making_format(m, "%[res.payload(0,0),cut_crlf]");
}

/* --- MySQL ---------------------------------------------------------------------- */

enum {
	MYSQL_QUIT = 1, /* COM_QUIT */
	MYSQL_UTF8 = 33,
	/* the longest packets, as HAProxy announces them */
	MYSQL_PACKET_41 = 0x01008000,
	MYSQL_PACKET_320 = 0x010000,
	/* capabilities (mysql.h) */
	MYSQL_PROTOCOL_41 = 0x200,
	MYSQL_SECURE_CONNECTION = 0x8000,
	MYSQL_PLUGIN_AUTH = 0x80000,
};

static void
put_le(struct packet *p, uint32_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		put_byte(p, v >> 8 * i & 0xff);
}

/* HandshakeResponse320 or 41 without a password, then COM_QUIT. */
static struct span
mysql_login(struct making *m, const char *user, const char *version)
{
	static const char plugin[] = "mysql_native_password";
	size_t user_bytes = strlen(user) + 1;
	struct packet p = packet_new(m, user_bytes + 96);
	bool is_old = strcmp(version, "pre-41") == 0,
	     is_new = strcmp(version, "post-80") == 0;
	put_zeros(&p, 3); /* the length */
	put_byte(&p, 1);  /* the packet's number */
	if (is_old) {
		put_le(&p, MYSQL_SECURE_CONNECTION, 2);
		put_le(&p, MYSQL_PACKET_320, 3);
		put(&p, user, user_bytes);
		put_byte(&p, 0);
	} else {
		put_le(&p,
		       MYSQL_PROTOCOL_41 | MYSQL_SECURE_CONNECTION |
			       (is_new ? MYSQL_PLUGIN_AUTH : 0),
		       4);
		put_le(&p, MYSQL_PACKET_41, 4);
		put_byte(&p, MYSQL_UTF8);
		put_zeros(&p, 23);
		put(&p, user, user_bytes);
		put_byte(&p, 0);
		if (is_new)
			put(&p, plugin, sizeof(plugin));
	}
	p.bytes[0] = (char)((p.n - 4) & 0xff);
	p.bytes[1] = (char)((p.n - 4) >> 8 & 0xff);
	put_le(&p, 1, 3);
	put_byte(&p, 0);
	put_byte(&p, MYSQL_QUIT);
	return span_of(p.bytes, p.n);
}

void
making_mysql(struct making *m, const struct node *args)
{
	const char *user = args->kind == NODE_MAP ? node_text(args, "user") : NULL;
	begin(m, user != NULL);
	if (!user) {
		making_expect(m, CFG_EXPECT_MYSQL_GREETING);
		return;
	}
	/* before the greeting, as HAProxy does: a proxy on the way may wait for it */
	making_send(m, mysql_login(m, user, node_text(args, "version")));
	making_expect(m, CFG_EXPECT_MYSQL_OK);
}

/* --- PostgreSQL ------------------------------------------------------------------- */

enum { PGSQL_PROTOCOL = 3 << 16 };

void
making_pgsql(struct making *m, const struct node *args)
{
	static const char word[] = "user";
	const char *user = node_text(args, "user");
	if (!user)
		return; /* reported */
	size_t user_bytes = strlen(user) + 1;
	struct packet p = packet_new(m, user_bytes + 32);
	put_be32(&p, 4 + 4 + sizeof(word) + user_bytes + 1);
	put_be32(&p, PGSQL_PROTOCOL);
	put(&p, word, sizeof(word));
	put(&p, user, user_bytes);
	put_byte(&p, 0);
	begin(m, false);
	making_send(m, span_of(p.bytes, p.n));
	struct cfg_expect *e = expect_regex(m, CFG_EXPECT_RSTRING, "^E", ERROR_L7RSP,
					    "%[res.payload(6,0)]");
	e->negate = true;
	e->min_recv = 5;
	/* 'R', a length below 16 MB, a kind of authentication */
	e = expect_regex(m, CFG_EXPECT_RBINARY, "^5200.{6}[0-9A-F]{8}", ERROR_L7STS,
			 "PostgreSQL unknown error");
	e->min_recv = 9;
	e->on_success = making_format(m, "PostgreSQL server is ok");
}

/* --- SMTP ------------------------------------------------------------------------- */

void
making_smtp(struct making *m, const struct node *args)
{
	bool has_args = args->kind == NODE_MAP;
	const char *hello = has_args ? node_text(args, "hello") : "HELO";
	const char *domain = has_args ? node_text(args, "domain") : "localhost";
	begin(m, true);
	making_expect(m, CFG_EXPECT_SMTP_REPLY);
	making_send(m, span_str(arena_printf(m->l->arena, "%s %s\r\n", hello, domain)));
	making_expect(m, CFG_EXPECT_SMTP_REPLY);
	making_send(m, SPAN("QUIT\r\n"));
	making_expect(m, CFG_EXPECT_SMTP_REPLY);
}

/* --- LDAP ------------------------------------------------------------------------- */

/* Anonymous bind of LDAPv3 (RFC 4511 4.2): message 1, version 3, no name, no password. */
static const char ldap_bind[] = "300c020101600702010304008000";

void
making_ldap(struct making *m, const struct node *args)
{
	(void)args;
	begin(m, false);
	making_send(m, making_hex(m, ldap_bind));
	struct cfg_expect *e = expect_regex(m, CFG_EXPECT_RBINARY, "^30", ERROR_L7RSP,
					    "Not LDAPv3 protocol");
	e->min_recv = 14;
	making_expect(m, CFG_EXPECT_LDAP_BOUND);
}

/* --- TLS -------------------------------------------------------------------------- */

/* ClientHello of TLS 1.2 (RFC 5246 7.4.1.2; in a record of version 1.0, as clients send
 * it) that common servers answer: suites of ECDHE and RSA with AES, curves x25519 and
 * P-256. */
static const char client_hello[] =
	"1603010059"
	"01000055"
	"0303"
	"77656972206865616c746820636865636b20636c69656e742068656c6c6f2121"
	"00" /* no session */
	"000ec02fc030c02bc02c009c009d002f"
	"0100" /* no compression */
	"001e"
	"000a00060004001d0017" /* groups */
	"000b00020100"	       /* points, uncompressed */
	"000d000a0008040308040401"
	"0201"; /* signatures */

void
making_ssl_hello(struct making *m, const struct node *args)
{
	(void)args;
	begin(m, false);
	making_send(m, making_hex(m, client_hello));
	struct cfg_expect *e =
		expect_regex(m, CFG_EXPECT_RBINARY, "^1[56]", ERROR_L6RSP, NULL);
	e->min_recv = 5;
	e->ok_status = OK_L6;
	e->tout_status = TOUT_L6;
}

/* --- UDP -------------------------------------------------------------------------- */

void
making_udp(struct making *m, const struct node *args)
{
	const struct node *expect = node_get(args, "expect");
	const char *text = node_text(args, "send"),
		   *digits = node_text(args, "send_binary");
	if (text && digits)
		report_error(m->l->report, node_get(args, "send_binary"),
			     "'send' is given too; expected one of them");
	begin(m, false);
	m->check->kind = CFG_CHECK_SCRIPT;
	m->check->is_datagram = true;
	making_send(m, digits ? making_hex(m, digits)
		       : text ? build_text(m->l, text)
			      : SPAN(""));
	if (expect)
		making_expect_of(m, expect);
}

/* --- DNS -------------------------------------------------------------------------- */

enum { DNS_NAME_BYTES = 255, DNS_LABEL_BYTES = 63 };

/* RFC 1035 3.1; false: no such name. */
static bool
put_name(struct packet *p, struct span name)
{
	if (name.n && name.p[name.n - 1] == '.')
		name.n--;
	if (name.n > DNS_NAME_BYTES - 2)
		return false;
	while (name.n) {
		struct span label = span_cut(&name, '.');
		if (label.n == 0 || label.n > DNS_LABEL_BYTES)
			return false;
		put_byte(p, (unsigned)label.n);
		put(p, label.p, label.n);
	}
	put_byte(p, 0);
	return true;
}

void
making_dns(struct making *m, const struct node *args)
{
	static const struct {
		const char *name;
		uint8_t number;
	} rows[] = {{"A", 1},	{"NS", 2},   {"CNAME", 5}, {"SOA", 6},	{"PTR", 12},
		    {"MX", 15}, {"TXT", 16}, {"AAAA", 28}, {"SRV", 33}, {"ANY", 255}};
	const struct node *name = node_get(args, "name");
	const char *type = node_text(args, "type"), *answers = node_text(args, "answers");
	struct packet p = packet_new(m, DNS_NAME_BYTES + 32);
	unsigned number = 1;
	if (!name)
		return; /* reported */
	for (size_t i = 0; type && i < sizeof(rows) / sizeof(rows[0]); i++)
		if (strcmp(rows[i].name, type) == 0)
			number = rows[i].number;
	put_zeros(&p, 2); /* the id, of each probe */
	put_byte(&p, 1);  /* recursion desired */
	put_zeros(&p, 2); /* flags, number of questions */
	put_byte(&p, 1);
	put_zeros(&p, 6);
	if (!put_name(&p, span_str(name->text))) {
		report_error(m->l->report, name,
			     "'%s' is not a name of DNS; expected labels of at most 63 "
			     "bytes with dots between them",
			     name->text);
		return;
	}
	put_byte(&p, 0);
	put_byte(&p, number);
	put_byte(&p, 0);
	put_byte(&p, 1); /* class IN */
	begin(m, false);
	m->check->is_datagram = true;
	making_send(m, span_of(p.bytes, p.n));
	struct cfg_expect *e = making_expect(m, CFG_EXPECT_DNS_ANSWER);
	e->has_value = !answers || value_bool(answers);
}
