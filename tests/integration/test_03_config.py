# SPDX-License-Identifier: MIT
"""What is wrong in a configuration is said, all of it, with its place; and the command
line."""
import json
import os
import pathlib
import re
import subprocess

import pytest

from weirlab import get
from weirlab.config import web

GOOD = """\
defaults:
  mode: http
  timeout: {connect: 1s, client: 1s, server: 1s}
frontends:
  fe:
    bind: 127.0.0.1:8080
    default_backend: be
backends:
  be:
    servers: {a: 127.0.0.1:8081}
"""

# The first keyword of proxies that is known but not implemented.
UNSUPPORTED = pathlib.Path(__file__).parents[2] / "config/unsupported.def"
NOT_YET = re.search(r"NOT_YET\(proxy, (\w+)\)", UNSUPPORTED.read_text()).group(1)

# name: (text, the lines of the errors, words of which every one must be said)
GARBAGE = {
    "unknown key": (GOOD.replace("    default_backend", "    defualt_backend"), [7],
                    ["defualt_backend", "default_backend"]),
    "unknown section": (GOOD + "frontend: {}\n", [11], ["frontend", "frontends"]),
    "misspelt timeout": (GOOD.replace("client: 1s", "clinet: 1s"), [3], ["clinet", "client"]),
    "centimeout": (GOOD.replace("  mode: http", "  centimeout: 5000\n  mode: http"), [2],
                   ["centimeout", "contimeout"]),
    "srvtiimeout": (GOOD.replace("  mode: http", "  srvtiimeout: 5000\n  mode: http"), [2],
                    ["srvtiimeout", "srvtimeout"]),
    "duplicate key": (GOOD.replace("  mode: http", "  mode: http\n  mode: tcp"), [3], ["mode", "2"]),
    "duplicate section": (GOOD + "backends: {}\n", [11], ["backends"]),
    "duplicate server": (GOOD.replace("{a: 127.0.0.1:8081}",
                                      "{a: 127.0.0.1:8081, a: 127.0.0.1:8082}"), [10], ["a"]),
    "unknown backend": (GOOD.replace("default_backend: be", "default_backend: bee"), [7],
                        ["bee", "be"]),
    "bad mode": (GOOD.replace("mode: http", "mode: htp"), [2], ["htp", "http"]),
    "bad duration": (GOOD.replace("client: 1s", "client: 1fortnight"), [3], ["1fortnight"]),
    "negative duration": (GOOD.replace("client: 1s", "client: -1s"), [3], ["-1s"]),
    "bad address": (GOOD.replace("bind: 127.0.0.1:8080", "bind: 127.0.0.1.7:8080"), [6],
                    ["127.0.0.1.7"]),
    "port too high": (GOOD.replace("bind: 127.0.0.1:8080", "bind: 127.0.0.1:80800"), [6], ["80800"]),
    "server without a port number": (GOOD.replace("127.0.0.1:8081", "127.0.0.1:http!"), [10],
                                     ["http!"]),
    "weight too high": (GOOD.replace("{a: 127.0.0.1:8081}",
                                     "{a: {address: 127.0.0.1:8081, weight: 300}}"), [10],
                        ["300", "256"]),
    "not a number": ("global: {nbproc: many}\n" + GOOD, [1], ["many"]),
    "too many workers": ("global: {nbproc: 100000}\n" + GOOD, [1], ["100000"]),
    "bad balance": (GOOD.replace("  be:\n", "  be:\n    balance: roundrobbin\n"), [10],
                    ["roundrobbin", "roundrobin"]),
    "bad option": (GOOD.replace("  mode: http", "  mode: http\n  option: [htplog]"), [3],
                   ["htplog", "httplog"]),
    "map where a list belongs": (GOOD.replace("    default_backend: be",
                                              "    default_backend: be\n    use_backend: 3"),
                                 [8], ["use_backend"]),
    "scalar where a map belongs": (GOOD.replace("    servers: {a: 127.0.0.1:8081}",
                                                "    servers: 7"), [10], ["servers"]),
    "unknown acl": (GOOD.replace("    default_backend: be",
                                 "    use_backend: [{backend: be, if: is_api}]"), [7], ["is_api"]),
    "unknown fetch": (GOOD.replace("    default_backend: be",
                                   "    use_backend: [{backend: be, if: '{ pathbeg /a }'}]"), [7],
                      ["pathbeg"]),
    "open brace in a condition": (GOOD.replace(
        "    default_backend: be", "    use_backend: [{backend: be, if: '{ path_beg /a'}]"), [7],
        ["}"]),
    "two actions in a rule": (GOOD.replace(
        "    default_backend: be", "    default_backend: be\n    http_request:\n"
        "      - {deny: true, return: {status: 200}}"), [9], ["deny"]),
    "status that is none": (GOOD.replace(
        "    default_backend: be", "    default_backend: be\n    http_request:\n"
        "      - deny: {status: 9999}"), [9], ["9999"]),
    "known but not implemented": (GOOD.replace("  be:\n", f"  be:\n    {NOT_YET}: x\n"), [10],
                                  [NOT_YET, "not implemented"]),
    "scope that has ended": (GOOD.replace(
        "    default_backend: be", "    default_backend: be\n    http_response:\n"
        "      - {set_header: {name: a, value: '%[var(req.a)]'}}"), [9],
        ["the scope of 'req.a' is gone"]),
    "tab": (GOOD.replace("  mode: http", "\tmode: http"), [2], []),
    "not closed": (GOOD + "x: {a: [1, 2\n", [11, 12], []),
    "tag": (GOOD.replace("mode: http", "mode: !x http"), [2], []),
    "condition taken for a tag": (GOOD.replace(
        "    default_backend: be", "    use_backend: [{backend: be, if: !a b}]"), [7], ["quot"]),
    "second document": (GOOD + "---\nglobal: {}\n", [11, 12], ["document"]),
    "not a map": ("- a\n- b\n", [1], []),
    "variable that is not set": (GOOD.replace("127.0.0.1:8081", "'${WEIRLAB_NOT_SET}'"), [10],
                                 ["WEIRLAB_NOT_SET"]),
    "no address to bind": (GOOD.replace("    bind: 127.0.0.1:8080\n", ""), None, ["bind"]),
    "regex": (GOOD.replace("  be:\n", "  be:\n    option: {httpchk: true}\n    http_check: "
                           "[{expect: {rstring: '(x'}}]\n"), [11], ["(x"]),
    "name too long": (GOOD.replace("  be:", "  " + "b" * 200 + ":")
                      .replace("default_backend: be", "default_backend: " + "b" * 200), [9], []),
    "alias bomb": ("a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"{c}: &{c} [{', '.join(['*' + p] * 10)}]\n" for p, c in zip("abcdefgh", "bcdefghi")),
        None, []),
    "binary": ("\x01\x02\x03: 1\n", [1], []),
}


