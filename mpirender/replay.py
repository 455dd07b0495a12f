"""What-if questions to runs that were made: what their parts have cost, and how others would go."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Callable, Sequence

from mpirender.errors import UsageError
from mpirender.planning import CostModel, Sample, forecast
from mpirender.policy import NAMES
from mpirender.report.metrics import window_of
from mpirender.report.records import COMPLETED, STRONG, AttemptRecord, Report, RunRecord
from mpirender.report.scaling import median_run
from mpirender.simulate import Overheads
from mpirender.units import Seconds

__all__ = ["base_of", "forecasts_of", "model_of"]


def base_of(report: Report) -> RunRecord:
    """Return the run whose costs tell most of all others.

    It is a typical one of as few ranks as possible, since these disturb each other least; but of
    more than one where there is such a run, as a single rank renders all in one piece.

    Raises
    ------
    UsageError
        If no run tells what its parts have cost.
    """
    known = [run for run in report.counted if run.work and run.pieces]
    if not known:
        raise UsageError(
            "these results do not tell what the parts of the work have cost",
            hint="they are of an old version, or of several scenes: make them again",
        )
    several = [run for run in known if run.size > 1] or known
    least = min(run.size for run in several)
    return median_run([run for run in several if run.size == least])


def model_of(run: RunRecord) -> CostModel:
    """Return what the parts of a run have cost.

    Parameters
    ----------
    run : RunRecord
        With its work and its pieces.

    Notes
    -----
    Its ranks count as ranks of speed 1. What was not seen, such as blocks of a run that failed,
    costs as much as the mean of what was.
    """
    work = run.work
    assert work is not None, "the record has its work"
    blocks = work.rows * work.columns
    done = [attempt for attempt in run.attempts if attempt.outcome == COMPLETED]
    setup = _typical(done, lambda attempt: attempt.began_pixels - attempt.began_setup)
    costs: dict[int, dict[int, Seconds]] = defaultdict(dict)
    for piece in run.pieces:
        whole = not piece.blocks
        seconds = max(0.0, piece.seconds - setup) if whole else piece.seconds
        each = seconds / (blocks if whole else len(piece.blocks))
        costs[piece.frame] |= dict.fromkeys(piece.blocks or range(blocks), each)
    samples = []
    for frame, of_frame in sorted(costs.items()):
        mean = statistics.fmean(of_frame.values())
        samples.append(Sample(frame, tuple(of_frame.get(block, mean) for block in range(blocks))))
    overheads = Overheads(
        latency=_typical(done, lambda attempt: attempt.began_setup - attempt.started),
        setup=setup,
        delay=_typical(done, lambda attempt: attempt.started - attempt.assigned),
    )
    return CostModel(
        *(work.rows, work.columns, work.frames, tuple(samples), overheads), streams=work.streams
    )


def forecasts_of(report: Report) -> dict[tuple[str, int], Seconds]:
    """Return by policy and number of ranks which time the base of a bench foretells.

    Empty in weak scaling, where every number of ranks has work of its own, and where no run tells
    what its parts have cost.

    Notes
    -----
    What rank 0 does alone at the end is taken to last as long as in the base.
    """
    if report.setting.kind != STRONG:
        return {}
    try:
        base = base_of(report)
    except UsageError:
        return {}
    model = model_of(base)
    alone = window_of(base)[1] - max(attempt.arrived for attempt in base.attempts)
    points = dict.fromkeys((run.policy, run.size) for run in report.counted)
    return {
        (policy, ranks): forecast(model, [1.0] * ranks, policy).makespan + alone
        for policy, ranks in points
        if policy in NAMES
    }


def _typical(
    attempts: Sequence[AttemptRecord], seconds_of: Callable[[AttemptRecord], Seconds]
) -> Seconds:
    return statistics.median(map(seconds_of, attempts)) if attempts else 0.0
