# SPDX-License-Identifier: MIT
"""Request heads: the request line, targets, versions, fields, Host, limits."""
from suite.case import FIN, PAUSE, SMUGGLED, Msg, Table, drip, get, passed, refused

line = Table("request-line")
target = Table("target")
version = Table("version")
fields = Table("fields")
host = Table("host")
limits = Table("limits")
TABLES = [line, target, version, fields, host, limits]

H = b"\r\nHost: weir.test\r\n\r\n"
GET = Msg(method=b"GET", target=b"/", body=b"")

# --- the request line (RFC 9112 3)
for method in (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"PATCH", b"PROPFIND",
               b"MKCOL", b"QUERY", b"PURGE", b"M-SEARCH", b"BREW", b"x", b"get", b"Get",
               b"!#$%&'*+-.^_`|~", b"A" * 40):
    name = method.decode() if method.isalpha() else "other-%d" % len(method)
    line(f"method-{name}", "RFC 9110 9.1", get(b"/m", method=method),
         passed(Msg(method=method, target=b"/m"), kept=True, status={200}),
         *([refused(405, 501, 400)] if method not in (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE",
                                                      b"OPTIONS") else []))
for name, text in {
        "empty": b" / HTTP/1.1", "no-method": b"/ HTTP/1.1", "at": b"G@T / HTTP/1.1",
        "brackets": b"G[]T / HTTP/1.1", "colon": b"GET: / HTTP/1.1", "quote": b'"GET" / HTTP/1.1',
        "8-bit": b"G\xc9T / HTTP/1.1", "nul": b"G\x00ET / HTTP/1.1",
        "control": b"\x01GET / HTTP/1.1",
        "comma": b"GET,POST / HTTP/1.1", "slash": b"GET/ / HTTP/1.1",
        "bom": b"\xef\xbb\xbfGET / HTTP/1.1",
        "parenthesis": b"GET() / HTTP/1.1", "equals": b"GET=1 / HTTP/1.1",
        "del": b"GET\x7f / HTTP/1.1"
        }.items():
    line(f"method-bad-{name}", "RFC 9110 9.1", text + H, refused(400, 405, 501))
for name, text in {
        "tab-between": b"GET\t/\tHTTP/1.1", "tab-first": b"GET\t/ HTTP/1.1",
        "tab-last": b"GET /\tHTTP/1.1", "nothing": b"", "only-method": b"GET",
        "method-target": b"GET /", "method-space": b"GET ", "no-target": b"GET HTTP/1.1",
        "no-target-two-spaces": b"GET  HTTP/1.1", "leading-space": b" GET / HTTP/1.1",
        "leading-tab": b"\tGET / HTTP/1.1", "vt": b"GET\x0b/\x0bHTTP/1.1",
        "ff": b"GET\x0c/ HTTP/1.1", "cr-between": b"GET\r/ HTTP/1.1",
        "nul-end": b"GET / HTTP/1.1\x00",
        "nbsp": b"GET\xa0/ HTTP/1.1", "four-words": b"GET / x HTTP/1.1",
        "garbage-behind": b"GET / HTTP/1.1 x", "two-versions": b"GET / HTTP/1.1 HTTP/1.1",
        "lf-inside": b"GET /\n HTTP/1.1", "status-line": b"HTTP/1.1 200 OK",
        "tls-hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "ssh": b"SSH-2.0-OpenSSH_9.2",
        "smtp": b"EHLO weir.test", "redis": b"*1", "binary": bytes(range(128, 200)),
        "proxy-v1": b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2", "sip": b"OPTIONS sip:a SIP/2.0",
        "rtsp": b"DESCRIBE rtsp://a RTSP/1.0"}.items():
    line(f"malformed-{name}", "RFC 9112 3",
         text + H, refused(400, 405, 501, 505), *([refused(408, 0)] if name == "nothing" else []))
for name, text in {"two-spaces": b"GET  / HTTP/1.1", "two-spaces-later": b"GET /  HTTP/1.1",
                   "space-end": b"GET / HTTP/1.1 ", "tab-end": b"GET / HTTP/1.1\t"}.items():
    line(f"lenient-{name}", "RFC 9112 3 (may be split at white space)", text + H,
         refused(400), passed(GET))
