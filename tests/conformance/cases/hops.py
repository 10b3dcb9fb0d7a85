# SPDX-License-Identifier: MIT
"""What is for one hop only, and what a gateway adds or counts."""
from suite.case import Msg, Table, Want, chunked, chunks, get, ok, passed, refused, res

hop = Table("hop-by-hop")
via = Table("via")
forwards = Table("max-forwards")
intact = Table("end-to-end")
TABLES = [hop, via, forwards, intact]


def lacks_option(*options):
    def check(m):
        got = [o for o in m.options() if o in options]
        return f"Connection: {got} got through" if got else None
    return check


# --- requests
for name, lines, gone in (
        ("keep-alive", (b"Keep-Alive: timeout=5",), "Keep-Alive"),
        ("keep-alive-named", (b"Connection: Keep-Alive", b"Keep-Alive: 300"), "Keep-Alive"),
        ("proxy-connection", (b"Proxy-Connection: keep-alive",), "Proxy-Connection"),
        ("upgrade-alone", (b"Upgrade: foo/2",), "Upgrade"),
        ("named", (b"Connection: X-Hop", b"X-Hop: 1"), "X-Hop"),
        ("named-before", (b"X-Hop: 1", b"Connection: X-Hop"), "X-Hop"),
        ("named-other-case", (b"Connection: x-hOP", b"X-Hop: 1"), "X-Hop"),
        ("named-in-list", (b"Connection: keep-alive, X-Hop", b"X-Hop: 1"), "X-Hop"),
        ("named-in-second-field", (b"Connection: keep-alive", b"Connection: X-Hop", b"X-Hop: 1"),
         "X-Hop"),
        ("named-twice-there", (b"X-Hop: 1", b"Connection: X-Hop", b"X-Hop: 2"), "X-Hop"),
        ("named-with-spaces", (b"Connection:  a ,  X-Hop  , b", b"X-Hop: 1"), "X-Hop"),
        ("named-with-tabs", (b"Connection: a,\tX-Hop\t", b"X-Hop: 1"), "X-Hop"),
        ("named-with-holes", (b"Connection: ,,X-Hop,,", b"X-Hop: 1"), "X-Hop"),
        ("named-with-close", (b"Connection: close, X-Hop", b"X-Hop: 1"), "X-Hop"),
        ("named-trailer", (b"Connection: Trailer", b"Trailer: X"), "Trailer"),
        ("named-http2-settings", (b"Connection: HTTP2-Settings", b"HTTP2-Settings: AAMAAABk"),
         "HTTP2-Settings")):
    hop(f"request-{name}", "RFC 9110 7.6.1", get(b"/", *lines, b"X-Stays: 1"),
        passed(Msg(lacks=(gone,), has={"X-Stays": b"1"})))
hop("request-connection-options", "RFC 9110 7.6.1",
    get(b"/", b"Connection: X-Hop, y, keep-alive", b"X-Hop: 1"),
    passed(Msg(check=lacks_option(b"x-hop", b"y")), kept=True))
hop("request-connection-close-is-not-passed-on", "RFC 9110 7.6.1",
    get(b"/", b"Connection: close"), passed(Msg(), kept=False))
hop("request-te", "RFC 9110 10.1.4", get(b"/", b"TE: gzip", b"Connection: TE"),
    passed(Msg(check=lambda m: None if m.get("TE") in (None,
                                                       b"trailers") else f"TE {m.get('TE')}")))
hop("request-te-trailers", "RFC 9110 10.1.4", get(b"/", b"TE: trailers", b"Connection: TE"),
    passed(Msg(check=lambda m: None if not m.all("TE") or b"te" in m.options()
               else "TE without Connection: TE")),
    passed(Msg(check=lambda m: None if m.get("TE") in (None,
                                                       b"trailers") else f"TE {m.get('TE')}")))
hop("request-many-options", "RFC 9110 7.6.1",
    get(b"/", b"Connection: " + b", ".join(b"a%d" % i for i in range(40))),
    passed(Msg(check=lacks_option(b"a1", b"a39"))), refused(400))
hop("request-5000-options", "RFC 9110 7.6.1",
    get(b"/", b"Connection: " + b",".join(b"%d" % (i % 10) for i in range(3000))),
    passed(Msg()), refused(400, 431))
