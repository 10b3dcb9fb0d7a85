# SPDX-License-Identifier: MIT
"""Configurations that many tests share, as dicts (JSON is YAML)."""
from .origin import Origin
from .wait import SLOW

LONG = f"{10 * SLOW:g}s"  # no test waits for these
TIMEOUTS = {"connect": "2s", "queue": LONG, "client": LONG, "server": LONG,
            "http_request": LONG, "http_keep_alive": LONG, "check": "1s"}


def address_of(server):
    return server.address if isinstance(server, Origin) else server


def servers(items, **every):
    """Origins, or a dict name → Origin, address or map; `every` goes into each map."""
    if not isinstance(items, dict):
        items = {origin.name: origin for origin in items}
    out = {}
    for name, item in items.items():
        one = dict(item) if isinstance(item, dict) else {"address": item}
        one["address"] = address_of(one["address"])
        out[name] = {**every, **one}
    return out


def web(port, items=(), mode="http", top=None, defaults=None, frontend=None, backend=None,
        timeout=None, log=None, every=None):
    """One frontend `fe` on 127.0.0.1:port, one backend `be` with the servers. `log`: a
    Sink or an address; turns on httplog (or tcplog)."""
    both = {"mode": mode, "timeout": {**TIMEOUTS, **(timeout or {})}, **(defaults or {})}
    config = {"defaults": both,
              "frontends": {"fe": {"bind": f"127.0.0.1:{port}", "default_backend": "be",
                                   **(frontend or {})}},
              "backends": {"be": {"servers": servers(items, **(every or {})),
                                  **(backend or {})}}}
    if top:
        config["global"] = dict(top)
    if log is not None:
        target = {"address": getattr(log, "address", log), "facility": "local0"}
        config.setdefault("global", {})["log"] = [target]
        both["log"] = "global"
        option = both.get("option", [])
        style = "httplog" if mode == "http" else "tcplog"
        if isinstance(option, dict):
            both["option"] = {**option, style: True}
        else:
            both["option"] = [*option, style]
    return config
