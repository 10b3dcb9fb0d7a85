# SPDX-License-Identifier: MIT
"""Peers that end, reset, fall silent or babble, at every position."""
from suite.case import (AT_HEAD, BODY, BROKEN, FIN, HOLD, PAUSE, RST, SEEN, Msg, Table, Want,
                        answered, chunked, chunks, get,
                        length, ok, passed, pause, post, refused, res)

origin_fault = Table("origin-faults")
client_fault = Table("client-faults")
reuse = Table("reuse")
slow = Table("slow-peers")
TABLES = [origin_fault, client_fault, reuse, slow]

TE = b"Transfer-Encoding: chunked"
GARBAGE = b"\x00\xff garbage\r\n\r\n"
GATEWAY = Want(status={502}, complete=True)
TIMEOUT = Want(status={504}, complete=True)
NOTHING = Want(status={0}, kept=False)
RETRIED = Want(status={200}, complete=True)
ENDS = {"fin": [FIN], "rst": [PAUSE, RST], "silence": [HOLD], "garbage": [GARBAGE, FIN]}


def once(seen):
    """A request that may change something was sent once."""
    n = sum(m.method == b"POST" for m in seen.messages + seen.partial)
    return None if n <= 1 else f"sent {n} times"


# --- the origin, before its answer
for name, end in ENDS.items():
    own = [TIMEOUT] if name == "silence" else [GATEWAY]
    origin_fault(f"{name}-on-connect-always", "RFC 9110 15.6", get(b"/r"),
                 Want(status={502, 503, 504}, complete=True), origin={"every": end},
                 victim=False, probe=False)
    origin_fault(f"{name}-on-connect-once", "RFC 9110 15.6", get(b"/r"),
                 Want(status={502, 503, 504}, complete=True), RETRIED,
                 origin={"connect": end})
    for kind, request in {"get": get(b"/r"), "post": length(b"hello", target=b"/r"),
                          "chunked": chunked(b"hello", target=b"/r")}.items():
        origin_fault(f"{name}-instead-of-an-answer-to-{kind}", "RFC 9110 15.6", request,
                     *[Want(status=w.status, complete=True, check=once) for w in own],
                     *([RETRIED] if kind == "get" else []),
                     origin=end)
    for where, begin in {"status-line": b"HTTP/1.1 20", "line-end": b"HTTP/1.1 200 OK\r",
                         "fields": b"HTTP/1.1 200 OK\r\nX: y",
                         "head-end": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r",
                         "one-byte": b"H"}.items():
        origin_fault(f"{name}-in-{where}", "RFC 9112 8", get(b"/r"), *own, GATEWAY,
                     origin=[begin, PAUSE] + end)
    for where, begin in {"after-head": ok(b"12345")[:-5], "in-body": ok(b"12345")[:-2],
                         "before-last-byte": ok(b"12345")[:-1],
                         "large-body": ok(b"x" * 200_000)[:-5]}.items():
        if name == "garbage":
            continue
        origin_fault(f"{name}-{where}", "RFC 9112 8", get(b"/r"), BROKEN, *own, NOTHING,
                     origin=[begin, PAUSE] + end, security=True)
    if name != "garbage":
        origin_fault(f"{name}-in-body-to-1.0", "RFC 9112 8", get(b"/r", version=b"HTTP/1.0"),
                     BROKEN, *own, NOTHING,
                     origin=[ok(b"12345")[:-2], PAUSE] + end, security=True)
        origin_fault(f"{name}-in-chunk-to-1.0", "RFC 9112 8", get(b"/r", version=b"HTTP/1.0"),
                     Want(status={200}, kept=False), *own, NOTHING,
                     origin=[res(TE, body=b"5\r\nhel"), PAUSE] + end, security=True)
        origin_fault(f"{name}-in-until-close-body", "RFC 9112 8", get(b"/r"), BROKEN, NOTHING, *own,
                     *([RETRIED] if name == "fin" else []), origin=[res(body=b"abc"), PAUSE] + end)
        origin_fault(f"{name}-while-a-body-comes", "RFC 9110 15.6",
                     [post(b"x" * 1000, b"Content-Length: 5000"), PAUSE, b"y" * 10],
                     Want(status={502, 504, 408}, complete=True, kept=False, check=once), NOTHING,
                     origin=[AT_HEAD, PAUSE] + end)
        origin_fault(f"{name}-in-a-pipeline", "RFC 9112 9.3.2",
                     get(b"/0") + get(b"/1") + get(b"/2"),
                     Want(statuses=[200, 502, 200]), Want(statuses=[200, 504, 200]),
                     Want(statuses=[200, 502], kept=False),
                     Want(statuses=[200, 504], kept=False), Want(statuses=[200, 200, 200]),
                     Want(statuses=[200], kept=False),
                     origin={1: end}, answers=3)
    origin_fault(f"{name}-after-answer", "RFC 9112 9.6", [get(b"/r"), answered(), pause(0.1)],
                 Want(status={200}, complete=True, response=Msg(body=b"ok"), kept=True),
                 origin=[ok(b"ok"), PAUSE] + ([] if name == "silence" else end))
    origin_fault(f"{name}-after-a-chunked-answer", "RFC 9112 9.6",
                 [get(b"/r"), answered(), pause(0.1)],
                 Want(status={200}, complete=True, response=Msg(body=b"ok"), kept=True),
                 origin=[res(TE, body=chunks(b"ok")), PAUSE] + ([] if name == "silence" else end))
