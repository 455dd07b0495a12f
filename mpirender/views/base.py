"""What a view is shown, the view that shows nothing, and words for the user."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from mpirender.units import Seconds

__all__ = ["NoView", "Status", "View", "print_out", "say"]


@dataclass(frozen=True, slots=True)
class Status:
    """How far a run is.

    Attributes
    ----------
    fraction : float
        Of all pixels, those inside running tasks included, 0 to 1.
    seconds : float
        Since the start.
    ranks, busy : int
        Ranks of the run, and how many of them have work.
    """

    fraction: float
    seconds: Seconds
    ranks: int
    busy: int

    @property
    def seconds_left(self) -> Seconds | None:
        """Expected time to the end; None where nothing can be said yet."""
        if self.fraction < 0.01:
            return None
        return self.seconds * (1 - self.fraction) / self.fraction


class View(Protocol):
    """Something that shows how far a run is."""

    def show(self, status: Status) -> None:
        """Take in the present status; called about ten times a second."""

    def close(self) -> None:
        """Take leave: the run has ended."""


def say(text: str) -> None:
    """Print on standard error, if anybody still reads it: a picture needs no reader."""
    with suppress(OSError):
        print(text, file=sys.stderr, flush=True)


def print_out(text: str) -> None:
    """Print on standard output what was asked for, or where it is; see `say`."""
    with suppress(OSError):
        print(text, flush=True)


class NoView:
    """Shows nothing."""

    def show(self, status: Status) -> None:
        """Ignore it."""

    def close(self) -> None:
        """Do nothing."""
