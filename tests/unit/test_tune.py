from __future__ import annotations

import pytest

from mpirender.tune import Trial, best_of, layouts_of


@pytest.mark.parametrize(
    ("ranks", "cores", "layouts"),
    [
        (1, 8, [(1, 8)]),
        (2, 2, [(1, 2), (2, 1)]),
        (6, 12, [(1, 12), (2, 6), (4, 3), (6, 2)]),
        (8, 4, [(1, 4), (2, 2), (4, 1), (8, 1)]),
    ],
)
def test_the_usual_layout_is_tried_last_after_the_powers_of_two(
    ranks: int, cores: int, layouts: list[tuple[int, int]]
) -> None:
    assert layouts_of(ranks, cores) == layouts


@pytest.mark.parametrize(("usual", "best"), [(9.0, 4), (10.0, 4), (10.2, 4), (10.4, 1)])
def test_the_usual_layout_stays_where_it_is_nearly_as_fast(usual: float, best: int) -> None:
    trials = [Trial(1, 4, 10.0), Trial(2, 2, 11.0), Trial(4, 1, usual)]
    assert best_of(trials).processes == best


def test_a_trial_says_what_was_tried() -> None:
    assert str(Trial(2, 1, 2.5)) == "2 x 1 thread: 2.5 s"
