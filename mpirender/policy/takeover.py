"""Policies by which a rank without work relieves another one of a task, or of a part of it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mpirender.policy.base import History, Takeover
from mpirender.policy.fixed import even_share
from mpirender.policy.shrinking import Factoring
from mpirender.units import Seconds

__all__ = ["BackedFactoring", "Halving", "WholeFrames"]

_INSTANT: Seconds = 1e-3


@dataclass(frozen=True, slots=True)
class Halving:
    """An even share to each rank; then a rank without work takes half of what another has left.

    The half is one by time: what the newcomer needs to start is counted, so that both end
    together. It needs a renderer whose finished blocks are known while it works.

    Attributes
    ----------
    worth : float
        Seconds by which a takeover must shorten what the other has left, at least.
    worth_of_setup : float
        The same as a part of the setup that it costs.

    References
    ----------
    R. D. Blumofe, C. E. Leiserson: Scheduling multithreaded computations by work stealing. Journal
    of the ACM 46 (5), 1999; the victim here is not a random one but the one that will end last.
    """

    worth: Seconds = 0.05
    worth_of_setup: float = 0.25
    name: str = "halving"
    deals = False
    takes_over = True

    def next_chunk(self, remaining: int, history: History) -> int:
        """Return an even share; see `Policy.next_chunk`."""
        return even_share(remaining, history)

    def part_to_take(self, offer: Takeover) -> int | None:
        """Return the part with which both are done soonest; see `Policy.part_to_take`."""

        def end(index: int) -> Seconds:
            blocks, seconds = offer.parts[index]
            work = seconds + blocks * offer.pretrace_seconds
            newcomer = offer.setup_seconds + work / offer.speed
            return max(newcomer, offer.seconds_left - seconds)

        if not offer.parts:
            return None
        best = min(range(len(offer.parts)), key=end)
        gain = offer.seconds_left - end(best)
        worth = max(self.worth, self.worth_of_setup * offer.setup_seconds)
        return best if gain >= worth else None


@dataclass(frozen=True, slots=True)
class WholeFrames(Halving):
    """Frames one by one; several at once where one takes less time than it is worth.

    When no frame is left, a rank without work takes over frames that another one has not begun,
    or rows of the one that it has.

    Attributes
    ----------
    at_least : float
        Seconds of work that a process of the renderer is worth.
    """

    worth: Seconds = 0.2
    at_least: Seconds = 1.5
    name: str = "frames"

    def next_chunk(self, remaining: int, history: History) -> int:
        """Return how many frames to hand out; see `Policy.next_chunk`."""
        if not (history.seconds_per_block or history.setup_seconds or history.latency_seconds):
            return 1  # nothing is known yet
        wanted = math.ceil(self.at_least / max(history.seconds_per_block, _INSTANT))
        return max(1, min(wanted, remaining // (2 * history.ranks)))


@dataclass(frozen=True, slots=True)
class BackedFactoring(Factoring):
    """Factoring; a rank without work begins anew what another one should have finished long ago.

    References
    ----------
    J. Dean, S. Ghemawat: MapReduce, simplified data processing on large clusters. OSDI 2004; their
    backup tasks.
    """

    name: str = "backed"
    takes_over = True
