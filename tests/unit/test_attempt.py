from __future__ import annotations

import math
from pathlib import Path
from unittest.mock import Mock

import pytest

from mpirender.attempt import Attempt
from mpirender.model import Task, Tile
from mpirender.partition import Grid
from mpirender.renderers.base import Command

FRAME = Tile(0, 10, 0, 10)


def attempt(tile: Tile = FRAME, frames: int = 0) -> Attempt:
    """One that began at 100 s, at work on whole frames or on a part of one."""
    pictures = {frame: Path(f"{frame}.png") for frame in range(frames)}
    task = Task(1, tile, 0, tuple(range(1, max(1, frames) + 1)))
    process, command = Mock(is_waiting=False), Command((), Path("a.png"))
    grid = Grid(FRAME, 5)
    return Attempt(task, 1, command, process, Mock(), grid, 100.0, pictures=pictures)


def test_frames_take_as_long_as_the_one_before_them() -> None:
    two = attempt(Tile(0, 10, 0, 10, 0, 2), frames=2)
    assert two.seconds_left_at(0.1, 105.0) == pytest.approx(15)
    assert two.part_with(0, 112.0) == 12
    assert two.seconds_left_at(0.1, 113.0) == pytest.approx(9)
    assert two.part_with(1, 120.0) == 8
    assert two.pace(125.0) == pytest.approx(0.08)  # of the last frame


def test_nothing_is_expected_of_a_frame_that_takes_longer() -> None:
    assert attempt(frames=1).seconds_left_at(0.1, 110.1) == math.inf


def test_nothing_is_expected_before_anything_is_known() -> None:
    one = attempt(frames=1)
    assert one.seconds_left_at(math.inf, 105.0) == math.inf
    one.pictures.clear()  # another rank has it
    assert one.pace(105.0) is None
    assert one.seconds_left_at(math.inf, 105.0) == math.inf


def test_a_part_of_a_frame_takes_its_part_of_the_time() -> None:
    part = attempt(Tile(0, 5, 0, 10))
    assert part.seconds_left_at(0.1, 102.0) == pytest.approx(3)
    assert part.pace(110.0) == pytest.approx(0.2)
