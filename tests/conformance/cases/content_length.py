# SPDX-License-Identifier: MIT
"""Content-Length of requests: one decimal number, or the message is refused."""
from suite.case import FIN, PAUSE, SMUGGLED, Msg, Table, get, passed, post, refused

length = Table("length", security=True)
TABLES = [length]

# --- values that are no number (RFC 9110 8.6: 1*DIGIT)
INVALID = {
    "plus": b"+5", "minus": b"-5", "minus-zero": b"-0", "hex": b"0x5", "hex-letters": b"5a",
    "octal": b"0o5", "float": b"5.0", "exponent": b"5e0", "space-inside": b"5 0",
    "tab-inside": b"5\t0", "two-words": b"5 5", "word": b"five", "empty": b"",
    "only-space": b"  ", "quoted": b'"5"', "single-quoted": b"'5'", "semicolon": b"5;",
    "parameter": b"5;q=1", "underscore": b"5_0", "comma-end": b"5,", "comma-begin": b",5",
    "only-comma": b",", "list-of-two": b"5, 6", "list-of-two-close": b"5,0",
    "list-with-hole": b"5,,5", "list-with-sign": b"5, +5", "superscript": b"\xb2",
    "arabic-digit": b"\xd9\xa5", "fullwidth": b"\xef\xbc\x95", "percent": b"%35",
    "nul": b"5\x00", "nul-before": b"\x005", "vertical-tab": b"\x0b5", "form-feed": b"5\x0c",
    "del": b"5\x7f", "nbsp": b"\xa05", "bom": b"\xef\xbb\xbf5", "bare-cr": b"5\r5",
    "cr-before": b"\r5", "backslash": b"\\5", "dollar": b"$5", "brackets": b"[5]",
    "chunked": b"chunked", "dash-range": b"0-5", "slash": b"5/5", "grouped": b"1'000",
}
for name, value in INVALID.items():
    length(f"invalid-{name}", "RFC 9110 8.6", post(b"hello", b"Content-Length: " + value),
           refused(400, 501))

# --- numbers beyond what anybody counts with
HUGE = {"2^63": 2 ** 63, "2^64": 2 ** 64, "2^64+5": 2 ** 64 + 5, "2^32-twice": 2 ** 128 + 5,
        "30-digits": 10 ** 30, "300-digits": 10 ** 300}
for name, value in HUGE.items():
    length(f"huge-{name}", "RFC 9112 6.3", [post(b"hello", b"Content-Length: %d" % value), FIN],
           refused(400, 413))
length("wraps-to-5-then-request", "RFC 9112 6.3",
       post(b"hello" + SMUGGLED, b"Content-Length: %d" % (2 ** 64 + 5)), refused(400, 413))
length("largest-31-bit", "RFC 9112 6.3",
       [post(b"hello", b"Content-Length: %d" % (2 ** 31)), FIN],
       refused(400, 413, 408, 502, 0, kept=None))
length("largest-63-bit", "RFC 9112 6.3",
       [post(b"hello", b"Content-Length: %d" % (2 ** 63 - 1)), FIN],
       refused(400, 413, 408, 502, 0, kept=None))

# --- valid ones, in every spelling
HELLO = Msg(method=b"POST", body=b"hello", framing="length")
length("plain", "RFC 9112 6.2", post(b"hello", b"Content-Length: 5"), passed(HELLO, kept=True))
length("lower-case", "RFC 9110 5.1", post(b"hello", b"content-length: 5"), passed(HELLO, kept=True))
length("upper-case", "RFC 9110 5.1", post(b"hello", b"CONTENT-LENGTH: 5"), passed(HELLO, kept=True))
length("mixed-case", "RFC 9110 5.1", post(b"hello", b"cOnTeNt-LeNgTh: 5"), passed(HELLO, kept=True))
length("no-space", "RFC 9112 5.1", post(b"hello", b"Content-Length:5"), passed(HELLO, kept=True))
length("many-spaces", "RFC 9112 5.1", post(b"hello", b"Content-Length:    5"),
       passed(HELLO, kept=True))
length("tab-before", "RFC 9112 5.1", post(b"hello", b"Content-Length:\t5"),
       passed(HELLO, kept=True))
length("space-after", "RFC 9112 5.1", post(b"hello", b"Content-Length: 5  "),
       passed(HELLO, kept=True))