for name in (b"Cache-Control", b"Authorization", b"Cookie", b"X-Forwarded-For", b"Via",
             b"Content-Type", b"Accept", b"Date",
             b"Forwarded", b"Max-Forwards", b"Range", b"X-Real-IP"):
    hop(f"request-names-{name.decode()}", "RFC 9110 7.6.1",
        get(b"/", b"Connection: " + name, name + b": 1"),
        passed(Msg()), refused(400))
hop("request-named-is-not-a-token", "RFC 9110 7.6.1", get(b"/", b"Connection: a b; c=d, \"x\""),
    passed(Msg()), refused(400))
hop("request-body-stays", "RFC 9110 7.6.1",
    chunked(b"hello", lines=[b"Connection: X-Hop", b"X-Hop: 1"]),
    passed(Msg(body=b"hello", lacks=("X-Hop",)), kept=True))
hop("request-proxy-authenticate-info", "RFC 9110 11.7",
    get(b"/", b"Proxy-Authorization: Basic x"), passed(Msg(), kept=True))

# --- responses
for name, lines, gone in (
        ("keep-alive", (b"Keep-Alive: timeout=5",), "Keep-Alive"),
        ("keep-alive-named", (b"Connection: keep-alive", b"Keep-Alive: timeout=5"), "Keep-Alive"),
        ("proxy-connection", (b"Proxy-Connection: keep-alive",), "Proxy-Connection"),
        ("named", (b"Connection: X-Hop", b"X-Hop: 1"), "X-Hop"),
        ("named-in-list", (b"Connection: keep-alive, X-Hop", b"X-Hop: 1"), "X-Hop"),
        ("named-before", (b"X-Hop: 1", b"Connection: X-HOP"), "X-Hop"),
        ("named-in-second-field", (b"Connection: keep-alive", b"Connection: X-Hop", b"X-Hop: 1"),
         "X-Hop"),
        ("named-with-close", (b"Connection: close, X-Hop", b"X-Hop: 1"), "X-Hop"),
        ("upgrade", (b"Upgrade: h2c", b"Connection: Upgrade"), "Upgrade")):
    hop(f"response-{name}", "RFC 9110 7.6.1", get(b"/r"),
        Want(status={200}, response=Msg(body=b"ok", lacks=(gone,), has={"X-Stays": b"1"})),
        *([Want(status={200}, response=Msg(body=b"ok"))] if name == "upgrade" else []),
        origin=ok(b"ok", *lines, b"X-Stays: 1"))
hop("response-close-is-for-the-origin-only", "RFC 9112 9.6", get(b"/r"),
    Want(status={200}, kept=True, reused=False, response=Msg(check=lacks_option(b"close"))),
    Want(status={200}, kept=False), origin=ok(b"ok", b"Connection: close"))
hop("response-transfer-encoding-is-written-anew", "RFC 9112 6.1", get(b"/r"),
    Want(status={200}, kept=True, response=Msg(body=b"ok", framing="chunked")),
    Want(status={200}, kept=True, response=Msg(body=b"ok", framing="length")),
    origin=res(b"Transfer-Encoding: chunked", b"Connection: keep-alive", body=chunks(b"ok")))
for name in (b"Set-Cookie", b"Content-Type", b"Cache-Control", b"Location"):
    hop(f"response-names-{name.decode()}", "RFC 9110 7.6.1", get(b"/r"),
        Want(status={200}, response=Msg(body=b"ok")),
        origin=ok(b"ok", b"Connection: " + name, name + b": 1"))
hop("response-names-content-length", "RFC 9110 7.6.1", get(b"/r"), Want(status={200}, complete=True,
                                                                       response=Msg(body=b"ok")),
    origin=ok(b"ok", b"Connection: Content-Length"), security=True)
hop("response-names-transfer-encoding", "RFC 9110 7.6.1", get(b"/r"),
    Want(status={200}, complete=True, response=Msg(body=b"ok")), security=True,
    origin=res(b"Transfer-Encoding: chunked", b"Connection: Transfer-Encoding", body=chunks(b"ok")))

# --- Via (RFC 9110 7.6.3)


