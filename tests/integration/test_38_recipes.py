# SPDX-License-Identifier: MIT
"""The recipes of docs/recipes.md: HAProxy with the one block, weir with the other, and the same
requests to both. What clients and servers see is the same."""
import base64
import hmac
import pathlib
import re
import ssl

import pytest

from weirlab import Client
from weirlab import origin as do
from weirlab.haproxy import Haproxy
from weirlab.weir import ROOT

PAGE = (pathlib.Path(ROOT) / "docs/recipes.md").read_text()
RECIPES = {title: text for title, text in re.findall(r"^## ([^\n]*)\n(.*?)(?=^## |\Z)", PAGE,
                                                     re.M | re.S)}
OPTIONS = "option: { via: false, dontlognull: true }"  # so does HAProxy, or is told to


def get(target, method="GET", body=None, host="weir.test", first=b"", **fields):
    """A request; X_Y=... is a field X-Y; `first` is sent before it."""
    return {"first": first, "target": target, "method": method, "body": body, "host": host,
            "fields": [(k.replace("_", "-"), v) for k, v in fields.items()]}


def user(name, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


TOKEN = hmac.new(b"secret", b"/secret", "sha256").hexdigest()
REQUESTS = {
    "Redirect to https": [get("/a?b"), get("/", X_Forwarded_Proto="https")],
    "One name for a site": [get("/a?b=c", host="WWW.example.com"), get("/", host="example.com")],
    "Pages that have moved": [get("/old?x"), get("/shop"), get("/other")],
    "A slash behind directories": [get("/docs?x=1"), get("/DOCS"), get("/a/b?x=1"), get("/a.css?x"),
                                   get("/a/?x"), get("/a")],
    "Another path for the server": [get("/api/v1/x?y"), get("/api"), get("/apix?debug=1&a=b"),
                                    get("/a/v1only/b?a=b&debug=1"), get("/?debug=1"), get("/")],
    "A backend for each site": [get("/", host="shop.example.com:8080"), get("/", host="SHOP.example.com"),
                                get("/", host="blog.example.com"), get("/", host="none.example.com")],
    "A backend for each kind of request": [
        get("/api/x"), get("/api/x.PNG"), get("/x", host="API.example.com"), get("/x"),
        get("/x", Connection="upgrade", Upgrade="WebSocket",
            Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==", Sec_WebSocket_Version="13"), get("/rest/")],
    "Answers to scripts of other sites (CORS)": [
        get("/", Origin="https://WWW.example.com"), get("/", Origin="https://example.org"), get("/"),
        get("/", "OPTIONS", Origin="https://www.example.com"), get("/", "OPTIONS")],
    "Fields for safety": [get("/fields"), get("/")],
    "Users and passwords": [
        get("/"), get("/", **user("ann", "ann")), get("/", **user("bob", "secret")),
        get("/admin", **user("bob", "secret")), get("/admin", **user("ann", "secret")),
        get("/", **user("bob", "wrong")), get("/", Authorization="Bearer x")],
    "Not too many requests of one client": [get("/")] * 5,
    "Who calls passwords too often": [
        get("/login", "POST", b""), get("/login", "POST", b""), get("/login", "POST", b""),
        get("/login"), get("/login", "POST", b"", host="other")],
    "Countries and bad addresses": [
        get("/", X_Client=a) for a in ("203.0.113.9", "192.0.2.1", "198.51.100.2", "10.0.0.1",
                                       "2001:db8:bad::1", "2001:db8::2", "2001:db9::1", "x")],
    "Robots": [get("/robots.txt"), get("/search", User_Agent="GoogleBOT/2"),
               get("/search", User_Agent="x"), get("/search", User_Agent="Mozilla"), get("/x.php"),
               get("/", User_Agent="bot")],
    "Only what the site needs": [
        get("/"), get("/", "PATCH", b"x"), get("/", "DELETE"), get("/", "HEAD"),
        get("/" + "a" * 120), get("/", X_Forwarded_For="a, b, c"), get("/a/%00"),
        get("/", "POST", b"x" * 1500), get("/", "POST", b"x" * 15)],
    "Pictures for our own pages alone": [
        get("/a.jpg", Referer="https://www.example.com/x"), get("/a.JPG", Referer="http://evil.test/"),
        get("/a.png"), get("/a", Referer="http://evil.test/")],
    "Who the client is": [get("/"), get("/", X_Trace="a, b", X_Client="forged", X_Port="1")],
    "Clients of a proxy in front": [
        get("/", first=b"PROXY TCP4 192.0.2.7 198.51.100.3 1234 443\r\n"), get("/"),
        get("/", first=b"PROXY TCP6 2001:db8::1 ::1 1 65535\r\n"),
        get("/", first=b"PROXY TCP4 192.0.2.66 198.51.100.3 1234 443\r\n"),
        get("/", first=b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\7\xc6\x33\x64\3\0\x50\0\x51")],
    "The same server for a session": [
        get("/"), get("/"), get("/", Cookie="SRV=second; a=b"), get("/", Cookie="SRV=first"),
        get("/", Cookie="a=b; SRV=none")],
    "Some users see the new version": [
        get("/"), get("/", Cookie="version=new"), get("/?version=new"), get("/?version=newer"),
        get("/", X_Client="192.0.2.15"), get("/", X_Client="192.0.2.16")],
    "The language of the client": [
        get("/"), get("/", Accept_Language="fr-CH, de;q=0.9"), get("/x", Accept_Language="it, de"),
        get("/x", Accept_Language="it")],
    "A page while the servers are away": [get("/"), get("/alive")],
    "Answers of an old server": [get("/location"), get("/fields"), get("/418"), get("/vary")],
    "Bodies of forms": [
        get("/", "POST", b"user=&a=b"), get("/", "POST", b"a=b&user=An%4e"), get("/", "POST", b"a=b"),
        get("/", "POST", b'{"order": {"id": 42}}', Content_Type="application/json"), get("/")],
    "Tokens in links": [
        get("/secret"), get("/secret?token=00&a=b"),
        get(f"/secret?a=b&token={TOKEN.upper()}"), get(f"/secret?token={TOKEN}&a=b"),
        get(f"/secrets?token={TOKEN}")],
    "A line for each request": [
        get("/a?b=c", User_Agent="something long, with commas", X_User="Ann"),
        get("/", Cookie="SID=12345678901234567890; a=b", Referer="http://x/")],
}
TLS = "Names in TLS, without decrypting it"
NOT_COMPARED = {"date", "content-length", "connection", "keep-alive", "transfer-encoding"}
OF_ERRORS = {"content-type", "cache-control"}


def block(text, kind):
    return re.search(rf"^```{kind}\n(.*?)^```", text, re.M | re.S)[1]


class Site:
    """One proxy and its servers."""

    def __init__(self, lab, text):
        self.lab, self.port, self.inner, self.sink = lab, lab.port(), lab.port(), lab.sink()
        self.text = text
        self.origins = {name: self.origin(name) for name in ("one", "two")}
        for name, content in re.findall(r"^```(?:map|list) (\S+)\n(.*?)^```", text, re.M | re.S):
            lab.file(name, content)

    def origin(self, name):
        async def says_its_name(reader, writer):
            await reader.read(65536)
            writer.write(name.encode())
        if "mode tcp" in self.text and "http-request" not in self.text:
            return self.lab.origin(name, tcp=says_its_name)
        o = self.lab.origin(name)
        o.on("/fields", do.answer(200, "x", fields=[
            ("Server", "old"), ("X-Powered-By", "PHP"), ("X-Powered-Too", "x"), ("Vary", "a"),
            ("Set-Cookie", "a=b; path=/"), ("Set-Cookie", "c=d"), ("X-Debug", "1")]))
        o.on("/location", do.answer(302, fields=[("Location", "http://10.0.0.1:8000/there?x"),
                                                 ("X-Debug", "keep it")]))
        o.on("/vary", do.answer(200, fields=[("Vary", "Origin,Accept-Encoding"), ("Vary", "x")]))
        o.on("/418", do.answer(418))
        o.on("/login", do.answer(401))
        return o

    def with_places(self, kind):
        text = block(self.text, kind).replace("*:8080", f"127.0.0.1:{self.port}")
        text = text.replace("127.0.0.1:8081", f"127.0.0.1:{self.inner}")
        text = text.replace("127.0.0.1:514", self.sink.address)
        for host, o in (("10.0.0.1:8000", "one"), ("10.0.0.2:8000", "two")):
            text = re.sub(rf"(?<!http://){re.escape(host)}", self.origins[o].address, text)
        return re.sub(r"\b\w+\.(map|lst)\b", lambda m: f"{self.lab.dir}/{m[0]}", text)

    def weir(self):
        text = self.with_places("yaml").replace("defaults: { ", f"defaults: {{ {OPTIONS}, ")
        self.lab.start(text, nbproc=1)
        return self

    def haproxy(self):
        Haproxy(self.lab, " option dontlognull\n" + self.with_places("haproxy"), self.port)
        return self

    def forget(self):
        for o in self.origins.values():
            o.forget()

    def said(self, request):
        """What the client gets, and what the servers have seen."""
        self.forget()
        try:
            with Client(self.port) as c:
                c.send(request["first"])
                r = c.ask(**{k: v for k, v in request.items() if k != "first"})
        except (ConnectionError, EOFError):
            return {"client": "closed"}
        own = not any(o.requests for o in self.origins.values()) and r.status >= 400
        skipped = NOT_COMPARED | (OF_ERRORS if own else set())
        return {"status": r.status, "body": None if own else r.text,
                "fields": fields_of(r.fields, skipped, self.port),
                "servers": [(name, q.method, q.target, q.body,
                             fields_of(q.fields, NOT_COMPARED, self.port))
                            for name, o in self.origins.items() for q in o.requests]}

    def lines(self, n):
        if not re.search(r"^\s+log ", block(self.text, "haproxy"), re.M):
            return []
        lines = self.sink.wait(r"\w", n)
        return sorted(re.sub(r"^.*?\]: ", "", line) for line in lines)


def fields_of(fields, skipped, port):
    return sorted((name.lower(), value.replace(str(port), "PORT")) for name, value in fields
                  if name.lower() not in skipped)


def test_every_recipe_is_asked_for():
    assert list(RECIPES) == [*REQUESTS, TLS]


@pytest.mark.parametrize("title", REQUESTS)
def test_a_recipe_does_what_it_does_in_haproxy(lab, title):
    ours, theirs = Site(lab, RECIPES[title]).weir(), Site(lab, RECIPES[title]).haproxy()
    for request in REQUESTS[title]:
        assert ours.said(request) == theirs.said(request), request
    n = len(REQUESTS[title])
    assert ours.lines(n) == theirs.lines(n)


def hello(name):
    """What a client of TLS says first."""
    out = ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname = False
    tls = context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return out.read()


@pytest.mark.parametrize("proxy", ["weir", "haproxy"])
def test_names_in_tls_lead_to_servers(lab, proxy):
    site = getattr(Site(lab, RECIPES[TLS]), proxy)()
    for first, server in ((hello("shop.example.com"), b"one"), (hello("www.SHOP.example.com"), b"one"),
                          (hello("shop.example.com.evil.test"), b"two"), (hello(None), b"two"),
                          (b"GET / HTTP/1.1\r\nHost: shop.example.com\r\n\r\n", b"")):
        with Client(site.port) as c:
            assert c.send(first).read_to_end() == server
