# SPDX-License-Identifier: MIT
"""The form of the statistics page (stats admin) and what the page is about (scope)."""
import pytest

from weirlab import Client, get
from weirlab.config import web


def start(lab, nbproc=2, stats=None, **more):
    a, b = lab.origins("ab")
    page = lab.port()
    config = web(lab.port(), [a, b], **more)
    config["backends"]["other"] = {"servers": {"a": a.address}}
    config["listens"] = {"stats": {"mode": "http", "bind": f"127.0.0.1:{page}", "stats": {
        "uri": "/", "admin": {"if": "{ req.hdr(x-role) admin }"}, **(stats or {})}}}
    return lab.start(config, nbproc=nbproc), page


def post(page, form, target="/", fields=(("X-Role", "admin"),), **kwargs):
    r = get(page, target, method="POST", body=form, fields=list(fields), **kwargs)
    assert r.status == 303 and r.body == b""
    return r.get("Location")


def states(weir):
    return {name: weir.status("be", name) for name in "ab"}


@pytest.mark.parametrize("nbproc", [1, 3])
def test_what_the_form_says_has_happened_when_it_is_answered(lab, nbproc):
    weir, page = start(lab, nbproc)
    numbers = {row["iid"] for key, row in weir.stats().items() if key == ("be", "BACKEND")}
    for form, result, seen in [
            (b"s=a&action=drain&b=be", "DONE", ("DRAIN", "no check")),
            (b"b=be&action=maint&s=a&s=b", "DONE", ("MAINT", "MAINT")),
            (b"s=a&action=ready&b=%23" + numbers.pop().encode(), "DONE", ("no check", "MAINT")),
            (b"s=b&s=nobody&action=start&b=be", "PART", ("no check", "no check")),
            (b"s=b&action=stop&action=disable&b=other&b=be", "DONE", ("no check", "MAINT")),
            (b"s=%62&action=enable&b=b%65", "DONE", ("no check", "no check"))]:
        assert post(page, form) == f"/;st={result}"
        assert tuple(states(weir).values()) == seen, form


def test_what_cannot_be_done_is_told_and_changes_nothing(lab):
    weir, page = start(lab)
    for form, result in [(b"", "NONE"), (b"s=a", "NONE"), (b"s=a&b=be", "NONE"),
                         (b"action=maint&b=be", "NONE"), (b"s=a&action=&b=be", "ERRP"),
                         (b"s=a&action=explode&b=be", "ERRP"), (b"s=a&action=maint&b=nobody", "ERRP"),
                         (b"s=nobody&action=maint&b=be", "ERRP"), (b"s=a&action=dhlth&b=be", "NONE"),
                         (b"s=" + b"a" * 3000 + b"&action=maint&b=be", "ERRP"),
                         (b"s=a&action=maint&b=be&x=" + b"x" * 100000, "EXCD"),
                         (b"s=a&action=maint&b=%23999", "ERRP"), (b"&&=&%zz=%&b", "ERRP")]:
        assert post(page, form) == f"/;st={result}", form[:60]
    assert states(weir) == {"a": "no check", "b": "no check"}


def test_only_who_may_and_only_from_the_same_host(lab):
    weir, page = start(lab)
    form = b"s=a&action=maint&b=be"
    assert post(page, form, fields=()) == "/;st=DENY"
    for name in ("Origin", "Referer"):
        fields = [("X-Role", "admin")]
        for other in ("http://evil.test/", "null"):
            assert post(page, form, fields=[*fields, (name, other)], host="stats.test") == \
                "/;st=DENY"
        assert states(weir)["a"] == "no check"
        own = "http://STATS.test/;up" if name == "Referer" else "http://stats.test"
        assert post(page, form, fields=[*fields, (name, own)], host="stats.test") == "/;st=DONE"
        assert states(weir)["a"] == "MAINT"
        assert post(page, b"s=a&action=ready&b=be") == "/;st=DONE"
    assert "form" not in get(page).text
    text = get(page, "/;st=DONE", fields=[("X-Role", "admin")]).text
    assert '<input type=checkbox name=s value="a">' in text and "The servers were told" in text


def test_a_page_without_admin_has_no_form(lab):
    weir, page = start(lab, stats={"admin": []})
    assert post(page, b"s=a&action=maint&b=be") == "/;st=DENY"
    assert states(weir)["a"] == "no check"


def test_the_body_may_come_later_and_in_pieces(lab):
    weir, page = start(lab)
    form = b"s=a&action=maint&b=be"
    with Client(page) as c:
        c.send(b"POST / HTTP/1.1\r\nHost: x\r\nX-Role: admin\r\nTransfer-Encoding: chunked\r\n\r\n")
        for i in range(0, len(form), 5):
            c.send(b"%x\r\n%s\r\n" % (len(form[i:i + 5]), form[i:i + 5]))
        c.send(b"0\r\n\r\n")
        assert c.response().status == 303
        assert states(weir)["a"] == "MAINT"
        assert c.ask("/;csv").status == 200


def test_a_scope_limits_what_is_shown_and_what_can_be_changed(lab):
    weir, page = start(lab, stats={"scope": ["other", "."]})

    def shown(target):
        return {line.split(",")[0] for line in get(page, target).text.splitlines()[1:] if line}
    assert shown("/;csv") == {"other", "stats"}
    assert shown("/?;csv;scope=OTH") == {"other"}
    for backend in (b"be", b"nobody"):
        assert post(page, b"s=a&action=maint&b=" + backend) == "/;st=DENY"
    assert states(weir)["a"] == "no check"
    assert post(page, b"s=a&action=maint&b=other", "/;up;norefresh?scope=o&x") == \
        "/;st=DONE;up;norefresh;scope=o"
    assert weir.status("other", "a") == "MAINT"
    assert "other,a," not in get(page, "/;csv;no-maint").text