def via_is(*wanted):
    def check(m):
        got = [v.strip() for value in m.all("Via") for v in value.split(b",")]
        protocols = [v.split()[0] for v in got]
        return None if protocols == list(wanted) else f"Via {got}"
    return Msg(check=check)


via("request", "RFC 9110 7.6.3", get(), passed(via_is(b"1.1")))
via("request-from-1.0", "RFC 9110 7.6.3", get(version=b"HTTP/1.0"), passed(via_is(b"1.0")))
via("request-appended", "RFC 9110 7.6.3", get(b"/", b"Via: 1.0 a"), passed(via_is(b"1.0", b"1.1")))
via("request-appended-to-list", "RFC 9110 7.6.3", get(b"/", b"Via: 1.0 a, HTTP/1.1 b"),
    passed(via_is(b"1.0", b"HTTP/1.1", b"1.1")))
via("request-appended-to-two", "RFC 9110 7.6.3", get(b"/", b"Via: 1.0 a", b"Via: 1.1 b"),
    passed(via_is(b"1.0", b"1.1", b"1.1")))
via("response-appended", "RFC 9110 7.6.3", get(b"/r"),
    Want(status={200}, response=via_is(b"1.1", b"1.1")),
    Want(status={200}, response=via_is(b"1.1")),
    origin=ok(b"ok", b"Via: 1.1 origin"))
via("response-may-have-it", "RFC 9110 7.6.3", get(b"/r"),
    Want(status={200}, response=via_is(b"1.1")),
    Want(status={200}, response=via_is()), origin=ok(b"ok"))

# --- Max-Forwards (RFC 9110 7.6.2)
for method in (b"OPTIONS", b"TRACE"):
    name = method.decode()
    forwards(f"{name}-0", "RFC 9110 7.6.2", get(b"/", b"Max-Forwards: 0", method=method),
             Want(status={200, 204, 405, 501, 403}, origin=[], complete=True))
    for n in (1, 5, 10):
        forwards(f"{name}-{n}", "RFC 9110 7.6.2", get(b"/", b"Max-Forwards: %d" % n, method=method),
                 passed(Msg(method=method, has={"Max-Forwards": b"%d" % (n - 1)})),
                 *([refused(405, 501, 403, kept=None)] if method == b"TRACE" else []))
    forwards(f"{name}-malformed", "RFC 9110 7.6.2", get(b"/", b"Max-Forwards: x", method=method),
             passed(Msg()),
             refused(400, 405, kept=None))
    forwards(f"{name}-huge", "RFC 9110 7.6.2",
             get(b"/", b"Max-Forwards: 99999999999999999999", method=method), passed(Msg()),
             refused(400, 405, kept=None))
    forwards(f"{name}-negative", "RFC 9110 7.6.2", get(b"/", b"Max-Forwards: -1", method=method),
             passed(Msg()),
             refused(400, 405, kept=None))
    forwards(f"{name}-without", "RFC 9110 7.6.2", get(b"/", method=method),
             passed(Msg(lacks=("Max-Forwards",))),
             *([refused(405, 501, 403, kept=None)] if method == b"TRACE" else []))
forwards("OPTIONS-star-0", "RFC 9110 7.6.2", get(b"*", b"Max-Forwards: 0", method=b"OPTIONS"),
         Want(status={200, 204, 400, 405}, origin=[], complete=True))
forwards("OPTIONS-0-keeps-the-connection", "RFC 9110 7.6.2",
         get(b"/", b"Max-Forwards: 0", method=b"OPTIONS"),
         Want(status={200, 204}, origin=[], kept=True, complete=True))
forwards("TRACE-0-hides-credentials", "RFC 9110 9.3.8",
         get(b"/", b"Max-Forwards: 0", b"Cookie: secret", b"Authorization: secret",
             method=b"TRACE"),
         Want(status={200, 403, 405, 501}, origin=[],
              check=lambda seen: None if b"secret" not in b"".join(
             m.body for m in seen.responses) else "credentials came back"), security=True)
forwards("GET-0", "RFC 9110 7.6.2", get(b"/", b"Max-Forwards: 0"),
         passed(Msg(method=b"GET"), kept=True))

