"""What the blocks that are not finished should take, by what others took."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

from mpirender.units import Seconds

__all__ = ["CostMap"]

_NEAR = 8  # blocks down to which one tells what those below it take
_FORGETTING = 0.005  # weight of the last block's surprise among those before it
_ENOUGH = 20  # blocks from which it is known whom to believe
_INSTANT: Seconds = 1e-9  # 0 is for what is not known


class CostMap:
    """What every finished block took, and the ones that lie below should take.

    Two things foretell a block: the pace of the rank that is at work on its task, and what the next
    finished block above it took. Which is right depends on the picture; what each was wrong by so
    far says how much it is to be believed.

    Parameters
    ----------
    units : int
        How many blocks there are, >= 1.
    stride : int
        From a block to the one below it, >= 1.

    References
    ----------
    J. M. Bates, C. W. J. Granger: The combination of forecasts. Operational Research Quarterly
    20 (4), 1969; the weights are those of two forecasts that err independently.
    """

    def __init__(self, units: int, stride: int) -> None:
        self._stride = stride
        self._took = array("d", [0.0]) * units
        self._above_errs = self._pace_errs = 0.0  # mean squares
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
        known, stride = self._took, self._stride
        took = max(took, _INSTANT)
        for block in blocks:
            known[block] = took
            if pace is not None and block >= stride and (above := known[block - stride]):
                self._compare(took - above, took - pace)

    def _compare(self, above_err: Seconds, pace_err: Seconds) -> None:
        """Learn what both forecasts of a block were wrong by."""
        self._compared += 1
        part = max(_FORGETTING, 1 / self._compared)
        self._above_errs += (above_err * above_err - self._above_errs) * part
        self._pace_errs += (pace_err * pace_err - self._pace_errs) * part

    def foretell(self, blocks: Iterable[int], pace: Seconds) -> list[Seconds]:
        """Return what each of some blocks should take a rank of some pace."""
        if not self._pace_errs:
            return [pace for _ in blocks]
        trust = self._pace_errs / (self._above_errs + self._pace_errs)
        trust *= min(1.0, self._compared / _ENOUGH)
        return [trust * (self._above(block) or pace) + (1 - trust) * pace for block in blocks]

    def _above(self, block: int) -> Seconds:
        """Return what the next finished block above took; 0 where there is none that is near."""
        took, stride = self._took, self._stride
        nearest = range(block - stride, max(-1, block - (_NEAR + 1) * stride), -stride)
        return next((took[above] for above in nearest if took[above]), 0.0)