line("leading-crlf", "RFC 9112 2.2", b"\r\n" + get(), passed(GET, kept=True))
line("leading-two-crlf", "RFC 9112 2.2", b"\r\n\r\n" + get(), passed(GET, kept=True), refused(400))
line("leading-lf", "RFC 9112 2.2", b"\n" + get(), refused(400), passed(GET, kept=True))
line("leading-cr", "RFC 9112 2.2", b"\r" + get(), refused(400))
line("leading-many-crlf", "RFC 9112 2.2", b"\r\n" * 1000 + get(), refused(400, 431, 414),
     passed(GET))
line("leading-crlf-space", "RFC 9112 2.2", b"\r\n " + get(), refused(400))
line("bare-lf-everywhere", "RFC 9112 2.2", b"GET / HTTP/1.1\nHost: weir.test\n\n", refused(400),
     passed(GET))
line("bare-lf-after-line", "RFC 9112 2.2", b"GET / HTTP/1.1\nHost: weir.test\r\n\r\n", refused(400),
     passed(GET))
line("bare-cr-after-line", "RFC 9112 2.2", b"GET / HTTP/1.1\rHost: weir.test\r\n\r\n", refused(400))
line("cr-cr-lf", "RFC 9112 2.2", b"GET / HTTP/1.1\r\r\nHost: weir.test\r\n\r\n", refused(400))
line("lf-cr", "RFC 9112 2.2", b"GET / HTTP/1.1\n\rHost: weir.test\n\r\n\r", refused(400))
line("white-space-line-after", "RFC 9112 2.2", b"GET / HTTP/1.1\r\n \r\nHost: weir.test\r\n\r\n",
     refused(400), passed(GET))
line("byte-by-byte", "RFC 9112 2.2", [drip(get(b"/drip", b"A: b"))],
     passed(Msg(target=b"/drip", has={"A": b"b"}), kept=True))
line("cut-within-crlf", "RFC 9112 2.2",
     [b"GET /cut HTTP/1.1\r", PAUSE, b"\nHost: a\r\n", PAUSE, b"\r", PAUSE, b"\n"],
     passed(Msg(target=b"/cut"), kept=True))

# --- targets (RFC 9112 3.2)
for text in (b"/", b"/a/b/c", b"/a?b=c", b"/?", b"/a%20b", b"/%00", b"/%2e%2e/", b"/a;b=c",
             b"//a//b",
             b"/*", b"/:80", b"/@x", b"/a?b?c", b"/~u", b"/!$&'()*+,;=", b"/%ff", b"/a=b&c",
             b"/?a=/../b",
             b"/http://x/"):
    target(f"kept-{text.decode()}", "RFC 9110 7.7", get(text),
           passed(Msg(target=text), kept=True),
           *([refused(400)] if text in (b"/%00", b"/%ff") else []))
for text in (b"/../x", b"/a/../b", b"/a/./b", b"/..", b"/.", b"/%2e%2e%2f"):
    target(f"dots-{text.decode()}", "RFC 3986 6.2.2.3", get(text), refused(400), passed(Msg()))
for text in (b"/%", b"/%g0", b"/%2", b"/a%zzb"):
    target(f"bad-escape-{text.decode()}", "RFC 3986 2.1", get(text), refused(400),
           passed(Msg(target=text)))
for name, text in {"space": b"/a b", "nul": b"/a\x00b", "tab": b"/a\tb", "control": b"/\x01",
                   "del": b"/\x7f", "lf": b"/a\nb", "cr": b"/a\rb", "vt": b"/\x0b",
                   "esc": b"/\x1b"}.items():
    target(f"bad-{name}", "RFC 9112 3.2", get(text), refused(400), security=True)
target("crlf-injected", "RFC 9112 3.2", get(b"/a\r\nX-Injected: 1\r\nY:"),
       refused(400), security=True)