# --- what must not be touched
for name, line in {
        "accept": b"Accept: text/html;q=0.5, */*", "range": b"Range: bytes=0-4",
        "if-match": b'If-None-Match: "a", W/"b"',
        "authorization": b"Authorization: Basic dTpw", "cookie": b"Cookie: a=b; c=\"d e\"",
        "referer": b"Referer: http://a/b#c",
        "content-type": b"Content-Type: multipart/form-data; boundary=x",
        "x": b"X-Anything: \xff, ;=", "date": b"Date: x",
        "user-agent": b"User-Agent: a (b; c) d/1", "te-like": b"X-TE: trailers",
        "pragma": b"Pragma: no-cache",
        "forwarded": b"Forwarded: for=1.2.3.4", "origin": b"Origin: null",
        "empty": b"X-Empty:"}.items():
    field, _, value = line.partition(b":")
    intact(f"request-{name}", "RFC 9110 7.7", get(b"/", line),
           passed(Msg(has={field.decode(): value.strip()}), kept=True))
for name, line in {
        "etag": b'ETag: W/"a"', "set-cookie": b"Set-Cookie: a=b; Path=/; HttpOnly",
        "location": b"Location: http://a/?b=c#d",
        "content-encoding": b"Content-Encoding: gzip",
        "cache-control": b"Cache-Control: private, max-age=0",
        "www-authenticate": b'WWW-Authenticate: Basic realm="a, b", Digest x="y"',
        "vary": b"Vary: *",
        "content-range": b"Content-Range: bytes 0-1/2", "x": b"X-Anything: \xff, ;=",
        "allow": b"Allow: GET, HEAD",
        "warning": b"Warning: 110 - x", "retry-after": b"Retry-After: 120", "age": b"Age: 5",
        "last-modified": b"Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT",
        "content-type": b"Content-Type: text/plain"}.items():
    field, _, value = line.partition(b":")
    intact(f"response-{name}", "RFC 9110 7.7", get(b"/r"),
           Want(status={200}, kept=True,
                response=Msg(body=b"ok", has={field.decode(): value.strip()})),
                origin=ok(b"ok", line))
intact("request-order-of-fields", "RFC 9110 5.3", get(b"/", b"B: 1", b"A: 2", b"C: 3"),
       passed(Msg(check=lambda m: None if [n.lower() for n,
                                           _ in m.fields if n.lower() in b"abc"] == [b"b", b"a",
                                               b"c"]
                  else f"{m.fields}")))
intact("response-order-of-fields", "RFC 9110 5.3", get(b"/r"),
       Want(status={200}, response=Msg(check=lambda m: None if [n.lower() for n,
           _ in m.fields if n.lower() in b"abc"] ==
                                       [b"b", b"a", b"c"] else f"{m.fields}")),
                                       origin=ok(b"ok", b"B: 1", b"A: 2", b"C: 3"))
intact("response-reason", "RFC 9112 4", get(b"/r"),
       Want(status={200}, response=Msg(check=lambda m: None if b"Odd Reason" in m.line
                                       else m.line.decode())),
       Want(status={200}), origin=ok(b"ok", status=b"200 Odd Reason"))
BINARY = bytes(range(256)) * 300
intact("request-binary-body", "RFC 9110 6.4",
       get(b"/", b"Content-Length: %d" % len(BINARY), method=b"POST") + BINARY,
       passed(Msg(body=BINARY), kept=True))
intact("request-binary-chunked", "RFC 9110 6.4", chunked(BINARY, BINARY),
       passed(Msg(body=BINARY * 2), kept=True))
intact("response-binary-body", "RFC 9110 6.4", get(b"/r"),
       Want(status={200}, kept=True, response=Msg(body=BINARY)),
       origin=ok(BINARY))
intact("response-binary-chunked", "RFC 9110 6.4", get(b"/r"),
       Want(status={200}, kept=True, response=Msg(body=BINARY * 2)),
       origin=res(b"Transfer-Encoding: chunked", body=chunks(BINARY, BINARY)))
intact("query-with-everything", "RFC 9110 7.7",
       get(b"/p?" + b"a=%00%0d%0a&b=%2f..&c=//;d=:@!$'()*,+"),
       passed(Msg(target=b"/p?" + b"a=%00%0d%0a&b=%2f..&c=//;d=:@!$'()*,+"), kept=True))
