# SPDX-License-Identifier: MIT
"""Why weir behaves differently from HAProxy or nginx: the first pattern that fits a
case's id says it. Where only a peer is off, the text says so."""

REASONS = [
    # --- framing of requests
    ("coding/value-*",
     "All refuse what is not exactly `chunked`; nginx calls every value unknown (501), "
     "weir only a well-formed one. nginx lets a bare CR at the end of the value pass."),
    ("coding/list-comma-*",
     "An empty list element may be ignored (RFC 9110 5.6.1), but servers read such a value"
     " differently; weir and nginx refuse it, HAProxy passes it on as it came."),
    ("coding/list-empty-element*",
     "As before: an empty list element is refused, not repaired."),
    ("coding/list-*",
     "Another coding before `chunked` is unknown here: 501 (RFC 9112 6.1); HAProxy says "
     "422."),
    ("coding/fields-*",
     "One Transfer-Encoding field or none. HAProxy passes several on, as they came, or "
     "says 422."),
    ("coding/valid-*",
     "RFC 9110 5.6.3 allows a tab wherever white space is allowed; nginx does not."),
    ("coding/name-*_*",
     "CGI reads `_` as `-`: a server of that kind would see a second framing field. weir "
     "refuses, HAProxy passes it on, nginx drops it."),
    ("coding/name-*fold*",
     "A folded line is refused, not repaired: servers have disagreed about it too often."),
    ("coding/name-after-bare-lf*",
     "A bare LF ends no line here (RFC 9112 2.2 leaves it open)."),
    ("coding/name-*",
     "A line whose name is no token is refused with the whole message; nginx skips the "
     "line and reads on, HAProxy passes on a value with NUL."),
    ("coding/in-1.0*",
     "Transfer-Encoding in HTTP/1.0 is refused (RFC 9112 6.1: faulty framing); HAProxy "
     "passes it on in a 1.0 message."),
    ("coding/named-in-connection*",
     "Both framing fields: refused, whatever Connection says."),
    ("coding/with-TRACE",
     "TRACE is a matter of the server here; nginx refuses the method."),
    ("length/with-TRACE",
     "TRACE is a matter of the server here; nginx refuses the method."),
    ("coding/chunked-*",
     "A client that breaks off a body is told: 400 for a FIN, 408 for silence. HAProxy "
     "closes or says 504 (its server timeout runs), nginx closes."),
    ("coding+length/*",
     "Both framing fields together are refused. RFC 9112 6.3 also allows to go by "
     "Transfer-Encoding and to close, as HAProxy does; weir does not guess what an "
     "attacker meant."),
    ("length/*same*",
     "Equal lengths may be read as one (RFC 9112 6.3); nginx refuses them."),
    ("length/tab-*",
     "RFC 9110 5.6.3 allows a tab wherever white space is allowed; nginx does not."),
    ("length/leading-zeros-*",
     "Lengths are rewritten as plain numbers; HAProxy passes zeros on as they came."),
    ("length/name-underscore",
     "CGI reads `_` as `-`; refused."),
    ("length/name-*",
     "A line that folds, or whose name is no token, refuses the message; HAProxy unfolds, "
     "nginx skips it."),
    ("length/huge-*",
     "What does not fit in 63 bits is refused; HAProxy passes 2^64 on."),
    ("length/largest-*",
     "A client that breaks off a body with a FIN is told so (400); the others only close."),
    ("length/short-*",
     "A client that breaks off a body is told: 400 for a FIN, 408 for silence."),
    ("chunk-end/*",
     "Lines of the chunked coding end in CRLF. The others take a bare LF, some also other "
     "bytes."),
    ("chunk-ext/without-end",
     "The client is late: 408. HAProxy says 504, nginx closes."),
    ("chunk-ext/of-*",
     "An extension has a limit, nginx has none."),
    ("chunk-ext/*",
     "Extensions are dropped, but they must be well-formed: a line end hidden in one is "
     "how chunks are smuggled. The others skip to the end of the line without looking, "
     "even over control characters."),
    ("chunk-size/huge-*",
     "What does not fit in 63 bits is refused at once."),
    ("chunk-size/invalid-*",
     "White space within a size is no white space before an extension; nginx takes it."),
    ("chunk-size/*",
     "A size is hexadecimal digits, at most 64, and nothing else; the others tolerate more"
     " zeros or white space."),
    ("trailers/forbidden-*",
     "Fields that frame or route are dropped from trailers (RFC 9110 6.5.1); HAProxy "
     "passes them on."),
    ("trailers/too-*",
     "Trailers have a limit of their own (`limits.trailers`)."),
    ("trailers/crlf-of-end-*",
     "A client that breaks off a body with a FIN is told so."),
    ("trailers/*",
     "A malformed trailer refuses the message like a malformed field; nginx skips trailers"
     " unread, HAProxy takes folds and bare LF."),
    # --- heads
    ("request-line/method-*",
     "A method is any token (RFC 9110 9.1); nginx takes upper-case letters, `_` and `-`."),
    ("request-line/leading-many-crlf",
     "A few empty lines before a request are tolerated, not any number."),
    ("request-line/*",
     "One space between the parts, CRLF at the end, nothing before it but CRLF. RFC 9112 "
     "allows to be more tolerant, which is how readers come to differ."),
    ("target/malformed-*",
     "Only OPTIONS has `*`; an authority without a scheme is for CONNECT alone."),
    ("target/absolute-wins-*",
     "The absolute form decides and Host is rewritten (RFC 9112 3.2.2); HAProxy refuses a "
     "difference, nginx passes Host on as it came with this configuration."),
    ("target/absolute-*",
     "An authority is checked like Host, and one without a path is `/`."),
    ("target/connect-*",
     "CONNECT is refused unless `option: allow_connect`."),
    ("target/kept-*",
     "A target is passed on as it came; nginx looks into it and refuses."),
    ("target/bad-escape-*",
     "A target is passed on as it came; nginx looks into it and refuses."),
    ("target/dots-*",
     "A target is passed on as it came; nginx refuses to leave the root."),
    ("target/options-star",
     "`OPTIONS *` is for the server; nginx refuses it."),
    ("target/*",
     "Bytes outside of the grammar (RFC 9112 3.2), and fragments, are refused: they are "
     "cut or escaped differently by servers."),
    ("version/1.[29]",
     "Only 1.0 and 1.1 are spoken. RFC 9110 2.5 says that a higher minor version should be"
     " served as 1.1, but none will ever exist."),
    ("version/bad-*",
     "A digit, a dot, a digit: else 400; another version: 505. HAProxy takes 2.0 and "
     "higher on a connection of HTTP/1, nginx takes 1.01."),
    ("version/h2c-upgrade",
     "An upgrade to HTTP/2 would carry requests past the rules; it is not passed on."),
    ("version/http2-preface",
     "HTTP/2 without ALPN is not spoken here."),
    ("version/0.9-*",
     "HTTP/0.9 is refused."),
    ("version/1.0-without-host",
     "1.0 needs no Host; with this configuration nginx passes an empty one on."),
    ("fields/*",
     "A field line is `token:value` and CRLF, without control characters; anything else "
     "refuses the message. The others pass control characters on, unfold, or skip the "
     "line."),
    ("host/empty",
     "An empty Host names nobody, and has no place at a gateway."),
    ("host/*",
     "Host is one valid authority (RFC 9110 4.2): name, IPv4 or IPv6 in brackets, and a "
     "port up to 65535. The others pass much else on."),
    ("limits/1000-fields",
     "`limits.fields` is 128."),
    ("limits/name-of-*",
     "Only the line has a limit, not the name."),
    ("limits/empty-lines-*",
     "A few empty lines before a request are tolerated, not any number."),
    ("limits/*",
     "A long request line is 414, long fields are 431 (RFC 6585); HAProxy and nginx say "
     "400."),
    # --- responses
    ("response-head/beyond-*",
     "A status beyond 599 is none (RFC 9110 15)."),
    ("response-head/http-1.0*",
     "A gateway answers in its own version (RFC 9110 6.2), and can keep the client."),
    ("response-head/field-of-7000",
     "Heads of servers have the same limits as heads of clients."),
    ("response-head/*",
     "A malformed head is a 502, never passed on. nginx takes what has no status line for "
     "HTTP/0.9."),
    ("response-framing/both-*",
     "Both framing fields together are a 502: no guess whose length the server meant."),
    ("response-framing/until-close-then-reset",
     "A reset is no end: the client sees a broken chunked body; HAProxy's close looks like"
     " the end."),
    ("response-framing/until-close*",
     "A body that ends with the connection is chunked for a 1.1 client, which is kept."),
    ("response-framing/keep-alive-without-length",
     "As before: chunked for the client."),
    ("response-framing/chunked-to-1.0*",
     "A 1.0 client gets the body without chunks; HAProxy 2.6 names the coding, but sends "
     "none."),
    ("response-framing/*",
     "What frames a response is checked as in requests; nginx reads an invalid length as "
     "none, a folded or repeated one as it comes."),
    ("response-chunks/trailer-*",
     "Fields that frame are dropped from trailers; malformed ones end the exchange."),
    ("response-chunks/*",
     "As in requests: sizes, extensions and line ends are checked; a response that came "
     "whole before its fault was found is a 502. nginx closes in mid-air."),
    ("response-bodyless/204-*",
     "204 has no length (RFC 9110 8.6); nginx passes it on."),
    ("response-bodyless/head-*",
     "Bytes behind the head of an answer to HEAD are surplus: the connection is not "
     "reused."),
    ("response-bodyless/*",
     "Framing fields are checked also where no body follows."),
    ("response-surplus/*",
     "A connection with surplus bytes is never used again; nginx reuses some, and takes "
     "garbage for HTTP/0.9."),
    # --- flow
    ("early-answer/*",
     "After an answer that came before the body's end weir closes, unless the rest is "
     "already there."),
    ("expect/in-1.0",
     "No interim answers to 1.0."),
    ("expect/client-sends-nothing-more",
     "The client is late: 408."),
    ("expect/final-*",
     "After a final answer instead of 100 the connection is closed: it is not known "
     "whether the body comes."),
    ("expect/twice",
     "Two equal Expect are one; nginx refuses them."),
    ("expect/*",
     "nginx does not know interim answers of servers; it answers 100 by itself."),
    ("interim/*",
     "Interim answers are relayed, but not to 1.0; nginx does not understand them."),
    ("half-close/*",
     "Who only stops sending gets its answers, or is told that the request was cut off. "
     "nginx takes it for an abort; HAProxy too, in some cases."),
    ("upgrade/101-*",
     "101 is for who asked for it with GET, Upgrade and Connection in 1.1, and names the "
     "protocol; otherwise it is a 502."),
    ("upgrade/to-*",
     "An upgrade to HTTP/2 would carry requests past the rules; it is not passed on."),
    ("persistence/client-1.1-closed*",
     "`closed` is not `close`; nginx looks for the letters."),
    ("persistence/*",
     "Keep-Alive is for one hop and goes no further."),
    ("pipelining/bad-*",
     "A bad request ends the connection behind the answers to those before it; each proxy "
     "has its own list of bad ones, see above."),
    ("pipelining/until-close-first",
     "A body that ends with the connection is chunked, so that the next request is served."),
    ("pipelining/half-a-request-*",
     "Who has begun a request is told that it was not complete."),
    ("pipelining/502-in-the-middle",
     "A malformed head is a 502; nginx takes it for HTTP/0.9."),
    # --- hops
    ("hop-by-hop/request-5000-options",
     "More than 64 options in Connection are refused."),
    ("hop-by-hop/*",
     "RFC 9110 7.6.1: what Connection names, and Keep-Alive, Proxy-Connection, TE, Trailer"
     " and Upgrade stay at the hop."),
    ("via/*",
     "A gateway sends Via (RFC 9110 7.6.3); `option: {via: false}` turns it off."),
    ("max-forwards/*",
     "Max-Forwards is counted for OPTIONS and TRACE (RFC 9110 7.6.2), a malformed one "
     "refused."),
    # --- faults
    ("client-faults/*",
     "Who has begun a request and closes its sending side is told what is wrong with it; "
     "an aborted exchange ends at different moments."),
    ("origin-faults/silence-*",
     "A client that is late with its body is the one to be told (408)."),
    ("origin-faults/garbage-*",
     "A malformed head is a 502; nginx takes it for HTTP/0.9, HAProxy passes NUL on."),
    ("origin-faults/*-to-1.0",
     "A broken body must not look like a whole one: without a length only a reset says so."),
    ("origin-faults/*-in-until-close-body",
     "A reset or silence is no end: the client sees a broken body."),
    ("origin-faults/*",
     "A server that fails is a 502 and the client is kept; HAProxy closes without a word "
     "on a reused connection, so that the client asks again. What is idempotent is asked "
     "again here, once, on a new connection."),
    ("reuse/*",
     "A request that can be repeated is, on a new connection; HAProxy closes so that the "
     "client repeats it; nginx repeats also after half an answer."),
    ("slow-peers/*",
     "Each late peer is told: 408 for a client (HAProxy says 504 once a server is chosen);"
     " nginx only closes."),
]
