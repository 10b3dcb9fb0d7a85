# SPDX-License-Identifier: MIT
"""What is said to both, one thing a line:

    [N x] [from ADDRESS] PROXY: METHOD TARGET [| Name: value]... [|| BODY] [=> STATUS [| ...]]
    [N x] [from ADDRESS] PROXY: "text"         text over TCP
    ADDRESS... speak redis                     servers that are not HTTP's
    stop ADDRESS, start ADDRESS                a server goes away, returns
    say COMMAND                                to the stats socket
    wait PROXY/SERVER STATUS                   until `show stat` says so
    await TEXT                                 until a line of the log says so

PROXY is a frontend or listen of the file ("www", or "www.2" for its second bind), ADDRESS of a
server as it stands in the file, that of `from` one of 127.0.0.0/8. `=>` is what the server
answers: a status with fields, `close`, `reset` or `garbage`. `#` begins a comment."""
import re
import shlex

from weirlab import Client, wait_until

from .servers import NUMBER


class Item:
    def __init__(self, number, line, text):
        self.number, self.line, self.text = number, line, text
        self.source = self.proxy = self.method = self.target = None
        self.fields, self.body, self.answer = [], None, None

    def __str__(self):
        return f"line {self.line}: {self.text}"


class Answer:
    """What the client has got."""

    def __init__(self, item, port=None, response=None, data=None, error=None):
        self.item, self.port, self.response = item, port, response
        self.data, self.error = data, error


def _pairs(parts):
    return [tuple(x.strip() for x in part.split(":", 1)) for part in parts]


def _parse(item, text):
    m = re.match(r"(?:from (\S+) )?([\w.-]+): (.*)", text)
    if not m:
        raise ValueError(f"{item}: expected 'PROXY: METHOD TARGET'")
    item.source, item.proxy, rest = m.groups()
    if rest.startswith('"'):
        item.body = shlex.split(rest)[0].encode()
        return item
    rest, _, answer = rest.partition(" => ")
    rest, _, body = rest.partition(" || ")
    head, *fields = rest.split(" | ")
    item.method, item.target = head.split()
    item.fields = _pairs(fields)
    item.body = body.encode() if body else None
    if answer:
        status, *fields = answer.split(" | ")
        item.answer = (int(status) if status.isdigit() else status.strip(), _pairs(fields))
    return item


class Traffic:
    def __init__(self, text):
        self.items, self.languages = [], {}
        for number, line in enumerate(text.splitlines(), 1):
            line = line.strip()
            if line and line[0] != "#":
                self._take(number, line)

    def _take(self, number, line):
        if m := re.fullmatch(r"(.*) speak (\w+)", line):
            self.languages.update(dict.fromkeys(m[1].split(), m[2]))
            return
        if re.match(r"(stop|start|say|wait|await) ", line):
            self.items.append(Item(0, number, line))
            return
        times = re.match(r"(\d+) x ", line)
        for _ in range(int(times[1]) if times else 1):
            text = line[times.end():] if times else line
            self.items.append(_parse(Item(len(self.items) + 1, number, line), text))


def _ask(side, item):
    proxy, _, nth = item.proxy.partition(".")
    port = side.places.binds[proxy][int(nth or 1) - 1]
    try:
        with Client(port, source=item.source, timeout=15) as c:
            own = int(c.address.split(":")[1])
            if item.method is None:
                c.send(b"%d %s\n" % (item.number, item.body))
                return Answer(item, own, data=c.read_to_end())
            fields = [(NUMBER, str(item.number))] + item.fields
            host = dict(item.fields).get("Host")
            fields = [f for f in fields if f[0] != "Host"]
            return Answer(item, own, c.ask(item.target, item.method, fields=fields,
                                           body=item.body, host=host or "www.example.net"))
    except (OSError, EOFError) as error:
        return Answer(item, error=type(error).__name__)


def _obey(side, text):
    word, rest = text.split(None, 1)
    if word == "stop":
        side.servers[rest].stop()
    elif word == "start":
        side.servers[rest].start()
    elif word == "say":
        side.ask(rest)
    elif word == "await":
        side.sink.wait(re.escape(rest), timeout=20)
    else:
        name, status = rest.rsplit(" ", 1)
        key = tuple(name.split("/"))
        wait_until(lambda: side.stats()[key]["status"].split()[0] == status, 20,
                   f"{side.name}: {rest}")


def play(side, traffic):
    """Says all of it to one side: the answers, in order. Each request begins when nothing is
    left of the one before, so that counts of connections can be compared."""
    answers = []
    for item in traffic.items:
        if not item.number:
            _obey(side, item.text)
            continue
        if item.answer:
            for server in side.servers.values():
                server.answers[item.number] = item.answer
        answers.append(_ask(side, item))
        wait_until(side.is_idle, 20, f"{side.name} is idle behind {item}")
    return answers
