# SPDX-License-Identifier: MIT
"""Transfer-Encoding of requests: chunked, once and alone, or the message is refused."""
from suite.case import FIN, SMUGGLED, Msg, Table, chunks, get, passed, post, refused

coding = Table("coding", security=True)
both = Table("coding+length", security=True)
TABLES = [coding, both]

HELLO = Msg(method=b"POST", body=b"hello")
BODY = chunks(b"hello")
NORMALISED = [passed(HELLO), refused(400, 422, 501)]

# --- valid
VALID = {
    "plain": b"Transfer-Encoding: chunked", "lower-name": b"transfer-encoding: chunked",
    "upper-value": b"Transfer-Encoding: CHUNKED", "mixed-value": b"Transfer-Encoding: cHuNkEd",
    "no-space": b"Transfer-Encoding:chunked", "spaces": b"Transfer-Encoding:   chunked",
    "tab": b"Transfer-Encoding:\tchunked", "space-after": b"Transfer-Encoding: chunked  ",
    "tab-after": b"Transfer-Encoding: chunked\t",
}
for name, line in VALID.items():
    coding(f"valid-{name}", "RFC 9112 6.1", post(BODY, line), passed(HELLO, kept=True))

# --- one word that is not chunked, to somebody
OTHERS = {
    "xchunked": b"xchunked", "chunkedx": b"chunkedx", "chunk": b"chunk", "chunked2": b"chunked2",
    "x-chunked": b"x-chunked", "quoted": b'"chunked"', "single-quoted": b"'chunked'",
    "semicolon": b"chunked;", "parameter": b"chunked;q=1", "parameter-q0": b"chunked;q=0",
    "identity": b"identity", "gzip": b"gzip", "deflate": b"deflate", "compress": b"compress",
    "cow": b"cow", "empty": b"", "space": b"  ", "nul-end": b"chunked\x00",
    "nul-begin": b"\x00chunked", "nul-middle": b"chun\x00ked", "vt-before": b"\x0bchunked",
    "vt-after": b"chunked\x0b", "ff-before": b"\x0cchunked", "ff-after": b"chunked\x0c",
    "del": b"chunked\x7f", "nbsp-before": b"\xa0chunked", "nbsp-after": b"chunked\xa0",
    "soft-hyphen": b"chun\xadked", "utf8-k": b"chun\xe2\x84\xaaed", "bom": b"\xef\xbb\xbfchunked",
    "nel": b"\x85chunked", "backspace": b"chunkedx\x08", "escape": b"\x1bchunked",
    "space-inside": b"chun ked", "two-words": b"chunked chunked", "colon-before": b":chunked",
    "colon-space-before": b": chunked", "bracket": b"[chunked]", "brace": b"{chunked}",
    "equals": b"=chunked", "slash": b"chunked/1", "dot": b"chunked.", "percent": b"chunke%64",
    "backslash": b"chunke\\d", "bare-cr-after": b"chunked\r", "bare-cr-before": b"\rchunked",
    "bare-cr-inside": b"chun\rked", "true": b"true", "zero": b"0", "star": b"*",
}
for name, value in OTHERS.items():
    coding(f"value-{name}", "RFC 9112 6.1", post(BODY, b"Transfer-Encoding: " + value),
           refused(400, 422, 501))
    coding(f"value-{name}-with-length", "RFC 9112 6.3",
           post(BODY + SMUGGLED, b"Transfer-Encoding: " + value, b"Content-Length: %d" % len(BODY)),
           refused(400, 422, 501))

# --- lists
LISTS = {
    "twice": b"chunked, chunked", "twice-tight": b"chunked,chunked",
    "gzip-then": b"gzip, chunked", "then-gzip": b"chunked, gzip",
    "identity-then": b"identity, chunked", "then-identity": b"chunked, identity",
    "x-then": b"x, chunked", "then-x": b"chunked, x", "space-sep": b"gzip chunked",
    "semicolon-sep": b"gzip; chunked", "then-empty-quoted": b'chunked, ""',
    "three": b"chunked, gzip, chunked", "param-then": b'a;b="c, chunked", chunked',
    "in-quotes": b'x="chunked"', "gzip-x2": b"gzip, gzip", "then-cr": b"chunked,\r",
}
for name, value in LISTS.items():
    coding(f"list-{name}", "RFC 9112 6.1", post(BODY, b"Transfer-Encoding: " + value),
           refused(400, 422, 501))
