# SPDX-License-Identifier: MIT
"""Maps and ACLs that change while they are used: HAProxy's words and answers, for all workers
at once."""
import os
import re
import signal
import threading

import pytest

from weirlab import Client, get, say, wait_until
from weirlab.config import web
from weirlab.haproxy import Haproxy

HAPROXY = """
global
 stats socket {sock} mode 600 level admin
frontend fe
 bind 127.0.0.1:{port}
 acl one path_beg /x /y
 acl two src -f {dir}/ips.lst
 acl three src -u 77 192.0.2.4
 acl four hdr(host) -i -f {dir}/hosts.lst Foo
 http-request set-header X %[path,map_beg({dir}/m.map,none)]
 http-request set-header Y %[path,map_int({dir}/i.map,none)]
 http-request deny if one || two || three || four
 default_backend be
backend be
 server a 127.0.0.1:{a}
"""

# Said one after the other; each answer is the same to the letter. M, I, IPS, HOSTS: files.
SAME = """
show map M
show map #
show map zz
show map #99
show acl #77
show acl IPS
show acl #x
get map M /abc
get map M zz
get map M
get map
get acl
get acl #77 192.0.2.4
get acl #77 192.0.2.5
get acl HOSTS a.COM
get acl IPS 10.1.1.1
get acl IPS foo
add map
add map M
add map M k
add map M k v
add map M k v2
add map zz k v
add acl
add acl zz k
add acl #77
add acl #77 198.51.100.1
get acl #77 198.51.100.1
set map
set map M
set map M k
set map M k v9
set map M nope v9
set map zz nope v9
set map M #0xfff1 v9
show map M
get map M k/2
del map M
del map
del map zz k
del map M nope
del map M k
del map M #0xfff1
show map M
del acl
del acl #77
del acl #77 198.51.100.1
del acl #77 198.51.100.1
prepare map
prepare map zz
prepare map M
prepare acl #77
add map @1 M q r
show map @1 M
show map @9 M
show map @0 M
get map M /a
commit map M
commit map @x M
commit map @9 M
commit map @1 zz
commit map @1 M
show map M
get map M /a
get map M qq
commit map @1 M
add map @5 M q r
add map @1 M q2 r
show map M
clear map
clear map zz
clear map @77 M
clear map M
show map M
get map I 7
add map I 5 y
get map I 5
get map I 12
clear acl #77
get acl #77 192.0.2.4
clear acl
""".strip().splitlines()


def files(lab):
    return {"IPS": lab.file("ips.lst", "10.0.0.0/8\n192.168.1.1\n"),
            "HOSTS": lab.file("hosts.lst", "A.com\nb.com\n"),
            "M": lab.file("m.map", "/a one\n/b two words\n#c\n/a three\n"),
            "I": lab.file("i.map", "1 x\n5:9 y\n")}


def proxy(lab, paths, **more):
    return lab.start(web(lab.port(), {"a": lab.origin("a")}, frontend={
        "acl": {"one": "path_beg /x /y", "two": f"src -f {paths['IPS']}",
                "three": "src -u 77 192.0.2.4",
                "four": f"hdr(host) -i -f {paths['HOSTS']} Foo"},
        "http_request": [
            {"set_header": {"name": "X", "value": f"%[path,map_beg({paths['M']},none)]"}},
            {"set_header": {"name": "Y", "value": f"%[path,map_int({paths['I']},none)]"}},
            {"deny": {"status": 403}, "if": "one || two || three || four"}]}), **more)


def test_answers_are_haproxys(lab):
    paths = files(lab)
    port, sock = lab.port(), f"{lab.shm_dir}/haproxy.sock"
    folder = paths["M"].rsplit("/", 1)[0]
    Haproxy(lab, HAPROXY.format(sock=sock, port=port, dir=folder, a=lab.port()), port)
    weir = proxy(lab, paths, nbproc=2)
    wrong = {}
    for line in SAME:
        said = " ".join(paths.get(word, word) for word in line.split())
        # the first number of an entry is its own
        ours, theirs = (re.sub(r"(?m)^0x[0-9a-f]+ ", "", say(path, said))
                        for path in (weir.sock, sock))
        if ours != theirs:
            wrong[line] = (ours, theirs)
    assert not wrong, "\n".join(f"{k}\n  weir:    {a!r}\n  haproxy: {b!r}"
                                for k, (a, b) in wrong.items())


