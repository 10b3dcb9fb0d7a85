# SPDX-License-Identifier: MIT
"""Each balancing algorithm against what is expected of it, whatever the number of
workers, while servers leave and come back."""
import collections
import signal
import time

import pytest

from weirlab import Client, get, wait_until
from weirlab import origin as do
from weirlab.config import web

NBPROC = pytest.mark.parametrize("nbproc", [1, 2, 8])


def spread(port, n, target="/", **kwargs):
    return collections.Counter(get(port, target, **kwargs).text for _ in range(n))


def hold(port, *origins):
    """A request that stays under way; returns its client."""
    before = sum(len(o.seen("/hold")) for o in origins)
    c = Client(port)
    c.request("/hold")
    wait_until(lambda: sum(len(o.seen("/hold")) for o in origins) == before + 1)
    return c


def holding(origins):
    for origin in origins:
        origin.on("/hold", do.hang())
    return origins


def weighted(origins, *weights, **every):
    return {o.name: {"address": o, "weight": w, **every} for o, w in zip(origins, weights)}


@NBPROC
def test_static_rr_gives_exact_shares_in_haproxy_s_order(lab, nbproc):
    port = lab.port()
    lab.start(web(port, weighted(lab.origins("abc"), 1, 2, 3), backend={"balance": "static-rr"}),
              nbproc=nbproc)
    order = "".join(get(port).text for _ in range(24))
    assert order == order[:6] * 4
    assert collections.Counter(order) == {"a": 4, "b": 8, "c": 12}


@NBPROC
def test_leastconn_gives_idle_servers_turns_and_busy_ones_by_weight(lab, nbproc):
    origins = holding(lab.origins("abcd"))
    port = lab.port()
    weir = lab.start(web(port, weighted(origins, 6, 2, 4, 1), backend={"balance": "leastconn"}),
                     nbproc=nbproc)
    weir.api("disable server be/d")
    weir.wait_status("be", "d", "MAINT")

    def idle():
        return all(weir.stat("be", o.name, "scur") == 0 for o in origins)
    wait_until(lambda: "d" not in spread(port, 8))
    seen = collections.Counter()
    for _ in range(12):
        wait_until(idle)
        seen += spread(port, 1)
    assert seen == {"a": 4, "b": 4, "c": 4}, "weights mean nothing to who has nothing to do"
    wait_until(idle)
    held = [hold(port, *origins) for _ in range(24)]
    assert [len(o.seen("/hold")) for o in origins] == [12, 4, 8, 0]
    for c in held:
        c.reset()


@NBPROC
def test_first_fills_one_server_before_the_next(lab, nbproc):
    origins = holding(lab.origins("abc"))
    port = lab.port()
    lab.start(web(port, origins, backend={"balance": "first"}, every={"maxconn": 2}),
              nbproc=nbproc)
    held = [hold(port, *origins) for _ in range(5)]
    assert [len(o.seen("/hold")) for o in origins] == [2, 2, 1]
    held[0].reset()
    wait_until(lambda: get(port).text == "a")
    for c in held[1:]:
        c.reset()


def test_first_goes_by_the_ids_of_servers(lab):
    a, b, c = origins = holding(lab.origins("abc"))
    port = lab.port()
    weir = lab.start(web(port, {"a": {"address": a, "id": 40}, "b": b, "c": {"address": c, "id": 2}},
                         backend={"balance": "first"}, every={"maxconn": 2}), nbproc=2)
    rows = [(r["svname"], r["sid"]) for r in weir.stats_rows() if r["pxname"] == "be"]
    assert rows[:3] == [("a", "40"), ("b", "3"), ("c", "2")], "in the order of the file"
    held = [hold(port, *origins) for _ in range(5)]
    assert [len(o.seen("/hold")) for o in origins] == [1, 2, 2]
    for client in held:
        client.reset()


@NBPROC
def test_random_follows_weights_and_avoids_the_loaded(lab, nbproc):
    origins = holding(lab.origins("ab"))
    port = lab.port()
    lab.start(web(port, weighted(origins, 3, 1), backend={"balance": "random(1)"}), nbproc=nbproc)
    n = 400
    seen = spread(port, n)
    assert abs(seen["a"] - n * 3 / 4) < 5 * (n * 3 / 16) ** 0.5  # five sigma


@NBPROC
def test_random_with_two_draws_keeps_loads_close(lab, nbproc):
    origins = holding(lab.origins("abcd"))
    port = lab.port()
    lab.start(web(port, origins, backend={"balance": "random"}), nbproc=nbproc)
    held = [hold(port, *origins) for _ in range(40)]
    loads = [len(o.seen("/hold")) for o in origins]
    assert max(loads) - min(loads) <= 5, loads
    for c in held:
        c.reset()


