# SPDX-License-Identifier: MIT
"""Chunked bodies of requests: sizes, extensions, line ends, trailers."""
from suite.case import (FIN, PAUSE, SMUGGLED, Msg, Table, chunked, chunks, drip, get, passed, post,
                        refused)

size = Table("chunk-size", security=True)
ext = Table("chunk-ext", security=True)
end = Table("chunk-end", security=True)
trailer = Table("trailers", security=True)
TABLES = [size, ext, end, trailer]

TE = b"Transfer-Encoding: chunked"
LAST = b"0\r\n\r\n"
HELLO = Msg(body=b"hello", framing=None)
# The head may have gone on before the fault came: an error, or an end without an answer.
WRONG = refused(400, 413, 422, 502, 0)
EITHER = [passed(HELLO), WRONG]


def raw(body, **kwargs):
    return post(body, TE, **kwargs)


# --- sizes that are no 1*HEXDIG (RFC 9112 7.1)
for name, text in {
        "plus": b"+5", "minus": b"-5", "minus-zero": b"-0", "0x": b"0x5", "0X": b"0X5",
        "h-suffix": b"5h", "g": b"g", "word": b"five", "float": b"5.0", "quoted": b'"5"',
        "comma": b"5,5", "underscore": b"0_5", "space-inside": b"0 5", "space-first": b" 5",
        "tab-first": b"\t5", "nul": b"5\x00", "nul-first": b"\x005", "vt": b"5\x0b", "ff": b"\x0c5",
        "del": b"5\x7f", "nbsp": b"\xa05", "fullwidth": b"\xef\xbc\x95", "percent": b"%35",
        "empty": b"", "colon": b"5:", "equals": b"5=5", "slash": b"5/5", "cr-inside": b"5\r5",
        "bracket": b"[5]", "dollar": b"$5", "hash": b"#5", "quote-after": b"5'", "at": b"5@",
        "8-bit": b"\xb25", "backslash": b"\\x5", "0x-inside": b"00x5", "star": b"5*"}.items():
    size(f"invalid-{name}", "RFC 9112 7.1", raw(text + b"\r\nhello\r\n" + LAST + SMUGGLED), WRONG)
    size(f"invalid-second-{name}", "RFC 9112 7.1",
         raw(b"3\r\nabc\r\n" + text + b"\r\nhello\r\n" + LAST + SMUGGLED), WRONG)
# --- too large
for name, text in {
        "2^32+5": b"100000005", "2^63": b"8000000000000000", "2^64-1": b"ffffffffffffffff",
        "2^64": b"10000000000000000", "2^64+5": b"10000000000000005", "17-f": b"f" * 17,
        "40-f": b"f" * 40, "2^128+5": b"1" + b"0" * 31 + b"5", "300-digits": b"1" * 300}.items():
    size(f"huge-{name}", "RFC 9112 7.1", [raw(text + b"\r\nhello\r\n" + LAST + SMUGGLED), FIN],
         refused(400, 408, 413, 422, 502, 0, kept=None))
size("negative-as-unsigned", "RFC 9112 7.1",
     [raw(b"5\r\nhello\r\nfffffffffffffffb\r\n" + SMUGGLED), FIN],
     refused(400, 408, 413, 422, 502, 0, kept=None))
# --- valid
for name, text in {"lower": b"a", "upper": b"A", "zero-before": b"0a",
                   "zeros": b"0000000a"}.items():
    size(f"valid-{name}", "RFC 9112 7.1", raw(text + b"\r\n0123456789\r\n" + LAST),
         passed(Msg(body=b"0123456789"), kept=True))
size("many-zeros", "RFC 9112 7.1", raw(b"0" * 30 + b"5\r\nhello\r\n" + LAST), *EITHER)
size("thousands-of-zeros", "RFC 9112 7.1", raw(b"0" * 30_000 + b"5\r\nhello\r\n" + LAST), *EITHER)
size("last-of-many-zeros", "RFC 9112 7.1", raw(b"5\r\nhello\r\n0000\r\n\r\n"), *EITHER)
size("two-chunks", "RFC 9112 7.1", chunked(b"hel", b"lo"), passed(HELLO, kept=True))
size("only-last", "RFC 9112 7.1", chunked(), passed(Msg(body=b""), kept=True))
size("byte-chunks", "RFC 9112 7.1", chunked(*[b"x"] * 3000),
     passed(Msg(body=b"x" * 3000), kept=True))
