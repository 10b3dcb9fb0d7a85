# SPDX-License-Identifier: MIT
"""Order, persistence, interim answers, tunnels, and what stays at a hop."""
from suite.case import (AT_HEAD, BODY, FIN, PAUSE, SEEN, SMUGGLED, TUNNEL, Msg, Table, Want,
                        answered, chunked,
                        chunks, drip, get, interim, length, ok, passed, pause, post, refused,
                        res, saw)

pipeline = Table("pipelining")
half = Table("half-close")
expect = Table("expect")
early = Table("early-answer")
informal = Table("interim")
upgrade = Table("upgrade")
keep = Table("persistence")
TABLES = [pipeline, half, expect, early, informal, upgrade, keep]


def bodies(*wanted):
    """The answers, in this order."""
    def check(seen):
        got = [m.body for m in seen.responses]
        return None if got == list(wanted) else f"answers {got[:5]}"
    return check


def in_order(n, kept=True, **kwargs):
    return Want(statuses=[200] * n, kept=kept, check=bodies(*[b"[/%d]" % i for i in range(n)]),
                **kwargs)


def until_bad(n, *statuses):
    """n answers, then one of these, then the end."""
    def check(seen):
        got = [m.status for m in seen.responses]
        return None if got[:n] == [200] * n and got[n:] in [[s]
            for s in statuses] else f"answers {got}"
    return Want(check=check, kept=False)


# --- pipelining (RFC 9112 9.3.2)
GETS = [get(b"/%d" % i) for i in range(50)]
for n in (2, 3, 5, 10, 20, 50):
    pipeline(f"{n}-gets-in-one-segment", "RFC 9112 9.3.2", b"".join(GETS[:n]), in_order(n),
             answers=n)
    pipeline(f"{n}-posts-in-one-segment", "RFC 9112 9.3.2",
             b"".join(length(b"body %d" % i, target=b"/%d" % i) for i in range(n)),
             in_order(n, origin=[Msg(body=b"body %d" % i) for i in range(n)]), answers=n)
    pipeline(f"{n}-chunked-in-one-segment", "RFC 9112 9.3.2",
             b"".join(chunked(b"body %d" % i, target=b"/%d" % i) for i in range(n)),
             in_order(n, origin=[Msg(body=b"body %d" % i) for i in range(n)]), answers=n)
for n in (100, 200):
    pipeline(f"{n}-gets", "RFC 9112 9.3.2", b"".join(get(b"/%d" % i) for i in range(n)),
             in_order(n), answers=n)
MIXED = [get(b"/0"), length(b"abc", target=b"/1"), chunked(b"de", b"f", target=b"/2"), get(b"/3"),
         post(b"", b"Content-Length: 0", target=b"/4"), get(b"/5")]
pipeline("mixed", "RFC 9112 9.3.2", b"".join(MIXED), in_order(6), answers=6)
pipeline("mixed-byte-by-byte", "RFC 9112 9.3.2", [drip(b"".join(MIXED))], in_order(6), answers=6)
pipeline("mixed-cut-in-two", "RFC 9112 9.3.2",
         [b"".join(MIXED)[:150], PAUSE, b"".join(MIXED)[150:]], in_order(6), answers=6)
pipeline("slow-first-answer", "RFC 9112 9.3.2", b"".join(GETS[:4]), in_order(4),
         origin=[pause(0.2), ok(b"[/0]")], answers=4)
pipeline("answers-byte-by-byte", "RFC 9112 9.3.2", b"".join(GETS[:3]), in_order(3),
         origin={0: [drip(ok(b"[/0]"))],
                 1: [drip(res(b"Transfer-Encoding: chunked", body=chunks(b"[/1]")))]}, answers=3)
pipeline("large-bodies-between", "RFC 9112 9.3.2",
         length(b"x" * 100_000, target=b"/0") + get(b"/1") + chunked(b"y" * 70_000,
             target=b"/2") + get(b"/3"),
         in_order(4), answers=4)
pipeline("large-answers", "RFC 9112 9.3.2", b"".join(GETS[:3]),
         Want(statuses=[200] * 3, kept=True, check=bodies(b"p" * 200_000, b"q" * 200_000, b"[/2]")),
         origin={0: [ok(b"p" * 200_000)], 1: [ok(b"q" * 200_000)]}, answers=3)
pipeline("crlf-between", "RFC 9112 2.2", b"\r\n".join(GETS[:3]), in_order(3), until_bad(1, 400),
         answers=3)
