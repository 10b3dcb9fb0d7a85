# SPDX-License-Identifier: MIT
"""What origins say: heads, framing, bodies where there are none, bytes behind the end."""
from suite.case import (BROKEN, FIN, HOLD, PAUSE, RST, Msg, Table, Want, answered, bad_gateway,
                        chunks, drip, get,
                        ok, pause, post, res)

head = Table("response-head")
framing = Table("response-framing", security=True)
chunk = Table("response-chunks", security=True)
bodyless = Table("response-bodyless", security=True)
surplus = Table("response-surplus", security=True)
TABLES = [head, framing, chunk, bodyless, surplus]

TE = b"Transfer-Encoding: chunked"
EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen"
NOT_FORWARDED = bad_gateway(502, 500)
# Refused before its head was passed on, or cut off behind it.
SPOILT = [NOT_FORWARDED, BROKEN, Want(status={0}, kept=False)]


def good(body=b"ok", **kwargs):
    kwargs.setdefault("status", {200})
    return Want(complete=True, response=Msg(body=body, **kwargs.pop("msg", {})), **kwargs)


def to(table, id, ref, answer, *wants, request=None, **kwargs):
    """A request is answered so."""
    steps = answer if isinstance(answer, list) else [answer]
    table(id, ref, request or get(b"/r"), *wants, origin=steps, **kwargs)


# What comes late must be there before the client asks again, else nobody can tell.
LATER = [get(b"/r"), answered(), pause(0.15)]


# --- the status line (RFC 9112 4)
for status in (200, 201, 202, 203, 206, 207, 226, 300, 301, 302, 303, 307, 308, 400, 401, 402,
               403, 404, 405, 406,
               409, 410, 412, 413, 414, 415, 416, 417, 418, 421, 422, 425, 426, 428, 429, 431,
               451, 499,
               500, 501, 503, 505, 511, 599):
    to(head, f"status-{status}", "RFC 9110 15", ok(b"ok", status=b"%d X" % status),
       good(status={status}, kept=True))
for status in (502, 504):
    to(head, f"status-{status}", "RFC 9110 15", ok(b"ok", status=b"%d X" % status),
       good(status={status}))
to(head, "status-408", "RFC 9110 15.5.9", ok(b"ok", status=b"408 X"), good(status={408}))
to(head, "status-205", "RFC 9110 15.3.6", ok(b"", status=b"205 X"),
   good(b"", status={205}, kept=True))
for name, line in {"no-reason": b"200 ", "no-reason-no-space": b"200",
                   "long-reason": b"200 " + b"r" * 500,
                   "8-bit-reason": b"200 \xe9", "tab-in-reason": b"200 a\tb",
                   "digits-reason": b"200 200"}.items():
    to(head, f"line-{name}", "RFC 9112 4", res(b"Content-Length: 2", status=line, body=b"ok"),
       good(),
       *([NOT_FORWARDED] if "space" in name or "8-bit" in name else []))
for name, line in {
        "two-digits": b"HTTP/1.1 20 OK", "four-digits": b"HTTP/1.1 2000 OK",
        "letters": b"HTTP/1.1 2xx OK",
        "word": b"HTTP/1.1 OK", "glued": b"HTTP/1.1 200OK", "negative": b"HTTP/1.1 -200 OK",
        "zero": b"HTTP/1.1 000 OK", "099": b"HTTP/1.1 099 OK", "empty": b"HTTP/1.1 ",
        "only-version": b"HTTP/1.1",
        "2.0": b"HTTP/2.0 200 OK", "0.9": b"HTTP/0.9 200 OK", "lower": b"http/1.1 200 OK",
        "icy": b"ICY 200 OK",
        "no-version": b"200 OK", "bad-version": b"HTTP/1.x 200 OK", "ftp": b"220 weir ready",
        "1": b"HTTP/1 200 OK",
        "html": b"<html>", "nul-reason": b"HTTP/1.1 200 O\x00K", "cr-reason": b"HTTP/1.1 200 O\rK",
        "space-first": b" HTTP/1.1 200 OK", "hex": b"HTTP/1.1 0xc8 OK", "tab": b"HTTP/1.1\t200\tOK",
        "control-reason": b"HTTP/1.1 200 \x01", "request": b"GET / HTTP/1.1", "ssh": b"SSH-2.0-x",
        "tls": b"\x15\x03\x01\x00\x02\x02\x46", "nothing-but-crlf": b"",
        "1.10": b"HTTP/1.10 200 OK",
        "two-spaces": b"HTTP/1.1  200 OK", "bom": b"\xef\xbb\xbfHTTP/1.1 200 OK"}.items():
    lenient = {"tab", "two-spaces", "control-reason", "lower", "space-first", "1.10",
               "nothing-but-crlf"}
    to(head, f"bad-{name}", "RFC 9112 4", [line + b"\r\nContent-Length: 2\r\n\r\nok", FIN],
       NOT_FORWARDED,
       bad_gateway(502, 504), *([good(kept=None)] if name in lenient else []))