def weir(lab, *args, cwd=None, env=None):
    return subprocess.run([lab.weir, *args], capture_output=True, text=True, timeout=20,
                          cwd=cwd or lab.dir, env=dict(os.environ, **(env or {})),
                          stdin=subprocess.DEVNULL)


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_is_refused_with_its_place(lab, name):
    text, lines, words = GARBAGE[name]
    path = lab.file("x.yaml", text)
    r = weir(lab, "-c", "-f", path)
    assert r.returncode == 1, (r.returncode, r.stdout, r.stderr)
    said = r.stdout + r.stderr
    if lines:
        found = [int(n) for n in re.findall(r"x\.yaml:(\d+):\d+: ", said)]
        assert set(found) & set(lines), said
    for word in words:
        assert word in said, said
    assert "valid" not in r.stdout


def test_all_errors_of_all_files_are_reported_in_order(lab):
    os.mkdir(os.path.join(lab.dir, "c"))
    lab.file("c/b.yaml", "defaults:\n  mode: nope\n  retires: 3\n")
    lab.file("c/a.yml", "frontends:\n  fe:\n    bnd: '*:1'\n    maxconn: lots\n")
    lab.file("c/ignored.txt", "not: [yaml")
    r = weir(lab, "-c", "-f", "c")
    assert r.returncode == 1
    places = re.findall(r"(\S*c/[ab]\.ya?ml):(\d+):(\d+): ", r.stderr)
    at = [(os.path.basename(f), int(line)) for f, line, _ in places]
    for wanted in (("a.yml", 3), ("a.yml", 4), ("b.yaml", 2), ("b.yaml", 3)):
        assert wanted in at, r.stderr
    assert at == sorted(at)
    assert "did you mean" in r.stderr and "retries" in r.stderr and "bind" in r.stderr
    assert "frontends.fe.bnd" in r.stderr


