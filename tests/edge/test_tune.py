"""Layouts of processes and threads, tried with the fake renderer."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.samples import job

from mpirender.errors import SceneError
from mpirender.measure import look
from mpirender.model import Seat
from mpirender.renderers import renderer_named
from mpirender.tune import tune

TWO = frozenset({0, 1})
FAKE = renderer_named("fake")


def scene(folder: Path, *lines: str) -> tuple[str, ...]:
    path = folder / "a.fake"
    path.write_text("".join(f"{line}\n" for line in ("size = 16x24", "block = 8", *lines)))
    return str(path), "16x24"


def test_every_process_of_a_layout_renders_the_whole_small_picture(tmp_path: Path) -> None:
    small = job(arguments=scene(tmp_path, "setup = 0.01", "seconds = 0.01"))
    looks = look(FAKE, small, 0, threads=1, processes=3)
    assert [len(each.seconds_per_pixel) for each in looks] == [6, 6, 6]
    assert [each.setup for each in looks] == [0.01] * 3


def test_layouts_are_those_of_the_ranks_that_share_the_cores_of_rank_0(tmp_path: Path) -> None:
    small = job(arguments=scene(tmp_path))
    seats = [Seat("a", TWO), Seat("b", TWO), Seat("a", TWO)]
    trials = tune(FAKE, small, small, seats)
    assert [(trial.processes, trial.threads) for trial in trials] == [(1, 2), (2, 1)]
    bound = [Seat("a", frozenset({0})), Seat("a", frozenset({1}))]
    assert [trial.processes for trial in tune(FAKE, small, small, bound)] == [1]


def test_a_scene_at_fault_is_told(tmp_path: Path) -> None:
    small = job(arguments=scene(tmp_path, "fault = scene:0"))
    with pytest.raises(SceneError, match="no such colour"):
        tune(FAKE, small, small, [Seat("a", TWO)])