for status in (600, 700, 999):
    to(head, f"beyond-{status}", "RFC 9110 15", ok(b"ok", status=b"%d X" % status), NOT_FORWARDED,
       good(status={status}))
to(head, "leading-crlf", "RFC 9112 2.2", [b"\r\n" + ok(), FIN], NOT_FORWARDED, good())
to(head, "bare-lf", "RFC 9112 2.2", [ok().replace(b"\r\n", b"\n"), FIN], NOT_FORWARDED, good())
to(head, "bare-lf-after-line", "RFC 9112 2.2", [b"HTTP/1.1 200 OK\n" + ok()[17:], FIN],
   NOT_FORWARDED, good())
to(head, "byte-by-byte", "RFC 9112 2.2", [drip(ok(b"0123456789"))], good(b"0123456789", kept=True))
to(head, "cut-within-crlf", "RFC 9112 2.2",
   [b"HTTP/1.1 200 OK\r", PAUSE, b"\nContent-Length: 2\r\n\r", PAUSE, b"\n", PAUSE, b"o", PAUSE,
    b"k"],
   good(kept=True))
for name, line in {
        "space-before-colon": b"X : y", "empty-name": b": y", "no-colon": b"X", "nul": b"X: \x00",
        "bare-cr": b"X: a\rb", "control": b"X: \x01", "space-in-name": b"X Y: z",
        "8-bit-name": b"X\xe9: y",
        "nul-name": b"X\x00: y", "bare-lf": b"X: a\nY: b", "folded": b"X: a\r\n b",
        "folded-tab": b"X: a\r\n\tb",
        "fold-first": b" X: a", "del": b"X: \x7f", "quote-name": b'"X": y', "cr-cr": b"X: a\r\r",
        "splitting-cr": b"X: a\r\rHTTP/1.1 200 OK\r\rstolen", "vt": b"X: a\x0bb"}.items():
    body = ok(b"ok", line)
    def clean(m):
        return None if not any(v for _, v in m.fields if set(v) & {0, 10, 13}) else "got through"
    to(head, f"field-{name}", "RFC 9112 5", [body, FIN], NOT_FORWARDED, good(msg={"check": clean}),
       security=True)
for n in (100_000, 1_000_000):
    to(head, f"field-of-{n}", "RFC 9110 5.4", [ok(b"ok", b"X: " + b"a" * n), FIN], NOT_FORWARDED)
to(head, "field-of-7000", "RFC 9110 5.4", ok(b"ok", b"X: " + b"a" * 7000), good(kept=True),
   NOT_FORWARDED)
to(head, "2000-fields", "RFC 9110 5.4", [ok(b"ok", *[b"X: a"] * 2000), FIN], NOT_FORWARDED, good())
to(head, "60-fields", "RFC 9110 5.4", ok(b"ok", *[b"X-%d: a" % i for i in range(60)]),
   good(kept=True))
to(head, "fields-without-an-end", "RFC 9110 5.4",
   [b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000, FIN],
   NOT_FORWARDED)
to(head, "set-cookie-stays-apart", "RFC 9110 5.3",
   ok(b"ok", b"Set-Cookie: a=1; Expires=Wed, 1 Jan", b"Set-Cookie: b=2"),
   good(kept=True, msg={"check": lambda m: None if m.all("Set-Cookie") == [
       b"a=1; Expires=Wed, 1 Jan", b"b=2"] else f"{m.all('Set-Cookie')}"}))
for value in (b"a:b", b"\xe9", b'"q, r"', b""):
    to(head, f"value-{value.hex() or 'empty'}", "RFC 9110 5.5", ok(b"ok", b"X: " + value),
       good(kept=True, msg={"has": {"X": value}}))
