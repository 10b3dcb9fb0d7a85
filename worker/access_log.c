/* SPDX-License-Identifier: MIT
 *
 * The log line of a finished txn, in HAProxy's formats (configuration.txt 8.2.2, 8.2.3;
 * 8.5 for the termination state). Worker. Nothing here formats a date more than once per
 * second.
 */
#include <syslog.h>
#include <time.h>

#include "lib/base/num.h"
#include "worker/session.h"

enum { LINE_BYTES = LOG_LINE_BYTES, NUMBER_BYTES = 24 };

/* A line under construction; what does not fit is cut. */
struct line {
	size_t n;
	char p[LINE_BYTES];
};

static void
put(struct line *l, const char *p, size_t n)
{
	if (n > LINE_BYTES - l->n)
		n = LINE_BYTES - l->n;
	memcpy(l->p + l->n, p, n);
	l->n += n;
}

static void
put_str(struct line *l, const char *s)
{
	put(l, s, strlen(s));
}

static void
put_char(struct line *l, char c)
{
	put(l, &c, 1);
}

static void
put_num(struct line *l, uint64_t v)
{
	char digits[NUMBER_BYTES];
	put(l, digits, num_put(digits, v));
}

/* Milliseconds between two instants, -1 when one of them did not happen. */
static void
put_ms(struct line *l, uint64_t from_us, uint64_t to_us)
{
	if (!from_us || !to_us)
		put(l, "-1", 2);
	else
		put_num(l, to_us > from_us ? (to_us - from_us) / 1000 : 0);
}

/* "[22/Nov/2026:14:03:27.655]" */
static void
put_date(struct line *l, uint64_t wall_us)
{
	static time_t second = -1;
	static char text[40];
	static size_t text_n;
	time_t now = (time_t)(wall_us / 1000000);
	unsigned ms = (unsigned)(wall_us / 1000 % 1000);
	if (now != second) {
		struct tm tm;
		second = now;
		localtime_r(&now, &tm);
		text_n = strftime(text, sizeof(text), "[%d/%b/%Y:%H:%M:%S.", &tm);
	}
	char tail[5] = {(char)('0' + ms / 100), (char)('0' + ms / 10 % 10),
			(char)('0' + ms % 10), ']', ' '};
	put(l, text, text_n);
	put(l, tail, sizeof(tail));
}

/* Control characters, 8-bit ones, '"' and '#' as #XX, as HAProxy writes them. */
static void
put_escaped(struct line *l, struct span s)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t start = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];
		if (c >= 32 && c < 127 && c != '"' && c != '#')
			continue;
		char code[3] = {'#', hex[c >> 4], hex[c & 15]};
		put(l, s.p + start, i - start);
		put(l, code, 3);
		start = i + 1;
	}
	put(l, s.p + start, s.n - start);
}

static void
put_client(struct line *l, const struct session *s)
{
	struct addr a;
	char text[ADDR_TEXT_BYTES];
	addr_from_sockaddr(&a, &s->peer.sa, sizeof(s->peer));
	put_str(l, a.kind == ADDR_UNIX ? "unix" : addr_format_host(&a, text));
	put_char(l, ':');
	/* a UNIX client has no port: HAProxy writes the listener's id */
	put_num(l,
		a.kind == ADDR_UNIX ? s->bind->cfg->index + 1 : (uint64_t)addr_port(&a));
	put_char(l, ' ');
}

static const char *
server_name(const struct txn *t)
{
	if (t->is_stats)
		return "<STATS>";
	return t->srv ? t->srv->cfg->name : "<NOSRV>";
}

/* "frontend backend/server " */
static void
put_names(struct line *l, const struct txn *t)
{
	put_str(l, t->fe->cfg->name);
	put_char(l, ' ');
	put_str(l, t->be ? t->be->cfg->name : t->fe->cfg->name);
	put_char(l, '/');
	put_str(l, server_name(t));
	put_char(l, ' ');
}

/* "actconn/feconn/beconn/srv_conn/retries srv_queue/backend_queue" */
static void
put_counts(struct line *l, const struct txn *t)
{
	put_num(l, shm_gauge_cur(self.global.gauge));
	put_char(l, '/');
	put_num(l, shm_gauge_cur(t->fe->shm.gauge));
	put_char(l, '/');
	put_num(l, t->be ? shm_gauge_cur(t->be->shm.gauge) : 0);
	put_char(l, '/');
	put_num(l, t->srv ? shm_gauge_cur(t->srv->shm.gauge) : 0);
	put_char(l, '/');
	if (t->is_redispatched)
		put_char(l, '+');
	put_num(l, t->retries);
	put(l, " 0/0", 4);
}

