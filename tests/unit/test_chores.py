from __future__ import annotations

import time
from collections import deque
from pathlib import Path

import numpy as np
import pytest

from mpirender.chores import Chores, Hand
from mpirender.errors import ErrorRecord
from mpirender.images import Picture, read_picture, write_picture
from mpirender.messages import ChoreDone, DoChore
from mpirender.model import Blend, Chore, PictureFormat
from mpirender.schedule import LOST_AFTER

PPM = PictureFormat("ppm", "uint8", "RGB")


class List:
    """Some chores, and what became of them."""

    def __init__(self, count: int) -> None:
        self.open: deque[Chore] = deque(Blend(Path(f"/{at}.ppm"), ()) for at in range(count))
        self.ended: list[tuple[str, str]] = []

    def next_chore(self) -> Chore | None:
        return self.open.popleft() if self.open else None

    def take_chore(self, output: Path, error: ErrorRecord | None = None) -> None:
        self.ended.append((output.name, error.message if error else "done"))


class Stage:
    """Chores that are shared out, and who has been told to do what."""

    def __init__(self, count: int) -> None:
        self.list = List(count)
        self.told: list[tuple[int, str]] = []
        self.chores = Chores(self.list, self.tell)

    def tell(self, rank: int, message: DoChore) -> None:
        self.told.append((rank, message.chore.output.name))


def test_rank_0_does_all_where_nobody_else_sees_the_pictures() -> None:
    stage = Stage(2)
    assert not stage.chores.share(0)
    assert stage.told == [(0, "0.ppm")]
    stage.chores.take(0, ChoreDone(Path("/0.ppm")))
    assert not stage.chores.share(1)
    stage.chores.take(0, ChoreDone(Path("/1.ppm")))
    assert stage.chores.share(2)
    assert stage.list.ended == [("0.ppm", "done"), ("1.ppm", "done")]


def test_others_come_before_rank_0_and_each_has_one_at_a_time() -> None:
    stage = Stage(5)
    for rank in (2, 1, 2):
        stage.chores.see(rank)
    stage.chores.share(0)
    assert stage.told == [(2, "0.ppm"), (1, "1.ppm"), (0, "2.ppm")]
    stage.chores.see(1)  # it has a chore, and is not told twice
    stage.chores.share(0)
    assert len(stage.told) == 3
    stage.chores.take(1, ChoreDone(Path("/1.ppm")))
    stage.chores.share(0)
    assert stage.told[3:] == [(1, "3.ppm")]


def test_nothing_is_awaited_where_there_are_no_chores() -> None:
    assert Stage(0).chores.share(0)


def test_a_rank_that_is_silent_is_awaited_no_longer_and_gets_no_more() -> None:
    stage = Stage(1)
    stage.chores.see(3)
    stage.chores.hear(3, 10)
    assert not stage.chores.share(10)
    assert not stage.chores.share(10 + LOST_AFTER)
    stage.list.open.append(Blend(Path("/late.ppm"), ()))
    assert not stage.chores.share(11 + LOST_AFTER)
    assert stage.list.ended == [("0.ppm", "rank 3 was lost")]
    assert stage.told[1:] == [(0, "late.ppm")]
    stage.chores.take(3, ChoreDone(Path("/0.ppm")))  # too late: it counts no longer
    assert len(stage.list.ended) == 1


def test_a_late_chore_is_not_taken_for_the_one_that_was_given_after_it() -> None:
    stage = Stage(2)
    stage.chores.see(3)
    stage.chores.hear(3, 0)
    stage.chores.share(0)
    assert stage.told == [(3, "0.ppm"), (0, "1.ppm")]
    stage.chores.hear(0, 2 * LOST_AFTER)
    stage.chores.share(2 * LOST_AFTER)  # rank 3 is silent
    stage.chores.see(3)
    stage.chores.hear(3, 2 * LOST_AFTER)
    stage.list.open.append(Blend(Path("/2.ppm"), ()))
    stage.chores.share(2 * LOST_AFTER)
    assert stage.told[2:] == [(3, "2.ppm")]
    stage.chores.take(3, ChoreDone(Path("/0.ppm")))
    assert stage.list.ended == [("0.ppm", "rank 3 was lost")]
    stage.chores.take(3, ChoreDone(Path("/2.ppm")))
    assert stage.list.ended[1:] == [("2.ppm", "done")]


def wait_for(hand: Hand) -> None:
    while not hand.is_free:
        time.sleep(0.01)


def test_a_hand_makes_the_mean_of_pictures_and_removes_them(tmp_path: Path) -> None:
    parts = tmp_path / "a.ppm", tmp_path / "b.ppm"
    for part in parts:
        write_picture(part, Picture(np.full((4, 4, 3), 10, np.uint8), PPM))
    hand = Hand(Blend(tmp_path / "mean.ppm", parts))
    wait_for(hand)
    assert hand.error is None
    assert (read_picture(tmp_path / "mean.ppm").pixels == 10).all()
    assert [path.name for path in tmp_path.iterdir()] == ["mean.ppm"]


def test_a_mean_that_a_lost_rank_had_made_is_left(tmp_path: Path) -> None:
    (tmp_path / "mean.ppm").write_bytes(b"made")
    hand = Hand(Blend(tmp_path / "mean.ppm", (tmp_path / "gone.ppm",)))
    wait_for(hand)
    assert hand.error is None
    assert (tmp_path / "mean.ppm").read_bytes() == b"made"


def test_a_hand_tells_what_it_could_not_do(tmp_path: Path) -> None:
    hand = Hand(Blend(tmp_path / "mean.ppm", (tmp_path / "none.ppm",)))
    wait_for(hand)
    assert hand.error
    assert "none.ppm" in hand.error.message


def test_a_fault_of_ours_is_told_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(chore: Chore) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("mpirender.chores.do_chore", fail)
    hand = Hand(Blend(tmp_path / "mean.ppm", ()))
    wait_for(hand)
    assert hand.error
    assert "ZeroDivisionError" in hand.error.detail