size("large-chunk", "RFC 9112 7.1", chunked(b"y" * 200_000),
     passed(Msg(body=b"y" * 200_000), kept=True))
size("many-sizes", "RFC 9112 7.1", chunked(*[b"z" * n for n in range(1, 300)]),
     passed(Msg(body=b"z" * sum(range(300))), kept=True))
size("byte-by-byte", "RFC 9112 7.1", [drip(chunked(b"hel", b"lo"))], passed(HELLO, kept=True))
size("segments-cut-everywhere", "RFC 9112 7.1",
     [raw(b"5"), PAUSE, b"\r", PAUSE, b"\nhel", PAUSE, b"lo\r", PAUSE, b"\n0\r\n", PAUSE, b"\r",
      PAUSE,
      b"\n"], passed(HELLO, kept=True))
size("data-looks-like-last-chunk", "RFC 9112 7.1", chunked(LAST + SMUGGLED),
     passed(Msg(body=LAST + SMUGGLED), kept=True))
size("space-after", "RFC 9112 7.1.1", raw(b"5 \r\nhello\r\n" + LAST), *EITHER)
size("tab-after", "RFC 9112 7.1.1", raw(b"5\t\r\nhello\r\n" + LAST), *EITHER)
size("next-request-behind", "RFC 9112 7.1", chunked(b"hello") + get(b"/next"),
     passed(HELLO, Msg(target=b"/next", body=b""), statuses=[200, 200]), answers=2)

# --- extensions (RFC 9112 7.1.1): to be ignored, not to be understood
for name, text in {
        "name": b";a", "value": b";a=b", "two": b";a=b;c=d", "quoted": b';a="b"',
        "quoted-semicolon": b';a="b;c"', "quoted-pair": b';a="b\\"c"', "space": b"; a=b",
        "space-before": b" ;a=b", "spaces": b" ; a = b", "tab": b"\t;\ta", "empty-quoted": b';a=""',
        "100-bytes": b";a=" + b"b" * 100}.items():
    ext(f"valid-{name}", "RFC 9112 7.1.1", raw(b"5" + text + b"\r\nhello\r\n" + LAST), *(
        [passed(HELLO, kept=True)] if b" " not in text and b"\t" not in text else EITHER))
    ext(f"valid-last-{name}", "RFC 9112 7.1.1", raw(b"5\r\nhello\r\n0" + text + b"\r\n\r\n"),
        *EITHER)
for name, text in {
        "empty": b";", "only-equals": b";=", "no-value": b";a=", "no-name": b";=b",
        "two-semicolons": b";;a", "unquoted-space": b";a=b c", "open-quote": b';a="b',
        "token-after-quote": b';a="b"c', "8-bit": b";a=\xe9", "brackets": b";[a]",
        "comma": b";a,b", "trailing-semicolon": b";a=b;", "trailing-space": b";a=b "}.items():
    ext(f"malformed-{name}", "RFC 9112 7.1.1", raw(b"5" + text + b"\r\nhello\r\n" + LAST), *EITHER)
for name, text in {"nul": b";a\x00", "cr": b";a\rb", "cr-first": b";\r\r", "del": b";\x7f",
                   "bell": b";a=\x07", "nul-quoted": b';a="\x00"', "vt": b";\x0ba",
                   "escape": b";a=\x1b[0m"}.items():
    ext(f"control-{name}", "RFC 9112 7.1.1", raw(b"5" + text + b"\r\nhello\r\n" + LAST + SMUGGLED),
        WRONG)
ext("lf-ends-extension", "CVE-2025-55315, 4-byte ext",
    raw(b"5;\nxx\r\nhello\r\n" + LAST + SMUGGLED), WRONG)
ext("lf-ends-extension-hides-chunk", "RFC 9112 7.1.1",
    raw(b"2;\nxx\r\n2f\r\n0\r\n\r\n" + SMUGGLED + b"\r\n" + LAST), WRONG)