to(head, "http-1.0", "RFC 9110 6.2", [res(b"Content-Length: 2", version=b"HTTP/1.0", body=b"ok")],
   good(kept=True, reused=False, msg={"minor": 1}))
to(head, "http-1.0-keep-alive", "RFC 9112 9.3",
   [res(b"Content-Length: 2", b"Connection: keep-alive", version=b"HTTP/1.0", body=b"ok")],
   good(kept=True, msg={"minor": 1}))
to(head, "http-1.0-until-close", "RFC 9112 6.3", [res(version=b"HTTP/1.0", body=b"ok"), FIN],
   good())

# --- Content-Length
for name, value in {
        "plus": b"+2", "minus": b"-2", "hex": b"0x2", "word": b"two", "empty": b"",
        "float": b"2.0", "list": b"2, 3",
        "comma": b"2,", "space": b"2 2", "2^63": b"9223372036854775808",
        "2^64+2": b"18446744073709551618",
        "nul": b"2\x00", "quoted": b'"2"', "semicolon": b"2;", "30-digits": b"9" * 30,
        "vt": b"\x0b2",
        "nbsp": b"\xa02", "underscore": b"0_2"}.items():
    to(framing, f"length-{name}", "RFC 9112 6.3",
       [res(b"Content-Length: " + value, body=b"ok"), FIN],
       NOT_FORWARDED)
for name, lines in {
        "differ": (b"Content-Length: 2", b"Content-Length: 3"),
        "differ-0": (b"Content-Length: 0", b"Content-Length: 2"),
        "second-empty": (b"Content-Length: 2", b"Content-Length:"),
        "second-bad": (b"Content-Length: 2", b"Content-Length: x"),
        "three": (b"Content-Length: 2", b"Content-Length: 2", b"Content-Length: 9")}.items():
    to(framing, f"lengths-{name}", "RFC 9112 6.3", [res(*lines, body=b"ok"), FIN], NOT_FORWARDED)
for name, lines in {"same": (b"Content-Length: 2", b"Content-Length: 2"),
                    "same-list": (b"Content-Length: 2, 2",)}.items():
    to(framing, f"lengths-{name}", "RFC 9112 6.3", res(*lines, body=b"ok"), good(), NOT_FORWARDED)
to(framing, "length-leading-zeros", "RFC 9110 8.6", res(b"Content-Length: 0002", body=b"ok"),
   good(), NOT_FORWARDED)
to(framing, "length-plain", "RFC 9112 6.2", ok(b"hello"), good(b"hello", kept=True, reused=True))
to(framing, "length-zero", "RFC 9112 6.2", ok(b""), good(b"", kept=True, reused=True))
to(framing, "length-lower", "RFC 9110 5.1", res(b"content-length:2", body=b"ok"),
   good(kept=True, reused=True))
for n in (1, 1460, 16384, 70_000, 2_000_000):
    to(framing, f"length-of-{n}", "RFC 9112 6.2", ok(b"x" * n),
       good(b"x" * n, kept=True, reused=True), security=False)
to(framing, "length-name-space", "RFC 9112 5.1", [res(b"Content-Length : 2", body=b"ok"), FIN],
   NOT_FORWARDED,
   good(), good(b"ok"))
for name, line in {"folded": b"Content-Length:\r\n 2", "underscore": b"Content_Length: 1"}.items():
    to(framing, f"length-name-{name}", "RFC 9112 5", [res(line, body=b"ok"), FIN], NOT_FORWARDED,
       good())

# --- Transfer-Encoding
BODY = chunks(b"hello")
HELLO = good(b"hello")
to(framing, "chunked", "RFC 9112 7.1", res(TE, body=BODY), good(b"hello", kept=True, reused=True))
to(framing, "chunked-upper", "RFC 9112 7", res(b"TRANSFER-ENCODING: CHUNKED", body=BODY),
   good(b"hello", kept=True, reused=True))
to(framing, "chunked-byte-by-byte", "RFC 9112 7.1", [drip(res(TE, body=BODY))],
   good(b"hello", kept=True))
to(framing, "chunked-then-fin", "RFC 9112 7.1", [res(TE, body=BODY), FIN],
   good(b"hello", kept=True))
