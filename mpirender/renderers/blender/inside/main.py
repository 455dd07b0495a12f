"""Do what is asked for, until nobody asks any more."""

from __future__ import annotations

import resource
from collections.abc import Callable
from typing import Any

import bpy

from .blocks import block, finish, opened
from .facts import names, query
from .frames import frames
from .stage import Stage
from .wire import Fault, Wire

DO: dict[str, Callable[[Stage, Wire, int, dict[str, Any]], list[dict[str, Any]]]] = {
    "query": query,
    "names": names,
    "frames": frames,
    "block": block,
    "opened": opened,
    "finish": finish,
}


def main() -> None:
    """Do what is asked for until nobody asks any more."""
    wire, stage = Wire(), Stage()
    while True:
        number, ask = wire.next()
        wire.say({"version": bpy.app.version_string}, sign=f"@mpirender {number} begin")
        before = resource.getrusage(resource.RUSAGE_SELF)
        status = 0
        try:
            last = DO[ask["do"]](stage, wire, number, ask)
        except Fault as fault:
            status, last = 1, [{"fault": str(fault), "kind": fault.kind}]
        except Exception as error:  # whatever it was, the rank has to be told
            text = str(error).strip().removeprefix("Error: ") or type(error).__name__
            status, last = 1, [{"fault": text, "kind": "render"}]
        used = resource.getrusage(resource.RUSAGE_SELF)
        seconds = used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime
        sign = f"@mpirender {number} end {status} {seconds:.3f} {used.ru_maxrss * 1024}"
        wire.say(*last, sign=sign)
