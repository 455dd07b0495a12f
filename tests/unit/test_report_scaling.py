from __future__ import annotations

import statistics
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.runs import report, run_of

from mpirender.report.records import STRONG, WEAK, RunRecord
from mpirender.report.scaling import (
    Fit,
    Point,
    amdahl_fit,
    gustafson_fit,
    karp_flatt,
    median_run,
    points_of,
    scaling_of,
    student_t,
)

SIZES = (1, 2, 4, 8, 16)
fractions = st.floats(0, 1)
seconds = st.floats(0.01, 1e5)


def amdahl_runs(serial: float, total: float, noise: float = 0.0) -> list[RunRecord]:
    """Runs as Amdahl's law has them; noise goes up in one repeat and down in the other."""
    return [
        run_of(n, total * (serial + (1 - serial) / n) * (1 + noise * sign), repeat=repeat)
        for n in SIZES
        for repeat, sign in ((1, 1), (2, -1))
    ]


def gustafson_runs(serial: float, total: float) -> list[RunRecord]:
    """Runs whose scaled speed-up is as Gustafson's law has it."""
    return [
        run_of(n, total * n / (serial + (1 - serial) * n), repeat=repeat, pixels=100 * n)
        for n in SIZES
        for repeat in (1, 2)
    ]


def fit(runs: list[RunRecord], kind: str = STRONG) -> Fit:
    (scaling,) = scaling_of(report(runs, kind))
    assert scaling.fit
    return scaling.fit


@given(fractions, seconds)
@settings(deadline=None)
def test_exact_amdahl_data_give_back_the_serial_fraction(serial: float, total: float) -> None:
    found = fit(amdahl_runs(serial, total))
    assert found.serial == pytest.approx(serial, abs=1e-6)
    assert found.low == pytest.approx(serial, abs=1e-3)
    assert found.high == pytest.approx(serial, abs=1e-3)


@given(fractions, seconds)
@settings(deadline=None)
def test_exact_gustafson_data_give_back_the_serial_fraction(serial: float, total: float) -> None:
    found = fit(gustafson_runs(serial, total), WEAK)
    assert found.serial == pytest.approx(serial, abs=1e-6)
    assert found.low == pytest.approx(serial, abs=1e-3)
    assert found.high == pytest.approx(serial, abs=1e-3)


@given(fractions, st.integers(2, 4096))
def test_exact_amdahl_data_have_that_fraction_as_karp_flatt(serial: float, ranks: int) -> None:
    speed_up = 1 / (serial + (1 - serial) / ranks)
    assert karp_flatt(speed_up, ranks) == pytest.approx(serial, abs=1e-9)


def test_one_rank_has_no_karp_flatt() -> None:
    assert karp_flatt(1.0, 1) is None


@given(st.floats(0.02, 0.9), st.floats(0.001, 0.04))
@settings(deadline=None)
def test_the_interval_holds_the_fraction_and_grows_with_the_noise(
    serial: float, noise: float
) -> None:
    calm, loud = fit(amdahl_runs(serial, 100, noise)), fit(amdahl_runs(serial, 100, 2 * noise))
    assert calm.low and calm.high and loud.low and loud.high
    assert calm.low < calm.serial < calm.high
    assert loud.high - loud.low > calm.high - calm.low
    assert calm.low - 0.01 <= serial <= calm.high + 0.01


def test_an_interval_of_95_percent_holds_the_fraction_that_often() -> None:
    random, serial, hits, tries = np.random.default_rng(7), 0.2, 0, 400
    for _ in range(tries):
        points = [
            Point(
                *("p", n, 1),
                tuple((serial + (1 - serial) / n) * (1 + random.normal(0, 0.02, 3))),
                *(1.0, 1.0, None),
            )
            for n in SIZES
        ]
        found = amdahl_fit(points)
        assert found and found.low is not None and found.high is not None
        hits += found.low <= serial <= found.high
    assert 0.92 < hits / tries < 0.98


@pytest.mark.parametrize("law", [amdahl_fit, gustafson_fit])
def test_one_number_of_ranks_fits_no_law(law: object) -> None:
    (point,) = points_of([run_of(2, 5), run_of(2, 6)], is_weak=False)
    assert callable(law)
    assert law([point]) is None


@pytest.mark.parametrize("kind", [STRONG, WEAK])
def test_two_runs_give_a_fraction_without_an_interval(kind: str) -> None:
    found = fit([run_of(1, 8), run_of(2, 5)], kind)
    assert (found.low, found.high) == (None, None)


def test_more_than_linear_speed_up_is_told_as_it_is() -> None:
    assert fit([run_of(1, 10), run_of(2, 4)]).serial < 0


@given(fractions)
def test_a_law_begins_with_a_speed_up_of_1(serial: float) -> None:
    assert Fit("Amdahl", serial, None, None).speed_up(1) == pytest.approx(1)
    assert Fit("Gustafson", serial, None, None).speed_up(1) == pytest.approx(1)


def test_speed_up_is_from_the_middle_ones_of_the_repeats() -> None:
    runs = [run_of(1, s) for s in (10, 12, 99)] + [run_of(4, s) for s in (3, 4, 5)]
    one, four = points_of(runs, is_weak=False)
    assert (one.speed_up, one.efficiency) == (1, 1)
    assert (four.speed_up, four.efficiency) == (3, 0.75)
    assert four.variation == pytest.approx(statistics.stdev((3, 4, 5)) / 4)


def test_weak_speed_up_is_times_the_growth_of_the_work() -> None:
    _, four = points_of([run_of(1, 10), run_of(4, 12.5, pixels=400)], is_weak=True)
    assert (four.speed_up, four.efficiency) == pytest.approx((3.2, 0.8))


def test_a_base_of_several_ranks_has_an_efficiency_of_1() -> None:
    two, four = points_of([run_of(2, 10), run_of(4, 5)], is_weak=False)
    assert (two.speed_up, two.efficiency, four.speed_up, four.efficiency) == (2, 1, 4, 1)


def test_warm_ups_count_for_nothing() -> None:
    runs = [run_of(2, 99, repeat=0), run_of(1, 10), run_of(2, 5)]
    (scaling,) = scaling_of(report(runs))
    assert [point.seconds for point in scaling.points] == [(10,), (5,)]


def test_the_typical_run_is_the_middle_one() -> None:
    runs = [run_of(1, s) for s in (9, 3, 5, 4)]
    assert median_run(runs) is runs[3]
    assert median_run(runs[:3]) is runs[2]


@pytest.mark.parametrize(
    ("freedom", "factor"), [(1, 12.706), (30, 2.042), (31, 2.0395), (60, 2.0003), (1000, 1.9623)]
)
def test_factors_of_intervals_are_students(freedom: int, factor: float) -> None:
    assert student_t(freedom) == pytest.approx(factor, abs=2e-3)


def test_policies_come_in_the_order_of_their_table() -> None:
    runs = [replace(run_of(1, 1), policy=name) for name in ("gss", "frames", "auto", "static")]
    assert [each.policy for each in scaling_of(report(runs))] == ["auto", "static", "gss", "frames"]