@NBPROC
def test_peak_ewma_leaves_a_slow_server_and_comes_back(lab, nbproc):
    a, b = lab.origins("ab")
    a.on("/", do.delay(0.1))
    port = lab.port()
    lab.start(web(port, [a, b], backend={"balance": {"algorithm": "peak-ewma", "decay": "500ms"}}),
              nbproc=nbproc)
    spread(port, 4)
    # never twice in a row: it takes time until what is known of it has faded
    assert spread(port, 40)["b"] >= 32
    a.on("/", do.answer(body=b"a"))
    wait_until(lambda: spread(port, 10)["a"] >= 2)


def keys(port, n):
    with Client(port) as c:
        return {k: c.ask(f"/{k}").text for k in range(n)}


@NBPROC
def test_the_bound_of_a_hash_holds_for_all_workers(lab, nbproc):
    origins = holding(lab.origins("abc"))
    port = lab.port()
    lab.start(web(port, origins, backend={"balance": "hash str(always)", "hash_type": "consistent",
                                          "hash_balance_factor": 150}), nbproc=nbproc)
    held = [hold(port, *origins) for _ in range(18)]
    loads = sorted(len(o.seen("/hold")) for o in origins)
    assert loads[-1] == 9, loads  # 150 % of a third of 18
    for c in held:
        c.reset()


def test_all_workers_and_restarts_agree_on_a_maglev_table(lab):
    origins = lab.origins("abcde")
    maps = []
    for nbproc in (1, 2, 8):
        port = lab.port()
        # the order of the file does not matter, names do
        servers = origins if nbproc < 8 else origins[::-1]
        weir = lab.start(web(port, servers, backend={"balance": "uri", "hash_type": "maglev"}),
                         nbproc=nbproc, name=f"w{nbproc}")
        maps.append(keys(port, 200))
        if nbproc == 2:
            weir.api("disable server be/c")
            wait_until(lambda p=port: "c" not in keys(p, 40).values())
            now = keys(port, 200)
            others = [k for k, s in maps[0].items() if s != "c"]
            moved = sum(now[k] != maps[0][k] for k in others)
            assert moved <= len(others) * 0.05, f"{moved} of {len(others)}"
            weir.api("enable server be/c")
            wait_until(lambda p=port: keys(p, 200) == maps[0])
    assert maps[0] == maps[1] == maps[2]
    assert len(set(maps[0].values())) == 5


def test_a_ring_moves_only_the_keys_of_who_leaves(lab):
    port = lab.port()
    weir = lab.start(web(port, lab.origins("abcde"), backend={
        "balance": "uri", "hash_type": "consistent"}), nbproc=2)
    before = keys(port, 200)
    weir.api("disable server be/c")
    wait_until(lambda: "c" not in keys(port, 40).values())
    assert all(s == before[k] for k, s in keys(port, 200).items() if before[k] != "c")


@pytest.mark.parametrize("affinity,expected", [("always", 503), ("maxqueue", 200)])
def test_a_full_queue_is_waited_at_or_passed_over(lab, affinity, expected):
    origins = holding(lab.origins("ab"))
    port = lab.port()
    lab.start(web(port, origins, every={"maxconn": 1, "maxqueue": 1}, timeout={"queue": "10s"},
                  backend={"balance": "hash str(always)", "hash_type": "consistent",
                           "hash_preserve_affinity": affinity}), nbproc=1)
    with hold(port, *origins) as one, Client(port) as two:
        two.request("/waits")
        wait_until(lambda: get(port, "/other").status == expected)
        one.reset()


# --- servers come and go ---------------------------------------------------------------

@NBPROC
@pytest.mark.parametrize("balance", ["roundrobin", "static-rr", "leastconn", "random",
                                     "peak-ewma", "uri", "source"])
def test_who_is_out_gets_nothing_under_load(lab, nbproc, balance):
    origins = lab.origins("abc")
    port = lab.port()
    weir = lab.start(web(port, origins, backend={"balance": balance}), nbproc=nbproc)
    load = lab.load(port, "close", clients=8)
    load.wait_ok(60)
    for _ in range(2):
        weir.api("disable server be/b")
        wait_until(lambda: weir.stat("be", "b", "scur") == 0)
        load.wait_ok(20)
        before = len(origins[1].seen())
        load.wait_ok(60)
        assert len(origins[1].seen()) == before
        weir.api("enable server be/b")
        load.wait_ok(60)
    result = load.end()
    assert result["failed"] == 0
    assert sum(len(o.seen()) for o in origins) == result["sent"]


