# SPDX-License-Identifier: MIT
"""Quorum, hysteresis and sorry servers, as keepalived has them."""
import os
import pathlib

from weirlab import get, wait_until
from weirlab.config import web

EVERY = {"check": True, "inter": "150ms", "fall": 1, "rise": 1}


def start(lab, quorum, names="abc", top=None, nbproc=2, **kwargs):
    origins = {o.name: o for o in lab.origins(names + "s")}
    servers = {name: {"address": o} for name, o in origins.items()}
    servers["s"]["backup"] = True
    port, sink = lab.port(), lab.sink()
    weir = lab.start(web(port, servers, every=EVERY, log=sink, top=top,
                         backend={"quorum": quorum}, **kwargs), nbproc=nbproc)
    for name in origins:
        weir.wait_status("be", name, "UP")
    return weir, port, sink, origins


def who(port, n=12):
    return {get(port).text for _ in range(n)}


def test_below_the_quorum_the_sorry_server_serves(lab):
    weir, port, sink, o = start(lab, 2)
    assert who(port) == {"a", "b", "c"}
    o["a"].stop()
    weir.wait_status("be", "a", "DOWN")
    assert who(port) == {"b", "c"}
    o["b"].stop()
    sink.wait(r"backend be has lost its quorum: weight 1, 2 needed\.")
    wait_until(lambda: who(port) == {"s"})
    assert weir.status("be", "c") == "UP", "it is not asked, but well"
    weir.reload()
    assert who(port) == {"s"}
    o["b"].start()
    sink.wait(r"backend be has gained its quorum: weight 2, 2 needed\.")
    wait_until(lambda: who(port) == {"b", "c"})


def test_without_a_sorry_server_nobody_serves(lab):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, [a, b], every=EVERY, backend={"quorum": 2}), nbproc=1)
    weir.wait_status("be", "b", "UP")
    b.stop()
    wait_until(lambda: get(port).status == 503)
    b.start()
    wait_until(lambda: get(port).status == 200)


def test_hysteresis_keeps_a_farm_at_the_edge_from_going_back_and_forth(lab):
    weir, port, sink, o = start(lab, {"weight": 20, "hysteresis": 10}, nbproc=1)
    sink.wait("has lost its quorum: weight 3, 20 needed, hysteresis 10")
    for name in "abc":
        weir.api(f"set server be/{name} weight 10")
    sink.wait("has gained its quorum")
    wait_until(lambda: who(port) == {"a", "b", "c"})
    lost = len(sink.find("has lost"))
    o["a"].stop()
    o["b"].stop()
    weir.wait_status("be", "b", "DOWN")
    assert who(port) == {"c"}, "10 are 20 - 10"
    o["c"].stop()
    sink.wait(r"lost its quorum: weight 0, 20 needed, hysteresis 10\.", n=1)
    o["c"].start()
    o["b"].start()
    for name in "bc":
        weir.wait_status("be", name, "UP")
    assert who(port) == {"s"}, "20 are less than 20 + 10"
    o["a"].start()
    wait_until(lambda: who(port) == {"a", "b", "c"})
    assert len(sink.find("has lost")) == lost + 1


def test_a_weight_changed_by_hand_counts(lab):
    weir, port, _, _ = start(lab, 2, nbproc=1)
    weir.api("set server be/a state drain")
    weir.api("set server be/b weight 0")
    wait_until(lambda: who(port) == {"s"})
    weir.api("set server be/c weight 2")
    wait_until(lambda: who(port) == {"c"})


def test_programs_are_run_when_it_is_lost_and_gained(lab):
    out = lab.file("told", "")
    os.chmod(out, 0o666)
    script = pathlib.Path(lab.file("tell.sh", f"""#!/bin/sh
echo "$WEIR_BACKEND $WEIR_QUORUM $WEIR_WEIGHT of $WEIR_WEIGHT_NEEDED" >> {out}
"""))
    script.chmod(0o755)
    weir, port, _, o = start(lab, {"weight": 3, "up": str(script), "down": str(script)},
                             top={"external_check": True}, nbproc=1)
    o["a"].stop()
    wait_until(lambda: pathlib.Path(out).read_text() == "be down 2 of 3\n")
    o["a"].start()
    wait_until(lambda: pathlib.Path(out).read_text() == "be down 2 of 3\nbe up 3 of 3\n")


def test_mistakes_are_told(lab):
    for quorum, words in (({"weight": 2, "hysteresis": 2}, "expected less than the weight"),
                          ({"weight": 2, "up": "/bin/true"}, "expected 'external_check: true'")):
        config = web(lab.port(), [lab.origin("a")], every=EVERY, backend={"quorum": quorum})
        result = lab.prepare(config, args=["-c"]).run()
        assert result.returncode == 1 and words in result.stderr