def test_what_is_wrong_with_a_pattern_is_told(lab):
    paths = files(lab)
    weir = proxy(lab, paths, nbproc=1)
    assert say(weir.sock, f"add map {paths['I']} x y") == \
        "'x' is not a number or a range such as 1:10.\n\n"
    assert say(weir.sock, "add acl #77 foo").startswith(
        "'foo' is not an address or network; expected one such as 10.0.0.0/8")


def test_all_lists_are_told(lab):
    paths = files(lab)
    weir = proxy(lab, paths, nbproc=1)
    assert say(weir.sock, "show map").splitlines()[:3] == [
        "# id (file) description",
        f"{5} ({paths['M']}) pattern loaded from file '{paths['M']}' used by map."
        " curr_ver=0 next_ver=0 entry_cnt=3",
        f"{6} ({paths['I']}) pattern loaded from file '{paths['I']}' used by map."
        " curr_ver=0 next_ver=0 entry_cnt=2"]
    lists = say(weir.sock, "show acl")
    assert "\n0 () acl 'path_beg'. curr_ver=0 next_ver=0 entry_cnt=2\n" in lists
    assert "\n77 () acl 'src'. curr_ver=0 next_ver=0 entry_cnt=1\n" in lists


def test_payloads_and_references(lab):
    paths = files(lab)
    weir = proxy(lab, paths, nbproc=1)
    assert say(weir.sock, f"add map {paths['M']} <<\n/p 1\n/q 2 3\n") == "\n"
    assert say(weir.sock, f"add map {paths['M']} <<\n/p 1\n/r\n") == \
        "Missing value for key '/r'.\n\n"
    shown = say(weir.sock, f"show map {paths['M']}").split("\n")
    assert [line.split(" ", 1)[1] for line in shown if line] == [
        "/a one", "/b two words", "/a three", "/p 1", "/q 2 3", "/p 1"]
    first = shown[3].split()[0]
    assert say(weir.sock, f"set map {paths['M']} #{first} other") == "\n"
    assert say(weir.sock, f"del map {paths['M']} #{first}") == "\n"
    assert say(weir.sock, f"del map {paths['M']} #{first}") == "Key not found.\n\n"
    assert say(weir.sock, f"user; add map {paths['M']} x y").endswith("Permission denied\n\n")


def told(weir, port, path="/"):
    return get(port, path).get("m")


def switch(lab, nbproc, text="on one\n", **more):
    """Every answer tells in M what the map says of its path."""
    port, path = lab.port(), lab.file("switch.map", text)
    weir = lab.start(web(port, {"a": lab.origin("a")}, frontend={"http_request": [
        {"return": {"status": 200, "headers": {
            "M": f"%[path,map({path},none)]"}}}]}), nbproc=nbproc, **more)
    return weir, port, path


@pytest.mark.parametrize("nbproc", [1, 2, 8])
def test_a_change_is_seen_by_all_workers_with_the_next_request(lab, nbproc):
    weir, port, path = switch(lab, nbproc)
    for i in range(20):
        assert say(weir.sock, f"add map {path} /{i} v{i}") == "\n"
        for _ in range(nbproc):
            assert told(weir, port, f"/{i}") == f"v{i}"
        assert say(weir.sock, f"set map {path} /{i} w{i}") == "\n"
        for _ in range(nbproc):
            assert told(weir, port, f"/{i}") == f"w{i}"
    assert say(weir.sock, f"clear map {path}") == "\n"
    assert {told(weir, port, f"/{i}") for i in range(20)} == {"none"}


