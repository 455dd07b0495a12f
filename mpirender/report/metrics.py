"""How well a run went: what every rank did when, and the numbers that follow from it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from mpirender.report.records import COMPLETED, AttemptRecord, RunRecord
from mpirender.units import Bytes, Seconds

__all__ = ["Activity", "Metrics", "Span", "activities_of", "metrics_of", "window_of"]


class Activity(str, Enum):
    """What a rank does; of several at once the first of these counts."""

    RENDER = "render"
    """Pixels are traced, until the last one was seen."""
    PARSE = "parse"
    """The renderer is at work, and no pixel has been begun: parsing, bounding, photons."""
    FINISH = "finish"
    """The renderer writes what it has, and ends."""
    LAUNCH = "launch"
    """The renderer has been started, and has not begun to parse."""
    LOST = "lost"
    """An attempt that fails, or that nobody waits for any more."""
    SEND = "send"
    """A task, or its pixels, are on the way."""
    WAIT = "wait"
    """There is nothing for this rank to do."""


_ORDER = list(Activity)
_WORKING = (Activity.RENDER, Activity.PARSE, Activity.FINISH, Activity.LAUNCH, Activity.LOST)
_USEFUL = (Activity.RENDER, Activity.PARSE)


@dataclass(frozen=True, slots=True)
class Span:
    """What a rank does for some time.

    Attributes
    ----------
    activity : Activity
    began, ended : float
        On the clock of the record.
    """

    activity: Activity
    began: Seconds
    ended: Seconds

    @property
    def seconds(self) -> Seconds:
        """How long."""
        return self.ended - self.began


@dataclass(frozen=True, slots=True)
class Metrics:
    """Numbers of one run.

    Attributes
    ----------
    ranks, tasks : int
        Tasks are those that were completed.
    makespan : float
        From the first task handed out to the last picture in its place.
    busy, useful : tuple of float
        A rank: seconds in which it had a renderer, and in which that parsed or traced.
    idle : float
        Share of makespan x ranks in which a rank had no renderer, 0 to 1.
    imbalance : float
        Largest busy time by their mean, >= 1; 1 where nobody was busy.
    load_balance, communication_efficiency, parallel_efficiency : float
        As POP defines them: mean by largest useful time, largest useful time by makespan, and
        their product; 0 to 1. What POP calls communication is here all that keeps the busiest rank
        from tracing: waits, starts of the renderer, and rank 0's last pass.
    by_activity : tuple of dict of Activity to float
        A rank: how it spent the makespan.
    cpu_seconds : float
        Of all renderers.
    peak_memory : int
        Of the largest renderer, in bytes.

    References
    ----------
    POP Centre of Excellence: Standard metrics for performance audit of parallel applications.
    C. Rosas, J. Gimenez, J. Labarta: Scalability prediction for fundamental performance factors.
    Supercomputing Frontiers and Innovations 1 (2), 2014.
    """

    ranks: int
    tasks: int
    makespan: Seconds
    busy: tuple[Seconds, ...]
    useful: tuple[Seconds, ...]
    idle: float
    imbalance: float
    load_balance: float
    communication_efficiency: float
    parallel_efficiency: float
    by_activity: tuple[dict[Activity, Seconds], ...]
    cpu_seconds: Seconds
    peak_memory: Bytes


def window_of(run: RunRecord) -> tuple[Seconds, Seconds]:
    """Return when the first task was handed out, and when the last picture was in its place."""
    ends = [attempt.arrived for attempt in run.attempts] + [phase.ended for phase in run.phases]
    began = min((attempt.assigned for attempt in run.attempts), default=0.0)
    return began, max(ends, default=began)


def activities_of(run: RunRecord, rank: int) -> list[Span]:
    """Return what a rank did, from the first task of the run to its end, without a gap.

    Parameters
    ----------
    run : RunRecord
    rank : int

    Returns
    -------
    spans : list of Span
        One after the other; no two of the same activity touch.
    """
    return _activities([a for a in run.attempts if a.rank == rank], *window_of(run))


def _activities(attempts: Sequence[AttemptRecord], began: Seconds, ended: Seconds) -> list[Span]:
    """Sweep over the beginnings and ends of what the attempts of one rank do."""
    changes: dict[Seconds, Counter[Activity]] = defaultdict(Counter)
    for span in (part for attempt in attempts for part in _parts_of(attempt)):
        changes[span.began][span.activity] += 1
        changes[span.ended][span.activity] -= 1
    moments = sorted({began, ended, *(at for at in changes if began < at < ended)})
    going_on: Counter[Activity] = Counter()
    spans: list[Span] = []
    for at, until in pairwise(moments):
        going_on.update(changes.get(at, {}))
        now = next((a for a in _ORDER if going_on[a] > 0), Activity.WAIT)
        if spans and spans[-1].activity is now:
            spans[-1] = Span(now, spans[-1].began, until)
        else:
            spans.append(Span(now, at, until))
    return spans


def _parts_of(attempt: AttemptRecord) -> Iterator[Span]:
    """Yield what happens in an attempt, in its order."""
    if attempt.outcome != COMPLETED:
        yield Span(Activity.RENDER, attempt.assigned, attempt.last_pixel)
        yield Span(Activity.LOST, attempt.last_pixel, attempt.arrived)
        return
    yield Span(Activity.SEND, attempt.assigned, attempt.started)
    yield Span(Activity.LAUNCH, attempt.started, attempt.began_setup)
    yield Span(Activity.PARSE, attempt.began_setup, attempt.began_pixels)
    yield Span(Activity.RENDER, attempt.began_pixels, attempt.last_pixel)
    yield Span(Activity.FINISH, attempt.last_pixel, attempt.ended)
    yield Span(Activity.SEND, attempt.ended, attempt.arrived)


def metrics_of(run: RunRecord) -> Metrics:
    """Return the numbers of a run.

    Notes
    -----
    O(a log a) for a attempts.
    """
    began, ended = window_of(run)
    of_rank: dict[int, list[AttemptRecord]] = {rank.rank: [] for rank in run.ranks}
    for attempt in run.attempts:
        of_rank.setdefault(attempt.rank, []).append(attempt)
    by_activity = tuple(_sums(_activities(mine, began, ended)) for mine in of_rank.values())
    busy = tuple(sum(times[a] for a in _WORKING) for times in by_activity)
    useful = tuple(sum(times[a] for a in _USEFUL) for times in by_activity)
    makespan, ranks = ended - began, len(of_rank)
    mean_busy, mean_useful = _mean(busy), _mean(useful)
    return Metrics(
        ranks=ranks,
        tasks=sum(attempt.outcome == COMPLETED for attempt in run.attempts),
        makespan=makespan,
        busy=busy,
        useful=useful,
        idle=1 - mean_busy / makespan if makespan else 0.0,
        imbalance=max(busy) / mean_busy if mean_busy else 1.0,
        load_balance=mean_useful / max(useful) if mean_useful else 1.0,
        communication_efficiency=max(useful, default=0.0) / makespan if makespan else 1.0,
        parallel_efficiency=mean_useful / makespan if makespan else 1.0,
        by_activity=by_activity,
        cpu_seconds=sum(attempt.cpu_seconds for attempt in run.attempts),
        peak_memory=max((attempt.peak_memory for attempt in run.attempts), default=0),
    )


def _sums(spans: Sequence[Span]) -> dict[Activity, Seconds]:
    sums = dict.fromkeys(Activity, 0.0)
    for span in spans:
        sums[span.activity] += span.seconds
    return sums


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
