"""Policies whose shares do not depend on how the run goes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mpirender.policy.base import History, QueueOnly

__all__ = ["Cyclic", "SelfScheduling", "Static", "even_share"]


def even_share(remaining: int, history: History) -> int:
    """Return an even share of what is left, one for each rank of the round."""
    if history.round_shares:  # so that shares rounded to rows still go round
        return math.ceil(remaining / history.round_shares)
    return min(remaining, math.ceil(history.round_blocks / history.ranks))


@dataclass(frozen=True, slots=True)
class Static(QueueOnly):
    """One even share of neighbouring blocks to each rank, and nothing afterwards.

    References
    ----------
    OpenMP Application Programming Interface: ``schedule(static)``; the BLOCK distribution of High
    Performance Fortran, 1993.
    """

    name: str = "static"
    deals = True

    def next_chunk(self, remaining: int, history: History) -> int:
        """Return an even share; see `Policy.next_chunk`."""
        return even_share(remaining, history)


@dataclass(frozen=True, slots=True)
class Cyclic(QueueOnly):
    """Small shares that belong to the ranks in turn: each n-th share, of n ranks, to the same one.

    Attributes
    ----------
    blocks : int
        Blocks a share, >= 1.

    References
    ----------
    OpenMP Application Programming Interface: ``schedule(static, blocks)``; the CYCLIC distribution
    of High Performance Fortran, 1993.
    """

    blocks: int = 1
    name: str = "cyclic"
    deals = True

    def next_chunk(self, remaining: int, history: History) -> int:
        """Return the fixed share; see `Policy.next_chunk`."""
        return min(self.blocks, remaining)


@dataclass(frozen=True, slots=True)
class SelfScheduling(QueueOnly):
    """The same small share each time, to whoever asks.

    Attributes
    ----------
    blocks : int
        Blocks a share, >= 1.

    References
    ----------
    P. Tang, P.-C. Yew: Processor self-scheduling for multiple-nested parallel loops. ICPP 1986.
    """

    blocks: int = 1
    name: str = "ss"

    def next_chunk(self, remaining: int, history: History) -> int:
        """Return the fixed share; see `Policy.next_chunk`."""
        return min(self.blocks, remaining)
