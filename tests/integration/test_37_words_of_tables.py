# SPDX-License-Identifier: MIT
"""Every word about stick tables, and every kind of map: weir, and the HAProxy whose language
it is, asked the same. Bytes are counted on the wire, which HAProxy does not: those words are
left out, and those that see the connection by which a test knows that HAProxy is there."""
import pathlib
import re

from weirlab import Client
from weirlab import origin as do
from weirlab.config import TIMEOUTS
from weirlab.haproxy import Haproxy

STORE = ("conn_cnt,conn_cur,conn_rate(1h),sess_cnt,sess_rate(1h),http_req_cnt,http_req_rate(1h),"
         "http_err_cnt,http_err_rate(1h),http_fail_cnt,http_fail_rate(1h),bytes_in_cnt,"
         "bytes_out_cnt,bytes_in_rate(1h),bytes_out_rate(1h)")
TABLES = {"one": ("ip", STORE + ",gpc0,gpc1,gpt0,gpc0_rate(1h),gpc1_rate(1h)"),
          "two": ("string", STORE + ",gpc0,gpc1,gpt0,gpc0_rate(1h),gpc1_rate(1h)"),
          "many": ("ip", "conn_cur,gpc(3),gpt(3),gpc_rate(3,1h)")}
WORDS = re.findall(r"^STICK_WORD\((\w+), \w+, (\w+)", (pathlib.Path(__file__).parents[2] /
                   "lib/expr/stick_words.def").read_text(), re.M)
CHANGES = ("inc_", "clr_")  # table_inc_gpc and its like came with a later HAProxy


def of_one(word):
    """How the counters of one key are asked for: of both trackers, of src, by a key."""
    yield from (f"sc_{word}(0)", f"sc0_{word}", f"sc1_{word}", f"sc_{word}(1,two)",
                f"src_{word}(one)")
    if not word.startswith(CHANGES):
        yield from (f"src,table_{word.removeprefix('get_')}(one)",
                    f"str(/503),table_{word.removeprefix('get_')}(two)")


def of_many(word):
    yield from (f"sc_{word}(1,2)", f"sc_{word}(2,2,many)", f"src_{word}(1,many)")
    if not word.startswith(CHANGES):
        yield f"src,table_{word.removeprefix('get_')}(1,many)"


ROWS = [row for word, kind in WORDS if "bytes" not in word
        for row in (of_one(word) if kind == "ONE" else of_many(word))] + [
    "sc_tracked(0)", "sc0_tracked", "sc1_tracked", "sc2_tracked",
    "sc_trackers(0)", "sc0_trackers", "sc1_trackers", "sc2_trackers",
    "src,in_table(one)", "str(/none),in_table(two)", "table_cnt(two)",
    "table_avl(two)", "src_updt_conn_cnt(one)", "src_updt_conn_cnt(one)",
    "str(/none),table_expire(two)", "str(/none),table_expire(two,7)",
    "str(/none),table_idle(two,8)", "str(/none),table_http_req_cnt(two)",
    "str(/none),table_trackers(two)"]
SHOWN = "|".join(f"%[{row}]" for row in ROWS)
PATHS = ["/", "/404", "/503", "/501", "/"]


def origin(lab):
    a = lab.origin("a")
    for status in (404, 503, 501):
        a.on(f"/{status}", do.answer(status))
    return a


def said(port):
    """What each of the responses says; one connection, from an address nobody else has."""
    with Client(port, source="127.0.0.37") as c:
        return [dict(zip(ROWS, c.ask(path).get("X-All").split("|"))) for path in PATHS]


def weir(lab):
    a, port = origin(lab), lab.port()
    lab.start({
        "defaults": {"mode": "http", "timeout": TIMEOUTS},
        "tables": {name: {"type": kind, "size": "1k", "expire": "1h", "store": store.split(",")
                          if name != "many" else ["conn_cur", "gpc(3)", "gpt(3)",
                                                  "gpc_rate(3,1h)"]}
                   for name, (kind, store) in TABLES.items()},
        "frontends": {"fe": {
            "bind": f"127.0.0.1:{port}", "default_backend": "be",
            "tcp_request": {"connection": [{"track_sc0": {"key": "src", "table": "one"}},
                                           {"track_sc2": {"key": "src", "table": "many"}}]},
            "http_request": [
                {"track_sc1": {"key": "path", "table": "two"}},
                {"sc_inc_gpc0": 0}, {"sc_inc_gpc1": 1}, {"sc_set_gpt0": {"sc": 0, "value": 33}},
                {"sc_inc_gpc": {"idx": 1, "sc": 2}},
                {"sc_set_gpt": {"idx": 2, "sc": 2, "value": 44}}],
            "http_response": [{"set_header": {"name": "X-All", "value": SHOWN}}]}},
        "backends": {"be": {"servers": {"a": a.address}}}}, nbproc=1)
    return said(port)


def haproxy(lab):
    a, port = origin(lab), lab.port()
    tables = "".join(f"backend {name}\n stick-table type {kind} size 1k expire 1h store {store}\n"
                     for name, (kind, store) in TABLES.items())
    Haproxy(lab, f"""
{tables}
frontend fe
 bind 127.0.0.1:{port}
 tcp-request connection track-sc0 src table one
 tcp-request connection track-sc2 src table many
 http-request track-sc1 path table two
 http-request sc-inc-gpc0(0)
 http-request sc-inc-gpc1(1)
 http-request sc-set-gpt0(0) 33
 http-request sc-inc-gpc(1,2)
 http-request sc-set-gpt(2,2) 44
 http-response set-header X-All "{SHOWN}"
 default_backend be
backend be
 server a {a.address}
""", port)
    return said(port)


