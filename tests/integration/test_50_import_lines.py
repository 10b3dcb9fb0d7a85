# SPDX-License-Identifier: MIT
"""What `weirctl import` makes of files of any size and content: each line is in the output
or in the list of what was not taken over."""
import os
import random
import re
import subprocess

WEIRCTL = os.environ.get("WEIRCTL", "weirctl")
HEAD = ["global", "defaults", " mode http", " timeout client 5s", " timeout server 5s",
        " timeout connect 5s"]
# {} is a word that stands in no other line.
IN_PROXY = [
    "http-request set-header X-{} 1", "http-request deny if {{ path_beg /{} }}",
    "http-response add-header A \"b {}\"", "acl {} path /a", "server {} 10.0.0.1:80 check",
    "errorfile 503 /no/{}.http", "stats uri /{}", "timeout {} 5s", "option {}", "{} a b",
    "http-request {} a", "reqadd X-{}:\\ a", "filter {}", "use_backend {} if TRUE",
    "capture cookie {} len 8", "log 127.0.0.1:514 {}", "unique-id-header {}",
    "http-request set-header \"{}\" 'it''s'", "no option {}", "bind-process {}",
    "description {}", "balance {}", "server", "http-check expect {}", "stick on {}",
    "http-request set-var(txn.{}) src", "cookie {} insert indirect", "monitor-uri /{}",
    "http-request track-sc0 {}", "dispatch 10.0.0.1:{}", "email-alert {}",
]
SECTIONS = ["frontend {}", "backend {}", "listen {}", "peers {}", "resolvers {}", "cache {}",
            "userlist {}", "ring {}", "{} x"]
KNOWN = {template.split()[0] for template in SECTIONS} - {"{}"}


def imported(path):
    done = subprocess.run([WEIRCTL, "import", path], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=300)
    return done.returncode, done.stdout, done.stderr


def some_file(seed):
    """(lines, {line number: its word})"""
    rng = random.Random(seed)
    lines, words = list(HEAD), {}
    for _ in range(12):
        for template in [rng.choice(SECTIONS)] + rng.choices(IN_PROXY, k=6):
            word = f"w{len(lines)}q"
            lines.append(("" if template in SECTIONS else " ") + template.format(word))
            if "{}" in template:
                words[len(lines)] = word
    return lines, words


def test_each_line_is_in_the_output_or_in_the_list(tmp_path):
    for seed in range(8):
        lines, words = some_file(seed)
        path = tmp_path / f"{seed}.cfg"
        path.write_text("\n".join(lines) + "\n")
        status, out, err = imported(str(path))
        told = {int(n) for pair in re.findall(r"^[^:\n]*:(\d+): |of line (\d+)", err, re.M)
                for n in pair if n}
        head = None
        for number, line in enumerate(lines, 1):
            if line.split()[0] in KNOWN:
                head = number
            if number not in words:
                continue
            yaml = "\n".join(x for x in out.split("\n") if "NOT TAKEN OVER" not in x)
            assert words[number] in yaml or number in told or head in told, \
                f"seed {seed}: line {number} is lost: {line}\n{err}"
        assert status == (2 if "NOT TAKEN OVER" in err else 0)


def test_what_is_lost_is_a_comment_and_the_rest_loads(tmp_path):
    for seed in range(8, 16):
        lines = some_file(seed)[0] + ["frontend last", " bind 127.0.0.1:80"]
        path, yaml = tmp_path / f"{seed}.cfg", tmp_path / f"{seed}.yaml"
        for _ in range(8):  # without a table others lose what looks into it
            path.write_text("\n".join(lines) + "\n")
            status, out, err = imported(str(path))
            lost = re.findall(rf"# NOT TAKEN OVER \({path}:(\d+)\): (.*)", out)
            told = set(re.findall(rf"^{path}:(\d+): NOT TAKEN OVER", err, re.M))
            assert told <= {number for number, _ in lost}, f"seed {seed}\n{err}"
            for number, text in lost:
                assert lines[int(number) - 1].strip() == text
            if status == 0:
                break
            gone = {int(number) for number, _ in lost}
            lines = [x for n, x in enumerate(lines, 1) if n not in gone]
        assert status == 0, f"seed {seed}\n{err}"
        yaml.write_text(out)
        done = subprocess.run([os.environ.get("WEIR", "weir"), "-c", "-f", str(yaml)],
                              stderr=subprocess.PIPE, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
