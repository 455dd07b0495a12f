"""Animations shared out: whole frames, then those of others, then rows of the last ones."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.samples import result

from mpirender.events import (
    CancelTask,
    Event,
    Instruction,
    SendTask,
    ShortenTask,
    TaskCompleted,
    TilesCompleted,
    WorkerReady,
)
from mpirender.model import Task, Tile
from mpirender.partition import Grid
from mpirender.partition.frames import FramePartition, Section
from mpirender.policy import History, Takeover, WholeFrames
from mpirender.schedule import Schedule
from mpirender.simulate import Fleet, Overheads, Simulation

# -------------------------------------------------------------------------------- the policy


def history(ranks: int, seconds: float) -> History:
    return History(ranks=ranks, total=1000, round_blocks=1000, seconds_per_block=seconds)


@pytest.mark.parametrize(
    ("remaining", "ranks", "seconds", "frames"),
    [
        (1000, 4, 0.0, 1),  # nothing is known
        (1000, 4, 10.0, 1),
        (1000, 4, 1.5, 1),
        (1000, 4, 0.75, 2),
        (1000, 4, 0.1, 15),
        (80, 4, 0.1, 10),  # so that the others get some
        (7, 4, 0.1, 1),
        (1, 4, 0.001, 1),
        (10, 1, 0.001, 5),
    ],
)
def test_as_many_frames_at_once_as_a_process_is_worth(
    remaining: int, ranks: int, seconds: float, frames: int
) -> None:
    assert WholeFrames().next_chunk(remaining, history(ranks, seconds)) == frames


@given(st.integers(1, 10_000), st.integers(1, 1000), st.sampled_from([0, 1e-6, 0.3, 1e6]))
def test_a_chunk_is_never_empty_nor_more_than_there_is(
    remaining: int, ranks: int, seconds: float
) -> None:
    assert 1 <= WholeFrames().next_chunk(remaining, history(ranks, seconds)) <= remaining


@pytest.mark.parametrize(
    ("left", "setup", "parts", "taken"),
    [
        (10.0, 1.0, [9, 8, 7, 6, 5, 4, 3, 2, 1], 4),
        (10.0, 1.0, [3, 1], 0),
        (1.0, 0.2, [1], None),  # not worth it
        (10.0, 30.0, [5], None),
        (10.0, 1.0, [], None),
    ],
)
def test_a_newcomer_takes_what_ends_both_at_once(
    left: float, setup: float, parts: list[int], taken: int | None
) -> None:
    offer = Takeover(left, setup, 0.0, [(frames, frames * left / 10) for frames in parts])
    assert WholeFrames().part_to_take(offer) == taken


# ------------------------------------------------------------------------------ the schedule


def film(frames: int, rows: int, *, divides: bool = True) -> FramePartition:
    grid = Grid(Tile(0, 8 * rows, 0, 8), 8)
    return FramePartition([Section(0, grid, tuple(range(1, frames + 1)))], rows=divides)


class Studio(Schedule):
    """A schedule of an animation that keeps count of what it is told, and what it answers.

    Parameters
    ----------
    partition : FramePartition
    ranks : int
    """

    def __init__(self, partition: FramePartition, ranks: int) -> None:
        super().__init__(partition, WholeFrames(), ranks=ranks, retries=99)
        self.partition = partition
        self.ranks = ranks
        self.done: list[int] = []
        self.kept: list[int] = []
        self.tasks: list[Task] = []

    def handle(self, event: Event, now: float) -> list[Instruction]:
        assert now < 1e7, "it never ends"
        if isinstance(event, TilesCompleted):
            self.done += event.blocks
            self.kept += (unit for unit in event.blocks if self.awaits(unit))
        out = super().handle(event, now)
        self.tasks += (i.task for i in out if isinstance(i, SendTask))
        return out

    def render(
        self,
        cost: Callable[[int], float],
        setup: float = 0.3,
        fails_after: Callable[[Task, int], int | None] = lambda task, attempt: None,
    ) -> Simulation:
        """Let ranks of speed 1 render it, given what a row takes."""
        units = sum(len(self.units_of_frame(frame)) for frame in range(self.frames))
        fleet = Fleet(
            [1.0] * self.ranks,
            [cost(unit) for unit in range(units)],
            Overheads(setup=setup, delay=0.0),
            fails_after=fails_after,
        )
        return Simulation(self, self.partition, fleet).run()


SHAPES: dict[str, Callable[[int, int], float]] = {
    "even": lambda frame, frames: 4.0,
    "growing": lambda frame, frames: 0.5 + 16 * frame / frames,
    "shrinking": lambda frame, frames: 16.5 - 16 * frame / frames,
    "one dear frame at the end": lambda frame, frames: 60.0 if frame == frames - 1 else 1.0,
    "cheap": lambda frame, frames: 0.02,
}
ROWS = 12


@pytest.mark.parametrize("ranks", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("frames", [1, 3, 8, 24])
@pytest.mark.parametrize("shape", SHAPES)
def test_no_rank_idles_at_the_end_longer_than_a_row_and_a_start_take(
    shape: str, frames: int, ranks: int
) -> None:
    costs = [SHAPES[shape](frame, frames) / ROWS for frame in range(frames)]
    setup = 0.3
    studio = Studio(film(frames, ROWS), ranks)
    run = studio.render(lambda unit: costs[unit // ROWS], setup)
    assert sorted(studio.kept) == list(range(frames * ROWS))
    twice = len(studio.done) - len(studio.kept)
    assert twice <= ranks  # a row that was begun after its rank had last said how far it was
    ends = [max((s.end for s in run.spans if s.rank == rank), default=0) for rank in range(ranks)]
    # a row and a start until it is known what a task takes, the same once more, and as long as
    # taking over any of it is not worth its while
    assert run.makespan - min(ends) <= 2 * (max(costs) + setup + WholeFrames().worth)


def test_no_frame_is_divided_before_the_last_ones() -> None:
    studio = Studio(film(24, ROWS), 4)
    studio.render(lambda unit: 0.2)
    divided = {t.tile.frame for t in studio.tasks if t.tile.height < ROWS * 8}
    assert divided <= set(range(20, 24))


def test_one_frame_is_rendered_by_all_ranks() -> None:
    studio = Studio(film(1, ROWS), 4)
    run = studio.render(lambda unit: 3.0)
    assert len(studio.tasks) >= 4
    assert run.makespan < 3.0 * (ROWS / 4 + 2) + 2


def test_a_frame_of_which_nothing_is_heard_is_divided_as_the_ones_before_it_say() -> None:
    studio = Studio(film(3, 10), 2)
    for rank in (0, 1):
        studio.handle(WorkerReady(rank), 0)
    for rank, now in ((0, 10), (1, 13)):
        task = studio.tasks[rank]
        studio.handle(TilesCompleted(rank, task.id, studio.units_of_frame(rank)), now)
        studio.handle(TaskCompleted(result(task, rank=rank, seconds=12)), now)
        out = studio.handle(WorkerReady(rank), now)
    shortened = [order for order in out if isinstance(order, ShortenTask)]
    assert [(order.rank, order.part.frame) for order in shortened] == [(0, 2)]
    assert 0 < shortened[0].part.height < 8 * 8  # not the two rows that must be done


def test_rows_are_left_alone_where_they_cannot_be_divided() -> None:
    studio = Studio(film(5, ROWS, divides=False), 3)
    studio.render(lambda unit: 1.0)
    assert {task.tile.height for task in studio.tasks} == {ROWS * 8}
    assert sorted(studio.done) == list(range(5 * ROWS))


def test_cheap_frames_come_several_at_once() -> None:
    studio = Studio(film(400, 2), 2)
    studio.render(lambda unit: 0.01)
    assert len(studio.tasks) < 100
    assert sorted(studio.kept) == list(range(800))


@given(
    st.integers(0, 1 << 32),
    st.integers(1, 6),
    st.integers(1, 12),
    st.integers(1, 6),
    st.sampled_from([0.0, 0.1, 0.4]),
    st.booleans(),
)
@settings(deadline=None)
def test_every_row_is_kept_once_whatever_happens(
    seed: int, ranks: int, frames: int, rows: int, fails: float, divides: bool
) -> None:
    dice = random.Random(seed)
    costs: Sequence[float] = [dice.choice([0.001, 0.1, 1.0, 5.0]) for _ in range(frames * rows)]
    studio = Studio(film(frames, rows, divides=divides), ranks)

    def fails_after(task: Task, attempt: int) -> int | None:
        return dice.randrange(studio.partition.count(task.tile)) if dice.random() < fails else None

    studio.render(costs.__getitem__, 0.3, fails_after)
    if not studio.fatal:
        assert sorted(studio.kept) == list(range(frames * rows))


def waiting_frame() -> Studio:
    """A rank has asked for the last frame, and takes longer than expected over the one before."""
    studio = Studio(film(5, ROWS, divides=False), 2)
    for rank in (0, 1):
        studio.handle(WorkerReady(rank), 0.0)
    for rank in (0, 1):
        studio.handle(TaskCompleted(result(studio.tasks[rank], rank=rank, seconds=10.0)), 10.0)
        studio.handle(WorkerReady(rank), 10.0)
    studio.handle(WorkerReady(0), 19.9)
    assert [task.numbers for task in studio.tasks] == [(n,) for n in range(1, 6)]
    studio.handle(TaskCompleted(result(studio.tasks[3], rank=1, seconds=10.0)), 20.0)
    return studio


def test_a_frame_that_waits_goes_to_a_rank_without_work() -> None:
    studio = waiting_frame()
    last = studio.tasks[4]
    assert studio.handle(WorkerReady(1), 20.0) == [CancelTask(0, last.id), SendTask(1, last, 1)]
    assert studio.active == {0: [studio.tasks[2]], 1: [last]}
    studio.handle(TaskCompleted(result(last, rank=1, seconds=10.0)), 30.0)
    studio.handle(TaskCompleted(result(studio.tasks[2], rank=0, seconds=21.0)), 31.0)
    assert studio.is_finished
    assert not studio.failed


def test_a_frame_that_waits_stays_where_its_rank_is_nearly_done() -> None:
    studio = waiting_frame()
    studio.handle(TaskCompleted(result(studio.tasks[2], rank=0, seconds=10.1)), 20.1)
    out = studio.handle(WorkerReady(1), 20.1)
    assert not any(isinstance(order, SendTask) for order in out)


def test_a_rank_that_is_at_work_takes_no_frame_that_waits() -> None:
    studio = Studio(film(6, ROWS, divides=False), 2)
    for now in (0.0, 10.0, 19.9):
        for rank in (0, 1):
            if now == 10.0:
                studio.handle(
                    TaskCompleted(result(studio.tasks[rank], rank=rank, seconds=10.0)), now
                )
            studio.handle(WorkerReady(rank), now)
    assert len(studio.tasks) == 6
    studio.handle(TaskCompleted(result(studio.tasks[3], rank=1, seconds=10.0)), 20.0)
    assert studio.handle(WorkerReady(1), 20.0) == []
