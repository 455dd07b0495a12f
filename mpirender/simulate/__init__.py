"""The same schedule under a simulated clock: what-if questions, and tests at any scale.

Ranks do here what the real worker does, message by message: a task is asked for a moment before
the one before it ends, its renderer sleeps for a while when it starts, works before the first
pixel, and then sends what it has finished, be it blocks, whole frames or one picture a task.
"""

from __future__ import annotations

from mpirender.simulate.fleet import Fleet, Overheads, lower_bound
from mpirender.simulate.run import Simulation, Span

__all__ = ["Fleet", "Overheads", "Simulation", "Span", "lower_bound"]