for name, value in {"comma-after": b"chunked,", "comma-space-after": b"chunked ,",
                    "comma-before": b",chunked", "commas": b", , chunked, ,",
                    "empty-element": b"chunked, "}.items():
    coding(f"list-{name}", "RFC 9110 5.6.1", post(BODY, b"Transfer-Encoding: " + value),
           *NORMALISED)
    coding(f"list-{name}-with-length", "RFC 9112 6.3",
           post(BODY + SMUGGLED, b"Transfer-Encoding: " + value, b"Content-Length: %d" % len(BODY)),
           refused(400, 422, 501))

# --- several fields
LINES = {
    "same": (b"chunked", b"chunked"), "identity-second": (b"chunked", b"identity"),
    "identity-first": (b"identity", b"chunked"), "x-second": (b"chunked", b"x"),
    "x-first": (b"x", b"chunked"), "gzip-first": (b"gzip", b"chunked"),
    "gzip-second": (b"chunked", b"gzip"), "three": (b"chunked", b"x", b"chunked"),
    "space-second": (b"chunked", b"\tx"), "cow-second": (b"chunked", b"cow"),
}
for name, values in LINES.items():
    coding(f"fields-{name}", "RFC 9112 6.1",
           post(BODY, *[b"Transfer-Encoding: " + v for v in values]), refused(400, 422, 501))
coding("fields-empty-second", "RFC 9112 6.1",
       post(BODY, b"Transfer-Encoding: chunked", b"Transfer-Encoding:"), *NORMALISED)
coding("fields-empty-first", "RFC 9112 6.1",
       post(BODY, b"Transfer-Encoding:", b"Transfer-Encoding: chunked"), *NORMALISED)
coding("fields-other-case-second", "RFC 9112 6.1",
       post(BODY, b"Transfer-Encoding: chunked", b"transfer-encoding: x"), refused(400, 422, 501))

# --- names
NAMES = {
    "space-before-colon": b"Transfer-Encoding : chunked",
    "tab-before-colon": b"Transfer-Encoding\t: chunked",
    "space-first": b" Transfer-Encoding: chunked",
    "tab-first": b"\tTransfer-Encoding: chunked", "nul": b"Transfer-Encoding\x00: chunked",
    "nul-first": b"\x00Transfer-Encoding: chunked", "vt": b"Transfer-Encoding\x0b: chunked",
    "vt-first": b"\x0bTransfer-Encoding: chunked", "ff": b"Transfer-Encoding\x0c: chunked",
    "cr": b"Transfer-Encoding\r: chunked", "space-inside": b"Transfer Encoding: chunked",
    "nbsp": b"Transfer-Encoding\xa0: chunked", "quoted": b'"Transfer-Encoding": chunked',
    "no-colon": b"Transfer-Encoding chunked", "equals": b"Transfer-Encoding=chunked",
    "colon-first": b":Transfer-Encoding: chunked", "del": b"Transfer-Encoding\x7f: chunked",
    "utf8": b"Transfer-Encod\xc4\xb1ng: chunked", "parenthesis": b"Transfer-Encoding(): chunked",
    "folded": b"Transfer-Encoding:\r\n chunked", "folded-tab": b"Transfer-Encoding:\r\n\tchunked",
    "folded-after": b"Transfer-Encoding: chunked\r\n , identity",
    "folded-x": b"Transfer-Encoding: chunked\r\n x", "lf-folded": b"Transfer-Encoding:\n chunked",
    "after-bare-lf": b"X: y\nTransfer-Encoding: chunked",
    "after-bare-cr": b"X: y\rTransfer-Encoding: chunked",
    "after-fold": b"X: y\r\n Transfer-Encoding: chunked",
    "after-nul": b"X: y\x00Transfer-Encoding: chunked",
}
# What RFC 9112 allows besides: folds read as a space, LF as the end of a line.
MAY_BE_CHUNKED = ("folded", "folded-tab", "lf-folded", "after-bare-lf")
for name, line in NAMES.items():
    also = [passed(HELLO)] if name in MAY_BE_CHUNKED else []
    coding(f"name-{name}", "RFC 9112 5.1", post(BODY, line), refused(400, 422, 501), *also)
    also = [passed(HELLO, kept=False)] if name in MAY_BE_CHUNKED else []
    coding(f"name-{name}-with-length", "RFC 9112 5.1",
           post(BODY + SMUGGLED, b"Content-Length: %d" % len(BODY), line),
           refused(400, 422, 501), *also)