origin_fault("answers-and-resets-at-once", "RFC 9112 9.6", get(b"/r"),
             Want(status={200}, complete=True), GATEWAY, BROKEN, NOTHING,
             origin=[ok(b"ok"), RST])
origin_fault("body-longer-than-announced", "RFC 9112 6.3", get(b"/r"),
             Want(status={200}, complete=True, response=Msg(body=b"ok"), reused=False),
             origin=[ok(b"ok") + b"surplus"])
origin_fault("slow-but-in-time", "timeout server", get(b"/r"), RETRIED,
             origin=[pause(0.6), ok(b"ok")])
origin_fault("body-slow-but-in-time", "timeout server", get(b"/r"),
             Want(status={200}, complete=True, response=Msg(body=b"abcd")),
             origin=[b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"] +
             [x for c in b"abcd" for x in (pause(0.4), bytes([c]))])
origin_fault("post-is-not-sent-twice-after-fin", "RFC 9110 9.2.2",
             [get(b"/0"), answered(), length(b"x", target=b"/1")],
             Want(statuses=[200, 502], check=once), Want(statuses=[200, 200], check=once),
             Want(statuses=[200], kept=False, check=once),
             origin={1: [FIN]}, answers=2, security=True)
origin_fault("post-is-not-sent-twice-after-rst", "RFC 9110 9.2.2",
             [get(b"/0"), answered(), length(b"x", target=b"/1")],
             Want(statuses=[200, 502], check=once), Want(statuses=[200], kept=False, check=once),
             origin={1: [RST]}, answers=2, security=True)
origin_fault("post-is-not-sent-twice-after-rst-on-a-new-connection", "RFC 9110 9.2.2",
             length(b"x", target=b"/1"),
             Want(status={502}, complete=True, check=once), NOTHING, origin=[RST], security=True)

# --- connections that end while they rest
for name, end in (("fin", [FIN]), ("rst", [RST])):
    for kind, request, body in (("get", get(b"/1"), b""),
                                ("post", length(b"hello", target=b"/1"), b"hello")):
        reuse(f"{kind}-after-{name}-at-rest", "RFC 9112 9.3.1",
              [get(b"/0"), answered(), pause(0.15), request],
              Want(statuses=[200, 200], complete=True, kept=True, check=once),
              origin={0: [ok(b"[/0]")] + end}, answers=2)
    reuse(f"get-after-{name}-on-reuse", "RFC 9112 9.3.1", [get(b"/0"), answered(), get(b"/1")],
          Want(statuses=[200, 200]), Want(statuses=[200, 502]), Want(statuses=[200], kept=False),
          origin={1: end}, answers=2)
    reuse(f"get-after-half-an-answer-and-{name}-on-reuse", "RFC 9112 9.3.1",
          [get(b"/0"), answered(), get(b"/1")],
          Want(statuses=[200, 502]), Want(statuses=[200], kept=False),
          Want(statuses=[200, 200], complete=False),
          origin={1: [b"HTTP/1.1 200 OK\r\nCont", PAUSE] + end}, answers=2)
reuse("408-at-rest-is-no-answer", "RFC 9110 15.5.9",
      [get(b"/0"), answered(), pause(0.15), get(b"/1")],
      Want(statuses=[200, 200]), Want(statuses=[200, 502]),
      origin=[ok(b"[/0]"), PAUSE,
              b"HTTP/1.1 408 X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", FIN],
              answers=2, security=True)
reuse("not-after-an-abort-of-the-client", "RFC 9112 9.3", [get(b"/r"), SEEN, RST],
      Want(reused=False), Want(reused=None),
      origin=[pause(0.2), ok(b"stolen")], security=True)
reuse("not-after-a-broken-request", "RFC 9112 9.3",
      [post(b"ab", b"Content-Length: 5"), SEEN, RST], Want(origin=[]), security=True)
reuse("not-after-1.0", "RFC 9112 9.3", get(b"/r"), Want(status={200}, reused=False),
      origin=res(b"Content-Length: 2", version=b"HTTP/1.0", body=b"ok"))

# --- the client
for name, end in (("fin", [FIN]), ("rst", [RST])):
    for where, sent in {"at-once": b"", "in-line": b"GET /",
                        "in-fields": b"GET / HTTP/1.1\r\nHost: a",
                        "before-end": b"GET / HTTP/1.1\r\nHost: a\r\n",
                        "in-crlf": b"GET / HTTP/1.1\r\nHost: a\r\n\r"}.items():
        client_fault(f"{name}-{where}", "RFC 9112 8", ([sent, PAUSE] if sent else []) + end,
                     refused(0, 400, 408), ends=name == "fin")
    for where, sent in {"after-head": post(b"", b"Content-Length: 5"),
                        "in-body": post(b"he", b"Content-Length: 5"),
                        "in-chunk-size": post(b"5", TE), "in-chunk": post(b"5\r\nhe", TE),
                        "after-chunk": post(b"5\r\nhello\r\n", TE),
                        "in-last-chunk": post(b"5\r\nhello\r\n0\r\n", TE),
                        "in-trailers": post(b"0\r\nX: y", TE)}.items():
        client_fault(f"{name}-{where}", "RFC 9112 8", [sent, PAUSE] + end,
                     refused(0, 400, 408, 502), ends=name == "fin",
                     security=True)
    client_fault(f"{name}-while-waiting", "RFC 9112 9.6", [get(b"/r"), SEEN] + end,
                 Want(status={200, 0}),
                 origin=[pause(0.2), ok(b"ok")], ends=name == "fin")
    client_fault(f"{name}-in-a-large-answer", "RFC 9112 9.6", [get(b"/r"), SEEN, PAUSE] + end,
                 Want(),
                 origin=[ok(b"x" * 2_000_000)])
    client_fault(f"{name}-in-an-endless-answer", "RFC 9112 9.6", [get(b"/r"), SEEN, PAUSE] + end,
                 Want(),
                 origin=[res(body=b"x" * 100_000), pause(0.3), b"y", FIN])
    client_fault(f"{name}-in-a-pipeline", "RFC 9112 9.6",
                 [b"".join(get(b"/%d" % i) for i in range(10)), PAUSE] + end, Want(),
                 ends=name == "fin", answers=10)
client_fault("garbage-after-an-answer", "RFC 9112 9.3", [get(b"/0"), answered(), GARBAGE],
             Want(statuses=[200, 400], kept=False), answers=2)
client_fault("garbage-instead-of-a-body", "RFC 9112 7.1", post(GARBAGE, TE),
             refused(400, 0, 502, 422))
client_fault("garbage-first", "RFC 9112 3", GARBAGE, refused(400))

# --- slow ones
DRIPS = [x for _ in range(20) for x in (b"a", pause(0.2))]
slow("silence-from-the-start", "RFC 9112 9.5", [b""], refused(408, 0), ends=True)
slow("silence-in-the-line", "timeout http_request", [b"GET /"], refused(408), ends=True)
slow("silence-in-the-fields", "timeout http_request", [b"GET / HTTP/1.1\r\nHost: a\r\n"],
     refused(408), ends=True)
slow("head-byte-by-byte-for-ever", "slowloris", [b"GET /"] + DRIPS, refused(408), ends=True,
     security=True)
slow("fields-one-by-one-for-ever", "slowloris", [b"GET / HTTP/1.1\r\nHost: a\r\n"]
     + [x for _ in range(20) for x in (b"X-A: b\r\n", pause(0.2))], refused(408), ends=True,
     security=True)
slow("empty-lines-for-ever", "slowloris", [x for _ in range(20) for x in (b"\r\n", pause(0.2))],
     refused(408, 400, 0), ends=True,
     security=True)
slow("head-in-time", "timeout http_request",
     [x for c in get(b"/s") for x in (bytes([c]), pause(0.005))],
     passed(Msg(target=b"/s"), kept=True))
slow("second-head-byte-by-byte-for-ever", "slowloris",
     [get(b"/0"), answered(), b"GET /"] + DRIPS, Want(statuses=[200, 408]),
     Want(statuses=[200], kept=False), ends=True, security=True)
slow("body-that-stalls", "timeout client", [post(b"he", b"Content-Length: 5")],
     refused(408, 504, 502), ends=True)
slow("chunk-that-stalls", "timeout client", [post(b"5\r\nhe", TE)], refused(408, 504, 502),
     ends=True)
slow("trailer-that-stalls", "timeout client", [post(b"5\r\nhello\r\n0\r\nX:", TE)],
     refused(408, 504, 502), ends=True)
slow("body-slow-but-steady", "timeout client",
     [post(b"", b"Content-Length: 5")] + [x for c in b"hello" for x in (pause(0.4), bytes([c]))],
     passed(Msg(body=b"hello"), kept=True))
slow("chunks-slow-but-steady", "timeout client",
     [post(b"", TE)] + [x for c in chunks(b"hello") for x in (pause(0.09), bytes([c]))],
     passed(Msg(body=b"hello"), kept=True))
slow("framing-slow-but-steady", "timeout client",
     [post(b"5\r\nhello", TE)] + [x for c in b"\r\n0\r\n\r\n" for x in (pause(0.4), bytes([c]))],
     passed(Msg(body=b"hello"), kept=True))
slow("framing-of-the-origin-slow-but-steady", "timeout server", get(b"/r"),
     Want(status={200}, complete=True, response=Msg(body=b"hello"), kept=True),
     origin=[res(TE, body=b"5\r\nhello")]
     + [x for c in b"\r\n0\r\n\r\n" for x in (pause(0.4), bytes([c]))])
slow("origin-never-answers", "timeout server", get(b"/r"), TIMEOUT, origin=[HOLD])
slow("origin-never-answers-post", "timeout server", length(b"hello", target=b"/r"),
     Want(status={504}, complete=True, check=once), origin=[HOLD])
slow("origin-stalls-in-its-head", "timeout server", get(b"/r"), TIMEOUT, GATEWAY,
     origin=[b"HTTP/1.1 200 OK\r\nX", HOLD])
slow("origin-head-byte-by-byte-for-ever", "timeout server", get(b"/r"), TIMEOUT, GATEWAY, NOTHING,
     passed(Msg(), complete=True),
     origin=[b"HTTP/1.1 200 OK\r\nX: "] + [x for _ in range(20) for x in (b"a", pause(0.2))]
     + [b"\r\nContent-Length: 0\r\n\r\n"])
slow("origin-stalls-in-its-body", "timeout server", get(b"/r"), BROKEN, TIMEOUT,
     origin=[ok(b"12345")[:-2], HOLD])
slow("both-wait-for-the-other", "timeout client",
     [post(b"", b"Content-Length: 5", b"Expect: 100-continue")],
     Want(status={408, 504, 502, 0, 100}, kept=False), origin=[AT_HEAD, BODY, ok()], ends=True)
slow("silence-after-an-answer", "timeout http_keep_alive", [get(b"/0"), answered()],
     Want(statuses=[200], closed="fin"), ends=True)