ext("cr-ends-extension-hides-chunk", "RFC 9112 7.1.1",
    raw(b"2;\rxx\r\n2f\r\n0\r\n\r\n" + SMUGGLED + b"\r\n" + LAST), WRONG)
ext("quoted-line-end", "RFC 9112 7.1.1",
    raw(b'5;a="\r\nhello\r\n0\r\n\r\n"\r\n' + SMUGGLED), WRONG)
ext("quoted-lf", "RFC 9112 7.1.1", raw(b'5;a="\n"\r\nhello\r\n' + LAST), WRONG)
ext("folded", "RFC 9112 7.1.1", raw(b"5;a\r\n =b\r\nhello\r\n" + LAST + SMUGGLED), WRONG)
for n in (5000, 20_000, 300_000):
    ext(f"of-{n}-bytes", "RFC 9112 7.1.1", raw(b"5;" + b"a" * n + b"\r\nhello\r\n" + LAST), *EITHER,
        refused(431, 414))
ext("each-of-many-chunks", "RFC 9112 7.1.1",
    raw(b"".join(b"1;" + b"e" * 1000 + b"\r\nx\r\n" for _ in range(500)) + LAST),
    passed(Msg(body=b"x" * 500)), WRONG)
ext("without-end", "RFC 9112 7.1.1", raw(b"5;" + b"a" * 100), refused(400, 408, 0))

# --- line ends
for name, body in {
        "lf-after-size": b"5\nhello\r\n" + LAST, "lf-after-data": b"5\r\nhello\n" + LAST,
        "lf-everywhere": b"5\nhello\n0\n\n", "lf-after-last": b"5\r\nhello\r\n0\n\r\n",
        "lf-at-end": b"5\r\nhello\r\n0\r\n\n", "lf-lf-at-end": b"5\r\nhello\r\n0\n\n"}.items():
    end(name, "RFC 9112 2.2, 7.1", raw(body), *EITHER, security=True)
for name, body in {
        "cr-after-size": b"5\rhello\r\n" + LAST, "cr-cr-lf": b"5\r\r\nhello\r\n" + LAST,
        "lf-cr": b"5\n\rhello\r\n" + LAST, "nothing-after-data": b"5\r\nhello" + LAST,
        "cr-after-data": b"5\r\nhello\r" + LAST, "data-too-long": b"5\r\nhelloo\r\n" + LAST,
        "data-too-long-2": b"5\r\nhello--\r\n" + LAST, "data-too-short": b"6\r\nhello\r\n" + LAST,
        "data-much-too-short": b"9\r\nhello\r\n" + LAST,
        "two-chars-for-crlf": b"5\r\nhelloXX" + LAST,
        "space-for-crlf": b"5\r\nhello  " + LAST, "space-crlf": b"5\r\nhello \r\n" + LAST,
        "crlf-crlf": b"5\r\nhello\r\n\r\n" + LAST, "nul-crlf": b"5\r\nhello\x00\r\n" + LAST,
        "cr-at-end": b"5\r\nhello\r\n0\r\n\r" + b"x", "cr-after-last": b"5\r\nhello\r\n0\r\r\n",
        "lf-cr-after-data": b"5\r\nhello\n\r" + LAST}.items():
    end(f"wrong-{name}", "RFC 9112 7.1", [raw(body + SMUGGLED)], WRONG, security=True)
end("lf-terminates-size-smuggles", "RFC 9112 2.2",
    raw(b"5\nhello\r\n0\r\n\r\n" + get(b"/next")),
    passed(HELLO, Msg(target=b"/next"), statuses=[200, 200], status=None), WRONG, answers=2)
end("no-last-chunk-request-instead", "RFC 9112 7.1", raw(b"5\r\nhello\r\n" + SMUGGLED), WRONG)
end("after-last-a-request-without-crlf", "RFC 9112 7.1",
    raw(b"0\r\n" + SMUGGLED), WRONG, passed(Msg(trailers=[])))
end("extra-crlf-then-request", "RFC 9112 2.2",
    raw(b"5\r\nhello\r\n" + LAST + b"\r\n" + get(b"/next")),
    passed(HELLO, Msg(target=b"/next"), statuses=[200, 200]), passed(HELLO, statuses=[200, 400],
                                                                   status=None), answers=2)