pipeline("head-between", "RFC 9110 9.3.2", get(b"/0") + get(b"/h", method=b"HEAD") + get(b"/2"),
         Want(statuses=[200] * 3, check=bodies(b"[/0]", b"", b"[/2]"), kept=True),
         methods=[b"GET", b"HEAD", b"GET"],
         answers=3)
pipeline("204-and-304-between", "RFC 9112 6.3", b"".join(GETS[:3]),
         Want(statuses=[204, 304, 200], kept=True),
         origin={0: [res(status=b"204 X")], 1: [res(status=b"304 X")]}, answers=3)
pipeline("close-in-the-second", "RFC 9112 9.6",
         get(b"/0") + get(b"/1", b"Connection: close") + get(b"/smuggled"),
         Want(statuses=[200, 200], kept=False, origin=[Msg(target=b"/0"), Msg(target=b"/1")]),
         answers=2, security=True)
pipeline("1.0-in-the-second", "RFC 9112 9.3",
         get(b"/0") + get(b"/1", version=b"HTTP/1.0") + get(b"/smuggled"),
         Want(statuses=[200, 200], kept=False, origin=[Msg(target=b"/0"), Msg(target=b"/1")]),
         answers=2)
pipeline("origin-closes-after-first", "RFC 9112 9.6", b"".join(GETS[:3]), in_order(3),
         Want(status={200}, kept=False),
         origin=[ok(b"[/0]", b"Connection: close"), FIN], answers=3)
pipeline("until-close-first", "RFC 9112 6.3", b"".join(GETS[:2]), in_order(2),
         Want(statuses=[200], kept=False), origin=[res(body=b"[/0]"), FIN], answers=2)
pipeline("502-in-the-middle", "RFC 9112 9.3.2", b"".join(GETS[:3]), Want(statuses=[200, 502, 200]),
         Want(statuses=[200, 502], kept=False), origin={1: [b"what?\r\n\r\n", FIN]}, answers=3)
pipeline("broken-body-in-the-middle", "RFC 9112 8", b"".join(GETS[:3]),
         Want(statuses=[200, 200], complete=False, kept=False),
         origin={1: [ok(b"12345")[:-2], FIN]}, answers=3,
         security=True)
