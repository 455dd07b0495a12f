"""What a simulated run consists of: ranks, costs, and what goes wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from mpirender.model import Task
from mpirender.units import Seconds

__all__ = ["Fleet", "Overheads", "lower_bound"]


@dataclass(frozen=True, slots=True)
class Overheads:
    """What rendering costs besides its pixels, on a rank of speed 1.

    Attributes
    ----------
    latency : float
        Seconds that the renderer sleeps whenever it starts.
    setup : float
        Seconds of work before the first pixel of a still or of each frame.
    pretrace : float
        Seconds of work for each unit of a task before the first one is traced.
    delay : float
        Seconds that a message travels.
    """

    latency: Seconds = 0.0
    setup: Seconds = 0.0
    pretrace: Seconds = 0.0
    delay: Seconds = 0.001


@dataclass(frozen=True, slots=True)
class Fleet:
    """Ranks and what they are to render.

    Attributes
    ----------
    speeds : sequence of float
        Of each rank.
    costs : sequence of float
        Seconds that each unit of the partition takes on a rank of speed 1: a block of a still, a
        row of blocks of a frame.
    overheads : Overheads
    streams : bool
        Whether finished blocks are sent one by one.
    deaths : mapping of int to float
        When ranks die.
    fails_after : callable
        Takes a task and the number of the attempt; returns how many units are finished before it
        fails, or None.
    """

    speeds: Sequence[float]
    costs: Sequence[Seconds]
    overheads: Overheads = Overheads()
    streams: bool = True
    deaths: Mapping[int, Seconds] = field(default_factory=dict)
    fails_after: Callable[[Task, int], int | None] = lambda task, attempt: None


def lower_bound(costs: Sequence[Seconds], speeds: Sequence[float]) -> Seconds:
    """Return the time below which no schedule can be.

    Parameters
    ----------
    costs : sequence of float
        Seconds of each unit on a rank of speed 1.
    speeds : sequence of float
        Of each rank.

    Notes
    -----
    All ranks at work all the time, or the fastest one at the dearest unit.
    """
    return max(sum(costs) / sum(speeds), max(costs) / max(speeds))
