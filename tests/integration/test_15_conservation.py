# SPDX-License-Identifier: MIT
"""Nothing is lost and nothing is invented: requests sent by clients = counted by weir =
seen by servers, to the unit, whatever the number of workers."""
import os
import signal

import pytest

from weirlab import wait_until
from weirlab.config import web

NBPROC = pytest.mark.parametrize("nbproc", [1, 2, 8])


def crowd(lab, port):
    return [lab.load(port, "busy", clients=6), lab.load(port, "close", clients=6),
            lab.load(port, "think", clients=6, think_ms=5)]


def row_sums(weir, field):
    """(frontend, backend, sum of servers)"""
    rows = weir.stats()
    number = lambda row: int(row[field] or 0)  # noqa: E731
    servers = sum(number(r) for (px, sv), r in rows.items()
                  if px == "be" and sv not in ("FRONTEND", "BACKEND"))
    return number(rows["fe", "FRONTEND"]), number(rows["be", "BACKEND"]), servers


@pytest.mark.smoke
@NBPROC
def test_every_request_is_counted_once_everywhere(lab, nbproc):
    origins = lab.origins("abc")
    port = lab.port()
    weir = lab.start(web(port, origins), nbproc=nbproc)
    loads = crowd(lab, port)
    for load in loads:
        load.wait_ok(150)
    results = [load.end() for load in loads]
    assert [r["failures"] for r in results] == [{}, {}, {}]
    sent = sum(r["sent"] for r in results)
    weir.wait_idle()
    seen = sum(len(o.seen()) for o in origins)
    assert seen == sent
    wait_until(lambda: row_sums(weir, "hrsp_2xx") == (sent, sent, sent),
               what=f"{sent} answers counted, not {row_sums(weir, 'hrsp_2xx')}")
    assert weir.stat("fe", "FRONTEND", "req_tot") == sent
    # HAProxy's meaning: a frontend's sessions are connections, a backend's are requests.
    connects = sum(r["connects"] for r in results)
    assert row_sums(weir, "stot") == (connects, sent, sent)
    assert weir.counter("req_tot") == sent
    assert weir.counter("conn_tot") == connects
    per = [weir.stat("be", o.name, "lbtot") for o in origins]
    assert max(per) - min(per) <= 1 and sum(per) == sent
    assert [len(o.seen()) for o in origins] == per
    connect, reuse = (sum(weir.stat("be", o.name, f) for o in origins)
                      for f in ("connect", "reuse"))
    assert connect + reuse == sent
    # Bytes: what the frontend got from clients is what the backends forwarded, less edits.
    bytes_fe, bytes_be, bytes_sv = row_sums(weir, "bout")
    assert bytes_fe == bytes_be == bytes_sv


@pytest.mark.parametrize("nbproc", [2, 8])
def test_kills_leave_a_surplus_of_at_most_the_requests_in_flight(lab, nbproc):
    origins = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, origins), nbproc=nbproc)
    loads = crowd(lab, port)
    kills = 3
    for i in range(kills):
        for load in loads:
            load.wait_ok(60)
        victim = weir.workers()[i % nbproc]
        os.kill(victim, signal.SIGKILL)
        wait_until(lambda: victim not in weir.workers() and len(weir.workers()) == nbproc)
    for load in loads:
        load.wait_ok(60)
    results = [load.end() for load in loads]
    weir.wait_idle()
    ok = sum(r["ok"] for r in results)
    failed = sum(r["failed"] for r in results)
    sent = sum(r["sent"] for r in results)
    seen = sum(len(o.seen()) for o in origins)
    counted = weir.stat("fe", "FRONTEND", "req_tot")
    clients = 18
    assert ok <= counted <= sent
    assert failed <= kills * clients
    assert 0 <= counted - ok <= kills * clients, (counted, ok)
    assert -kills * clients <= counted - seen <= kills * clients
    lbtot = sum(weir.stat("be", o.name, "lbtot") for o in origins)
    assert seen <= lbtot <= counted


@NBPROC
def test_a_reload_in_the_middle_changes_no_sum(lab, nbproc):
    origins = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, origins), nbproc=nbproc)
    loads = crowd(lab, port)
    for _ in range(3):
        for load in loads:
            load.wait_ok(40)
        assert weir.reload().returncode == 0
    for load in loads:
        load.wait_ok(40)
    results = [load.end() for load in loads]
    assert [r["failures"] for r in results] == [{}, {}, {}], results
    sent = sum(r["sent"] for r in results)
    wait_until(lambda: row_sums(weir, "hrsp_2xx") == (sent, sent, sent),
               what=f"{sent} answers counted, not {row_sums(weir, 'hrsp_2xx')}")
    assert sum(len(o.seen()) for o in origins) == sent


def test_the_same_work_gives_the_same_row_for_any_nbproc(lab):
    """Everything a user can count, compared between 1, 2 and 8 workers."""
    from weirlab import Client
    rows = []
    for nbproc in (1, 2, 8):
        a, b = lab.origins("ab")
        port = lab.port()
        weir = lab.start(web(port, [a, b]), nbproc=nbproc, name=f"n{nbproc}")
        for _ in range(4):
            with Client(port) as c:
                for target in ("/1", "/22", "/333"):
                    assert c.ask(target).status == 200
                c.send("bad\r\n\r\n")
                assert c.response().status == 400
        weir.wait_idle()
        fields = ("stot", "bin", "bout", "ereq", "hrsp_2xx", "hrsp_4xx", "req_tot", "lbtot",
                  "econ", "eresp", "wretr")
        wait_until(lambda: weir.stat("fe", "FRONTEND", "ereq") == 4)
        rows.append({key: {f: row[f] for f in fields} for key, row in weir.stats().items()})
    assert rows[0] == rows[1] == rows[2]