BADS = {
    "method": b"G@T / HTTP/1.1\r\nHost: x\r\n\r\n", "no-host": b"GET / HTTP/1.1\r\n\r\n",
    "garbage": b"\0\1\2\r\n\r\n",
    "version": b"GET / HTTP/3.0\r\nHost: x\r\n\r\n",
    "both": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "length": b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
    "space": b"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n",
    "two-hosts": b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "coding": b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n\r\n"}
for name, bad in BADS.items():
    for n in (1, 4, 20):
        accepted = until_bad(n, 400, 501, 505, 422)
        pipeline(f"bad-{name}-after-{n}", "RFC 9112 9.3.2", b"".join(GETS[:n]) + bad + SMUGGLED,
                 accepted,
                 *([passed(*[Msg()] * n, Msg(body=b""), kept=False)] if name == "both" else []),
                 answers=n + 1, security=True)
    pipeline(f"bad-{name}-after-post", "RFC 9112 9.3.2",
             length(b"hello", target=b"/0") + bad + SMUGGLED,
             until_bad(1, 400, 501, 505, 422),
             *([passed(Msg(), Msg(body=b""), kept=False)] if name == "both" else []),
             answers=2, security=True)
pipeline("bad-chunk-in-the-second", "RFC 9112 7.1",
         get(b"/0") + post(b"z\r\n", b"Transfer-Encoding: chunked", target=b"/1") + SMUGGLED,
         until_bad(1, 400, 502, 422), Want(statuses=[200], kept=False), answers=2, security=True)
pipeline("half-a-request-then-fin", "RFC 9112 8", [get(b"/0") + b"GET /1 HTTP/1.1\r\nHos", FIN],
         Want(statuses=[200]), Want(statuses=[200, 400]), Want(statuses=[200, 408]), answers=2,
         ends=True)
pipeline("half-a-request-then-silence", "RFC 9112 9.5", get(b"/0") + b"GET /1 HTTP/1.1\r\nHos",
         Want(statuses=[200], kept=False), Want(statuses=[200, 408], kept=False), answers=2)

# --- half-close: a client that is done with sending wants its answer
for name, data, n in (("get", get(b"/0"), 1), ("post", length(b"abc", target=b"/0"), 1),
                      ("chunked", chunked(b"abc", target=b"/0"), 1),
                      ("5-gets", b"".join(GETS[:5]), 5),
                      ("close", get(b"/0", b"Connection: close"), 1),
                      ("1.0", get(b"/0", version=b"HTTP/1.0"), 1)):
    half(f"{name}-then-fin", "RFC 9112 9.6", [data, FIN], in_order(n, kept=None), answers=n,
         ends=True)
    half(f"{name}-fin-while-waiting", "RFC 9112 9.6", [data, SEEN, FIN], in_order(n, kept=None),
         origin=[pause(0.2), ok(b"[/0]")], answers=n, ends=True)
half("large-answer", "RFC 9112 9.6", [get(b"/0"), FIN],
     Want(status={200}, complete=True, response=Msg(body=b"z" * 500_000)),
     origin=[ok(b"z" * 500_000)])
half("until-close-answer", "RFC 9112 9.6", [get(b"/0"), FIN],
     Want(status={200}, complete=True, response=Msg(body=b"abc")),
     origin=[res(body=b"abc"), FIN])
half("in-head", "RFC 9112 8", [b"GET / HTTP/1.1\r\nHos", FIN], refused(400, 408, 0), ends=True)
half("in-line", "RFC 9112 8", [b"GET /", FIN], refused(400, 408, 0), ends=True)
half("at-once", "RFC 9112 8", [FIN], refused(0, 400, 408), ends=True)
half("in-body", "RFC 9112 8", [post(b"ab", b"Content-Length: 5"), FIN],
     refused(0, 400, 408, 502), ends=True)

# --- Expect (RFC 9110 10.1.1)
E = b"Expect: 100-continue"
L5 = b"Content-Length: 5"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
HELLO = Msg(body=b"hello")
expect("answered-100", "RFC 9110 10.1.1", [post(b"", L5, E), interim(), b"hello"],
       passed(HELLO, interim=[100], kept=True), origin=[AT_HEAD, CONTINUE, BODY, ok()])
expect("answered-100-slowly", "RFC 9110 10.1.1", [post(b"", L5, E), interim(), b"hello"],
       passed(HELLO, interim=[100], kept=True), origin=[AT_HEAD, pause(0.2), CONTINUE, BODY, ok()])
expect("answered-100-chunked", "RFC 9110 10.1.1",
       [post(b"", b"Transfer-Encoding: chunked", E), interim(), chunks(b"hello")],
       passed(HELLO, interim=[100], kept=True), origin=[AT_HEAD, CONTINUE, BODY, ok()])
expect("reaches-the-origin", "RFC 9110 10.1.1", post(b"hello", L5, E),
       passed(Msg(body=b"hello", has={"Expect": b"100-continue"})),
       passed(Msg(body=b"hello", lacks=("Expect",))))
expect("upper-case", "RFC 9110 10.1.1",
       [post(b"", L5, b"Expect: 100-Continue"), interim(), b"hello"],
       passed(HELLO, interim=[100], kept=True), origin=[AT_HEAD, CONTINUE, BODY, ok()])
expect("never-answered-100", "RFC 9110 10.1.1", [post(b"", L5, E), pause(0.2), b"hello"],
       passed(HELLO, kept=True))
expect("client-does-not-wait", "RFC 9110 10.1.1", post(b"hello", L5, E), passed(HELLO, kept=True))
expect("client-does-not-wait-100-comes", "RFC 9110 10.1.1", post(b"hello", L5, E),
       passed(HELLO, kept=True),
       origin=[AT_HEAD, CONTINUE, BODY, ok()])
expect("client-does-not-wait-pipelined", "RFC 9110 10.1.1", post(b"hello" + get(b"/next"), L5, E),
       passed(HELLO, Msg(target=b"/next"), statuses=[200, 200]), answers=2)
expect("two-100s", "RFC 9110 15.2", [post(b"", L5, E), interim(), b"hello"],
       passed(HELLO, interim=[100, 100], kept=True),
       passed(HELLO, interim=[100], kept=True), origin=[AT_HEAD, CONTINUE + CONTINUE, BODY, ok()])


def closes_or_says_so(seen):
    last = seen.responses[-1]
    return None if b"close" in last.options() or seen.closed else "neither closes nor announces it"


for status in (b"417 No", b"401 No", b"403 No", b"413 No", b"302 Go", b"200 OK"):
    expect(f"final-{status[:3].decode()}-at-once", "RFC 9110 10.1.1", post(b"", L5, E),
           Want(status={int(status[:3])}, complete=True),
           origin=[AT_HEAD, ok(b"no", status=status)], probe=False)
    expect(f"final-{status[:3].decode()}-at-once-and-close", "RFC 9110 10.1.1", post(b"", L5, E),
           Want(status={int(status[:3])}, complete=True), probe=False,
           origin=[AT_HEAD, ok(b"no", b"Connection: close", status=status), FIN])
expect("final-at-once-body-is-no-request", "RFC 9110 10.1.1",
       [post(b"", b"Content-Length: %d" % len(SMUGGLED), E), answered(), SMUGGLED],
       Want(status={417}, check=lambda seen: None
            if not any(m.target == b"/smuggled" for m in seen.messages)
            else "the body was read as a request"),
       origin=[AT_HEAD, ok(b"no", status=b"417 No")], security=True)
expect("final-at-once-then-body-then-request", "RFC 9110 10.1.1",
       [post(b"", L5, E), answered(), b"hello" + get(b"/next")],
       Want(statuses=[417, 200]), Want(statuses=[417], kept=False),
       origin=[AT_HEAD, ok(b"no", status=b"417 No")], answers=2)
expect("without-body", "RFC 9110 10.1.1", get(b"/", E), passed(Msg(method=b"GET"), kept=True))
expect("length-0", "RFC 9110 10.1.1", post(b"", b"Content-Length: 0", E),
       passed(Msg(body=b""), kept=True))
expect("in-1.0", "RFC 9110 10.1.1", [post(b"hello", L5, E, version=b"HTTP/1.0")],
       passed(HELLO, interim=[]), origin=[AT_HEAD, CONTINUE, BODY, ok()])
for name, value in {"unknown": b"200-ok", "empty": b"", "list": b"100-continue, x",
                    "parameter": b"100-continue;a=b"}.items():
    expect(f"value-{name}", "RFC 9110 10.1.1", post(b"hello", L5, b"Expect: " + value),
           passed(HELLO),
           refused(400, 417, kept=None))
expect("named-in-connection", "RFC 9110 7.6.1", post(b"hello", L5, E, b"Connection: Expect"),
       passed(HELLO), refused(400))
expect("twice", "RFC 9110 10.1.1", post(b"hello", L5, E, E), passed(HELLO), refused(400, 417))
expect("origin-dies-instead", "RFC 9110 10.1.1", post(b"", L5, E),
       Want(status={502}, complete=True),
       Want(status={100}), Want(status={408}), origin=[AT_HEAD, FIN], probe=False)
expect("100-then-death", "RFC 9110 10.1.1", [post(b"", L5, E), interim(), b"hello"],
       Want(status={502}, complete=True), Want(status={0}, kept=False),
       origin=[AT_HEAD, CONTINUE, BODY, FIN])
expect("client-sends-nothing-more", "RFC 9110 10.1.1", post(b"", L5, E),
       Want(status={408, 504, 0, 502, 100}, kept=False),
       origin=[AT_HEAD, CONTINUE, BODY, ok()])
expect("pipelined-behind-a-get", "RFC 9110 10.1.1",
       [get(b"/0") + post(b"", L5, E), answered(), interim(), b"hello"],
       passed(Msg(target=b"/0"), HELLO, statuses=[200, 200]),
       origin={1: [AT_HEAD, CONTINUE, BODY, ok()]}, answers=2)

# --- a final answer while the body is on its way (RFC 9112 9.3)
BIG = 3_000_000
for status in (200, 400, 401, 413, 500, 503):
    answer = ok(b"early", status=b"%d X" % status)
    closing = ok(b"early", b"Connection: close", status=b"%d X" % status)
    whole = Want(status={status}, complete=True, response=Msg(body=b"early"))
    if status in (200, 413, 500):
        early(f"{status}-body-follows", "RFC 9112 9.3",
              [post(b"x" * 1000, b"Content-Length: 5000"), answered(), b"x" * 4000],
              whole, origin=[AT_HEAD, answer])
    early(f"{status}-then-fin", "RFC 9112 9.6",
          [post(b"x" * 1000, b"Content-Length: 5000"), answered()], whole,
          origin=[AT_HEAD, closing, FIN], probe=False)
    early(f"{status}-large-body-coming", "RFC 9112 9.6",
          [post(b"x" * BIG, b"Content-Length: %d" % BIG)], whole,
          origin=[AT_HEAD, closing, FIN], probe=False)
early("chunked-body-follows", "RFC 9112 9.3",
      [post(b"5\r\nhello\r\n", b"Transfer-Encoding: chunked"), answered(),
       chunks(b"more") + get(b"/next")],
      Want(statuses=[413, 200]), Want(statuses=[413], kept=False),
      origin=[AT_HEAD, ok(b"", status=b"413 X")], answers=2)
early("rest-is-no-request", "RFC 9112 9.3",
      [post(b"", b"Content-Length: %d" % len(SMUGGLED)), answered(), SMUGGLED],
      Want(statuses=[413], check=lambda seen: None
           if not any(m.target == b"/smuggled" for m in seen.messages)
           else "the body was read as a request"), origin=[AT_HEAD, ok(b"", status=b"413 X")],
           security=True)
early("client-never-ends-its-body", "RFC 9112 9.6", [post(b"x", b"Content-Length: 5000")],
      Want(status={413}, complete=True), origin=[AT_HEAD, ok(b"early", status=b"413 X")],
      probe=False)
early("answer-before-any-body-byte", "RFC 9112 9.3", [post(b"", L5), answered(), b"hello"],
      Want(status={200}, complete=True), origin=[AT_HEAD, ok()])
early("until-close", "RFC 9112 9.3", [post(b"he", L5), PAUSE, b"llo"],
      Want(status={200}, complete=True),
      origin=[AT_HEAD, res(body=b"abc"), BODY, FIN])

# --- 1xx (RFC 9110 15.2)
for code in (100, 102, 103, 110, 199):
    first = b"HTTP/1.1 %d X\r\nA: b\r\n\r\n" % code
    informal(f"{code}", "RFC 9110 15.2", get(b"/r"),
             passed(Msg(), interim=[code], kept=True), *([passed(Msg(), interim=[], kept=True)]),
             origin=[first + ok()])
    informal(f"{code}-then-pause", "RFC 9110 15.2", get(b"/r"), passed(Msg(), kept=True),
             origin=[first, PAUSE, ok()])
    informal(f"{code}-not-to-1.0", "RFC 9110 15.2", get(b"/r", version=b"HTTP/1.0"),
             passed(Msg(), interim=[]),
             origin=[first + ok()])
informal("103-is-relayed", "RFC 8297 2", get(b"/r"), passed(Msg(), interim=[103], kept=True),
         origin=[b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok()])
informal("103-comes-before-the-final", "RFC 8297 2", [get(b"/r"), interim()],
         passed(Msg(), interim=[103], kept=True),
         origin=[b"HTTP/1.1 103 Early Hints\r\n\r\n", pause(0.3), ok()])
informal("ten", "RFC 9110 15.2", get(b"/r"), passed(Msg(), kept=True),
         origin=[b"HTTP/1.1 102 X\r\n\r\n" * 10 + ok()])
informal("different-ones", "RFC 9110 15.2", get(b"/r"), passed(Msg(), kept=True),
         origin=[b"HTTP/1.1 102 X\r\n\r\nHTTP/1.1 103 Y\r\nLink: a\r\n\r\n"
                 b"HTTP/1.1 103 Z\r\n\r\n" + ok()])
informal("byte-by-byte", "RFC 9110 15.2", get(b"/r"), passed(Msg(), kept=True),
         origin=[drip(b"HTTP/1.1 103 Y\r\nLink: a\r\n\r\n" + ok())])
informal("to-a-head-request", "RFC 9110 15.2", get(b"/r", method=b"HEAD"), passed(Msg(), kept=True),
         origin=[b"HTTP/1.1 103 Y\r\n\r\n" + ok(b"")])
informal("then-204", "RFC 9110 15.2", get(b"/r"), Want(status={204}, kept=True),
         origin=[b"HTTP/1.1 103 Y\r\n\r\n" + res(status=b"204 X")])
informal("then-fin", "RFC 9110 15.2", get(b"/r"), Want(status={502}, complete=True),
         Want(status={0}, kept=False),
         origin=[b"HTTP/1.1 103 Y\r\n\r\n", FIN])
informal("then-silence", "RFC 9110 15.2", get(b"/r"), Want(status={504}, complete=True),
         Want(status={0, 502}, kept=False), origin=[b"HTTP/1.1 103 Y\r\n\r\n", pause(4)],
         victim=True)
informal("without-an-end", "RFC 9110 15.2", get(b"/r"), Want(status={502, 504}, complete=True),
         Want(status={0}, kept=False),
         passed(Msg()), origin=[b"HTTP/1.1 102 X\r\n\r\n" * 5000 + ok()])
for name, line, body in (("length", b"Content-Length: 5", b"hello"),
                         ("coding", b"Transfer-Encoding: chunked", chunks(b"hello")),
                         ("length-0", b"Content-Length: 0", b"")):
    informal(f"with-{name}", "RFC 9110 8.6", get(b"/r"), Want(status={502}, complete=True),
             Want(status={0}, kept=False),
             passed(Msg(), response=Msg(body=b"ok")),
             origin=[b"HTTP/1.1 103 X\r\n" + line + b"\r\n\r\n" + body + ok(), FIN],
             security=True)
informal("with-body-a-response", "RFC 9110 15.2", get(b"/r"), Want(status={502}),
         Want(status={0}, kept=False),
         Want(status={200}, reused=False), security=True,
         origin=[b"HTTP/1.1 103 X\r\nContent-Length: 44\r\n\r\n" + res(b"Content-Length: 6",
             body=b"stolen") + ok()])
informal("hop-fields-in-it", "RFC 9110 7.6.1", get(b"/r"), passed(Msg(), kept=True),
         origin=[b"HTTP/1.1 103 X\r\nConnection: close\r\nKeep-Alive: a\r\n\r\n" + ok()])
informal("in-the-middle-of-a-pipeline", "RFC 9110 15.2", b"".join(GETS[:3]), in_order(3),
         origin={1: [b"HTTP/1.1 103 X\r\n\r\n" + ok(b"[/1]")]}, answers=3)

# --- Upgrade (RFC 9110 7.8)
ASK = (b"Connection: Upgrade", b"Upgrade: websocket",
       b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
       b"Sec-WebSocket-Version: 13")
SWITCH = (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
          b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")


def tunnelled(data):
    return Want(status={101}, check=lambda seen: None if seen.responses[0].body.startswith(data)
                else f"tunnel brought {seen.responses[0].body[:80]}",
                response=Msg(has={"Upgrade": b"websocket"}))


upgrade("websocket", "RFC 6455", [get(b"/ws", *ASK), answered(), b"hello", saw(b"HELLO")],
        tunnelled(b"HELLO"),
        origin=[SWITCH, TUNNEL], probe=False)
upgrade("origin-gets-what-it-needs", "RFC 9110 7.8", [get(b"/ws", *ASK)],
        Want(origin=[Msg(has={"Upgrade": b"websocket", "Sec-WebSocket-Key": None},
                         check=lambda m: None if b"upgrade" in m.options()
                         else f"Connection {m.options()}")]),
        probe=False)
upgrade("origin-speaks-first", "RFC 6455", [get(b"/ws", *ASK), saw(b"welcome"), b"x", saw(b"X")],
        tunnelled(b"welcomeX"),
        origin=[SWITCH + b"welcome", TUNNEL], probe=False)
upgrade("bytes-behind-the-request", "RFC 9110 7.8",
        [get(b"/ws", *ASK) + b"hello", saw(b"HELLO")], tunnelled(b"HELLO"),
        refused(400), origin=[SWITCH, TUNNEL], probe=False)
upgrade("tunnel-carries-http", "RFC 9110 7.8",
        [get(b"/ws", *ASK), answered(), b"get /x http/1.1\r\n\r\n",
         saw(b"GET /X HTTP/1.1\r\n\r\n")],
        tunnelled(b"GET /X HTTP/1.1\r\n\r\n"), origin=[SWITCH, TUNNEL], probe=False)
upgrade("tunnel-byte-by-byte", "RFC 9110 7.8",
        [get(b"/ws", *ASK), answered(), drip(b"abcdef"), saw(b"ABCDEF")],
        tunnelled(b"ABCDEF"), origin=[SWITCH, TUNNEL], probe=False)
upgrade("tunnel-ends-with-the-client", "RFC 9110 7.8",
        [get(b"/ws", *ASK), answered(), b"bye", saw(b"BYE"), FIN],
        tunnelled(b"BYE"), origin=[SWITCH, TUNNEL], ends=True)
upgrade("tunnel-ends-with-the-origin", "RFC 9110 7.8", [get(b"/ws", *ASK)], tunnelled(b"bye"),
        origin=[SWITCH + b"bye", FIN], ends=True)
upgrade("idle-tunnel-ends", "timeout tunnel", [get(b"/ws", *ASK)], Want(status={101}, closed="fin"),
        Want(status={101}, closed="rst"), origin=[SWITCH, TUNNEL], ends=True)
NOT_101 = Want(status={502, 500}, complete=True, check=lambda seen: None if not any(
    m.status == 101 for m in seen.responses) else "a 101 got through")
for name, lines, version in (
        ("unasked", (), b"HTTP/1.1"),
        ("no-connection-option", (b"Upgrade: websocket",), b"HTTP/1.1"),
        ("no-upgrade-field", (b"Connection: upgrade",), b"HTTP/1.1"), ("in-1.0", ASK, b"HTTP/1.0"),
        ("connection-close-only", (b"Connection: close", b"Upgrade: websocket"), b"HTTP/1.1")):
    upgrade(f"101-{name}", "RFC 9110 7.8, 15.2.2", get(b"/ws", *lines, version=version), NOT_101,
            Want(status={0}, kept=False), origin=[SWITCH, TUNNEL], security=True)
for name, lines in {"length": b"Content-Length: 5\r\n",
                    "coding": b"Transfer-Encoding: chunked\r\n"}.items():
    upgrade(f"101-with-{name}", "RFC 9110 8.6",
            [get(b"/ws", *ASK), answered(), b"hello", saw(b"HELLO")],
            tunnelled(b"HELLO"), NOT_101, origin=[SWITCH[:-2] + lines + b"\r\n", TUNNEL],
            probe=False, security=True)
for name, lines in {"no-upgrade": b"", "other-protocol": b"Upgrade: other\r\n"}.items():
    upgrade(f"101-{name}", "RFC 9110 7.8", get(b"/ws", *ASK), NOT_101,
            origin=[b"HTTP/1.1 101 X\r\nConnection: Upgrade\r\n" + lines + b"\r\n", TUNNEL],
            probe=False)
upgrade("101-to-post", "RFC 9110 7.8", post(b"hello", b"Content-Length: 5", *ASK), NOT_101,
        Want(status={101}), origin=[SWITCH, TUNNEL], probe=False)
upgrade("101-to-head", "RFC 9110 7.8", get(b"/ws", *ASK, method=b"HEAD"), NOT_101,
        Want(status={101}),
        origin=[SWITCH, TUNNEL], probe=False)
for status in (b"200 OK", b"400 Bad", b"426 No", b"503 No"):
    upgrade(f"refused-with-{status[:3].decode()}-is-no-tunnel", "RFC 9110 7.8",
            [get(b"/ws", *ASK), answered(), SMUGGLED.replace(b"/smuggled", b"/next")],
            Want(statuses=[int(status[:3]), 200],
                 origin=[Msg(), Msg(target=b"/next", method=b"GET")]),
            Want(statuses=[int(status[:3])], kept=False), origin=[ok(b"no", status=status)],
            answers=2, security=True)
    upgrade(f"refused-with-{status[:3].decode()}-then-garbage", "RFC 9110 7.8",
            [get(b"/ws", *ASK), answered(), b"GET /smuggled HTTP/1.1\r\nHost : x\r\n\r\n"],
            Want(statuses=[int(status[:3]), 400], kept=False),
            Want(statuses=[int(status[:3])], kept=False),
            origin=[ok(b"no", status=status)], answers=2, security=True)
upgrade("refused-pipelined-request-is-checked", "RFC 9110 7.8",
        get(b"/ws", *ASK) + b"GET /smuggled HTTP/1.1\r\nHost : x\r\n\r\n",
        Want(statuses=[426, 400], kept=False), Want(statuses=[426], kept=False), refused(400),
        origin=[ok(b"no", status=b"426 No")], answers=2, security=True)
for name, value in {"h2c": b"h2c", "h2": b"h2", "HTTP/2.0": b"HTTP/2.0",
                    "list-with-h2c": b"websocket, h2c"}.items():
    upgrade(f"to-{name.replace('/', '-')}-is-not-passed-on", "h2c smuggling",
            get(b"/", b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: " + value,
                b"HTTP2-Settings: AAMAAABk"),
            passed(Msg(check=lambda m: None if b"h2" not in (m.get("Upgrade") or b"").lower()
                       and b"http" not in
                       (m.get("Upgrade") or b"").lower() else "passed on")), refused(400, 501),
                       security=True)
upgrade("unknown-protocol", "RFC 9110 7.8", get(b"/", b"Connection: upgrade", b"Upgrade: foo/1"),
        passed(Msg(), kept=None),
        probe=False)
upgrade("response-upgrade-field-with-426", "RFC 9110 15.5.22", get(b"/"),
        Want(status={426}, kept=True),
        origin=[ok(b"", b"Upgrade: TLS/1.0", b"Connection: Upgrade", status=b"426 X")])

# --- persistence (RFC 9112 9.3)
for name, version, lines, kept in (
        ("1.1", b"HTTP/1.1", (), True),
        ("1.1-keep-alive", b"HTTP/1.1", (b"Connection: keep-alive",), True),
        ("1.1-close", b"HTTP/1.1", (b"Connection: close",), False),
        ("1.1-CLOSE", b"HTTP/1.1", (b"Connection: CLOSE",), False),
        ("1.1-keep-alive-close", b"HTTP/1.1", (b"Connection: keep-alive, close",), False),
        ("1.1-close-keep-alive", b"HTTP/1.1", (b"Connection: close, keep-alive",), False),
        ("1.1-two-fields", b"HTTP/1.1", (b"Connection: keep-alive", b"Connection: close"), False),
        ("1.1-x-close", b"HTTP/1.1", (b"Connection: x, close",), False),
        ("1.1-closed", b"HTTP/1.1", (b"Connection: closed",), True),
        ("1.1-unknown", b"HTTP/1.1", (b"Connection: x",), True),
        ("1.1-empty", b"HTTP/1.1", (b"Connection:",), True),
        ("1.1-commas", b"HTTP/1.1", (b"Connection: ,,close,",), False),
        ("1.1-proxy-connection-close", b"HTTP/1.1", (b"Proxy-Connection: close",), None),
        ("1.0", b"HTTP/1.0", (), False),
        ("1.0-keep-alive", b"HTTP/1.0", (b"Connection: keep-alive",), True),
        ("1.0-Keep-Alive", b"HTTP/1.0", (b"Connection: Keep-Alive",), True),
        ("1.0-close", b"HTTP/1.0", (b"Connection: close",), False),
        ("1.0-both", b"HTTP/1.0", (b"Connection: keep-alive, close",), False),
        ("1.0-keep-alive-field-only", b"HTTP/1.0", (b"Keep-Alive: timeout=5",), False)):
    def says(m, kept=kept, old=version.endswith(b"0")):
        if kept is False and not old and b"close" not in m.options():
            return f"close is not announced: {m.options()}"
        if kept and old and b"keep-alive" not in m.options():
            return f"keep-alive is not announced: {m.options()}"
        return None
    keep(f"client-{name}", "RFC 9112 9.3", get(b"/", *lines, version=version),
         passed(Msg(), kept=kept, response=Msg(check=says)),
         *([passed(Msg(), kept=False)] if version.endswith(b"0") and kept else []))
    keep(f"client-{name}-post", "RFC 9112 9.3",
         post(b"hello", b"Content-Length: 5", *lines, version=version), passed(HELLO, kept=kept),
         *([passed(Msg(), kept=False)] if version.endswith(b"0") and kept else []))
for name, version, lines, reused in (
        ("1.1", b"HTTP/1.1", (), True), ("1.1-close", b"HTTP/1.1", (b"Connection: close",), False),
        ("1.1-Close", b"HTTP/1.1", (b"Connection: Close",), False),
        ("1.1-keep-alive", b"HTTP/1.1", (b"Connection: keep-alive",), True),
        ("1.1-keep-alive-field", b"HTTP/1.1", (b"Keep-Alive: timeout=5",), True),
        ("1.1-x-close", b"HTTP/1.1", (b"Connection: x, close",), False),
        ("1.0", b"HTTP/1.0", (), False),
        ("1.0-keep-alive", b"HTTP/1.0", (b"Connection: keep-alive",), None)):
    keep(f"origin-{name}", "RFC 9112 9.3", get(b"/r"),
         Want(status={200}, complete=True, kept=True, reused=reused,
                                                            response=Msg(lacks=("Keep-Alive",))),
         origin=[res(b"Content-Length: 2", *lines, version=version, body=b"ok")])
keep("20-requests-one-by-one", "RFC 9112 9.3",
     [x for i in range(20) for x in (get(b"/%d" % i), answered(i + 1))],
     in_order(20, reused=True), answers=20)
keep("1.0-keep-alive-5-times", "RFC 9112 9.3",
     [x for i in range(5) for x in (get(b"/%d" % i, b"Connection: keep-alive",
                                        version=b"HTTP/1.0"), answered(i + 1))],
     in_order(5), Want(statuses=[200], kept=False), answers=5)
keep("after-404", "RFC 9112 9.3", get(b"/r"), Want(status={404}, kept=True),
     origin=[ok(b"no", status=b"404 X")])
keep("after-500", "RFC 9112 9.3", get(b"/r"), Want(status={500}, kept=True),
     origin=[ok(b"no", status=b"500 X")])
keep("nothing-behind-a-close", "RFC 9112 9.6", get(b"/0", b"Connection: close") + get(b"/smuggled"),
     Want(statuses=[200], kept=False, origin=[Msg(target=b"/0")]), security=True)
keep("nothing-behind-1.0", "RFC 9112 9.3", get(b"/0", version=b"HTTP/1.0") + get(b"/smuggled"),
     Want(statuses=[200], kept=False, origin=[Msg(target=b"/0")]))
keep("idle-connection-is-closed-without-a-word", "RFC 9112 9.5", [get(b"/0")],
     Want(statuses=[200], closed="fin"), ends=True,
     answers=2)
