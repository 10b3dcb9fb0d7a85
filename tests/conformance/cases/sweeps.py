# SPDX-License-Identifier: MIT
"""One odd byte at every place where a byte decides, a segment's end at every byte, an end
of the connection at every byte: a message is refused, or has the one reading that it
would have without such tricks."""
from suite.case import (BROKEN, FIN, PAUSE, RST, SMUGGLED, Msg, Table, Want, bad_gateway,
                        chunked, chunks, get, length,
                        ok, refused, res)

request = Table("sweep-request", security=True, compared=False)
response = Table("sweep-response", security=True, compared=False)
split = Table("split", security=True, compared=False)
cut = Table("cut", security=True, compared=False)
TABLES = [request, response, split, cut]

# Controls, delimiters, a letter, a digit, and some of the upper half.
BYTES = [*range(0, 0x10), 0x1b, 0x1f, *b' !"#%+,-.;:=@0Fg[\\_{', 0x7f, 0x80, 0x85, 0xa0, 0xff]

HEAD = b"POST /r HTTP/1.1\r\nHost: weir.test\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
LENGTH = HEAD + b"Content-Length: 5\r\n\r\nhello"
# place: the bytes around the one that is put in, and the bodies that may be read
PLACES = {
    "length-before-colon": (HEAD + b"Content-Length", b": 5\r\n\r\nhello", {b"hello", b""}),
    "length-after-colon": (HEAD + b"Content-Length:", b"5\r\n\r\nhello", {b"hello"}),
    "length-after-value": (HEAD + b"Content-Length: 5", b"\r\n\r\nhello", {b"hello"}),
    "length-before-name": (HEAD, b"Content-Length: 5\r\n\r\nhello", {b"hello", b""}),
    "coding-before-colon": (HEAD + b"Transfer-Encoding",
                            b": chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", {b"hello", b""}),
    "coding-after-colon": (HEAD + b"Transfer-Encoding:",
                           b"chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", {b"hello"}),
    "coding-after-value": (HEAD + b"Transfer-Encoding: chunked",
                           b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n", {b"hello"}),
    "coding-inside-value": (HEAD + b"Transfer-Encoding: chun",
                            b"ked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", {b"hello"}),
    "coding-before-name": (HEAD, b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                           {b"hello", b""}),
    "between-cr-and-lf": (HEAD + b"Content-Length: 5\r", b"\n\r\nhello", {b"hello"}),
    "before-last-lf": (HEAD + b"Content-Length: 5\r\n\r", b"\nhello", {b"hello"}),
    "after-version": (b"POST /r HTTP/1.1",
                      b"\r\nHost: weir.test\r\nContent-Length: 5\r\n\r\nhello", {b"hello"}),
    "before-method": (b"", LENGTH, {b"hello"}),
    "after-method": (b"POST", b" /r HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
                     {b"hello"}),
    "in-target": (b"POST /r", b"s HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
                  {b"hello"}),
    "chunk-size-before": (CHUNKED, b"5\r\nhello\r\n0\r\n\r\n", {b"hello"}),
    "chunk-size-after": (CHUNKED + b"5", b"\r\nhello\r\n0\r\n\r\n", {b"hello"}),
    "chunk-ext": (CHUNKED + b"5;a", b"b\r\nhello\r\n0\r\n\r\n", {b"hello"}),
    "chunk-ext-begin": (CHUNKED + b"5;", b"\r\nhello\r\n0\r\n\r\n", {b"hello"}),
    "chunk-ext-quoted": (CHUNKED + b'5;a="', b'"\r\nhello\r\n0\r\n\r\n', {b"hello"}),
    "chunk-cr-lf": (CHUNKED + b"5\r", b"\nhello\r\n0\r\n\r\n", {b"hello"}),
    "chunk-data-end": (CHUNKED + b"5\r\nhello", b"\r\n0\r\n\r\n", {b"hello"}),
    "chunk-data-cr-lf": (CHUNKED + b"5\r\nhello\r", b"\n0\r\n\r\n", {b"hello"}),
    "chunk-last": (CHUNKED + b"5\r\nhello\r\n0", b"\r\n\r\n", {b"hello"}),
    "chunk-last-before": (CHUNKED + b"5\r\nhello\r\n", b"0\r\n\r\n", {b"hello"}),
    "chunk-last-cr-lf": (CHUNKED + b"5\r\nhello\r\n0\r", b"\n\r\n", {b"hello"}),
    "trailer-begin": (CHUNKED + b"5\r\nhello\r\n0\r\n", b"\r\n", {b"hello"}),
    "trailer-name": (CHUNKED + b"5\r\nhello\r\n0\r\nX", b": y\r\n\r\n", {b"hello"}),
    "trailer-end": (CHUNKED + b"5\r\nhello\r\n0\r\n\r", b"\n", {b"hello"}),
}


def reads_as(bodies):
    """One whole request, or none; nothing of what follows it went astray."""
    def check(seen):
        first, rest = seen.messages[:1], seen.messages[1:]
        if first and first[0].body not in bodies:
            return f"read as {first[0]}"
        if any(m.line != b"GET /smuggled HTTP/1.1" for m in rest):
            return f"then {rest}"
        return None
    return Want(check=check)


NAME_BYTES = set(b"!#%+-._0Fg")  # make another name, a valid one
for place, (before, after, bodies) in PLACES.items():
    for byte in BYTES:
        if place.endswith(("-colon", "-name")) and "after" not in place and byte in NAME_BYTES:
            continue
        if place == "before-last-lf" and byte == 10:
            continue  # ends the head, and the body begins with LF
        request(f"{place}-{byte:02x}", "RFC 9112", before + bytes([byte]) + after + SMUGGLED,
                reads_as(bodies), answers=2)

OK = b"HTTP/1.1 200 OK\r\n"
TE = OK + b"Transfer-Encoding: chunked\r\n\r\n"
ANSWERS = {
    "length-before-colon": (OK + b"Content-Length", b": 5\r\n\r\nhello"),
    "length-after-colon": (OK + b"Content-Length:", b"5\r\n\r\nhello"),
    "length-after-value": (OK + b"Content-Length: 5", b"\r\n\r\nhello"),
    "coding-after-value": (OK + b"Transfer-Encoding: chunked", b"\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    "coding-before-colon": (OK + b"Transfer-Encoding", b": chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"),
    "between-cr-and-lf": (OK + b"Content-Length: 5\r", b"\n\r\nhello"),
    "after-status-line": (b"HTTP/1.1 200 OK", b"\r\nContent-Length: 5\r\n\r\nhello"),
    "after-version": (b"HTTP/1.1", b" 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
    "after-status": (b"HTTP/1.1 200", b" OK\r\nContent-Length: 5\r\n\r\nhello"),
    "first": (b"", OK + b"Content-Length: 5\r\n\r\nhello"),
    "value": (OK + b"Content-Length: 5\r\nX: a", b"b\r\n\r\nhello"),
    "name": (OK + b"Content-Length: 5\r\nX", b"Y: a\r\n\r\nhello"),
    "chunk-size-after": (TE + b"5", b"\r\nhello\r\n0\r\n\r\n"),
    "chunk-size-before": (TE, b"5\r\nhello\r\n0\r\n\r\n"),
    "chunk-data-end": (TE + b"5\r\nhello", b"\r\n0\r\n\r\n"),
    "chunk-ext": (TE + b"5;a", b"\r\nhello\r\n0\r\n\r\n"),
    "chunk-last": (TE + b"5\r\nhello\r\n0", b"\r\n\r\n"),
}
STOLEN = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nstolen"


def never_stolen(seen):
    got = [m for m in seen.responses if m.complete and m.body == b"stolen"]
    return f"the client got {got}" if got else None


for place, (before, after) in ANSWERS.items():
    for byte in BYTES:
        response(f"{place}-{byte:02x}", "RFC 9112", get(b"/r"),
                 bad_gateway(502, check=never_stolen), BROKEN,
                 Want(status={200}, check=never_stolen), Want(status={0}),
                 origin=[before + bytes([byte]) + after + STOLEN, FIN])


# --- a segment ends at every byte
MIXED = (chunked(b"one", b"two", target=b"/0", trailers=b"X: y\r\n") + length(b"three",
    target=b"/1") + get(b"/2"))
THREE = Want(statuses=[200] * 3, kept=True,
             origin=[Msg(body=b"onetwo", target=b"/0"), Msg(body=b"three", target=b"/1"),
                     Msg(body=b"", target=b"/2")])
for i in range(1, len(MIXED)):
    split(f"request-{i:03}", "RFC 9112 2.2", [MIXED[:i], PAUSE, MIXED[i:]], THREE, answers=3)
INTERIM = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
CHUNKED_ANSWER = INTERIM + res(b"Transfer-Encoding: chunked",
                               body=chunks(b"one", b"two", trailers=b"X: y\r\n"))
LENGTH_ANSWER = ok(b"onetwo")
for name, answer in (("chunked", CHUNKED_ANSWER), ("length", LENGTH_ANSWER)):
    for i in range(1, len(answer)):
        split(f"response-{name}-{i:03}", "RFC 9112 2.2", get(b"/r"),
              Want(status={200}, complete=True, kept=True, response=Msg(body=b"onetwo")),
              origin=[answer[:i], PAUSE, answer[i:]])

# --- the connection ends at every byte
ENDS = {"fin": [FIN], "rst": [PAUSE, RST]}
for kind, data in {"chunked": chunked(b"one", b"two", trailers=b"X: y\r\n"),
                   "length": length(b"three")}.items():
    for name, end in ENDS.items():
        for i in range(1, len(data)):
            cut(f"request-{kind}-{name}-{i:03}", "RFC 9112 8", [data[:i]] + end,
                refused(0, 400, 408, 502), ends=name == "fin")
CUT_OFF = [BROKEN, bad_gateway(502), Want(status={0}, kept=False)]
for kind, answer in {"chunked": CHUNKED_ANSWER, "length": LENGTH_ANSWER}.items():
    for name, end in ENDS.items():
        for i in range(1, len(answer)):
            cut(f"response-{kind}-{name}-{i:03}", "RFC 9112 8", get(b"/r"), *CUT_OFF,
                origin=[answer[:i]] + end)
