# SPDX-License-Identifier: MIT
"""Servers that answer what the traffic says: 200 with their address, or what stands behind
`=>`. Some speak other things than HTTP: text, Redis, MySQL, PostgreSQL, as much of them as
a health check looks at."""
from weirlab import Origin

NUMBER = "X-Traffic"  # which request of the traffic it is; checks have none


def _mysql(payload, number=0):
    return len(payload).to_bytes(3, "little") + bytes([number]) + payload


GREETINGS = {"mysql": _mysql(b"\x0a10.11.6\0" + bytes(20))}


def _answer_to(data, role):
    """What a check's bytes are answered; None: they are no check's."""
    if data.startswith(b"PING"):
        return b"+PONG\r\n"
    if data.lower().startswith(b"info replication"):
        return b"$30\r\n# Replication\r\nrole:%s\r\n" % role
    if data.startswith(b"QUIT"):
        return b"+OK\r\n"
    if data[:2] == b"\0\0":  # PostgreSQL's first message
        return b"R\0\0\0\x08\0\0\0\0"
    if data[3:4] == b"\x01":  # MySQL's second packet
        return _mysql(b"\0\0\0\x02\0\0\0", 2)
    return None


class Server(Origin):
    """`speaks`: http, text, redis, replica, mysql or pgsql."""

    def __init__(self, address, port, speaks="http"):
        self.address_in_file, self.speaks = address, speaks
        self.answers = {}  # number of a request: (status or what to do, fields)
        self.heard = []    # (number, bytes) of all but checks
        super().__init__(address, port=port, tcp=None if speaks == "http" else self._talk)

    async def _default(self, req, conn):
        number = req.get(NUMBER)
        if number:
            self.heard.append((int(number), req))
        status, fields = self.answers.get(int(number or 0), (200, []))
        if status == "close":
            return False
        if status == "reset":
            conn.reset()
            return False
        if status == "garbage":
            conn.write(b"this is no HTTP\r\n\r\n")
            return False
        fields = [("X-Server", self.address_in_file)] + list(fields)
        body = self.address_in_file if status not in (204, 304) else ""
        if req.method == "HEAD":
            fields, body = fields + [("Content-Length", str(len(body)))], ""
        conn.answer(status, body, fields, "OK")
        return None

    async def _talk(self, reader, writer):
        writer.write(GREETINGS.get(self.speaks, b""))
        while data := await reader.read(65536):
            answer = _answer_to(data, b"slave" if self.speaks == "replica" else b"master")
            if answer is None:
                number, _, text = data.decode("latin-1").partition(" ")
                self.heard.append((int(number), text))
                writer.write(f"{self.address_in_file}: {text}".encode("latin-1"))
                await writer.drain()
                return
            writer.write(answer)
            await writer.drain()