to(framing, "chunked-empty", "RFC 9112 7.1", res(TE, body=b"0\r\n\r\n"), good(b"", kept=True))
to(framing, "chunked-large", "RFC 9112 7.1", res(TE, body=chunks(*[b"q" * 50_000] * 20)),
   good(b"q" * 1_000_000, kept=True))
to(framing, "chunked-tiny", "RFC 9112 7.1", res(TE, body=chunks(*[b"q"] * 5000)),
   good(b"q" * 5000, kept=True, reused=True))
for name, value in {
        "gzip": b"gzip", "xchunked": b"xchunked", "identity": b"identity", "empty": b"",
        "twice": b"chunked, chunked",
        "then-gzip": b"chunked, gzip", "gzip-then": b"gzip, chunked", "quoted": b'"chunked"',
        "vt": b"\x0bchunked",
        "nul": b"chunked\x00", "parameter": b"chunked;a=b", "space": b"chunked chunked",
        "comma-end": b"chunked,",
        "comma-begin": b",chunked", "chunked-x": b"chunked, x", "nbsp": b"chunked\xa0",
        "cr": b"chunked\r",
        "identity-then": b"identity, chunked"}.items():
    also = [HELLO] if name in ("comma-end", "comma-begin") else []
    to(framing, f"coding-{name}", "RFC 9112 6.1",
       [res(b"Transfer-Encoding: " + value, body=BODY), FIN],
       NOT_FORWARDED, *also, *([good(BODY, kept=False)] if name in ("gzip", "identity") else []))
for name, lines in {"twice": (TE, TE), "x-second": (TE, b"Transfer-Encoding: x"),
                    "x-first": (b"Transfer-Encoding: x", TE),
                    "identity-second": (TE, b"Transfer-Encoding: identity")}.items():
    to(framing, f"codings-{name}", "RFC 9112 6.1", [res(*lines, body=BODY), FIN], NOT_FORWARDED)
to(framing, "coding-name-space", "RFC 9112 5.1",
   [res(b"Transfer-Encoding : chunked", body=BODY), FIN], NOT_FORWARDED)
to(framing, "coding-in-1.0", "RFC 9112 6.1", [res(TE, version=b"HTTP/1.0", body=BODY), FIN],
   NOT_FORWARDED,
   good(b"hello"))
to(framing, "coding-folded", "RFC 9112 5.2",
   [res(b"Transfer-Encoding:\r\n chunked", body=BODY), FIN], NOT_FORWARDED,
   HELLO)

# --- both
BOTH = {"length-equal": b"Content-Length: 15", "length-short": b"Content-Length: 3",
        "length-long": b"Content-Length: 500",
        "length-0": b"Content-Length: 0", "length-bad": b"Content-Length: x"}
for name, line in BOTH.items():
    also = [] if name == "length-bad" else [HELLO]
    to(framing, f"both-{name}-first", "RFC 9112 6.3", [res(line, TE, body=BODY), FIN],
       NOT_FORWARDED, *also)
    to(framing, f"both-{name}-second", "RFC 9112 6.3", [res(TE, line, body=BODY), FIN],
       NOT_FORWARDED, *also)
    to(framing, f"both-{name}-kept", "RFC 9112 6.3", [res(TE, line, body=BODY + EVIL)],
       NOT_FORWARDED,
       *([good(b"hello", reused=False)] if also else []))

# --- neither
to(framing, "until-close", "RFC 9112 6.3", [res(body=b"until the end"), FIN],
   good(b"until the end"))
to(framing, "until-close-empty", "RFC 9112 6.3", [res(), FIN], good(b""))
to(framing, "until-close-large", "RFC 9112 6.3", [res(body=b"x" * 300_000), FIN],
   good(b"x" * 300_000))
to(framing, "until-close-in-pieces", "RFC 9112 6.3",
   [res(), PAUSE, b"a", PAUSE, b"b", PAUSE, FIN], good(b"ab"))
to(framing, "until-close-to-1.0", "RFC 9112 6.3", [res(body=b"abc"), FIN],
   good(b"abc", kept=False, msg={"framing": "close"}), request=get(version=b"HTTP/1.0"))