def test_changes_outlive_workers_and_control_but_not_a_reload(lab):
    weir, port, path = switch(lab, 2)
    say(weir.sock, f"add map {path} /k v")
    for role in ("worker", "control"):
        for pid in weir.of_role(role):
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda p=pid: p not in weir.of_role(role) and weir.of_role(role))
    wait_until(lambda: say(weir.sock, f"get map {path} /k").count("found=yes") == 1)
    assert told(weir, port, "/k") == "v"
    assert say(weir.sock, f"set map {path} /k w") == "\n"
    assert told(weir, port, "/k") == "w"
    weir.reload()
    assert told(weir, port, "/k") == "none"


def test_a_committed_version_comes_as_a_whole(lab):
    weir, port, path = switch(lab, 2, "/a 0\n/b 0\n")
    done = threading.Event()
    seen = []

    def watch():
        with Client(port) as c:
            while not done.is_set():
                c.send(b"GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /zz HTTP/1.1\r\nHost: x\r\n\r\n")
                seen.append((c.response().get("m"), c.response().get("m")))

    watcher = threading.Thread(target=watch)
    watcher.start()
    for n in range(1, 30):
        assert say(weir.sock, f"prepare map {path}") == f"New version created: {n}\n\n"
        entries = "".join(f"/{i} x\n" for i in range(200))
        assert say(weir.sock, f"add map @{n} {path} <<\n/a {n}\n{entries}") == "\n"
        assert say(weir.sock, f"commit map @{n} {path}") == "\n"
        assert told(weir, port, "/a") == str(n)
        assert told(weir, port, "/b") == "none"
    done.set()
    watcher.join()
    assert len(seen) > 0
    assert all(a.isdigit() and z == "none" for a, z in seen)
    assert [int(a) for a, _ in seen] == sorted(int(a) for a, _ in seen)


def test_rules_change_maps_and_acls_for_all_workers(lab):
    port = lab.port()
    banned, seen = lab.file("banned.lst", ""), lab.file("seen.map", "")
    weir = lab.start(web(port, {"a": lab.origin("a")}, frontend={
        "acl": {"is_banned": f"req.hdr(who) -f {banned}"},
        "http_request": [
            {"add_acl": {"acl": banned, "key": "%[req.hdr(who)]"}, "if": "{ path /ban }"},
            {"del_acl": {"acl": banned, "key": "%[req.hdr(who)]"}, "if": "{ path /pardon }"},
            {"del_map": {"map": seen, "key": "%[req.hdr(who)]"}, "if": "{ path /forget }"},
            {"return": {"status": 403}, "if": "is_banned"},
            {"return": {"status": 200, "headers": {
                "M": f"%[req.hdr(who),map({seen},none)]"}},
             "if": "{ path /last }"}],
        "http_response": [
            {"set_map": {"map": seen, "key": "%[capture.req.hdr(0)]", "value": "%[status]"}}],
        "capture": {"request": {"header": [{"name": "who", "len": 20}]}}}), nbproc=2)

    def ask(path, who):
        return get(port, path, fields=[("who", who)])

    for who in ("ann", "bob"):
        assert ask("/last", who).get("m") == "none"
        assert ask("/", who).status == 200
        assert ask("/last", who).get("m") == "200"
        assert ask("/ban", who).status == 403
        assert ask("/ban", who).status == 403
        assert ask("/", who).status == 403
    shown = say(weir.sock, f"show acl {banned}").split()
    assert shown[1::2] == ["ann", "bob"]
    assert ask("/pardon", "ann").status == 200
    assert ask("/", "ann").status == 200 and ask("/", "bob").status == 403
    assert ask("/forget", "ann").status == 200
    assert say(weir.sock, f"show map {seen}").split()[1:] == ["bob", "200"] or \
        "ann 200" in say(weir.sock, f"show map {seen}")


def test_a_rule_for_a_file_nobody_looks_into_is_an_error(lab):
    weir = lab.prepare(web(lab.port(), {"a": "127.0.0.1:1"}, frontend={
        "http_request": [{"set_map": {"map": "/nowhere", "key": "a", "value": "b"}}]}))
    result = weir.run()
    assert result.returncode == 1
    assert "nothing looks into '/nowhere'; expected the file of a map converter" in result.stderr