for name, text in {"fragment": b"/a#b", "only-fragment": b"#b",
                   "fragment-in-query": b"/?a#b"}.items():
    target(name, "RFC 9112 3.2.1", get(text), refused(400), passed(Msg()))
for name, text in {"8-bit": b"/\xe9", "utf-8": b"/\xc3\xa9", "quote": b'/"', "angle": b"/<a>",
                   "brace": b"/{a}", "pipe": b"/a|b", "backslash": b"/a\\b", "caret": b"/^",
                   "backquote": b"/`", "bracket": b"/[a]"}.items():
    target(f"not-in-grammar-{name}", "RFC 3986 2", get(text), refused(400), passed(Msg()))
for name, text in {"relative": b"a", "dot": b"./a", "query-only": b"?a", "star-with-get": b"*",
                   "scheme-only": b"http:", "host-port": b"weir.test:80", "no-slash": b"index.html",
                   "backslash-first": b"\\a", "empty-scheme": b"://weir.test/",
                   "double-star": b"**", "percent-slash": b"%2fa"}.items():
    target(f"malformed-{name}", "RFC 9112 3.2", get(text), refused(400, 404, 405))
target("absolute", "RFC 9112 3.2.2", get(b"http://weir.test/abs?q=1"),
       passed(Msg(method=b"GET", has={"Host": b"weir.test"}, check=lambda m: None if m.target in (
           b"/abs?q=1", b"http://weir.test/abs?q=1") else f"target {m.target}"), kept=True))


def host_is(wanted):
    """The origin must find the same host wherever it looks."""
    def check(m):
        _, is_absolute, rest = m.target.partition(b"://")
        authority = rest.partition(b"/")[0] if is_absolute else wanted
        return None if m.all("host") == [wanted] and authority == wanted else \
            f"Host {m.all('host')}, target {m.target}"
    return Msg(check=check)


target("absolute-wins-over-host", "RFC 9112 3.2.2", get(b"http://real.test/a", host=b"other.test"),
       passed(host_is(b"real.test")), refused(400), security=True)
target("absolute-wins-with-port", "RFC 9112 3.2.2",
       get(b"http://real.test:81/a", host=b"other.test"),
       passed(host_is(b"real.test:81")), refused(400), security=True)
target("absolute-without-host", "RFC 9112 3.2.2", get(b"http://real.test/a", host=None),
       refused(400), passed(host_is(b"real.test")))
target("absolute-empty-host-field", "RFC 9112 3.2.2", get(b"http://real.test/a", host=b""),
       refused(400), passed(host_is(b"real.test")), security=True)
target("absolute-upper-scheme", "RFC 3986 3.1", get(b"HTTP://weir.test/a"), passed(Msg()),
       refused(400))
target("absolute-no-path", "RFC 9112 3.2.2", get(b"http://weir.test"),
       passed(Msg(check=lambda m: None if m.target in (b"/", b"http://weir.test",
                                                       b"http://weir.test/")
                  else f"target {m.target}"), kept=True))
target("absolute-query-no-path", "RFC 9112 3.2.2", get(b"http://weir.test?a"), passed(Msg()),
       refused(400))
target("absolute-https", "RFC 9112 3.2.2", get(b"https://weir.test/a"), passed(Msg()),
       refused(400, 421))
target("absolute-options-star", "RFC 9112 3.2.4", get(b"http://weir.test", method=b"OPTIONS"),
       passed(Msg(method=b"OPTIONS")))
for name, text in {
        "empty-authority": b"http:///a", "userinfo": b"http://u:p@weir.test/a",
        "bad-port": b"http://weir.test:x/", "port-range": b"http://weir.test:99999/",
        "space-host": b"http://we ir/", "bad-ipv6": b"http://[::1/", "nul": b"http://we\x00ir/",
        "only-port": b"http://:80/", "one-slash": b"http:/weir.test/"}.items():
    target(f"absolute-bad-{name}", "RFC 9110 4.2", get(text), refused(400),
           *([passed(Msg())] if name == "userinfo" else []))
target("options-star", "RFC 9112 3.2.4", get(b"*", method=b"OPTIONS"),
       passed(Msg(method=b"OPTIONS", target=b"*")), refused(400, 405))