to(framing, "until-close-looks-like-a-response", "RFC 9112 6.3", [res(body=EVIL), FIN], good(EVIL))
to(framing, "until-close-looks-chunked", "RFC 9112 6.3", [res(body=BODY), FIN], good(BODY))
to(framing, "until-close-then-reset", "RFC 9112 8", [res(body=b"abc"), PAUSE, RST], BROKEN, *SPOILT)
to(framing, "chunked-to-1.0", "RFC 9112 7.1", res(TE, body=chunks(b"abc", b"def")),
   good(b"abcdef", kept=False, msg={"lacks": ("Transfer-Encoding",)}),
   request=get(version=b"HTTP/1.0"))
to(framing, "chunked-to-1.0-keep-alive", "RFC 9112 7.1", res(TE, body=chunks(b"abc")),
   good(b"abc", kept=False, msg={"lacks": ("Transfer-Encoding",)}),
   request=get(b"/", b"Connection: keep-alive", version=b"HTTP/1.0"))
to(framing, "keep-alive-without-length", "RFC 9112 6.3",
   [res(b"Connection: keep-alive", body=b"abc"), FIN],
   good(b"abc"))

# --- chunks
for name, body in {
        "size-g": b"g\r\nhello\r\n", "size-0x": b"0x5\r\nhello\r\n",
        "size-plus": b"+5\r\nhello\r\n",
        "size-minus": b"-5\r\nhello\r\n", "size-empty": b"\r\nhello\r\n",
        "size-space-first": b" 5\r\nhello\r\n",
        "size-huge": b"10000000000000005\r\nhello\r\n",
        "size-2^64-1": b"ffffffffffffffff\r\nhello\r\n",
        "size-nul": b"5\x00\r\nhello\r\n", "data-long": b"5\r\nhellooo\r\n",
        "data-short": b"6\r\nhello\r\n",
        "no-crlf": b"5\r\nhello", "cr-cr": b"5\r\r\nhello\r\n", "bare-cr": b"5\rhello\r\n",
        "xx": b"5\r\nhelloXX",
        "ext-nul": b"5;\x00\r\nhello\r\n", "ext-cr": b"5;a\rb\r\nhello\r\n",
        "quoted-crlf": b'5;a="\r\n"\r\nhello\r\n',
        "crlf-crlf": b"5\r\nhello\r\n\r\n", "size-5;lf": b"5;\nx\r\nhello\r\n"}.items():
    to(chunk, f"bad-{name}", "RFC 9112 7.1", [res(TE, body=body + b"0\r\n\r\n"), FIN], *SPOILT)
    to(chunk, f"bad-{name}-second", "RFC 9112 7.1",
       [res(TE, body=b"3\r\nabc\r\n" + body + b"0\r\n\r\n"), FIN], *SPOILT)
for name, body in {"lf-after-size": b"5\nhello\r\n0\r\n\r\n",
                   "lf-after-data": b"5\r\nhello\n0\r\n\r\n",
                   "lf-at-end": b"5\r\nhello\r\n0\n\n",
                   "space-after-size": b"5 \r\nhello\r\n0\r\n\r\n",
                   "ext": b"5;a=b\r\nhello\r\n0\r\n\r\n",
                   "ext-quoted": b'5;a="b;c"\r\nhello\r\n0\r\n\r\n',
                   "many-zeros": b"0000000000000000000005\r\nhello\r\n0\r\n\r\n",
                   "ext-empty": b"5;\r\nhello\r\n0\r\n\r\n"}.items():
    to(chunk, name, "RFC 9112 7.1", [res(TE, body=body), FIN], HELLO, *SPOILT)
to(chunk, "trailers", "RFC 9112 7.1.2",
   res(TE, b"Trailer: X", body=chunks(b"hello", trailers=b"X: y\r\n")),
   good(b"hello", kept=True))
for name, line in {"length": b"Content-Length: 1", "coding": b"Transfer-Encoding: x",
                   "connection": b"Connection: close",
                   "host": b"Host: x"}.items():
    to(chunk, f"trailer-{name}", "RFC 9110 6.5.1",
       res(TE, body=chunks(b"hello", trailers=line + b"\r\n")), HELLO,
       *SPOILT)
for name, line in {"no-colon": b"X", "space": b"X : y", "nul": b"X: \x00", "empty-name": b": x",
                   "cr": b"X: a\rb", "status-line": b"HTTP/1.1 200 OK"}.items():
    to(chunk, f"trailer-bad-{name}", "RFC 9112 7.1.2",
       [res(TE, body=chunks(b"hello", trailers=line + b"\r\n")), FIN], *SPOILT,
       good(b"hello", reused=False))
