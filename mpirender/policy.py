"""How much a rank gets next: one short class a published method."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from mpirender.units import Seconds

__all__ = ["Factoring", "History", "Policy", "SelfScheduling"]


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
    """

    ranks: int
    total: int
    round_blocks: int
    seconds_per_block: Seconds = 0.0
    setup_seconds: Seconds = 0.0
    latency_seconds: Seconds = 0.0


class Policy(Protocol):
    """The rule by which work is shared out; pure, and without a memory of its own."""

    @property
    def name(self) -> str:
        """Its short name in the literature."""

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


@dataclass(frozen=True, slots=True)
class SelfScheduling:
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
class Factoring:
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