def test_the_same_section_in_two_files_names_both_places(lab):
    one = lab.file("one.yaml", GOOD)
    two = lab.file("two.yaml", "backends:\n  be:\n    servers: {b: 127.0.0.1:1}\n")
    r = weir(lab, "-c", "-f", one, "-f", two)
    assert r.returncode == 1
    assert "two.yaml:2" in r.stderr and "one.yaml:9" in r.stderr


def test_global_and_defaults_may_span_files(lab):
    one = lab.file("one.yaml", GOOD)
    two = lab.file("two.yaml", "global: {nbproc: 3}\ndefaults: {retries: 7, timeout: {queue: 9s}}\n")
    three = lab.file("three.yaml", "global: {maxconn: 77}\n")
    r = weir(lab, "-c", "-f", one, "-f", two, "-f", three)
    assert r.returncode == 0, r.stderr
    assert "Configuration file is valid" in r.stdout + r.stderr
    dump = weir(lab, "--dump-config", "-f", one, "-f", two, "-f", three).stdout
    for value, origin in (("nbproc: 3", "two.yaml:1"), ("retries: 7", "two.yaml:2"),
                          ("maxconn: 77", "three.yaml:1")):
        assert any(value in line and origin in line for line in dump.splitlines()), dump


def test_check_only_touches_nothing(lab):
    path = lab.file("g.yaml", f"global: {{shm: {lab.shm_dir}/x.shm}}\n" + GOOD)
    r = weir(lab, "-c", "-f", path)
    assert r.returncode == 0, r.stderr
    assert "Configuration file is valid" in r.stdout + r.stderr
    assert not os.path.exists(f"{lab.shm_dir}/x.shm")
    r = weir(lab, "-c", "-V", "-f", path)
    assert r.returncode == 0
    assert re.search(r"shm.*\d+|\d+.*(bytes|KB|MB|KiB|MiB)", r.stdout + r.stderr, re.I)
    r = weir(lab, "-c", "-q", "-f", path)
    assert r.returncode == 0


def test_yaml_traps_are_closed_and_anchors_work(lab):
    path = lab.file("g.yaml", GOOD.replace("{a: 127.0.0.1:8081}", "\n      no: &s {address: "
                                           "127.0.0.1:8081, weight: 10}\n      1e3: *s\n"
                                           "      off: {<<: *s, weight: 5}\n      010: 127.0.0.1:1"))
    r = weir(lab, "-c", "-f", path)
    assert r.returncode == 0, r.stderr
    dump = weir(lab, "--dump-config", "-f", path).stdout
    for name in ("no:", "1e3:", "off:", "010:"):
        assert name in dump.replace('"', "").replace("'", ""), dump


def test_variables_expand(lab):
    a = lab.origin("a")
    port = lab.port()
    config = web(port, {"a": "${HOST-127.0.0.1}:${ORIGIN}"}, frontend={
        "http_request": [{"return": {"status": 200, "content_type": "text/plain",
                                     "string": "$$5 ${UNSET-dflt} ${ORIGIN+set}"},
                          "if": "{ path /v }"}]})
    lab.start(config, nbproc=1, env={"ORIGIN": str(a.port)})
    assert get(port).text == "a"
    assert get(port, "/v").text == "$5 dflt set"


def test_deprecated_words_warn_and_name_the_new_one(lab):
    path = lab.file("g.yaml", GOOD.replace(
        "  timeout: {connect: 1s, client: 1s, server: 1s}",
        "  contimeout: 5000\n  clitimeout: 50000\n  srvtimeout: 50000"))
    r = weir(lab, "-c", "-f", path)
    assert r.returncode == 0, r.stderr
    said = r.stdout + r.stderr
    for old in ("contimeout", "clitimeout", "srvtimeout"):
        assert old in said
    assert "timeout.connect" in said or "connect" in said
    dump = weir(lab, "--dump-config", "-f", path).stdout
    assert "50000" in dump or "50s" in dump