for name, body in {"in-size": b"5", "in-data": b"5\r\nhel", "after-data": b"5\r\nhello",
                   "after-crlf": b"5\r\nhello\r\n",
                   "in-last": b"5\r\nhello\r\n0", "after-last": b"5\r\nhello\r\n0\r\n",
                   "in-trailer": b"0\r\nX: y\r\n",
                   "at-once": b""}.items():
    to(chunk, f"ends-{name}-fin", "RFC 9112 8", [res(TE, body=body), FIN], *SPOILT)
    to(chunk, f"ends-{name}-rst", "RFC 9112 8", [res(TE, body=body), PAUSE, RST], *SPOILT)
    to(chunk, f"ends-{name}-silence", "RFC 9112 8", [res(TE, body=body), HOLD], *SPOILT,
       bad_gateway(504))
to(chunk, "extension-of-300k", "RFC 9112 7.1.1",
   [res(TE, body=b"5;" + b"a" * 300_000 + b"\r\nhello\r\n0\r\n\r\n")],
   *SPOILT, HELLO)
to(chunk, "trailers-of-300k", "RFC 9112 7.1.2",
   [res(TE, body=chunks(b"hello", trailers=b"T: " + b"t" * 300_000 + b"\r\n"))],
   *SPOILT, HELLO)
to(chunk, "data-is-a-response", "RFC 9112 7.1", res(TE, body=chunks(EVIL)), good(EVIL, kept=True))

# --- bodies where there are none (RFC 9112 6.3, 1)
HEAD = get(b"/r", method=b"HEAD")
for name, answer in {
        "length": ok(b"12345")[:-5], "chunked": res(TE), "neither": res(), "length-0": ok(b""),
        "both-same-length": res(b"Content-Length: 5", b"ETag: x")}.items():
    to(bodyless, f"head-{name}", "RFC 9110 9.3.2", answer, good(b"", kept=True, reused=True),
       request=HEAD)
to(bodyless, "head-length-is-kept", "RFC 9110 8.6", res(b"Content-Length: 123456"),
   good(b"", kept=True, msg={"has": {"Content-Length": b"123456"}}), request=HEAD)
for name, answer in {"length": ok(b"hello"), "chunked": res(TE, body=BODY),
                     "neither": res(body=b"hello"),
                     "a-response": res(b"Content-Length: %d" % len(EVIL), body=EVIL)}.items():
    to(bodyless, f"head-with-body-{name}", "RFC 9110 9.3.2", answer, good(b"", reused=False),
       NOT_FORWARDED,
       request=HEAD)
to(bodyless, "head-404", "RFC 9110 9.3.2", res(b"Content-Length: 9", status=b"404 X"),
   good(b"", kept=True, status={404}), request=HEAD)
to(bodyless, "head-bad-length", "RFC 9112 6.3", [res(b"Content-Length: x"), FIN], NOT_FORWARDED,
   request=HEAD)
to(bodyless, "head-both", "RFC 9112 6.3", res(TE, b"Content-Length: 5"), NOT_FORWARDED,
   good(b""), request=HEAD)
for name, line in {"host": b"Host: again", "length": b"Content-Length: x",
                   "field": b"A : b"}.items():
    to(bodyless, f"head-refused-{name}-gets-no-body", "RFC 9110 9.3.2", ok(b""),
       Want(status={400}, kept=False, origin=[]),
       request=get(b"/r", line, method=b"HEAD"))
for name, steps, status in (("502", [FIN], 502), ("504", [HOLD], 504),
                            ("502-garbage", [b"what?\r\n\r\n", FIN], 502)):
    to(bodyless, f"head-{name}-gets-no-body", "RFC 9110 9.3.2", steps, Want(status={status}),
       good(b""), request=HEAD)
to(bodyless, "head-max-forwards-gets-no-body", "RFC 9110 9.3.2", ok(b""), good(b"", kept=True),
   request=get(b"/r", b"Max-Forwards: 0", method=b"HEAD"))