@pytest.mark.alone
@pytest.mark.parametrize("nbproc", [1, 8])
def test_reloads_send_nothing_to_a_server_that_is_down(lab, nbproc):
    a, b = lab.origins("ab")
    port = lab.port()
    config = web(port, {"a": a, "b": b, "dead": f"127.0.0.1:{lab.port()}"},
                 every={"check": True, "inter": "100ms"})
    weir = lab.start(config, nbproc=nbproc)
    weir.wait_status("be", "dead", "DOWN")
    wait_until(lambda: weir.stat("be", "dead", "scur") == 0)
    before = weir.stat("be", "dead", "lbtot")
    load = lab.load(port, "close", clients=8)
    load.wait_ok(50)
    begin = time.monotonic()
    for i in range(15):  # five per second, where the machine is that fast
        wait_until(lambda n=i: time.monotonic() >= begin + n / 5)
        config["defaults"]["timeout"]["queue"] = f"{i + 1}s"
        weir.reload(config)
    load.wait_ok(20)
    result = load.end()
    assert result["failed"] == 0
    assert weir.stat("be", "dead", "lbtot") == before
    assert weir.stat("be", "dead", "econ") == 0


@NBPROC
def test_restarts_send_nothing_to_a_server_that_is_down(lab, nbproc):
    port = lab.port()
    config = web(port, {"a": lab.origin("a"), "dead": f"127.0.0.1:{lab.port()}"},
                 every={"check": True, "inter": "100ms"}, defaults={"retries": 0})
    weir = lab.start(config, nbproc=nbproc)
    weir.wait_status("be", "dead", "DOWN")
    before = weir.stat("be", "dead", "lbtot")
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGTERM):
        weir.stop(number)
        weir.start()
        assert {get(port).text for _ in range(2 * nbproc + 4)} == {"a"}
    assert weir.stat("be", "dead", "lbtot") == before


# --- slow start ------------------------------------------------------------------------

@NBPROC
def test_a_slow_start_is_the_same_ramp_for_all(lab, nbproc):
    a, b = lab.origins("ab")
    port = lab.port()
    weir = lab.start(web(port, [a, b], every={"slowstart": "8s", "weight": 100}), nbproc=nbproc)
    assert spread(port, 10) == {"a": 5, "b": 5}, "never at the first start"
    weir.api("disable server be/b")
    wait_until(lambda: spread(port, 4) == {"a": 4})
    weir.api("enable server be/b")
    early = spread(port, 63)
    assert 1 <= early["b"] <= 15, early
    assert 5 <= weir.stat("be", "b", "throttle") <= 60
    wait_until(lambda: weir.stat("be", "b", "weight") == 100, timeout=15)
    assert spread(port, 20) == {"a": 10, "b": 10}


# --- panic, budget ---------------------------------------------------------------------

def test_checks_are_not_believed_when_too_few_are_up(lab):
    a, b, c = lab.origins("abc")
    for o in (b, c):
        o.on("/health", do.answer(500))
    port = lab.port()
    backend = {"option": {"httpchk": {"uri": "/health", "method": "GET"}},
               "panic_threshold": "50%"}
    weir = lab.start(web(port, [a, b, c], backend=backend,
                         every={"check": True, "inter": "100ms", "fall": 1, "rise": 1}), nbproc=2)
    weir.wait_status("be", "b", "DOWN")
    weir.wait_status("be", "c", "DOWN")
    wait_until(lambda: spread(port, 9) == {"a": 3, "b": 3, "c": 3})
    weir.api("disable server be/c")  # what people take out stays out: half of two are up
    wait_until(lambda: spread(port, 8) == {"a": 8})
    weir.api("enable server be/c")
    wait_until(lambda: spread(port, 9) == {"a": 3, "b": 3, "c": 3})
    b.on("/health", do.answer(200))
    weir.wait_status("be", "b", "UP")
    wait_until(lambda: spread(port, 8) == {"a": 4, "b": 4})


@NBPROC
def test_a_retry_budget_is_one_for_all_workers(lab, nbproc):
    a, port = lab.origin("a"), lab.port()
    a.on("/broken", do.close())
    weir = lab.start(web(port, [a], backend={
        "retries": 2, "retry_on": "empty_response", "http_reuse": "never",
        "retry_budget": {"percent": "10%", "min_rate": 0}}), nbproc=nbproc)
    for _ in range(40):
        assert get(port).status == 200
    for _ in range(20):
        assert get(port, "/broken").status == 502
    # each of the 60 requests has earned a tenth of a retry
    assert len(a.seen("/broken")) == 26
    assert weir.stat("be", "BACKEND", "wretr") == 6
    assert weir.counters("backend.be.retry_refused") == {"backend.be.retry_refused": 18}
