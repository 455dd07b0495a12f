"""Runs as Chrome trace events, for ui.perfetto.dev and chrome://tracing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mpirender.report.records import COMPLETED, AttemptRecord, Report, RunRecord
from mpirender.units import Seconds

__all__ = ["trace_of"]

_LANES = 10  # of a rank: attempts that overlap lie in several


def trace_of(report: Report) -> str:
    """Return all runs as JSON: a process a run, a thread a rank.

    References
    ----------
    Trace Event Format (Google, 2016): complete events, ``"ph": "X"``, in microseconds.
    """
    events = [event for at, run in enumerate(report.runs) for event in _run(at, run)]
    return json.dumps({"displayTimeUnit": "ms", "traceEvents": events}) + "\n"


def _run(pid: int, run: RunRecord) -> Iterator[dict[str, Any]]:
    """Yield the events of a run."""
    what = f"repeat {run.repeat}" if run.repeat else "warm-up"
    yield _name("process_name", pid, 0, f"{run.size} ranks, {run.policy}, {what}")
    yield _name("thread_name", pid, 0, "run")
    for phase in run.phases:
        yield _event(pid, 0, phase.name, phase.began, phase.ended)
    for rank in run.ranks:
        yield from _rank(pid, rank.rank, rank.host, run)


def _rank(pid: int, rank: int, host: str, run: RunRecord) -> Iterator[dict[str, Any]]:
    """Yield the events of a rank, those that overlap in lanes of their own."""
    mine = sorted((a for a in run.attempts if a.rank == rank), key=lambda a: a.assigned)
    free: list[Seconds] = []  # from when on each lane is
    for attempt in mine:
        lane = next((i for i, at in enumerate(free) if at <= attempt.assigned), len(free))
        free[lane : lane + 1] = [attempt.arrived]
        tid = 1 + rank * _LANES + min(lane, _LANES - 1)
        yield from _attempt(pid, tid, attempt)
    for lane in range(min(max(1, len(free)), _LANES)):
        yield _name("thread_name", pid, 1 + rank * _LANES + lane, f"rank {rank} on {host}")


def _attempt(pid: int, tid: int, attempt: AttemptRecord) -> Iterator[dict[str, Any]]:
    name = f"task {attempt.task}" + (f", {attempt.outcome}" * (attempt.outcome != COMPLETED))
    facts = {
        "what": attempt.what,
        "attempt": attempt.attempt,
        "cpu_seconds": attempt.cpu_seconds,
        "peak_memory_bytes": attempt.peak_memory,
    }
    yield {**_event(pid, tid, name, attempt.assigned, attempt.arrived), "args": facts}
    if attempt.outcome != COMPLETED:
        return
    yield _event(pid, tid, "launch", attempt.started, attempt.began_setup)
    yield _event(pid, tid, "parse", attempt.began_setup, attempt.began_pixels)
    yield _event(pid, tid, "render", attempt.began_pixels, attempt.last_pixel)
    yield _event(pid, tid, "finish", attempt.last_pixel, attempt.ended)


def _event(pid: int, tid: int, name: str, began: Seconds, ended: Seconds) -> dict[str, Any]:
    return {
        **{"name": name, "ph": "X", "pid": pid, "tid": tid},
        **{"ts": round(began * 1e6, 1), "dur": round((ended - began) * 1e6, 1)},
    }


def _name(kind: str, pid: int, tid: int, name: str) -> dict[str, Any]:
    return {"name": kind, "ph": "M", "pid": pid, "tid": tid, "args": {"name": name}}