for status in (b"204 No Content", b"304 Not Modified"):
    s = int(status[:3])
    to(bodyless, f"{s}-plain", "RFC 9112 6.3", res(status=status),
       good(b"", status={s}, kept=True, reused=True))
    for name, answer in {
            "length": res(b"Content-Length: 5", status=status, body=b"hello"),
            "chunked": res(TE, status=status, body=BODY),
            "bytes": res(status=status, body=b"hello"),
            "a-response": res(status=status, body=EVIL),
            "length-a-response": res(b"Content-Length: %d" % len(EVIL), status=status,
                                     body=EVIL)}.items():
        to(bodyless, f"{s}-with-{name}", "RFC 9112 6.3", answer,
           good(b"", status={s}, reused=False), NOT_FORWARDED)
    for name, line in {"length": b"Content-Length: 5", "coding": TE,
                       "length-0": b"Content-Length: 0"}.items():
        to(bodyless, f"{s}-announces-{name}", "RFC 9110 8.6, RFC 9112 6.1",
           res(line, status=status),
           good(b"", status={s}), NOT_FORWARDED)
to(bodyless, "304-length-is-kept", "RFC 9110 8.6", res(b"Content-Length: 77", status=b"304 X"),
   good(b"", status={304}, kept=True))
for name, method, status in (("head-204", b"HEAD", b"204 X"), ("head-304", b"HEAD", b"304 X"),
                             ("post-204", b"POST", b"204 X")):
    to(bodyless, name, "RFC 9112 6.3", res(status=status),
       good(b"", status={int(status[:3])}, kept=True, reused=True),
       request=get(b"/r", b"Content-Length: 0", method=method))
to(bodyless, "get-not-head", "RFC 9112 6.3", ok(b"hello"), good(b"hello", kept=True))
to(bodyless, "205-with-body", "RFC 9110 15.3.6", ok(b"hello", status=b"205 X"),
   good(b"hello", status={205}),
   good(b"", status={205}), NOT_FORWARDED)

# --- bytes behind the end
for name, body in {"byte": b"x", "crlf": b"\r\n", "response": EVIL, "half-response": EVIL[:20],
                   "nul": b"\0",
                   "many": b"z" * 100_000, "two-responses": EVIL + EVIL,
                   "interim": b"HTTP/1.1 100 Continue\r\n\r\n",
                   "408": b"HTTP/1.1 408 X\r\nContent-Length: 0\r\n"
                          b"Connection: close\r\n\r\n"}.items():
    for kind, answer in {"length": ok(b"ok"), "chunked": res(TE, body=chunks(b"ok"))}.items():
        to(surplus, f"{name}-after-{kind}", "RFC 9112 9.2", answer + body, good(reused=False))
        to(surplus, f"{name}-later-after-{kind}", "RFC 9112 9.2", [answer, PAUSE, body], good(),
           request=LATER)
    to(surplus, f"{name}-after-head-response", "RFC 9112 9.2", ok(b"ok")[:-2] + body,
       good(b"", reused=False),
       request=HEAD)
to(surplus, "after-length-0", "RFC 9112 9.2", ok(b"") + EVIL, good(b"", reused=False))
to(surplus, "before-the-request", "RFC 9112 9.2", ok(b"ok"), good(), NOT_FORWARDED)
to(surplus, "after-length-short", "RFC 9112 6.3", ok(b"ok") + b"more than announced",
   good(reused=False))
surplus("response-before-any-request", "RFC 9112 9.2", LATER, good(b"[/r]"),
        good(b"stolen", reused=False),
        NOT_FORWARDED, origin={"connect": [EVIL]})
surplus("garbage-before-any-request", "RFC 9112 9.2", get(b"/r"), good(b"[/r]"), NOT_FORWARDED,
        origin={"connect": [b"garbage\r\n\r\n"]})
surplus("answer-and-next-answer", "RFC 9112 9.2", get(b"/1") + get(b"/2"),
        Want(statuses=[200, 200],
             check=lambda seen: None if [m.body for m in seen.responses] == [b"[/1]", b"[/2]"]
             else f"{seen.responses}"), Want(status={502}),
        Want(check=lambda seen: None if [m.body for m in seen.responses] == [b"ok",
            b"[/2]"] else f"{seen.responses}"),
        origin=[ok(b"ok") + EVIL], answers=2)
to(surplus, "with-connection-close", "RFC 9112 9.6", [ok(b"ok", b"Connection: close") + EVIL],
   good(reused=False))
to(surplus, "post-answered", "RFC 9112 9.2", ok(b"ok") + EVIL, good(reused=False),
   request=post(b"hello", b"Content-Length: 5"))
