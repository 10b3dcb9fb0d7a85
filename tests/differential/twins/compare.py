# SPDX-License-Identifier: MIT
"""What the two have done differently: in the answers, at the servers, in the log, in the
statistics. Times, process numbers and ports of the moment are no difference; what else is
none has its reason in docs/migration.md."""
import contextlib
import re

from weirlab import wait_until

from .servers import NUMBER

# Columns of `show stat` without a comparison: of times,
NOT_COMPARED = {
    "smax", "lastchg", "downtime", "lastsess", "qtime", "ctime", "rtime", "ttime", "check_duration",
    "agent_duration", "qtime_max", "ctime_max", "rtime_max", "ttime_max", "rate", "rate_max",
    "req_rate", "req_rate_max", "conn_rate", "conn_rate_max", "chkfail",
    # of bytes, and of the order in which proxies are written (docs/migration.md),
    "bin", "bout", "iid",
    # and of what HAProxy alone has inside
    "cookie", "eint", "agg_server_status", "agg_server_check_status", "agg_check_status", "srv_icur",
    "idle_conn_cur", "safe_conn_cur", "used_conn_cur", "need_conn_est", "comp_in", "comp_out",
    "comp_byp", "tracked", "comp_rsp", "cache_lookups", "cache_hits",
}


def _plain(side, text, port=None):
    """Without what differs between two runs of one program."""
    if port:
        text = re.sub(rf"\b{port}\b", "<client's port>", text)
    text = side.places.original(text)
    text = re.sub(r"^\* (?=L\d)", "", text)  # a check is under way
    # how the system has told of a failure depends on the moment, the days in a cookie, too
    text = re.sub(r"\w+ returned by OS \((.*)\)", r"\1", text)
    return re.sub(r"(?<=\|)[\w+/]{5}(?=[;|]|$)", "<date>", text)


# --- answers -------------------------------------------------------------------------
def _is_builtin_page(response):
    return response.body.lstrip().startswith((b"<html><body><h1>", b"<!DOCTYPE"))


def _fields(side, fields, but=(), port=None):
    """Fields by name; those of one name stay in their order."""
    return sorted(((k.lower(), _plain(side, v, port)) for k, v in fields
                   if k.lower() not in but), key=lambda f: f[0])


def _told(side, answer, is_page):
    if answer.error:
        return answer.error
    if answer.response is None:
        return _plain(side, answer.data.decode("latin-1"), answer.port)
    r = answer.response
    but = {"date", "allow"} if r.status == 405 else {"date"}
    if is_page:  # each has pages of its own
        but |= {"content-length", "content-type", "cache-control", "connection", "keep-alive"}
    return (r.version, r.status, _fields(side, r.fields, but, answer.port),
            None if is_page else _plain(side, r.body.decode("latin-1"), answer.port))


def _modernize(response):
    """An error file of HTTP/1.0 is sent as it is by HAProxy, with HTTP/1.1 and a length by
    weir."""
    response.version = "HTTP/1.1"
    if response.get("Content-Length") is None:
        response.fields.append(("Content-Length", str(len(response.body))))


def _answers(sides, answers):
    for theirs, ours in zip(*answers):
        is_page = bool(theirs.response and ours.response and
                       _is_builtin_page(theirs.response) and
                       theirs.response.status == ours.response.status)
        if theirs.response and theirs.response.version == "HTTP/1.0":
            _modernize(theirs.response)
        pair = [_told(s, a, is_page) for s, a in zip(sides, (theirs, ours))]
        if pair[0] != pair[1]:
            yield f"{theirs.item}: the client's answer", *pair


# --- servers -------------------------------------------------------------------------
def _arrived(side, number, port):
    """What reached a server of one request, with the server."""
    out = []
    for address, server in side.servers.items():
        for n, what in server.heard:
            if n != number:
                continue
            if isinstance(what, str):
                out.append((address, what))
                continue
            out.append((address, what.method, what.target, what.version,
                        _fields(side, what.fields, {NUMBER.lower()}, port), what.body,
                        what.trailers))
    return out