target("options-path", "RFC 9110 9.3.7", get(b"/a", method=b"OPTIONS"),
       passed(Msg(method=b"OPTIONS", target=b"/a"), kept=True))
target("connect-authority", "RFC 9110 9.3.6", get(b"weir.test:443", method=b"CONNECT"),
       refused(400, 403, 405, 501), methods=[b"POST"], security=True)
target("connect-path", "RFC 9112 3.2.3", get(b"/", method=b"CONNECT"), refused(400, 403, 405, 501),
       methods=[b"POST"], security=True)
target("connect-then-request", "RFC 9110 9.3.6",
       get(b"weir.test:443", method=b"CONNECT") + SMUGGLED, refused(400, 403, 405, 501),
       methods=[b"POST"], security=True)

# --- versions (RFC 9112 2.3)
for name, text in {"2.0": b"HTTP/2.0", "2": b"HTTP/2", "3.0": b"HTTP/3.0", "0.9": b"HTTP/0.9",
                   "1.12": b"HTTP/1.12", "10.1": b"HTTP/10.1", "1": b"HTTP/1", "1.": b"HTTP/1.",
                   ".1": b"HTTP/.1", "lower": b"http/1.1", "mixed": b"Http/1.1",
                   "01.1": b"HTTP/01.1",
                   "1.01": b"HTTP/1.01", "1,1": b"HTTP/1,1", "no-slash": b"HTTP1.1",
                   "space": b"HTTP/ 1.1", "space-in-it": b"HTTP/1. 1", "x": b"HTTP/1.x",
                   "minus": b"HTTP/-1.1",
                   "plus": b"HTTP/+1.1", "s": b"HTTPS/1.1", "http-x": b"XHTTP/1.1",
                   "garbage": b"FOO/1.1",
                   "backslash": b"HTTP\\1.1", "suffix": b"HTTP/1.1x", "dots": b"HTTP/1.1.1",
                   "8-bit": b"HTTP/\xb1.1", "nul": b"HTTP/1.1\x00", "0.0": b"HTTP/0.0",
                   "hex": b"HTTP/0x1.1", "icy": b"ICY", "colon": b"HTTP:1.1",
                   "9.9": b"HTTP/9.9"}.items():
    version(f"bad-{name}", "RFC 9112 2.3", get(version=text), refused(400, 505, 426))
version("1.1", "RFC 9112 2.3", get(), passed(GET, kept=True))
version("1.0", "RFC 9112 2.3", get(version=b"HTTP/1.0"), passed(GET, kept=False))
version("1.0-without-host", "RFC 9112 3.2", get(version=b"HTTP/1.0", host=None), passed(GET))
for text in (b"HTTP/1.2", b"HTTP/1.9"):
    version(text.decode()[5:], "RFC 9110 2.5", get(version=text), passed(GET), refused(400, 505))
version("0.9-simple", "RFC 9112 A", [b"GET /\r\n", FIN], refused(400, 505, 0, 408, kept=None))
version("0.9-simple-and-more", "RFC 9112 A", b"GET /\r\n\r\n", refused(400, 505, 0, 408))
version("http2-preface", "RFC 9113 3.4", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9),
        refused(400, 405, 505, 0), security=True)