length("tab-after", "RFC 9112 5.1", post(b"hello", b"Content-Length: 5\t"),
       passed(HELLO, kept=True))
length("zero", "RFC 9112 6.2", post(b"", b"Content-Length: 0"),
       passed(Msg(method=b"POST", body=b"", framing="length"), kept=True))
length("zero-with-get", "RFC 9110 9.3.1", get(b"/", b"Content-Length: 0"),
       passed(Msg(method=b"GET", body=b""), kept=True))
for zeros in (b"05", b"0005", b"0" * 40 + b"5", b"0" * 300 + b"5"):
    length(f"leading-zeros-{len(zeros) - 1}", "RFC 9110 8.6",
           post(b"hello", b"Content-Length: " + zeros), passed(HELLO), refused(400))
length("zeros-only", "RFC 9110 8.6", post(b"", b"Content-Length: 0000"),
       passed(Msg(body=b"")), refused(400))
for size in (1, 100, 4095, 16384, 65537, 300_000):
    length(f"body-of-{size}", "RFC 9112 6.2", post(b"b" * size, b"Content-Length: %d" % size),
           passed(Msg(body=b"b" * size, framing="length"), kept=True), security=False)
for method in (b"GET", b"DELETE", b"OPTIONS", b"PUT", b"PATCH", b"HEAD", b"PROPFIND", b"TRACE"):
    target = b"/body"
    wants = [passed(Msg(method=method, body=b"hello", framing="length", target=target), kept=True)]
    if method in (b"TRACE", b"GET", b"HEAD", b"DELETE", b"OPTIONS"):
        wants += [refused(400, 405, 413)]
    length(f"with-{method.decode()}", "RFC 9110 9.3",
           post(b"hello", b"Content-Length: 5", target=target, method=method), *wants)
length("in-1.0", "RFC 9112 6.3", post(b"hello", b"Content-Length: 5", version=b"HTTP/1.0"),
       passed(Msg(body=b"hello", framing="length")))
length("missing-with-post", "RFC 9112 6.3", post(b"", target=b"/empty"),
       passed(Msg(method=b"POST", body=b"")), refused(411, 400))
length("missing-with-post-then-request", "RFC 9112 6.3", post(get(b"/second"), target=b"/first"),
       passed(Msg(method=b"POST", body=b""), Msg(target=b"/second"), statuses=[200, 200]),
       refused(411, 400), answers=2)

# --- several
ONE = [passed(HELLO), refused(400)]
length("twice-the-same", "RFC 9112 6.3",
       post(b"hello", b"Content-Length: 5", b"Content-Length: 5"), *ONE)
length("thrice-the-same", "RFC 9112 6.3", post(b"hello", *[b"Content-Length: 5"] * 3), *ONE)
length("list-of-the-same", "RFC 9112 6.3", post(b"hello", b"Content-Length: 5, 5"), *ONE)
length("list-of-the-same-tight", "RFC 9112 6.3", post(b"hello", b"Content-Length: 5,5"), *ONE)
length("same-value-other-spelling", "RFC 9112 6.3",
       post(b"hello", b"Content-Length: 5", b"Content-Length: 05"), *ONE)
CONFLICTS = {
    "smaller-second": (b"Content-Length: 5", b"Content-Length: 0"),
    "larger-second": (b"Content-Length: 0", b"Content-Length: 5"),
    "far-apart": (b"Content-Length: 5", b"X: y", b"X-Z: z", b"Content-Length: 6"),
    "other-case": (b"Content-Length: 5", b"content-length: 6"),
    "second-invalid": (b"Content-Length: 5", b"Content-Length: x"),
    "second-empty": (b"Content-Length: 5", b"Content-Length: "),
    "first-empty": (b"Content-Length:", b"Content-Length: 5"),
    "second-signed": (b"Content-Length: 5", b"Content-Length: +5"),
    "second-list": (b"Content-Length: 5", b"Content-Length: 5, 6"),
    "three-of-which-one": (b"Content-Length: 5", b"Content-Length: 5", b"Content-Length: 6"),
    "second-wraps": (b"Content-Length: 5", b"Content-Length: %d" % (2 ** 64 + 5)),
    "tab-before": (b"Content-Length: 5", b"Content-Length:\t6"),
}
for name, lines in CONFLICTS.items():
    length(f"conflict-{name}", "RFC 9112 6.3", post(b"hello" + SMUGGLED, *lines), refused(400))

