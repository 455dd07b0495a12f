"""Policies of a queue whose shares shrink, so that all ranks end together."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mpirender.policy.base import History, QueueOnly

__all__ = ["AdaptiveWeightedFactoring", "Factoring", "Guided", "Trapezoid"]

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Guided(QueueOnly):
    """An even part of what is left at that moment.

    References
    ----------
    C. D. Polychronopoulos, D. J. Kuck: Guided self-scheduling, a practical scheduling scheme for
    parallel supercomputers. IEEE Transactions on Computers C-36 (12), 1987.
    """

    name: str = "gss"

    def next_chunk(self, remaining: int, history: History) -> int:
        """Return an n-th of what is left; see `Policy.next_chunk`."""
        return math.ceil(remaining / history.ranks)


@dataclass(frozen=True, slots=True)
class Trapezoid(QueueOnly):
    """Shares that shrink by the same step each time, from half of an even share to one block.

    Which of them is due follows from what is left. So shares that were rounded to rows of blocks
    do not leave a long rest of single ones.

    References
    ----------
    T. H. Tzen, L. M. Ni: Trapezoid self-scheduling, a practical scheduling scheme for parallel
    compilers. IEEE Transactions on Parallel and Distributed Systems 4 (1), 1993; with the first and
    the last share that they advise.
    """

    name: str = "tss"

    def next_chunk(self, remaining: int, history: History) -> int:
        """Return the share that is due; see `Policy.next_chunk`."""
        first, last = math.ceil(history.total / (2 * history.ranks)), 1
        shares = math.ceil(2 * history.total / (first + last))
        step = (first - last) / max(1, shares - 1)
        if not step:
            return min(remaining, first)
        # k shares are left where k * last + step * k * (k - 1) / 2 blocks are
        half = last - step / 2
        left = math.ceil((math.sqrt(half**2 + 2 * step * remaining) - half) / step - _ROUNDING)
        return min(remaining, max(last, round(last + (left - 1) * step)))


@dataclass(frozen=True, slots=True)
class Factoring(QueueOnly):
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
class AdaptiveWeightedFactoring(Factoring):
    """Factoring with shares in proportion to the measured speed of each rank.

    References
    ----------
    I. Banicescu, V. Velusamy, J. Devaprasad: On the scalability of dynamic scheduling scientific
    applications with adaptive weighted factoring. Cluster Computing 6 (3), 2003.
    R. L. Cariño, I. Banicescu: Dynamic load balancing with adaptive factoring methods in scientific
    applications. Journal of Supercomputing 44, 2008; as in their AWF-C, weights follow every task.
    """

    name: str = "awf"

    def next_chunk(self, remaining: int, history: History) -> int:
        """Return this rank's share of the round; see `Policy.next_chunk`."""
        share = Factoring.next_chunk(self, remaining, history)
        return min(remaining, max(1, round(share * history.speed)))