def test_overrides_win_over_files(lab):
    path = lab.file("g.yaml", "global: {nbproc: 3, maxconn: 10}\n" + GOOD)
    dump = weir(lab, "--dump-config", "-f", path, "-o", "global.nbproc=4", "-n", "99").stdout
    assert "nbproc: 4" in dump and "maxconn: 99" in dump, dump
    r = weir(lab, "-c", "-f", path, "-o", "global.nbprocs=4")
    assert r.returncode == 1 and "nbprocs" in r.stderr and "nbproc" in r.stderr
    assert weir(lab, "-c", "-f", path, "-o", "rubbish").returncode in (1, 2)


def test_version_schema_docs_and_usage(lab):
    assert "weir" in weir(lab, "-v").stdout
    more = weir(lab, "-vv").stdout
    assert len(more) > len(weir(lab, "-v").stdout)
    schema = json.loads(weir(lab, "--schema").stdout)
    text = json.dumps(schema)
    for word in ("frontends", "default_backend", "http_keep_alive", "nbproc"):
        assert word in text
    r = weir(lab, "--config-docs")
    assert r.returncode == 0 and "http_keep_alive" in r.stdout
    r = weir(lab, "--counter-docs")
    assert r.returncode == 0 and "req_tot" in r.stdout
    r = weir(lab, "--expr-docs")
    assert r.returncode == 0 and "req.hdr" in r.stdout and "url_dec" in r.stdout
    r = weir(lab, "--rubbish")
    assert r.returncode == 1 and r.stderr == "weir: unknown switch '--rubbish'; see weir --help\n"
    r = weir(lab, "-f", "/nonexistent/weir.yaml", "-c")
    assert r.returncode == 1 and "/nonexistent/weir.yaml" in r.stderr


def test_an_empty_directory_or_file_is_an_error(lab):
    os.mkdir(os.path.join(lab.dir, "empty"))
    for path in ("empty", lab.file("e.yaml", "")):
        r = weir(lab, "-c", "-f", path)
        assert r.returncode == 1 and r.stderr.strip()


def test_chdir_makes_relative_paths_relative_to_it(lab):
    os.mkdir(os.path.join(lab.dir, "there"))
    lab.file("there/g.yaml", GOOD)
    r = weir(lab, "-c", "-C", os.path.join(lab.dir, "there"), "-f", "g.yaml", cwd="/")
    assert r.returncode == 0, r.stderr
    assert weir(lab, "-c", "-C", "/nonexistent", "-f", "g.yaml").returncode == 1


def test_two_proxies_on_one_address_are_told(lab):
    text = GOOD.replace("backends:", "  fe2:\n    bind: 127.0.0.1:8080\n    default_backend: be\n"
                        "backends:")
    r = weir(lab, "-c", "-f", lab.file("g.yaml", text))
    assert "127.0.0.1:8080" in r.stderr and "fe2" in r.stderr


def test_named_defaults_are_chosen_by_from(lab):
    text = GOOD.replace("backends:", "named_defaults:\n  quick: {mode: tcp, retries: 9}\n"
                        "backends:").replace("  be:\n", "  other:\n    from: quick\n    servers: "
                                             "{x: 127.0.0.1:5}\n  be:\n")
    path = lab.file("g.yaml", text)
    r = weir(lab, "-c", "-f", path)
    assert r.returncode == 0, r.stderr
    bad = lab.file("b.yaml", text.replace("from: quick", "from: quik"))
    r = weir(lab, "-c", "-f", bad)
    assert r.returncode == 1 and "quik" in r.stderr and "quick" in r.stderr


def test_a_refused_start_leaves_a_running_daemon_alone(lab):
    a = lab.origin("a")
    port = lab.port()
    first = lab.start(web(port, [a]), nbproc=1)
    bad = lab.file("bad.yaml", "frontends: 7\n")
    assert weir(lab, "-f", bad).returncode == 1
    assert get(port).text == "a"
    assert first.process.poll() is None
