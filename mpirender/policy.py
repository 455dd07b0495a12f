"""How much a rank gets next: one short class a published method."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mpirender.units import Seconds

__all__ = ["Factoring", "Halving", "History", "Policy", "SelfScheduling", "Takeover", "WholeFrames"]


@dataclass(frozen=True, slots=True)
class History:
    """What the run has taught so far.

    Attributes
    ----------
    ranks : int
        Ranks that can take work, >= 1.
    total : int
        Blocks of the whole picture.
    round_blocks : int
        Blocks that were left when the present round of shares, one a rank, began; >= 1.
    seconds_per_block : float
        Mean time that one block took; 0 where nothing is known yet.
    setup_seconds, latency_seconds : float
        Mean times that a task costs besides its pixels, at work and asleep; see
        `mpirender.model.Result`. 0 where nothing is known yet.
    round_shares : int
        How many of these shares have not been handed out, the one asked for included; 0 where
        there are no rounds.
    """

    ranks: int
    total: int
    round_blocks: int
    seconds_per_block: Seconds = 0.0
    setup_seconds: Seconds = 0.0
    latency_seconds: Seconds = 0.0
    round_shares: int = 0


@dataclass(frozen=True, slots=True)
class Takeover:
    """What a rank without work could relieve another one of.

    Attributes
    ----------
    seconds_left : float
        In which the other rank expects to be done alone.
    seconds_per_block : float
        What it takes for a block.
    setup_seconds : float
        What the newcomer needs before its first block.
    pretrace_seconds : float
        What it needs for each block besides the tracing, since it begins anew.
    parts : sequence of int
        Blocks of the parts that can be taken.
    """

    seconds_left: Seconds
    seconds_per_block: Seconds
    setup_seconds: Seconds
    pretrace_seconds: Seconds
    parts: Sequence[int]


class Policy(Protocol):
    """The rule by which work is shared out; pure, and without a memory of its own."""

    @property
    def name(self) -> str:
        """Its short name in the literature."""

    @property
    def takes_over(self) -> bool:
        """Whether ranks without work take over parts of tasks that are being rendered."""

    def next_chunk(self, remaining: int, history: History) -> int:
        """Return how many blocks the asking rank is to get.

        Parameters
        ----------
        remaining : int
            Blocks that have not been handed out, >= 1.
        history : History

        Returns
        -------
        blocks : int
            1 to `remaining`.
        """

    def part_to_take(self, offer: Takeover) -> int | None:
        """Return which part a rank without work is to take, or None if it had better wait."""


class _QueueOnly:
    """A policy that knows what has not been handed out, and leaves running tasks alone."""

    takes_over = False

    def part_to_take(self, offer: Takeover) -> int | None:
        """Return None; see `Policy.part_to_take`."""
        return None


@dataclass(frozen=True, slots=True)
class SelfScheduling(_QueueOnly):
    """The same small share each time.

    Attributes
    ----------
    blocks : int
        Blocks a share, >= 1.

    References
    ----------
    P. Tang, P.-C. Yew: Processor self-scheduling for multiple-nested parallel loops. ICPP 1986.
    """

    blocks: int
    name: str = "ss"

    def next_chunk(self, remaining: int, history: History) -> int:
        """Return the fixed share; see `Policy.next_chunk`."""
        return min(self.blocks, remaining)


@dataclass(frozen=True, slots=True)
class Factoring(_QueueOnly):
    """Rounds of equal shares, one a rank; each round hands out half of what is left.

    So the first shares are large, and the last ones so small that all ranks end together, even
    where the picture is dear in one place only. But no share is so small that starting the
    renderer once more costs more than it balances:

    - not below 1/16 of an even share of the picture,
    - not below the blocks that take `worth` times the setup of a task and twice its latency,
      once these are known (most of the latency lies behind the task before),
    - but never above an even part of what was left when the round began.

    A single rank has nobody to balance with, and gets everything at once.

    Attributes
    ----------
    worth : float
        How many times its own setup a share is to take at least.

    References
    ----------
    S. F. Hummel, E. Schonberg, L. E. Flynn: Factoring, a method for scheduling parallel loops.
    Communications of the ACM 35 (8), 1992; this is their FAC2.
    """

    worth: float = 4.0
    name: str = "fac"

    def next_chunk(self, remaining: int, history: History) -> int:
        """Return the share of this round; see `Policy.next_chunk`."""
        if history.ranks == 1:
            return remaining
        even = math.ceil(history.round_blocks / history.ranks)
        least = math.ceil(history.total / (16 * history.ranks))
        if history.seconds_per_block > 0:
            overhead = self.worth * history.setup_seconds + 2 * history.latency_seconds
            least = max(least, math.ceil(min(overhead / history.seconds_per_block, even)))
        return min(remaining, even, max(1, math.ceil(even / 2), least))


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
    takes_over = True

    def next_chunk(self, remaining: int, history: History) -> int:
        """Return an even share; see `Policy.next_chunk`."""
        if history.round_shares:  # so that shares rounded to rows still go round
            return math.ceil(remaining / history.round_shares)
        return min(remaining, math.ceil(history.round_blocks / history.ranks))

    def part_to_take(self, offer: Takeover) -> int | None:
        """Return the part with which both are done soonest; see `Policy.part_to_take`."""

        def end(blocks: int) -> Seconds:
            newcomer = offer.setup_seconds + blocks * (
                offer.seconds_per_block + offer.pretrace_seconds
            )
            return max(newcomer, offer.seconds_left - blocks * offer.seconds_per_block)

        if not offer.parts:
            return None
        best = min(range(len(offer.parts)), key=lambda index: end(offer.parts[index]))
        gain = offer.seconds_left - end(offer.parts[best])
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
        if history.seconds_per_block <= 0:
            return 1
        wanted = math.ceil(self.at_least / history.seconds_per_block)
        return max(1, min(wanted, remaining // (2 * history.ranks)))
