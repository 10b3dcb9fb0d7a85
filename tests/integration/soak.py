#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random everything for a while, then the books must balance. Not collected by pytest:
./dev soak [SECONDS]. SOAK_SEED repeats a run's choices; SOAK_KILLS=no leaves the workers
alive, and then not one request may fail."""
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lib"))

from weirlab import Lab, wait_until  # noqa: E402
from weirlab import origin as do  # noqa: E402
from weirlab.config import servers, web  # noqa: E402
from weirlab.gate import is_gone  # noqa: E402
from weirlab.rough import Rough, answering  # noqa: E402
from weirlab.weir import ROOT  # noqa: E402

KILLS = os.environ.get("SOAK_KILLS", "yes")
TOTALS = ("stot", "bin", "bout", "req_tot", "hrsp_2xx", "lbtot")


def totals(weir):
    return {key + (f,): int(row[f]) for key, row in weir.stats().items() for f in TOTALS
            if row.get(f)}


ROUGH_CLIENTS, MESS = 24, 4000


class RoughSide:
    """A frontend of its own, whose clients leave and whose servers break off: what happens
    there must not show at the other one. Meanwhile connections without any manners."""

    def __init__(self, lab, rng):
        self.port = lab.port()
        self.origins = lab.origins("rst", remembers=False)
        for o in self.origins:
            o.default = answering(random.Random(rng.random()), True)
        self.crowd = Rough(self.port, rng.randrange(1 << 20), ROUGH_CLIENTS, 1 << 30, True)
        self.program = os.path.join(lab.dir, "mess")
        subprocess.run(["cc", "-O2", "-o", self.program, f"{ROOT}/tests/bench/mess.c"],
                       check=True)
        self.messes = 0
        self.threads = [threading.Thread(target=self.crowd.run, daemon=True),
                        threading.Thread(target=self.mess, daemon=True)]

    def mess(self):
        while not self.crowd.stop:
            # a killed worker takes connections with it, also while they are made
            subprocess.run([self.program, str(self.port), str(MESS)], capture_output=True)
            self.messes += MESS

    def add_to(self, config):
        config["frontends"]["rough"] = {"bind": f"127.0.0.1:{self.port}",
                                        "default_backend": "rough"}
        config["backends"]["rough"] = {"servers": servers(self.origins),
                                       "http_reuse": "always"}
        return config

    def start(self):
        for t in self.threads:
            t.start()

    def end(self):
        self.crowd.stop = True
        for t in self.threads:
            t.join(30)
            assert not t.is_alive(), "a client hangs"

    def balance(self, weir, kills):
        """Each right answer is one that weir passed on, each of those one that a server
        gave; but a client that left got none, and a killed worker counts before."""
        seen = sum(o.served for o in self.origins)
        passed = weir.stat("rough", "FRONTEND", "hrsp_2xx")
        asked = weir.stat("rough", "FRONTEND", "req_tot")
        slack = kills * (ROUGH_CLIENTS + 8)
        print(f"rough: {self.crowd.right} answers compared, {self.crowd.left} left, "
              f"{self.crowd.broken} broken, {self.messes} messy connections; weir: {asked} "
              f"requests, {passed} passed on; servers: {seen}")
        assert self.crowd.wrong == [], self.crowd.wrong[:5]
        assert self.crowd.right <= passed + slack
        assert passed <= asked + slack and passed <= seen + slack


class Tables:
    """`exact` counts every request by its path and is never touched; `churn` has more keys
    than room, is cleared, saved, loaded and given other shapes. Both are written to files
    all the time."""

    def __init__(self, lab, rng):
        self.dir, self.rng = os.path.join(lab.dir, "tables"), rng
        self.size, self.store = 500, ["http_req_cnt", "conn_cur", "gpc0"]

    def add_to(self, config):
        def persist(name):
            return {"persist": os.path.join(self.dir, name), "persist_interval": "200ms"}

        config["tables"] = {
            "exact": {"type": "string", "size": 100, "store": ["http_req_cnt", "conn_cur"],
                      **persist("exact")},
            "churn": {"type": "integer", "size": self.size, "expire": "1s",
                      "store": self.store, **persist("churn")}}
        config["frontends"]["fe"]["http_request"] = [
            {"track_sc0": {"key": "path", "table": "exact"}},
            {"track_sc1": {"key": "rand(2000)", "table": "churn"}},
            {"rate_limit": {"key": "path", "rate": f"{LIMIT}/5h"},
             "if": f"{{ path {LIMITED} }}"}]
        return config

    def reshape(self):
        self.size = self.rng.choice([100, 500, 3000])
        self.store = self.rng.sample(["http_req_cnt", "conn_cur", "gpc0", "gpt0",
                                      "http_req_rate(1s)", "bytes_out_cnt"], 3)

    def work(self, weir):
        path = os.path.join(self.dir, "by-hand")
        self.rng.choice([
            lambda: weir.ctl("table", "churn", "clear", check=False),
            lambda: weir.ctl("table", "churn", "clear", "data.http_req_cnt", "gt", "1",
                             check=False),
            lambda: weir.ctl("table", "save", "churn", path, check=False),
            lambda: weir.ctl("table", "load", "churn", path, check=False),
            lambda: weir.ctl("table", "churn", "--json"),
            lambda: weir.ctl("table", "churn", "set", "key", "77", "data.gpc0", "5",
                             check=False)])()

    @staticmethod
    def counted(weir):
        entries = json.loads(weir.ctl("table", "exact", "--json").stdout)["entries"]
        return {e["key"]: e["http_req_cnt"] for e in entries}

    def balance(self, weir, counted, clients):
        """What the table counted is what the frontend counted, and it comes back after a
        boot; nothing is held any more."""
        for name in ("exact", "churn"):
            held = [e for e in json.loads(weir.ctl("table", name, "--json").stdout)["entries"]
                    if e["use"] or e.get("conn_cur")]
            assert not held, held
        exact = self.counted(weir)
        print(f"tables: {sum(exact.values())} of {counted} requests counted by path")
        assert abs(sum(exact.values()) - counted) <= clients
        busy = weir.counter("table.exact.busy")
        assert sum(exact.values()) == counted or clients or busy
        assert weir.stop() == 0
        os.unlink(weir.shm)
        weir.start()
        assert self.counted(weir) == exact


LIMITED, LIMIT, MAXCONN = "/limited", 500, 4


class InHand:
    """The most requests a server had in hand at once, given up ones not counted."""

    def __init__(self, origin):
        self.here, self.most = set(), 0
        origin.default = self.wrap(origin.default)
        for path, act in list(origin.paths.items()):
            origin.on(path, self.wrap(act))

    def wrap(self, act):
        async def counted(req, conn):
            self.here.add(conn)
            if len(self.here) > self.most:
                self.most = max(self.most, sum(not is_gone(c) for c in self.here))
            try:
                return await act(req, conn)
            finally:
                self.here.discard(conn)
        return counted


class Soak:
    def __init__(self, lab, rng):
        self.rough = RoughSide(lab, rng)
        self.tables = Tables(lab, rng)
        self.lab, self.rng = lab, rng
        self.origins = lab.origins("abc", remembers=False)
        for o in self.origins:
            o.on("/slow", do.delay(0.05)).on("/big", do.answer(200, b"x" * 200_000))
        self.in_hand = [InHand(o) for o in self.origins]
        self.port = lab.port()
        self.nbproc = rng.choice([1, 2, 8])
        self.weir = lab.start(self.config())
        self.loads = [lab.load(self.port, mode, clients=n, path=path, think_ms=10)
                      for mode, n, path in (("busy", 6, "/"), ("close", 4, "/"),
                                            ("think", 8, "/slow"), ("busy", 3, "/big"))]
        self.limited = lab.load(self.port, "think", clients=3, path=LIMITED)
        self.rough.start()
        self.kills = self.ended = 0
        self.seen = totals(self.weir)

    def config(self):
        # fewer places than clients: somebody waits in a queue all the time
        return self.tables.add_to(self.rough.add_to(
            web(self.port, self.origins, top={"nbproc": self.nbproc},
                every={"check": True, "inter": "300ms", "fall": 3, "rise": 1,
                       "maxconn": MAXCONN},
                defaults={"retries": 3, "option": ["redispatch"],
                          "timeout": {"queue": "20s"}})))

    # --- what may happen
    def reload(self):
        assert self.weir.reload().returncode == 0

    def resize(self):
        self.nbproc = self.rng.choice([1, 2, 8])
        assert self.weir.reload(self.config()).returncode == 0
        wait_until(lambda: len(self.weir.workers()) == self.nbproc, 10, "resized")

    def bad_reload(self):
        self.weir.configure("frontends: [not, a, map]\n")
        assert self.weir.reload().returncode == 1
        self.weir.configure(self.config())

    def kill_worker(self):
        workers = self.weir.workers()
        with contextlib.suppress(ProcessLookupError):  # it had drained
            os.kill(self.rng.choice(workers), signal.SIGKILL)
            self.kills += 1

    def kill_helper(self):
        role = self.rng.choice(["checker", "control"])
        for pid in self.weir.of_role(role):
            os.kill(pid, signal.SIGKILL)
        wait_until(lambda: len(self.weir.of_role(role)) == 1, 5, "a new " + role)

    def pause_worker(self):
        pid = self.rng.choice(self.weir.workers())
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            time.sleep(self.rng.uniform(0, 0.4))
            os.kill(pid, signal.SIGCONT)

    def maintenance(self):
        name = self.rng.choice("ab")
        self.weir.api(f"disable server be/{name}")
        self.weir.api(f"enable server be/{name}")

    def reshape(self):
        self.tables.reshape()
        assert self.weir.reload(self.config()).returncode == 0

    def work_on_tables(self):
        self.tables.work(self.weir)

    def end_session(self):
        """Of whoever: each costs one request at most."""
        one = self.weir.ctl("sessions", "frontend", "fe", "limit", "3", "--json")
        found = json.loads(one.stdout)
        if found and KILLS != "no":
            result = self.weir.ctl("sessions", "kill", self.rng.choice(found)["id"], check=False)
            self.ended += result.returncode == 0

    def look(self):
        now = totals(self.weir)
        fallen = {k: (v, now.get(k)) for k, v in self.seen.items() if now.get(k, 0) < v}
        assert not fallen, fallen
        self.seen = now
        assert self.weir.ctl("check", check=False).returncode == 0

    def step(self):
        acts = [self.reload, self.resize, self.bad_reload, self.kill_worker, self.kill_helper,
                self.pause_worker, self.maintenance, self.end_session, self.reshape,
                self.work_on_tables, self.work_on_tables, self.look, self.look]
        if KILLS == "no":
            acts.remove(self.kill_worker)
        act = self.rng.choice(acts)
        act()
        return act.__name__

    def balance(self):
        limited = self.limited.end()
        results = [load.end() for load in self.loads]
        self.rough.end()
        self.weir.wait_idle(10)
        self.look()
        ok, sent, failed = (sum(r[k] for r in results) for k in ("ok", "sent", "failed"))
        refused = limited["failures"].pop("status_429", 0)
        failed += sum(limited["failures"].values())
        counted = self.weir.stat("fe", "FRONTEND", "req_tot")
        clients = 24
        print(f"{sent} requests, {failed} failed with {self.kills} kills and {self.ended} "
              f"sessions ended, counted {counted}")
        for r in [*results, limited]:
            if r["failures"]:
                print("  ", r["failures"], r["examples"][:3])
        lost = self.kills * clients + self.ended
        assert failed <= lost
        assert ok + limited["ok"] + refused <= counted <= sent + limited["sent"]
        assert lost or (failed == 0 and counted == sent + limited["sent"])
        self.balance_servers(counted, lost)
        self.balance_limits(limited["ok"], refused, lost)
        self.rough.balance(self.weir, self.kills)
        self.tables.balance(self.weir, counted, self.kills * clients)

    def balance_servers(self, counted, lost):
        """What was let through has come to a server, once but for retries."""
        through = counted - self.weir.stat("fe", "FRONTEND", "dreq")
        again = sum(self.weir.stat("be", "BACKEND", f) for f in ("wretr", "wredis", "reuse_race"))
        served = sum(o.served for o in self.origins)
        print(f"servers: {served} requests of {through} that were let through, {again} retries")
        assert through - lost <= served <= through + again

    def balance_limits(self, ok, refused, lost):
        """No server had more than its maxconn, no client more than its rate: to the unit,
        once somebody has been refused."""
        most = [i.most for i in self.in_hand]
        line, = json.loads(self.weir.ctl("table", "fe.rate_limit", "--json").stdout)["entries"]
        tokens = line[f"tokens({5 * 3600 * 1000})"]
        print(f"limits: at most {most} of {MAXCONN} requests at a server; {ok} of {LIMIT} "
              f"passed with {tokens} tokens, {refused} were refused")
        assert max(most) <= MAXCONN
        assert ok <= tokens <= LIMIT and ok >= tokens - lost
        assert not refused or tokens == LIMIT


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
    seed = int(os.environ.get("SOAK_SEED", random.randrange(1 << 30)))
    print(f"soak for {seconds:g} s, SOAK_SEED={seed}", flush=True)
    lab = Lab("soak")
    try:
        soak = Soak(lab, random.Random(seed))
        end = time.monotonic() + seconds
        done = {}
        while time.monotonic() < end:
            name = soak.step()
            done[name] = done.get(name, 0) + 1
            for load in soak.loads:
                load.wait_ok(5)
        print("done:", done)
        soak.balance()
        print("soak: the books balance")
    except BaseException:
        print(lab.report(), file=sys.stderr)
        raise
    finally:
        lab.close()


if __name__ == "__main__":
    main()
