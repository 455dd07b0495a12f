from __future__ import annotations

import pytest
from unit.runs import attempt, report, run, run_of

from mpirender.report.records import FAILED, RENDER, STRONG, WEAK, RunRecord
from mpirender.report.remarks import remarks_of

QUIET = [run_of(n, 12 / n, repeat=r) for n in (1, 2) for r in (1, 2)]


def remarks(*runs: RunRecord, kind: str = RENDER) -> str:
    return "\n".join(remarks_of(report(runs, kind)))


def test_a_calm_bench_has_no_remark_but_on_its_base() -> None:
    (remark,) = [
        each for each in remarks_of(report(QUIET, STRONG)) if "starting and parsing" not in each
    ]
    assert remark.startswith("Base case differs: one rank renders all in one piece")


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (run(attempt(0, 0, 8), threads=3, cores=2), "3 threads on 2 cores"),
        (run(attempt(0, 0, 8, outcome=FAILED), attempt(0, 8, 9)), "1 attempt failed"),
        (run(attempt(0, 0, 8, peak_memory=1 << 30)), "it has probably been paging"),
        (run(attempt(0, 0, 8, cpu_seconds=1)), "got 50 % of the processor time"),
        (
            run(attempt(0, 0, 20), attempt(1, 0, 1, task=1), ranks=2),
            "task 0 (rows 0) alone took 20.0 s, and the others waited",
        ),
        (run(attempt(0, 0, 4), attempt(1, 0, 4, task=1), ranks=2, end=8), "rank 0 needed 4.0 s"),
        (
            run(attempt(0, 0, 4), attempt(1, 0, 3, task=1), attempt(1, 4, 8), ranks=2),
            "there were only 3 tasks for 2 ranks",
        ),
        (run(attempt(0, 0, 8), attempt(1, 0, 8), ranks=2), "spent on starting and parsing"),
    ],
)
def test_what_spoils_a_run_is_told(record: RunRecord, told: str) -> None:
    assert told in remarks(record)


def test_a_dear_task_that_nobody_waited_for_is_not_blamed() -> None:
    dear, late = attempt(0, 0, 12), attempt(1, 9, 16, task=1)
    told = remarks(run(dear, late, ranks=2))
    assert "was idle" in told
    assert "alone took" not in told


def test_a_run_without_faults_is_left_alone() -> None:
    assert remarks(run(attempt(0, 0, 8))) == ""


def test_memory_of_all_ranks_of_a_host_counts() -> None:
    half = (1 << 29) + 1
    alone = run(attempt(0, 0, 8, peak_memory=half))
    both = [attempt(rank, 0, 8, peak_memory=half) for rank in (0, 1)]
    assert "paging" not in remarks(alone)
    assert "paging" in remarks(run(*both, ranks=2))


def test_noisy_sizes_are_named() -> None:
    runs = [*QUIET, run_of(4, 3), run_of(4, 4)]
    assert "Noisy: the times of 4 ranks vary by more than 5%" in remarks(*runs, kind=STRONG)


def test_single_repeats_are_told() -> None:
    assert "run only once" in remarks(run_of(1, 8), run_of(2, 4), kind=STRONG)


def test_a_base_of_several_ranks_is_told() -> None:
    assert "The base is the run with 2 ranks" in remarks(run_of(2, 8), run_of(4, 4), kind=STRONG)


def test_other_threads_in_the_base_are_told() -> None:
    runs = (run_of(1, 8, threads=4), run_of(2, 4))
    assert "not all runs gave each rank the same number" in remarks(*runs, kind=STRONG)


def test_pictures_that_differ_are_told() -> None:
    runs = (run_of(1, 8), run_of(2, 4, pictures="another"))
    assert "Not all runs gave the same picture" in remarks(*runs, kind=STRONG)
    assert "Not all runs gave the same picture" not in remarks(*runs, kind=WEAK)
    again = (*runs, run_of(2, 4, pictures="a third", repeat=2))
    assert "Not all runs gave the same picture" in remarks(*again, kind=WEAK)


def test_more_than_linear_speed_up_is_told() -> None:
    runs = [run_of(n, s, repeat=r) for n, s in ((1, 10), (2, 4), (4, 1.8)) for r in (1, 2)]
    assert "serial fraction below 0" in remarks(*runs, kind=STRONG)