def _servers(sides, answers):
    for theirs, ours in zip(*answers):
        number = theirs.item.number
        pair = [_arrived(s, number, a.port) for s, a in zip(sides, (theirs, ours))]
        if pair[0] != pair[1]:
            yield f"{theirs.item}: what the servers got", *pair


# --- log -----------------------------------------------------------------------------
def _log_line(side, line, ports):
    line = re.sub(r"^<(\d+)>\w+ +\d+ [\d:]+ ", r"<\1> ", line)
    line = re.sub(r"\[\d+\]:", "[pid]:", line)
    line = re.sub(r"\[\d\d/\w+/[^]]*\]", "[date]", line)
    for port in ports:
        line = re.sub(rf"\b(127\.\d+\.\d+\.\d+):{port}\b", r"\1:<port>", line)
    line = side.places.original(line)
    # the first row of numbers is times; -1 is none, and behind a status stand the bytes
    line = re.sub(r" \+?-?\d+(/\+?-?\d+){2,4} ",
                  lambda m: re.sub(r"(?<!-)\b\d+", "t", m[0]), line, count=1)
    line = re.sub(r"( [-+t/1]+ \d{3}) \+?\d+ ", r"\1 <bytes> ", line)
    # connections: one that its client has closed may still be counted
    line = re.sub(r" \d+/\d+(/\d+/\d+/\+?\d+ \d+/\d+ )", r" <conns>\1", line)
    line = re.sub(r"(, check duration: )\d+ms", r"\1<t>", line)
    return line


def _is_about_traffic(line):
    return not re.search(r" (Server|Proxy|backend|frontend|Health check) |: uid \d+ pid \d+ says ",
                         line)


def log_lines(side, answers):
    ports = [a.port for a in answers if a.port]
    return [_log_line(side, line, ports) for line in side.sink.lines]


def _log(sides, answers):
    def about_traffic():
        return [sorted(filter(_is_about_traffic, log_lines(s, a)))
                for s, a in zip(sides, answers)]
    with contextlib.suppress(AssertionError):  # some may still be on their way
        wait_until(lambda: len({len(lines) for lines in about_traffic()}) == 1, 3)
    lines = about_traffic()
    theirs, ours = [list(x) for x in lines]
    for line in lines[0]:
        if line in ours:
            theirs.remove(line)
            ours.remove(line)
    for i in range(max(len(theirs), len(ours))):
        yield ("a line of the log", theirs[i] if i < len(theirs) else "(nothing)",
               ours[i] if i < len(ours) else "(nothing)")


# --- statistics ----------------------------------------------------------------------
def _stats(sides):
    rows = [s.stats() for s in sides]
    not_compared = NOT_COMPARED | (set() if sides[0].places.has_maxconn else {"slim"})
    served = {px for px, sv in rows[0] if sv not in ("FRONTEND", "BACKEND")}
    if rows[0].keys() != rows[1].keys():
        yield "rows of 'show stat'", *[sorted(r) for r in rows]
    for key in rows[0].keys() & rows[1].keys():
        for column, theirs in rows[0][key].items():
            if column is None or column in not_compared or column not in rows[1][key]:
                continue
            if column == "cli_abrt" and key[0] not in served:  # HAProxy's own pages count
                continue
            pair = [_plain(s, v or "") for s, v in zip(sides, (theirs, rows[1][key][column]))]
            # weir says more of MySQL's and its like, and less than 100 bytes
            if column == "last_chk" and pair[0].strip().startswith(
                    pair[1][:20] if pair[0] else ""):
                continue
            if column == "check_code" and pair[0] == "0":  # a check is under way
                continue
            if pair[0] != pair[1]:
                yield f"'show stat', {column} of {'/'.join(key)}", *pair


def differences(sides, answers):
    """(what, HAProxy's, weir's) of everything that is different."""
    return [*_answers(sides, answers), *_servers(sides, answers), *_log(sides, answers),
            *_stats(sides)]
