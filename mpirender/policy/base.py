"""What a policy is asked, and what it must be able to answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from mpirender.units import Seconds

__all__ = ["History", "Policy", "QueueOnly", "Takeover"]


@dataclass(frozen=True, slots=True)
class History:
    """What the run has taught so far.

    What is handed out is counted in blocks; in an animation, in frames.

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
    speed : float
        Of the asking rank, in blocks a second, as a part of the mean of all ranks; 1 where nothing
        is known yet.
    """

    ranks: int
    total: int
    round_blocks: int
    seconds_per_block: Seconds = 0.0
    setup_seconds: Seconds = 0.0
    latency_seconds: Seconds = 0.0
    round_shares: int = 0
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Takeover:
    """What a rank without work could relieve another one of.

    Attributes
    ----------
    seconds_left : float
        In which the other rank expects to be done alone.
    setup_seconds : float
        What the newcomer needs before its first block.
    pretrace_seconds : float
        What it needs for each block besides the tracing, since it begins anew.
    parts : sequence of (int, float)
        The parts that can be taken: blocks, and seconds that the other rank needs for them.
    speed : float
        Of the newcomer, as a part of the other rank's.
    """

    seconds_left: Seconds
    setup_seconds: Seconds
    pretrace_seconds: Seconds
    parts: Sequence[tuple[int, Seconds]]
    speed: float = 1.0


class Policy(Protocol):
    """The rule by which work is shared out; pure, and without a memory of its own."""

    @property
    def name(self) -> str:
        """Its short name, in the literature where it has one."""

    @property
    def deals(self) -> bool:
        """Whether all shares belong to ranks from the start, one each in turn, as cards do."""

    @property
    def takes_over(self) -> bool:
        """Whether ranks without work do something of tasks that are being rendered.

        They take over parts, or begin anew what should have been finished long ago.
        """

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


class QueueOnly:
    """A policy that knows what has not been handed out, and leaves running tasks alone."""

    deals = False
    takes_over = False

    def part_to_take(self, offer: Takeover) -> int | None:
        """Return None; see `Policy.part_to_take`."""
        return None