for name in (b"Transfer_Encoding", b"transfer_encoding"):
    coding(f"name-{name.decode()}-with-length", "RFC 9110 5.1",
           post(BODY, name + b": chunked", b"Content-Length: %d" % len(BODY)),
           refused(400), passed(Msg(body=BODY, lacks=(name.decode(),))))
for name in (b"X-Transfer-Encoding", b"Transfer-Encodings", b"Content-Transfer-Encoding"):
    coding(f"name-{name.decode()}", "RFC 9110 5.1",
           post(BODY, name + b": chunked", b"Content-Length: %d" % len(BODY)),
           passed(Msg(body=BODY, framing="length"), kept=True))

# --- where it is not allowed (RFC 9112 6.1: not in 1.0)
coding("in-1.0", "RFC 9112 6.1",
       post(BODY, b"Transfer-Encoding: chunked", version=b"HTTP/1.0"),
       refused(400, 501, 505), passed(HELLO, kept=False))
coding("in-1.0-keep-alive", "RFC 9112 6.1",
       post(BODY, b"Transfer-Encoding: chunked", b"Connection: keep-alive", version=b"HTTP/1.0"),
       refused(400, 501, 505), passed(HELLO, kept=False))
coding("in-1.0-with-length", "RFC 9112 6.3",
       post(BODY + SMUGGLED, b"Transfer-Encoding: chunked", b"Content-Length: %d" % len(BODY),
            b"Connection: keep-alive", version=b"HTTP/1.0"), refused(400, 501, 505))
coding("named-in-connection", "RFC 9110 7.6.1",
       post(BODY, b"Transfer-Encoding: chunked", b"Connection: Transfer-Encoding"),
       passed(HELLO), refused(400))
coding("named-in-connection-with-length", "RFC 9110 7.6.1",
       post(BODY + SMUGGLED, b"Transfer-Encoding: chunked", b"Content-Length: %d" % len(BODY),
            b"Connection: transfer-encoding, close"), refused(400))
for method in (b"GET", b"HEAD", b"DELETE", b"OPTIONS", b"PUT", b"PATCH", b"TRACE"):
    coding(f"with-{method.decode()}", "RFC 9110 9.3",
           post(BODY, b"Transfer-Encoding: chunked", method=method, target=b"/x"),
           passed(Msg(method=method, body=b"hello"), kept=True), refused(400, 405, 411))

