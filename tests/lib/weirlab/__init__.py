# SPDX-License-Identifier: MIT
"""weirlab: a laboratory for the real weir.

A Lab owns a temporary directory, free ports and everything that was started in it;
a Weir is the product running there, an Origin is a scripted server behind it, a
Client is a raw socket in front of it, a Sink receives its log lines, a Load is a
crowd of clients in a process of its own. Standard library only.

Nothing here sleeps instead of waiting for a condition: wait_until() polls one.
"""
from .client import Client, Response, get, say
from .lab import Lab
from .load import Load
from .origin import Origin
from .sink import Sink
from .wait import wait_until
from .weir import Weir

__all__ = ["Client", "Lab", "Load", "Origin", "Response", "Sink", "Weir", "get",
           "say", "wait_until"]
