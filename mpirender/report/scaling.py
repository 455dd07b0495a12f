"""How time depends on the number of ranks: speed-up, efficiency, and the laws that fit."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from mpirender.policy import NAMES
from mpirender.report.metrics import metrics_of
from mpirender.report.records import WEAK, Report, RunRecord
from mpirender.units import Pixels, Seconds

__all__ = [
    "Fit",
    "Point",
    "Scaling",
    "amdahl_fit",
    "gustafson_fit",
    "karp_flatt",
    "median_run",
    "points_of",
    "scaling_of",
    "student_t",
]

_T_95 = (  # quantiles of Student's t for intervals of 95 %, by degrees of freedom from 1
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)
_NORMAL_95 = 1.959964


@dataclass(frozen=True, slots=True)
class Point:
    """All runs of one number of ranks under one policy.

    Attributes
    ----------
    policy : str
    ranks : int
    pixels : int
        Of a run.
    seconds : tuple of float
        The makespan of each repeat.
    speed_up : float
        The base's time by this one's median, times the ranks of the base, times the growth of
        the work in weak scaling.
    efficiency : float
        Speed-up by ranks.
    karp_flatt : float or None
        The serial fraction that this speed-up shows; None for one rank.
    """

    policy: str
    ranks: int
    pixels: Pixels
    seconds: tuple[Seconds, ...]
    speed_up: float
    efficiency: float
    karp_flatt: float | None

    @property
    def median(self) -> Seconds:
        """The middle one of the times."""
        return statistics.median(self.seconds)

    @property
    def variation(self) -> float:
        """Coefficient of variation: standard deviation by mean; 0 for one repeat."""
        if len(self.seconds) < 2:
            return 0.0
        return statistics.stdev(self.seconds) / statistics.mean(self.seconds)


@dataclass(frozen=True, slots=True)
class Fit:
    """A law that was fitted to measured times.

    Attributes
    ----------
    law : str
        "Amdahl" or "Gustafson".
    serial : float
        Serial fraction: of the time on one rank, or, in weak scaling, of the time on all ranks.
    low, high : float or None
        Interval of 95 %; None where there are too few runs for one.
    """

    law: str
    serial: float
    low: float | None
    high: float | None

    def speed_up(self, ranks: float) -> float:
        """Return the speed-up that the law foretells."""
        if self.law == "Amdahl":
            return 1 / (self.serial + (1 - self.serial) / ranks)
        return self.serial + (1 - self.serial) * ranks


@dataclass(frozen=True, slots=True)
class Scaling:
    """What the runs of a bench under one policy show.

    Attributes
    ----------
    policy : str
    points : tuple of Point
        By number of ranks.
    fit : Fit or None
        None where there are not two numbers of ranks.
    """

    policy: str
    points: tuple[Point, ...]
    fit: Fit | None


def scaling_of(report: Report) -> list[Scaling]:
    """Return what a bench shows, a policy after the other."""
    law = gustafson_fit if report.setting.kind == WEAK else amdahl_fit
    by_policy: dict[str, list[Point]] = defaultdict(list)
    for point in points_of(report.counted, is_weak=report.setting.kind == WEAK):
        by_policy[point.policy].append(point)
    return [Scaling(policy, tuple(p), law(p)) for policy, p in by_policy.items()]


def points_of(runs: Sequence[RunRecord], *, is_weak: bool) -> list[Point]:
    """Return what runs show, by policy and number of ranks; the smallest one is the base.

    Policies come in the order of their table, as their runs come in a random one.
    """
    grouped: dict[tuple[str, int], list[RunRecord]] = defaultdict(list)
    for run in runs:
        grouped[run.policy, run.size].append(run)
    points: list[Point] = []
    seen = dict.fromkeys(policy for policy, _ in grouped)
    for policy in sorted(seen, key=lambda name: NAMES.index(name) if name in NAMES else len(NAMES)):
        sizes = sorted(size for of, size in grouped if of == policy)
        base = grouped[policy, sizes[0]]
        base_seconds = statistics.median(metrics_of(run).makespan for run in base)
        for size in sizes:
            group = grouped[policy, size]
            seconds = tuple(metrics_of(run).makespan for run in group)
            growth = group[0].pixels / base[0].pixels if is_weak else 1.0
            speed_up = sizes[0] * growth * base_seconds / statistics.median(seconds)
            points.append(
                Point(
                    *(policy, size, group[0].pixels, seconds, speed_up, speed_up / size),
                    karp_flatt=karp_flatt(speed_up, size),
                )
            )
    return points


def karp_flatt(speed_up: float, ranks: int) -> float | None:
    """Return the serial fraction that a measured speed-up shows; None for one rank.

    References
    ----------
    A. H. Karp, H. P. Flatt: Measuring parallel processor performance. Communications of the ACM
    33 (5), 1990.
    """
    if ranks == 1:
        return None
    return (1 / speed_up - 1 / ranks) / (1 - 1 / ranks)


def amdahl_fit(points: Sequence[Point]) -> Fit | None:
    """Return Amdahl's law for times of the same work.

    T(n) = a + b / n is fitted to every repeat by linear least squares of the relative residuals,
    (T - a - b/n) / T, since the spread of times grows with them; the serial fraction is
    a / (a + b). Its interval follows from the covariance of a and b, to first order, and
    Student's t.

    Parameters
    ----------
    points : sequence of Point

    Returns
    -------
    fit : Fit or None
        None where there are not two numbers of ranks.

    References
    ----------
    G. M. Amdahl: Validity of the single processor approach to achieving large scale computing
    capabilities. AFIPS 1967.
    """
    import numpy as np

    if len({point.ranks for point in points}) < 2:
        return None
    data = [(point.ranks, seconds) for point in points for seconds in point.seconds]
    design = np.array([(1 / seconds, 1 / (ranks * seconds)) for ranks, seconds in data])
    inverse = np.linalg.inv(design.T @ design)
    a, b = inverse @ design.T @ np.ones(len(data))
    residuals = 1 - design @ (a, b)
    freedom = len(data) - 2
    serial = float(a / (a + b))
    if not freedom:
        return Fit("Amdahl", serial, None, None)
    gradient = np.array((b, -a)) / (a + b) ** 2
    variance = float(residuals @ residuals) / freedom * float(gradient @ inverse @ gradient)
    reach = student_t(freedom) * math.sqrt(max(0.0, variance))
    return Fit("Amdahl", serial, serial - reach, serial + reach)


def gustafson_fit(points: Sequence[Point]) -> Fit | None:
    """Return Gustafson's law for times of work that grows with the ranks.

    S(n) = n - s (n - 1) is fitted to the scaled speed-up of every repeat by least squares of
    (S - n + s (n - 1)) / n, one unknown; the interval is Student's. The base of the speed-up is
    taken as exact.

    Parameters
    ----------
    points : sequence of Point
        Their speed-ups are scaled ones.

    Returns
    -------
    fit : Fit or None
        None where there are not two numbers of ranks.

    References
    ----------
    J. L. Gustafson: Reevaluating Amdahl's law. Communications of the ACM 31 (5), 1988.
    """
    data = [
        ((point.ranks - 1) / point.ranks, 1 - point.efficiency * point.median / seconds)
        for point in points
        if point.ranks > 1
        for seconds in point.seconds
    ]
    if len({point.ranks for point in points}) < 2:
        return None
    squares = sum(x * x for x, _ in data)
    serial = sum(x * y for x, y in data) / squares
    freedom = len(data) - 1
    if not freedom:
        return Fit("Gustafson", serial, None, None)
    variance = sum((y - serial * x) ** 2 for x, y in data) / freedom / squares
    reach = student_t(freedom) * math.sqrt(variance)
    return Fit("Gustafson", serial, serial - reach, serial + reach)


def student_t(freedom: int) -> float:
    """Return the factor of an interval of 95 % for some degrees of freedom, to three digits.

    References
    ----------
    M. Abramowitz, I. A. Stegun: Handbook of mathematical functions, 26.7.5 for more than 30.
    """
    if freedom <= len(_T_95):
        return _T_95[freedom - 1]
    z = _NORMAL_95
    first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
    return z + first / freedom + second / freedom**2


def median_run(runs: Sequence[RunRecord]) -> RunRecord:
    """Return the run that took the middle one of the times; of an even number the faster one."""
    by_time = sorted(runs, key=lambda run: metrics_of(run).makespan)
    return by_time[(len(by_time) - 1) // 2]
