# SPDX-License-Identifier: MIT
"""Every word of HAProxy's manual in a haproxy.cfg: it is in the output of `weirctl import`, or
it is told with its line, and then not as if nobody had ever heard of it."""
import os
import re
import subprocess

import pytest

from weirlab.weir import binary

WORDS = {}
with open(os.path.join(os.path.dirname(__file__), "haproxy_words.txt")) as f:
    for line in filter(None, (x.split("#")[0].strip() for x in f)):
        if line[0] == "[":
            place = WORDS.setdefault(line.strip("[]"), [])
        else:
            place.append(line)

HEAD = ["defaults", " mode http", " timeout client 5s", " timeout server 5s",
        " timeout connect 5s", "frontend main", " bind 127.0.0.1:80"]
# Where words are tried: which ones, the head above each, the line, and the map of the output
# where it is then under the name of the head. What is in BASE is there without the word, too.
PLACES = {
    "global": ("global", "global", " {word} {arg}", None),
    "defaults": ("proxy", "defaults p{n}", " {word} {arg}", "named_defaults"),
    "frontend": ("proxy", "frontend p{n}", " {word} {arg}", "frontends"),
    "backend": ("proxy", "backend p{n}", " {word} {arg}", "backends"),
    "listen": ("proxy", "listen p{n}", " {word} {arg}", "listens"),
    "rule": ("rule", "backend p{n}", " http-request {word} {arg}", "backends"),
    "response": ("rule", "backend p{n}", " http-response {word} {arg}", "backends"),
    "session": ("rule", "frontend p{n}", " tcp-request session {word} {arg}", "frontends"),
    "content": ("rule", "frontend p{n}", " tcp-request content {word} {arg}", "frontends"),
    "bind": ("bind", "frontend p{n}", " bind 127.0.0.1:{port} {word} {arg}", "frontends"),
    "server": ("server", "backend p{n}", " server s 192.0.2.1:80 {word} {arg}", "backends"),
}
MOVED = {"hard-stop-after": "drain", "close-spread-time": "close_spread"}
BASE = {"bind": r'^    bind: "?127.0.0.1:\d+"?$', "server": r'^    servers:( \{ s: "?192.0.2.1:80"? \}|)$|'
        r'^      s: "?192.0.2.1:80"?$',
        "defaults": r"^    timeout: \{ http_request: 0, http_keep_alive: 0, tunnel: 0 \}$|"
                    r"^    option: \{ redispatch: false, \w+: \w+, \w+: \w+, \w+: \w+ \}$"}


def imported(path):
    done = subprocess.run([binary("WEIRCTL", "weirctl"), "import", path], capture_output=True,
                          text=True, timeout=300)
    told = {}
    for number, text in re.findall(rf"^{re.escape(path)}:(\d+): (.*)", done.stderr, re.M):
        told.setdefault(int(number), []).append(text)
    return done.returncode, done.stdout, told


def lines_of(place, arg):
    """(lines, {number of a line: its word})"""
    words, head, body, _ = PLACES[place]
    lines, of = list(HEAD), {}
    for n, word in enumerate(WORDS[words]):
        lines += [head.format(n=n), body.format(word=word, arg=arg, port=10000 + n)]
        of[len(lines)] = word
    return lines, of


def block(yaml, section, name):
    """What stands in the map of a proxy."""
    m = re.search(rf"^{section}:\n(.*?)(?=^\S|\Z)", yaml, re.M | re.S)
    m = m and re.search(rf"^  {name}:(.*?)(?=^  \S|\Z)", m[1], re.M | re.S)
    return m[1] if m else ""


def is_in(yaml, place, n, word):
    section = PLACES[place][3]
    if not section:
        name = MOVED.get(word, word).split()[-1].replace("-", "_")
        return re.search(rf"\b{name}\b", yaml)
    lines = block(yaml, section, f"p{n}").split("\n")
    return [x for x in lines if x.strip() not in ("", "{}")
            and not re.search(BASE.get(place, "^$"), x)]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("arg", ["", "7", "a b c"], ids=["alone", "number", "words"])
def test_each_word_is_in_the_output_or_told(tmp_path, place, arg):
    path = str(tmp_path / "words.cfg")
    lines, of = lines_of(place, arg)
    with open(path, "w") as f:
        f.write("\n".join(lines) + "\n")
    status, yaml, told = imported(path)
    lost = [n for n in told for text in told[n] if text.startswith("NOT TAKEN OVER")]
    assert status == (2 if lost else 0)
    for n, (number, word) in enumerate(of.items()):
        assert number in told or is_in(yaml, place, n, word), f"{word} {arg}: nothing is said"
        for text in told.get(number, []):
            last = word.split()[-1]
            assert f"unknown keyword '{last}'" not in text, f"{word} {arg}: {text}"


@pytest.mark.parametrize("place", PLACES)
def test_what_is_taken_over_can_be_loaded(tmp_path, place):
    for arg in ("", "7"):
        path, yaml = str(tmp_path / "words.cfg"), str(tmp_path / "words.yaml")
        lines, _ = lines_of(place, arg)
        with open(path, "w") as f:
            f.write("\n".join(lines) + "\n")
        _, _, told = imported(path)
        with open(path, "w") as f:
            f.write("\n".join(x for n, x in enumerate(lines, 1)
                              if not any(t.startswith("NOT") for t in told.get(n, []))) + "\n")
        status, text, told = imported(path)
        assert status == 0, told
        with open(yaml, "w") as f:
            f.write(text)
        done = subprocess.run([binary("WEIR", "weir"), "-c", "-f", yaml], capture_output=True,
                              text=True)
        assert done.returncode == 0, done.stderr