# --- with Content-Length (RFC 9112 6.3: an attack, most likely)
EMPTY = b"0\r\n\r\n"
HIDDEN = b"GET /smuggled HTTP/1.1\r\nX: y"
PAIRS = {
    "cl-te": (b"Content-Length: %d", b"Transfer-Encoding: chunked"),
    "te-cl": (b"Transfer-Encoding: chunked", b"Content-Length: %d"),
    "te-lower-cl": (b"transfer-encoding: chunked", b"content-length: %d"),
    "te-far-cl": (b"Transfer-Encoding: chunked", b"A: b", b"C: d", b"E: f", b"Content-Length: %d"),
    "te-upper-cl": (b"TRANSFER-ENCODING: CHUNKED", b"CONTENT-LENGTH: %d"),
    "te-te-cl": (b"Transfer-Encoding: chunked", b"Transfer-Encoding: x", b"Content-Length: %d"),
    "te-cl-te": (b"Transfer-Encoding: x", b"Content-Length: %d", b"Transfer-Encoding: chunked"),
    "cl-te-cl": (b"Content-Length: %d", b"Transfer-Encoding: chunked", b"Content-Length: 1"),
    "te-tab-cl": (b"Transfer-Encoding:\tchunked", b"Content-Length: %d"),
    "te-close-cl": (b"Transfer-Encoding: chunked", b"Connection: close", b"Content-Length: %d"),
}


def lines_of(pair, n):
    return [line % n if b"%d" in line else line for line in pair]


for name, pair in PAIRS.items():
    clean = [passed(Msg(body=b""), kept=False)]
    allowed = clean if b"Transfer-Encoding: x" not in pair else []
    both(f"{name}-length-longer", "RFC 9112 6.3",
         post(EMPTY + SMUGGLED, *lines_of(pair, len(EMPTY + SMUGGLED))), refused(400, 422, 501),
         *allowed)
    both(f"{name}-length-shorter", "RFC 9112 6.3",
         post(chunks(HIDDEN), *lines_of(pair, 4)),
         refused(400, 422, 501), *([passed(Msg(body=HIDDEN), kept=False)] if allowed else []))
    both(f"{name}-length-zero", "RFC 9112 6.3", post(EMPTY + SMUGGLED, *lines_of(pair, 0)),
         refused(400, 422, 501), *allowed)
    both(f"{name}-length-equal", "RFC 9112 6.3", post(EMPTY, *lines_of(pair, len(EMPTY))),
         refused(400, 422, 501), *allowed)
both("bad-length", "RFC 9112 6.3",
     post(EMPTY + SMUGGLED, b"Transfer-Encoding: chunked", b"Content-Length: x"), refused(400))
both("negative-length", "RFC 9112 6.3",
     post(EMPTY + SMUGGLED, b"Transfer-Encoding: chunked", b"Content-Length: -1"), refused(400))
both("empty-length", "RFC 9112 6.3",
     post(EMPTY + SMUGGLED, b"Transfer-Encoding: chunked", b"Content-Length:"), refused(400))
both("huge-length", "RFC 9112 6.3",
     post(EMPTY + SMUGGLED, b"Transfer-Encoding: chunked", b"Content-Length: %d" % 2 ** 64),
     refused(400, 413))
both("get-with-both", "RFC 9112 6.3",
     post(EMPTY + SMUGGLED, b"Transfer-Encoding: chunked", b"Content-Length: 4", method=b"GET"),
     refused(400), passed(Msg(body=b""), kept=False))
both("no-coding-no-length-body-is-a-request", "RFC 9112 6.3",
     post(get(b"/second"), target=b"/first"),
     passed(Msg(target=b"/first", body=b""), Msg(target=b"/second"), statuses=[200, 200]),
     refused(400, 411), answers=2)
coding("chunked-cut-off-by-fin", "RFC 9112 8",
       [post(b"5\r\nhel", b"Transfer-Encoding: chunked"), FIN],
       refused(400, 408, 502, 0, kept=None))
coding("chunked-without-last-chunk-then-fin", "RFC 9112 8",
       [post(b"5\r\nhello\r\n", b"Transfer-Encoding: chunked"), FIN],
       refused(400, 408, 502, 0, kept=None))
coding("chunked-without-last-crlf-then-fin", "RFC 9112 8",
       [post(b"5\r\nhello\r\n0\r\n", b"Transfer-Encoding: chunked"), FIN],
       refused(400, 408, 502, 0, kept=None))
coding("chunked-without-an-end-then-silence", "RFC 9112 8",
       post(b"5\r\nhello\r\n", b"Transfer-Encoding: chunked"), refused(400, 408, 502, 504, 0))