def test_every_word_about_a_table_counts_as_in_haproxy(lab):
    ours, theirs = weir(lab), haproxy(lab)
    differ = [f"{path}: {row}: {mine} in weir, {other} in HAProxy"
            for path, x, y in zip(PATHS, ours, theirs)
            for row, mine, other in zip(x, x.values(), y.values()) if mine != other]
    assert not differ, "\n".join(differ)


MAPS = {  # kind: the file's lines, a key that is found, what is found, a key that is not
    "str": ("www.example.com 1\nwww.example.com 2", "str(www.example.com)", "str(example.com)"),
    "beg": ("www. 1\nwww.example 2", "str(www.example.com)", "str(ww)"),
    "sub": ("example 1", "str(www.example.com)", "str(exampl)"),
    "dir": ("two 1", "str(/one/two/three)", "str(/one/twos)"),
    "dom": ("example 1", "str(www.example.com)", "str(www.examples.com)"),
    "end": (".com 1\nexample.com 2", "str(www.example.com)", "str(www.com.eu)"),
    "int": ("1:20 1\n12 2\n30 2\n1:40 3", "int(12)", "int(41)"),
    "reg": ("^www\\.(.*)$ 1", "str(www.example.com)", "str(wwwexample.com)"),
    "ip": ("192.0.2.0/24 1\n192.0.2.7 2\n2001:db8::/32 3", "ipv4(192.0.2.7)", "ipv4(192.0.3.7)"),
}
FOUND = {"beg": "2", "ip": "2"}  # the longest; the first one elsewhere


def map_rows(lab):
    """[(expression, what it gives)]"""
    rows = []
    for kind, (text, key, other) in MAPS.items():
        value = FOUND.get(kind, "1")
        paths = {how: lab.file(f"{kind}.{how}", re.sub(r"(\d)$", to, text, flags=re.M) + "\n")
                 for how, to in (("str", r"value \1"), ("int", r"4\1"), ("ip", r"10.0.0.\1"))}
        for how, found in (("str", f"value {value}"), ("int", f"4{value}"),
                           ("ip", f"10.0.0.{value}")):
            names = [f"map_{kind}_{how}"] + ([f"map_{kind}"] if how == "str" else [])
            if how == "str":
                names.remove("map_" + kind + "_str")  # not in 2.6
            for name in names:
                rows += [(f"{key},{name}({paths[how]})", found), (f"{other},{name}({paths[how]})", "")]
            default = "127.0.0.9" if how == "ip" else "99"
            rows += [(f"{other},{names[-1]}({paths[how]},{default})", default)]
    regm = lab.file("regm", "^www\\.(.*)\\.com$ to-\\1-\\0\n")
    bare = lab.file("bare", "abc\ndef two  words \n")
    return rows + [
        (f"str(www.example.com),map_regm({regm})", "to-example-www.example.com"),
        (f"str(example.com),map_regm({regm},none)", "none"),
        (f"str(www.example.com),map({lab.dir}/str.str)", "value 1"),
        (f"ipv6(2001:db8::9),map_ip({lab.dir}/ip.str)", "value 3"),
        (f"str(192.0.2.7),map_ip({lab.dir}/ip.str)", "value 2"),
        (f"str(30),map_int({lab.dir}/int.str)", "value 2"),
        (f"str(abc),map({bare},none)", ""), (f"str(def),map({bare})", "two  words"),
    ]


def ask_maps(port, rows):
    with Client(port) as c:
        said = c.ask("/").get("X-All").split("|")
    return [f"{text}: expected '{wanted}', got '{got}'" for (text, wanted), got
            in zip(rows, said, strict=True) if wanted != got]


def test_every_kind_of_map_finds_what_it_should(lab):
    rows, port = map_rows(lab), lab.port()
    later = [(text.replace("map_str(", "map_str_str("), value) for text, value in rows]
    rows += [row for row in later if row not in rows]
    for kind, (text, key, other) in MAPS.items():
        keys = [line.rsplit(" ", 1)[0] for line in text.splitlines()]
        found = keys[int(FOUND.get(kind, "1")) - 1]
        rows += [(f"{key},map_{kind}_key({lab.dir}/{kind}.str)", found),
                 (f"{other},map_{kind}_key({lab.dir}/{kind}.str)", "")]
    lab.start({"frontends": {"fe": {
        "mode": "http", "bind": f"127.0.0.1:{port}",
        "http_request": [{"return": {"status": 200, "headers": {"X-All": "|".join(
            f"%[{text}]" for text, _ in rows)}}}]}}}, nbproc=1)
    differ = ask_maps(port, rows)
    assert not differ, "\n".join(differ)


def test_and_so_does_haproxy(lab):
    rows, port = map_rows(lab), lab.port()
    shown = "|".join(f"%[{text}]" for text, _ in rows)
    Haproxy(lab, f"""
frontend fe
 bind 127.0.0.1:{port}
 http-request return status 200 hdr X-All "{shown}"
""", port)
    differ = ask_maps(port, rows)
    assert not differ, "\n".join(differ)