version("h2c-upgrade", "RFC 9113 3.1; h2c smuggling",
        get(b"/", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c",
            b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA"),
        passed(Msg(lacks=("HTTP2-Settings", "Upgrade"))), refused(400), security=True)

# --- fields (RFC 9112 5)
for name, text in {
        "empty-name": b": x", "space-before-colon": b"X : y", "tab-before-colon": b"X\t: y",
        "no-colon": b"X-Y", "space-in-name": b"X Y: z", "8-bit-name": b"X\xe9: y",
        "utf8-name": b"X\xc3\xa9: y", "control-name": b"X\x01: y", "nul-name": b"X\x00Y: z",
        "quote-name": b'"X": y', "bracket-name": b"[X]: y", "slash-name": b"X/Y: z",
        "at-name": b"X@Y: z", "comma-name": b"X,Y: z", "semicolon-name": b"X;Y: z",
        "equals-name": b"X=Y: z", "brace-name": b"{X}: y", "question-name": b"X?: y",
        "backslash-name": b"X\\Y: z", "del-name": b"X\x7f: y", "parenthesis-name": b"(X): y",
        "less-name": b"<X>: y", "only-space": b" ", "only-tab": b"\t", "lf-name": b"X\n: y",
        "cr-name": b"X\r: y", "vt-name": b"X\x0b: y", "only-name-space": b"X ",
        }.items():
    fields(f"bad-{name}", "RFC 9112 5.1", get(b"/", b"A: b", text), refused(400),
           *([passed(Msg(has={"A": None}))] if name.startswith("only-") else []), security=True)
for byte in list(range(0, 9)) + list(range(11, 13)) + list(range(14, 32)) + [127]:
    fields(f"value-with-{byte:02x}", "RFC 9110 5.5", get(b"/", b"X: a" + bytes([byte]) + b"b"),
           refused(400), passed(Msg(check=lambda m: None if m.get("X") in (None,
               b"a b") else "got through")),
           security=byte in (0, 10, 13))
fields("value-bare-cr", "RFC 9110 5.5", get(b"/", b"X: a\rb"), refused(400),
       passed(Msg(has={"X": b"a b"})), security=True)
fields("value-bare-cr-request", "RFC 9110 5.5", get(b"/", b"X: a\r\rGET /smuggled HTTP/1.1"),
       refused(400), security=True)
fields("value-bare-lf", "RFC 9112 2.2", get(b"/", b"X: a\nY: b"), refused(400),
       passed(Msg(has={"X": b"a", "Y": b"b"})), security=True)
fields("ends-with-lf-lf", "RFC 9112 2.2", b"GET / HTTP/1.1\r\nHost: weir.test\n\n" + SMUGGLED,
       refused(400), passed(GET, Msg(target=b"/smuggled")), security=True)
fields("ends-with-crlf-lf", "RFC 9112 2.2", b"GET / HTTP/1.1\r\nHost: weir.test\r\n\n" + SMUGGLED,
       refused(400), passed(GET, Msg(target=b"/smuggled")), security=True)
fields("ends-with-lf-crlf", "RFC 9112 2.2", b"GET / HTTP/1.1\r\nHost: weir.test\n\r\n",
       refused(400),
       passed(GET), security=True)
fields("ends-with-crlf-cr", "RFC 9112 2.2", b"GET / HTTP/1.1\r\nHost: weir.test\r\n\r" + SMUGGLED,
       refused(400), security=True)
fields("ends-with-cr-cr", "RFC 9112 2.2", b"GET / HTTP/1.1\r\nHost: weir.test\r\r" + SMUGGLED,
       refused(400), security=True)
for name, text in {"space": b"X: a\r\n b", "tab": b"X: a\r\n\tb", "empty": b"X:\r\n b",
                   "twice": b"X: a\r\n b\r\n c", "only-space": b"X: a\r\n ", "name": b"X\r\n : a",
                   "like-a-field": b"X: a\r\n Host: evil.test"}.items():
    fields(f"folded-{name}", "RFC 9112 5.2", get(b"/", text), refused(400),
           passed(Msg()), security=True)
fields("folded-first-line", "RFC 9112 2.2",
       b"GET / HTTP/1.1\r\n X: y\r\nHost: weir.test\r\n\r\n", refused(400),
       passed(Msg(lacks=("X",))), security=True)
fields("folded-first-line-host", "RFC 9112 2.2",
       b"GET / HTTP/1.1\r\n Host: evil.test\r\nHost: weir.test\r\n\r\n", refused(400),
       passed(Msg(has={"Host": b"weir.test"})), security=True)
for name, value, wanted in (
        ("empty", b"", b""), ("spaces-around", b"  a  ", b"a"), ("tabs-around", b"\ta\t", b"a"),
        ("inner-spaces", b"a  b", b"a  b"), ("inner-tab", b"a\tb", b"a\tb"),
        ("colons", b"a:b:c", b"a:b:c"),
        ("8-bit", b"\xe9", b"\xe9"), ("utf-8", b"\xc3\xa9", b"\xc3\xa9"),
        ("quoted", b'"a, b"', b'"a, b"'),
        ("all-printable", bytes(range(33, 127)), bytes(range(33, 127))),
        ("long", b"v" * 4000, b"v" * 4000)):
    fields(f"value-{name}", "RFC 9110 5.5", get(b"/", b"X: " + value),
           passed(Msg(has={"X": wanted}), kept=True))
fields("no-space-after-colon", "RFC 9112 5", get(b"/", b"X:y"),
       passed(Msg(has={"X": b"y"}), kept=True))
fields("odd-token-name", "RFC 9110 5.6.2", get(b"/", b"!#$%&'*+-.^`|~: y"),
       passed(Msg(has={"!#$%&'*+-.^`|~": b"y"}), kept=True), refused(400), passed(Msg()))
fields("underscore-name", "RFC 9110 5.6.2", get(b"/", b"X_Y: z"), passed(Msg(has={"X_Y": b"z"})),
       passed(Msg(lacks=("X_Y",))))
fields("repeated-keep-order", "RFC 9110 5.3", get(b"/", b"X: 1", b"Y: 2", b"X: 3"),
       passed(Msg(check=lambda m: None if b", ".join(m.all("X")) == b"1, 3" else f"{m.all('X')}")))
fields("cookie-twice", "RFC 6265 5.4", get(b"/", b"Cookie: a=1", b"Cookie: b=2"), passed(Msg()))
fields("name-of-200", "RFC 9110 5.4", get(b"/", b"X" * 200 + b": y"), passed(Msg(), kept=True))

# --- Host (RFC 9112 3.2)
host("missing", "RFC 9112 3.2", get(host=None), refused(400))
for name, lines in {"twice": (b"Host: b",), "twice-same": (b"Host: weir.test",),
                    "twice-case": (b"HOST: b",), "second-empty": (b"Host:",),
                    "second-later": (b"A: b", b"C: d", b"host: b"),
                    "second-space": (b"Host : b",), "second-folded": (b" Host: b",)}.items():
    host(name, "RFC 9112 3.2", get(b"/", *lines), refused(400), security=True)
host("twice-in-1.0", "RFC 9112 3.2", get(b"/", b"Host: b", version=b"HTTP/1.0"), refused(400),
     security=True)
for name, value in {
        "space": b"a b", "comma": b"a,b", "slash": b"a/b", "at": b"u@a", "question": b"a?b",
        "hash": b"a#b",
        "scheme": b"http://a", "port-letters": b"a:x", "port-negative": b"a:-1",
        "port-plus": b"a:+80",
        "port-range": b"a:65536", "port-huge": b"a:99999999999", "two-ports": b"a:80:80",
        "port-space": b"a: 80", "space-port": b"a :80", "open-bracket": b"[::1",
        "close-bracket": b"::1]",
        "empty-brackets": b"[]", "bad-ipv6": b"[::g]", "text-in-brackets": b"[a]",
        "after-bracket": b"[::1]x", "bare-ipv6": b"::1", "nul": b"a\x00b", "control": b"a\x01",
        "tab": b"a\tb", "quote": b'"a"', "angle": b"<a>", "backslash": b"a\\b", "brace": b"{a}",
        "caret": b"a^b", "backquote": b"a`b", "pipe": b"a|b", "del": b"a\x7f",
        "8-bit": b"\xe9.test",
        "percent-bad": b"a%zz", "crlf-tab": b"a\r\n\tb", "only-port": b":80", "only-colon": b":",
        "ipv6-zone": b"[fe80::1%eth0]", "two-brackets": b"[[::1]]", "path": b"a/../b"}.items():
    tolerated = name in ("comma", "quote", "brace", "caret", "backquote", "pipe", "8-bit",
                         "percent-bad",
                         "only-port", "only-colon", "ipv6-zone", "crlf-tab")
    host(f"bad-{name}", "RFC 9110 4.2, 7.2", get(host=value), refused(400),
         *([passed(Msg())] if tolerated else []))
host("empty", "RFC 9112 3.2", get(host=b""), refused(400), passed(Msg(has={"Host": b""})))
for name, value in {"port": b"a:8080", "port-empty": b"a:", "ipv4": b"127.0.0.1",
                    "ipv4-port": b"127.0.0.1:80", "ipv6": b"[::1]", "ipv6-port": b"[::1]:80",
                    "ipv6-full": b"[2001:db8::1:2]", "upper": b"WEIR.Test",
                    "dot-end": b"weir.test.",
                    "dash": b"a-b.test", "underscore": b"a_b.test", "digits": b"1234",
                    "max-port": b"a:65535", "label-63": b"a" * 63 + b".test",
                    "percent": b"a%41.test",
                    "ipv4-in-6": b"[::ffff:1.2.3.4]", "sub-delims": b"a!$&'()*+;=b",
                    "tilde": b"~a", "long-253": b".".join([b"a" * 49] * 5)}.items():
    host(f"valid-{name}", "RFC 9110 4.2", get(host=value),
         passed(Msg(check=lambda m, v=value: None if m.get("Host").lower() in (
             v.lower(), v.lower().rstrip(b":")) else f"Host {m.get('Host')}"), kept=True),
         *([refused(400)] if name in ("percent", "sub-delims", "tilde") else []))
host("lower-name", "RFC 9110 5.1", b"GET / HTTP/1.1\r\nhost: a\r\n\r\n", passed(Msg(), kept=True))
host("last-field", "RFC 9112 3.2", b"GET / HTTP/1.1\r\nA: b\r\nHost: a\r\n\r\n",
     passed(Msg(has={"Host": b"a"}), kept=True))
host("named-in-connection", "RFC 9110 7.6.1", get(b"/", b"Connection: Host"),
     passed(Msg(has={"Host": b"weir.test"})), refused(400), security=True)
host("lookalike-underscore", "RFC 9110 5.1", get(b"/", b"X_Host: b"), passed(Msg()))

# --- limits
for n, ok in ((1000, True), (7000, True), (100_000, False), (1_000_000, False)):
    want = [passed(Msg(), kept=True)] if ok else [refused(400, 414, 431, 413)]
    limits(f"target-of-{n}", "RFC 9112 3", get(b"/" + b"a" * n), *want)
    want = [passed(Msg(), kept=True)] if ok else [refused(400, 431, 413)]
    limits(f"field-of-{n}", "RFC 6585 5", get(b"/", b"X: " + b"a" * n), *want)
    limits(f"name-of-{n}", "RFC 6585 5", get(b"/", b"X" * n + b": a"), *want, refused(400, 431))
    want = [passed(Msg(), kept=True),
            refused(400, 405, 501, 414)] if ok else [refused(400, 405, 414, 431, 501)]
    limits(f"method-of-{n}", "RFC 9112 3", get(b"/", method=b"M" * n), *want)
limits("target-without-an-end", "RFC 9112 3", b"GET /" + b"a" * 500_000, refused(400, 414, 431, 0))
limits("field-without-an-end", "RFC 6585 5", b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 500_000,
       refused(400, 431, 0))
limits("name-without-an-end", "RFC 6585 5", b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a" * 500_000,
       refused(400, 431, 0))
for n, ok in ((50, True), (1000, False), (20_000, False)):
    limits(f"{n}-fields", "RFC 6585 5", get(b"/", *[b"X-%d: y" % i for i in range(n)]),
           *([passed(Msg(), kept=True)] if ok else [refused(400, 431, 413), *(
               [passed(Msg())] if n == 1000 else [])]))
limits("100-fields-of-1000", "RFC 6585 5", get(b"/", *[b"X: " + b"y" * 1000] * 100),
       refused(400, 431, 413))
limits("spaces-before-value", "RFC 6585 5", get(b"/", b"X:" + b" " * 100_000 + b"y"),
       refused(400, 431, 413))
limits("empty-lines-without-an-end", "RFC 9112 2.2", b"\r\n" * 100_000,
       refused(400, 408, 414, 431, 0))
