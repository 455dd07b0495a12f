"""What a reader of a report should know before trusting its numbers, in plain words.

Each remark says what was seen, why it matters, and what helps.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from mpirender.report.metrics import Metrics, activities_of, metrics_of
from mpirender.report.records import (
    COMPLETED,
    FAILED,
    RENDER,
    STRONG,
    WEAK,
    Report,
    RunRecord,
)
from mpirender.report.scaling import Fit, median_run, points_of, scaling_of
from mpirender.units import format_bytes, format_percent, format_seconds, plural

__all__ = ["remarks_of"]

_NOISY = 0.05  # coefficient of variation of the repeats
_MUCH_IDLE = 0.10  # of makespan x ranks
_FEW_TASKS = 3  # a rank
_DEAR = 0.5  # share of the makespan that one attempt takes
_FULL = 0.9  # of a host's memory
_STARVED = 0.7  # processor time that renderers got, of what their threads could use
_COUNTS: float = 1.0  # seconds of renderers below which processor time tells nothing
_BELOW = -0.005  # serial fraction that rounding does not explain
_MUCH_LAUNCH = 0.15  # share of busy time that is spent on starts and parsing


def remarks_of(report: Report) -> list[str]:
    """Return what should be known, a paragraph each, the weightiest first."""
    found = [] if report.setting.kind == RENDER else list(_of_bench(report, report.counted))
    for remark in (_failures, _threads, _memory, _processors, _idle, _overhead):
        each = list(chain.from_iterable(remark(run) for run in _typical(report)))
        found += dict.fromkeys((*each[:1], *each[-1:]))  # of the smallest and the largest run
    return found


def _typical(report: Report) -> list[RunRecord]:
    """Return the runs that remarks are made on: of a bench, one of every size."""
    grouped: dict[tuple[int, str], list[RunRecord]] = defaultdict(list)
    for run in report.counted:
        grouped[run.size, run.policy].append(run)
    return [median_run(grouped[key]) for key in sorted(grouped)]


def _where(run: RunRecord) -> str:
    return f"With {plural(run.size, 'rank')}"


# ------------------------------------------------------------------------------------- a run


def _failures(run: RunRecord) -> Iterator[str]:
    failed = sum(attempt.outcome == FAILED for attempt in run.attempts)
    if failed:
        yield (
            f"{_where(run)} {plural(failed, 'attempt')} failed and had to be made again elsewhere:"
            " the time says more of the failures than of the scene. Run it with -v to see them."
        )


def _threads(run: RunRecord) -> Iterator[str]:
    threads: Counter[str] = Counter()
    cores: dict[str, set[int]] = defaultdict(set)
    for rank in run.ranks:
        threads[rank.host] += rank.threads
        cores[rank.host].update(rank.cores)
    for host, count in threads.items():
        if count > len(cores[host]):
            yield (
                f"{_where(run)} {host} has {plural(count, 'thread')} on"
                f" {plural(len(cores[host]), 'core')}: they take turns, and no speed-up beyond"
                f" {len(cores[host])} is possible there. Start fewer ranks or use --threads."
            )


def _memory(run: RunRecord) -> Iterator[str]:
    host_of = {rank.rank: rank for rank in run.ranks}
    largest: dict[int, int] = defaultdict(int)
    for attempt in run.attempts:
        largest[attempt.rank] = max(largest[attempt.rank], attempt.peak_memory)
    used: Counter[str] = Counter()
    for rank, peak in largest.items():
        used[host_of[rank].host] += peak
    for host, size in {rank.host: rank.memory for rank in run.ranks}.items():
        if size and used[host] > _FULL * size:
            yield (
                f"{_where(run)} the renderers on {host} took up to {format_bytes(used[host])} of"
                f" {format_bytes(size)}: it has probably been paging, and the times with it are"
                " too long. Use fewer ranks a host with more --threads each."
            )


def _processors(run: RunRecord) -> Iterator[str]:
    threads = {rank.rank: rank.threads for rank in run.ranks}
    done = [a for a in run.attempts if a.outcome == COMPLETED]
    could = sum((a.last_pixel - a.began_pixels) * threads[a.rank] for a in done)
    used = sum(a.cpu_seconds for a in done)
    if could > _COUNTS and used < _STARVED * could:
        yield (
            f"{_where(run)} the renderers got {format_percent(used / could)} of the processor time"
            " that their threads could have used: other programs, or other ranks, used the same"
            " cores, or the renderers waited for a disk or do not keep all their threads busy."
        )


def _idle(run: RunRecord) -> Iterator[str]:
    numbers = metrics_of(run)
    if numbers.idle <= _MUCH_IDLE:
        return
    lead = f"{_where(run)} {format_percent(numbers.idle)} of their time was idle"
    yield f"{lead}: {_reason(run, numbers)}"


def _reason(run: RunRecord, numbers: Metrics) -> str:
    """Return the likely reason why ranks had nothing to do."""
    last = max(run.attempts, key=lambda attempt: attempt.arrived)
    took = last.arrived - last.assigned
    alone = numbers.makespan - last.arrived + min(attempt.assigned for attempt in run.attempts)
    if alone > numbers.idle * numbers.makespan / 2:
        return (
            f"most of it at the end, when rank 0 needed {format_seconds(alone)} to put the picture"
            " together and to write it. This part does not shrink with more ranks."
        )
    if run.size > 1 and took > _DEAR * numbers.makespan * (1 + numbers.idle):
        return (
            f"task {last.task} ({last.what}) alone took {format_seconds(took)}, and the others"
            " waited for it. Smaller tasks (--rows-per-task) cut it up."
        )
    if numbers.tasks < _FEW_TASKS * run.size:
        return (
            f"there were only {plural(numbers.tasks, 'task')} for {plural(run.size, 'rank')}, too"
            " few to even out. A larger picture, more frames, or fewer ranks use them better."
        )
    gaps = sum(len(activities_of(run, rank.rank)) > 1 for rank in run.ranks)
    return f"it is spread over {plural(gaps, 'rank')}; the Gantt chart shows where."


def _overhead(run: RunRecord) -> Iterator[str]:
    done = [attempt for attempt in run.attempts if attempt.outcome == COMPLETED]
    if run.size == 1 or not done:
        return
    begun = sum(attempt.began_pixels - attempt.started for attempt in done)
    all_ = sum(attempt.ended - attempt.started for attempt in done)
    if all_ and begun > _MUCH_LAUNCH * all_:
        yield (
            f"{_where(run)} {format_percent(begun / all_)} of the renderers' time was spent on"
            " starting and parsing, before the first pixel of each task. Every rank has to parse"
            " the scene for itself; fewer ranks with more --threads each do it less often."
        )


# ----------------------------------------------------------------------------------- a bench


def _of_bench(report: Report, runs: Sequence[RunRecord]) -> Iterator[str]:
    yield from _differences(report, runs)
    points = points_of(runs, is_weak=report.setting.kind == WEAK)
    if not points:
        return
    noisy = [point for point in points if point.variation > _NOISY]
    if noisy:
        worst = max(noisy, key=lambda point: point.variation)
        yield (
            f"Noisy: the times of {_sizes(p.ranks for p in noisy)} vary by more than"
            f" {_NOISY:.0%} (coefficient of variation; {worst.variation:.0%} with"
            f" {plural(worst.ranks, 'rank')}). Other programs on these machines, or their clock"
            " rates, have a part in these numbers. More --repeats help."
        )
    if min(len(point.seconds) for point in points) < 2:
        yield "Some sizes were run only once: nothing can be said of how far chance has a part."
    least = min(point.ranks for point in points)
    if least > 1:
        yield (
            f"The base is the run with {least} ranks, not one with a single rank: its efficiency"
            " is 1 by definition, and speed-ups are relative to it."
        )
    elif len({point.ranks for point in points}) > 1:
        yield from _base(runs)
    yield from chain.from_iterable(_fit(each.fit) for each in scaling_of(report))


def _differences(report: Report, runs: Sequence[RunRecord]) -> Iterator[str]:
    """Compare the pictures of runs that should be the same."""
    seen: dict[int, set[str]] = defaultdict(set)
    for run in runs:
        seen[0 if report.setting.kind == STRONG else run.size].add(run.pictures)
    if any(len(pictures) > 1 for pictures in seen.values()):
        yield (
            "Not all runs gave the same picture. The scene's pixels depend on the order in which"
            " they are traced (jitter, radiosity, photons ...), or the picture is wrong: compare"
            " two of them before using these numbers."
        )


def _base(runs: Sequence[RunRecord]) -> Iterator[str]:
    """Compare how the base was rendered with how the others were."""
    threads = {run.size: {rank.threads for rank in run.ranks} for run in runs}
    if any(counts != threads[1] for counts in threads.values()):
        yield (
            "Base case differs: not all runs gave each rank the same number of threads, so that"
            " speed-ups are not those of the ranks alone."
        )
    pieces = [len(run.attempts) for run in runs if run.size == 1]
    if max(pieces) == 1 and any(len(run.attempts) > 1 for run in runs if run.size > 1):
        yield (
            "Base case differs: one rank renders all in one piece, several ranks render many"
            " pieces and put them together. That is how the program works, and the speed-up is"
            " against the best that one rank can do."
        )


def _fit(fit: Fit | None) -> Iterator[str]:
    if fit and fit.serial < _BELOW and (fit.high is None or fit.high < 0):
        yield (
            f"{fit.law}'s law gives a serial fraction below 0: more ranks did more than share out"
            " the work (memory or caches that one rank was short of, or a slow base case)."
        )


def _sizes(ranks: Iterable[int]) -> str:
    return ", ".join(str(size) for size in sorted(set(ranks))) + " ranks"