# --- trailers

def without(*names):
    def check(m):
        bad = [n for n, _ in m.trailers if n.lower() in names]
        return f"{bad} got through" if bad else None
    return Msg(body=b"hello", check=check)


trailer("plain", "RFC 9112 7.1.2", chunked(b"hello", trailers=b"X-Sum: 1\r\n"),
        passed(HELLO, kept=True))
trailer("several", "RFC 9112 7.1.2", chunked(b"hello", trailers=b"A: 1\r\nB: 2\r\nC: 3\r\n"),
        passed(HELLO, kept=True))
trailer("announced", "RFC 9110 6.6.2",
        chunked(b"hello", lines=[b"Trailer: X-Sum"], trailers=b"X-Sum: 1\r\n"),
        passed(HELLO, kept=True))
trailer("byte-by-byte", "RFC 9112 7.1.2", [drip(chunked(b"hello", trailers=b"X-Sum: 1\r\n"))],
        passed(HELLO, kept=True))
for name, line in {
        "content-length": b"Content-Length: 35", "transfer-encoding": b"Transfer-Encoding: chunked",
        "host": b"Host: evil.test", "connection": b"Connection: close", "upgrade": b"Upgrade: x",
        "te": b"TE: trailers", "authorization": b"Authorization: x", "cookie": b"Cookie: a=b",
        "content-type": b"Content-Type: text/html", "expect": b"Expect: 100-continue",
        "content-encoding": b"Content-Encoding: gzip", "trailer": b"Trailer: X",
        "keep-alive": b"Keep-Alive: 1", "proxy-connection": b"Proxy-Connection: close"}.items():
    field = line.partition(b":")[0].lower()
    important = (b"content-length", b"transfer-encoding", b"host", b"connection")
    trailer(f"forbidden-{name}", "RFC 9110 6.5.1", chunked(b"hello", trailers=line + b"\r\n"),
            passed(without(field) if field in important else HELLO), WRONG,
            security=field in important)
for name, line in {
        "no-colon": b"X\r\n", "space-before-colon": b"X : 1\r\n", "empty-name": b": 1\r\n",
        "nul": b"X: \x00\r\n", "bare-cr": b"X: a\rb\r\n", "space-in-name": b"X Y: 1\r\n",
        "is-a-request": b"GET /smuggled HTTP/1.1\r\n", "control": b"X: \x01\r\n",
        "8-bit-name": b"X\xe9: 1\r\n", "fold-first": b" X: 1\r\n", "del": b"X\x7f: 1\r\n"}.items():
    trailer(f"malformed-{name}", "RFC 9112 5", chunked(b"hello", trailers=line) + SMUGGLED, WRONG,
            passed(Msg(body=b"hello", trailers=[]), kept=False))
for name, line in {"folded": b"X: a\r\n b\r\n", "bare-lf": b"X: a\n", "lf-lf": b"X: a\n\n"}.items():
    trailer(name, "RFC 9112 2.2, 5.2", chunked(b"hello", trailers=line), *EITHER)
trailer("too-many", "RFC 9112 7.1.2",
        chunked(b"hello", trailers=b"".join(b"T%d: 1\r\n" % i for i in range(5000))),
        refused(400, 413, 431, 0, 502))
trailer("too-long", "RFC 9112 7.1.2", chunked(b"hello", trailers=b"T: " + b"t" * 200_000 + b"\r\n"),
        refused(400, 413, 431, 0, 502), passed(HELLO))
trailer("then-request", "RFC 9112 7.1.2", chunked(b"hello", trailers=b"X: y\r\n") + get(b"/next"),
        passed(HELLO, Msg(target=b"/next"), statuses=[200, 200]), answers=2)
trailer("crlf-of-end-missing-then-fin", "RFC 9112 7.1.2", [raw(b"0\r\nX: y\r\n"), FIN],
        refused(400, 408, 502, 0, kept=None))
trailer("expands-no-message", "RFC 9112 7.1.3",
        post(chunks(b"hello"), TE, b"Trailer: Content-Length"),
        passed(HELLO))
