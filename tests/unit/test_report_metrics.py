from __future__ import annotations

import dataclasses
import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.runs import attempt, run

from mpirender.report.metrics import Activity, activities_of, metrics_of
from mpirender.report.records import DROPPED, FAILED, RunRecord

LAUNCH, PARSE, RENDER, FINISH = (
    *(Activity.LAUNCH, Activity.PARSE, Activity.RENDER, Activity.FINISH),
)


def spans(record: RunRecord, rank: int = 0) -> list[tuple[Activity, float, float]]:
    return [(span.activity, span.began, span.ended) for span in activities_of(record, rank)]


def test_an_attempt_goes_through_its_activities() -> None:
    assert spans(run(attempt(0, 4, 8), end=9)) == [
        (LAUNCH, 4, 5),
        (PARSE, 5, 6),
        (RENDER, 6, 7),
        (FINISH, 7, 8),
        (Activity.WAIT, 8, 9),
    ]


def test_tracing_hides_the_start_of_the_next_task() -> None:
    record = run(attempt(0, 0, 8), attempt(0, 5, 13, task=1))
    assert spans(record)[2:5] == [(RENDER, 4, 6), (FINISH, 6, 7), (PARSE, 7, 9)]


@pytest.mark.parametrize("outcome", [FAILED, DROPPED])
def test_time_for_nothing_is_called_lost_and_is_busy_but_not_useful(outcome: str) -> None:
    numbers = metrics_of(run(attempt(0, 0, 8, outcome=outcome)))
    assert (numbers.by_activity[0][Activity.LOST], numbers.busy, numbers.useful) == (8, (8,), (0,))
    assert numbers.tasks == 0


def test_what_a_dropped_attempt_had_sent_until_then_is_useful() -> None:
    sent = dataclasses.replace(attempt(0, 0, 8, outcome=DROPPED), last_pixel=6.0)
    numbers = metrics_of(run(sent))
    assert (numbers.by_activity[0][Activity.LOST], numbers.busy, numbers.useful) == (2, (8,), (6,))


def test_numbers_follow_from_busy_and_useful_times() -> None:
    numbers = metrics_of(run(attempt(0, 2, 10), attempt(1, 2, 6), ranks=2, end=12))
    assert (numbers.makespan, numbers.busy, numbers.useful) == (10, (8, 4), (4, 2))
    assert numbers.idle == pytest.approx(0.4)
    assert numbers.imbalance == pytest.approx(8 / 6)
    assert numbers.load_balance == pytest.approx(3 / 4)
    assert numbers.communication_efficiency == pytest.approx(4 / 10)
    assert numbers.parallel_efficiency == pytest.approx(3 / 10)


def test_a_rank_without_any_task_counts_as_idle() -> None:
    numbers = metrics_of(run(attempt(0, 0, 8), ranks=2))
    assert numbers.busy == (8, 0)
    assert numbers.idle == pytest.approx(0.5)
    assert numbers.by_activity[1][Activity.WAIT] == 8


def test_memory_is_the_largest_and_processor_time_the_sum() -> None:
    numbers = metrics_of(
        run(
            attempt(0, 0, 8, cpu_seconds=3, peak_memory=7),
            attempt(1, 0, 8, cpu_seconds=4, peak_memory=9),
            ranks=2,
        )
    )
    assert (numbers.cpu_seconds, numbers.peak_memory) == (7, 9)


attempts = st.builds(
    lambda rank, began, seconds, outcome: attempt(rank, began, began + seconds, outcome=outcome),
    st.integers(0, 3),
    st.integers(0, 40).map(float),
    st.integers(0, 40).map(float),
    st.sampled_from(["completed", FAILED, DROPPED]),
)


@given(st.lists(attempts, min_size=1, max_size=12))
@settings(deadline=None)
def test_every_rank_spends_all_of_the_makespan_on_something(mine: list) -> None:  # type: ignore[type-arg]
    record = run(*mine, ranks=4)
    numbers = metrics_of(record)
    for rank, times in enumerate(numbers.by_activity):
        assert sum(times.values()) == pytest.approx(numbers.makespan)
        parts = activities_of(record, rank)
        assert all(a.ended == b.began for a, b in itertools.pairwise(parts))
        assert all(part.seconds > 0 for part in parts)
    assert 0 <= numbers.idle <= 1
    assert numbers.imbalance >= 1
    product = numbers.load_balance * numbers.communication_efficiency
    if sum(numbers.useful):
        assert numbers.parallel_efficiency == pytest.approx(product)
    assert all(u <= b for u, b in zip(numbers.useful, numbers.busy, strict=True))