# --- names that look like it, but are not (or are, to a careless server)
LOOKALIKES = {
    "space-before-colon": b"Content-Length : 5", "tab-before-colon": b"Content-Length\t: 5",
    "space-in-name": b"Content Length: 5", "space-first": b" Content-Length: 5",
    "tab-first": b"\tContent-Length: 5", "nul-in-name": b"Content-Length\x00: 5",
    "nul-first": b"\x00Content-Length: 5", "vt-in-name": b"Content-Length\x0b: 5",
    "vt-first": b"\x0bContent-Length: 5", "cr-before-colon": b"Content-Length\r: 5",
    "quoted-name": b'"Content-Length": 5', "eight-bit-name": b"Content-Length\xa0: 5",
    "no-colon": b"Content-Length 5", "colon-first": b":Content-Length: 5",
    "two-colons": b"Content-Length:: 5", "equals": b"Content-Length= 5",
    "folded": b"Content-Length:\r\n 5", "folded-tab": b"Content-Length:\r\n\t5",
    "folded-digits": b"Content-Length: \r\n 5", "folded-inside": b"Content-Length: 5\r\n 0",
    "del-in-name": b"Content-Length\x7f: 5", "parenthesis": b"Content-Length(): 5",
}
for name, line in LOOKALIKES.items():
    # RFC 9112 5.2: a fold may be read as a space
    also = [passed(Msg(body=SMUGGLED[:5], framing="length"))] if name.startswith("folded") else []
    length(f"name-{name}", "RFC 9112 5.1", post(SMUGGLED, line), refused(400), *also)
length("name-underscore", "RFC 9110 5.1", post(get(b"/smuggled"), b"Content_Length: 35"),
       refused(400), passed(Msg(body=b"", lacks=("Content_Length",)),
                            Msg(target=b"/smuggled"), statuses=[200, 200]), answers=2)
length("name-only-prefix", "RFC 9110 5.1", post(b"", b"XContent-Length: 5"),
       passed(Msg(body=b"", has={"XContent-Length": b"5"})))
length("name-dotless-i", "RFC 9110 5.1", post(b"hello", b"Content-Length\xc4\xb1: 5"), refused(400))

# --- less or more than announced
length("short-then-fin", "RFC 9112 8", [post(b"hel", b"Content-Length: 5"), FIN],
       refused(400, 408, 502, 0, kept=None))
length("short-then-silence", "RFC 9112 8", post(b"hel", b"Content-Length: 5"),
       refused(400, 408, 504, 502, 0))
length("surplus-is-the-next-request", "RFC 9112 6.2",
       post(b"hello" + get(b"/next"), b"Content-Length: 5"),
       passed(HELLO, Msg(method=b"GET", target=b"/next", body=b""), statuses=[200, 200]),
       answers=2)
length("surplus-garbage", "RFC 9112 6.2", post(b"hello\x00\x01\r\n\r\n", b"Content-Length: 5"),
       passed(HELLO, statuses=[200, 400], status=None), answers=2)
length("surplus-crlf", "RFC 9112 2.2", post(b"hello\r\n" + get(b"/next"), b"Content-Length: 5"),
       passed(HELLO, Msg(target=b"/next"), statuses=[200, 200]), answers=2)
length("body-in-a-later-segment", "RFC 9112 6.2",
       [post(b"", b"Content-Length: 5"), PAUSE, b"he", PAUSE, b"llo"], passed(HELLO, kept=True))
length("body-that-is-a-request", "RFC 9112 6.2",
       post(SMUGGLED, b"Content-Length: %d" % len(SMUGGLED)), passed(Msg(body=SMUGGLED), kept=True))
length("get-with-body-that-is-a-request", "RFC 9110 9.3.1",
       post(SMUGGLED, b"Content-Length: %d" % len(SMUGGLED), method=b"GET"),
       passed(Msg(body=SMUGGLED), kept=True), refused(400, 413))
length("named-in-connection", "RFC 9110 7.6.1",
       post(SMUGGLED, b"Content-Length: %d" % len(SMUGGLED), b"Connection: Content-Length"),
       passed(Msg(body=SMUGGLED)), refused(400))
length("named-in-connection-close", "RFC 9110 7.6.1",
       post(SMUGGLED, b"Connection: close, content-length",
            b"Content-Length: %d" % len(SMUGGLED)),
       passed(Msg(body=SMUGGLED)), refused(400))
