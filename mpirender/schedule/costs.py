"""What the blocks that are not finished should take, by what others took."""

from __future__ import annotations

import math
from array import array
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import islice

from mpirender.units import Seconds

__all__ = ["CostMap", "Nearby"]

_NEAR = 8  # blocks up and down to which one tells what others take
_SAMPLE = 8  # of many blocks, whose mean is wanted
_FORGETTING = 0.005  # weight of the last block's surprise among those before it
_ENOUGH = 20  # blocks from which it is known whom to believe
_INSTANT: Seconds = 1e-9  # 0 is for what is not known


@dataclass(frozen=True, slots=True)
class Nearby:
    """What was known around some blocks at some moment.

    Attributes
    ----------
    blocks : int
        How many they were.
    known : float
        Share of them that had a finished block above or below, 0 to 1.
    mean, dearest : float
        Seconds that those with such neighbours should take by them; 0 where there are none.
    """

    blocks: int
    known: float
    mean: Seconds
    dearest: Seconds


class CostMap:
    """What every finished block took, and the ones above and below should take.

    Two things foretell a block: the pace of the rank that is at work on its task, and what the next
    finished blocks above and below it took, the dearer one of the two: to wait for a block that was
    thought cheap is worse than to have begun early with one that was thought dear. Which is right
    depends on the picture; what each was wrong by so far says how much it is to be believed.

    Parameters
    ----------
    units : int
        How many blocks there are, >= 1.
    stride : int
        From a block to the one below it, >= 1.

    Attributes
    ----------
    trust : float
        How much the blocks above and below are believed, 0 to 1; the pace is believed for the rest.

    References
    ----------
    J. M. Bates, C. W. J. Granger: The combination of forecasts. Operational Research Quarterly
    20 (4), 1969; the weights are those of two forecasts that err independently.
    """

    def __init__(self, units: int, stride: int) -> None:
        self._stride = stride
        self._took = array("d", [0.0]) * units
        self.trust = 0.0
        self._near_errs = self._pace_errs = 0.0  # mean squares
        self._compared = 0

    def learn(self, blocks: Iterable[int], took: Seconds, pace: Seconds | None) -> None:
        """Remember what blocks took.

        Parameters
        ----------
        blocks : iterable of int
        took : float
            Each of them.
        pace : float or None
            What one took their rank before; None if these are its first.
        """
        known, stride, units = self._took, self._stride, len(self._took)
        took = max(took, _INSTANT)
        for block in blocks:
            known[block] = took
            if pace is not None:
                above = known[block - stride] if block >= stride else 0.0
                below = known[block + stride] if block + stride < units else 0.0
                if above or below:
                    self._compare(took - max(above, below), took - pace)

    def _compare(self, near_err: Seconds, pace_err: Seconds) -> None:
        """Learn what both forecasts of a block were wrong by."""
        self._compared += 1
        part = max(_FORGETTING, 1 / self._compared)
        self._near_errs += (near_err * near_err - self._near_errs) * part
        self._pace_errs += (pace_err * pace_err - self._pace_errs) * part
        if self._pace_errs:
            enough = min(1.0, self._compared / _ENOUGH)
            self.trust = enough * self._pace_errs / (self._near_errs + self._pace_errs)

    def foretell(self, blocks: Iterable[int], pace: Seconds) -> list[Seconds]:
        """Return what each of some blocks should take a rank of some pace."""
        trust, rest = self.trust, (1 - self.trust) * pace
        return [trust * (self._near(block) or pace) + rest for block in blocks]

    def look_around(self, blocks: Collection[int]) -> Nearby:
        """Return what is known around some blocks, by looking at a few of them."""
        few = islice(blocks, 0, None, math.ceil(len(blocks) / _SAMPLE))
        found = [self._near(block) for block in few]
        known = [seconds for seconds in found if seconds]
        mean = sum(known) / len(known) if known else 0.0
        return Nearby(len(blocks), len(known) / len(found), mean, max(found))

    def _near(self, block: int) -> Seconds:
        """Return what the dearer of the next finished blocks took; 0 where there is none."""
        took, stride, far = self._took, self._stride, _NEAR * self._stride
        above = below = 0.0
        for at in range(block - stride, max(-1, block - far - 1), -stride):
            if above := took[at]:
                break
        for at in range(block + stride, min(len(took), block + far + 1), stride):
            if below := took[at]:
                break
        return max(above, below)