/* The two letters: who ended it, and where it was then. */
static void
put_state(struct line *l, const struct txn *t)
{
	static const char causes[STOPS_N] = {
#define STOP(id, cause, word) [STOP_##id] = cause,
#include "worker/stop.def"
#undef STOP
	};
	static const char phases[] = {
		[PHASE_REQUEST] = 'R', [PHASE_QUEUE] = 'Q', [PHASE_CONNECT] = 'C',
		[PHASE_HEADERS] = 'H', [PHASE_DATA] = 'D',  [PHASE_LAST] = 'L'};
	put_char(l, causes[t->stop]);
	put_char(l, t->stop == STOP_normal ? '-' : phases[t->phase]);
}

static void
http_line(struct line *l, const struct txn *t, uint64_t end_us)
{
	put_client(l, t->s);
	put_date(l, t->wall_us);
	put_names(l, t);
	put_ms(l, t->start_us, t->request_us);
	put_char(l, '/');
	put_ms(l, t->request_us, t->assigned_us);
	put_char(l, '/');
	put_ms(l, t->assigned_us, t->connected_us);
	put_char(l, '/');
	put_ms(l, t->connected_us, t->head_forwarded ? t->response_us : 0);
	put_char(l, '/');
	put_ms(l, t->start_us, end_us);
	put_char(l, ' ');
	if (t->status)
		put_num(l, t->status);
	else
		put(l, "-1", 2);
	put_char(l, ' ');
	put_num(l, t->bytes_out);
	put(l, " - - ", 5);
	put_state(l, t);
	put(l, "-- ", 3);
	put_counts(l, t);
	put(l, " \"", 2);
	if (t->is_request_bad || !t->line)
		put(l, "<BADREQ>", 8);
	else
		put_escaped(l, buf_span(t->line));
	put_char(l, '"');
}

static void
tcp_line(struct line *l, const struct txn *t, uint64_t end_us)
{
	put_client(l, t->s);
	put_date(l, t->wall_us);
	put_names(l, t);
	put_ms(l, t->start_us, t->assigned_us);
	put_char(l, '/');
	put_ms(l, t->assigned_us, t->connected_us);
	put_char(l, '/');
	put_ms(l, t->start_us, end_us);
	put_char(l, ' ');
	put_num(l, t->bytes_out);
	put_char(l, ' ');
	put_state(l, t);
	put_char(l, ' ');
	put_counts(l, t);
}

/* Without httplog and tcplog: one line per connection. */
static void
connect_line(struct line *l, const struct txn *t)
{
	struct sockaddr_storage ss;
	socklen_t len = sizeof(ss);
	struct addr to = {.kind = ADDR_NONE};
	char text[ADDR_TEXT_BYTES];
	if (getsockname(t->s->client.watch.fd, (struct sockaddr *)&ss, &len) == 0)
		addr_from_sockaddr(&to, (struct sockaddr *)&ss, len);
	put_str(l, "Connect from ");
	put_client(l, t->s);
	put_str(l, "to ");
	put_str(l, addr_format_host(&to, text));
	put_char(l, ':');
	put_num(l, (uint64_t)addr_port(&to));
	put_str(l, " (");
	put_str(l, t->fe->cfg->name);
	put_str(l, t->s->is_tcp ? "/TCP)" : "/HTTP)");
}

static bool
is_normal(const struct txn *t)
{
	return (t->stop == STOP_normal || t->stop == STOP_answered_here) &&
	       t->status < 500 && t->retries == 0 && !t->is_redispatched;
}

void
access_log_capture(struct txn *t, const char *p, size_t n)
{
	const char *end = memchr(p, '\r', n);
	if (end)
		n = (size_t)(end - p);
	if (n > LINE_BYTES)
		n = LINE_BYTES;
	(void)buf_append(&self.bufs, &t->line, p, n); /* without memory: <BADREQ> */
}

void
access_log(const struct txn *t)
{
	static struct line l;
	const struct cfg_proxy *fe = t->fe->cfg;
	int level = LOG_INFO;
	if (!fe->log_mask)
		return;
	if (!is_normal(t) && fe->options & CFG_OPT_LOG_SEPARATE_ERRORS)
		level = LOG_ERR;
	if (is_normal(t) && fe->options & CFG_OPT_DONTLOG_NORMAL)
		return;
	l.n = 0;
	if (fe->options & CFG_OPT_HTTPLOG && !t->s->is_tcp)
		http_line(&l, t, now_us());
	else if (fe->options & (CFG_OPT_TCPLOG | CFG_OPT_HTTPLOG))
		tcp_line(&l, t, now_us());
	else if (t->s->requests_n <= 1)
		connect_line(&l, t);
	else
		return;
	logger_line(self.logger, fe->log_mask, level, span_of(l.p, l.n));
}
