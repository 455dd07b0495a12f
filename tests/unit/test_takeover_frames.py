"""Animations shared out: whole frames, then those of others, then rows of the last ones."""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.samples import result

from mpirender.errors import ErrorRecord
from mpirender.events import (
    CancelTask,
    Event,
    Instruction,
    SendTask,
    ShortenTask,
    TaskCompleted,
    TaskFailed,
    Tick,
    TilesCompleted,
    WorkerReady,
)
from mpirender.model import Task, Tile
from mpirender.partition import Grid
from mpirender.partition.frames import FramePartition, Section
from mpirender.policy import History, Takeover, WholeFrames
from mpirender.schedule import Schedule

CRASH = ErrorRecord("RendererFailed", "it crashed")

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
    offer = Takeover(left, left / 10, setup, 0.0, parts)
    assert WholeFrames().part_to_take(offer) == taken


# ------------------------------------------------------------------------------ the schedule


def film(frames: int, rows: int, *, divides: bool = True) -> FramePartition:
    grid = Grid(Tile(0, 8 * rows, 0, 8), 8)
    return FramePartition([Section(0, grid, tuple(range(1, frames + 1)))], rows=divides)


@dataclass
class Work:
    task: Task
    attempt: int
    todo: list[int]
    setup: float


@dataclass
class Studio:
    """Ranks that render rows, one after the other; time passes only in the simulation.

    Parameters
    ----------
    partition : FramePartition
    ranks : int
    cost : callable
        Seconds that a row takes.
    setup : float
        Seconds before the first row of a task.
    fails : float
        How likely an attempt fails, in front of any row.
    """

    partition: FramePartition
    ranks: int
    cost: Callable[[int], float]
    setup: float = 0.0
    fails: float = 0.0
    dice: random.Random = field(default_factory=lambda: random.Random(1))

    def __post_init__(self) -> None:
        self.machine = Schedule(self.partition, WholeFrames(), ranks=self.ranks, retries=99)
        self.work: dict[int, Work] = {}
        self.idle_since = dict.fromkeys(range(self.ranks), 0.0)
        self.done: list[int] = []
        self.kept: list[int] = []
        self.tasks: list[Task] = []
        self.end = 0.0
        self._agenda: list[tuple[float, int, Callable[[float], None]]] = []
        self._number = itertools.count()

    def run(self) -> Studio:
        for rank in range(self.ranks):
            self._at(0.0, partial(self._tell, WorkerReady(rank)))
        self._at(0.1, self._tick)
        while self._agenda:
            now, _, deed = heapq.heappop(self._agenda)
            assert now < 1e7, "it never ends"
            deed(now)
        return self

    @property
    def idle(self) -> float:
        """How long the first rank without work waited for the last one."""
        return self.end - min(self.idle_since.values())

    def _at(self, when: float, deed: Callable[[float], None]) -> None:
        heapq.heappush(self._agenda, (when, next(self._number), deed))

    def _tick(self, now: float) -> None:
        self.machine._heard = dict.fromkeys(range(self.ranks), now)
        self._tell(Tick(), now)
        if not self.machine.is_finished:
            self._at(now + 0.1, self._tick)

    def _tell(self, event: Event, now: float) -> None:
        for order in self._answers(event, now):
            match order:
                case SendTask(rank, task, attempt):
                    self.tasks.append(task)
                    work = Work(task, attempt, self.partition.units_of(task.tile), self.setup)
                    self.work[rank] = work
                    self._next(rank, work, now + self.setup)
                case ShortenTask(rank, task_id, part):
                    if (work_ := self.work.get(rank)) and work_.task.id == task_id:
                        gone = set(self.partition.units_of(part)) - {work_.todo[0]}
                        work_.todo = [unit for unit in work_.todo if unit not in gone]
                case CancelTask(rank, task_id):
                    if (work_ := self.work.get(rank)) and work_.task.id == task_id:
                        self._end(rank, now)

    def _answers(self, event: Event, now: float) -> list[Instruction]:
        if isinstance(event, TilesCompleted):
            self.kept += (unit for unit in event.blocks if self.machine.awaits(unit))
        out = self.machine.handle(event, now)
        if self.machine.is_finished and not self.end:
            self.end = now
        return out

    def _next(self, rank: int, work: Work, start: float) -> None:
        self._at(start + self.cost(work.todo[0]), partial(self._row, rank, work))

    def _row(self, rank: int, work: Work, now: float) -> None:
        if self.work.get(rank) is not work:
            return
        if self.dice.random() < self.fails:
            self._tell(TaskFailed(rank, work.task.id, work.attempt, CRASH), now)
            self._end(rank, now)
            return
        unit = work.todo.pop(0)
        self.done.append(unit)
        self._tell(TilesCompleted(rank, work.task.id, (unit,), self.setup), now)
        if self.work.get(rank) is not work:
            return
        if work.todo:
            self._next(rank, work, now)
            return
        seconds = sum(map(self.cost, self.partition.units_of(work.task.tile)))
        cost = replace(
            result(work.task, rank=rank, seconds=self.setup + seconds),
            setup_seconds=self.setup,
            render_seconds=seconds,
        )
        self._tell(TaskCompleted(cost), now)
        self._end(rank, now)

    def _end(self, rank: int, now: float) -> None:
        del self.work[rank]
        self.idle_since[rank] = now
        self._at(now, partial(self._tell, WorkerReady(rank)))


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
    studio = Studio(film(frames, ROWS), ranks, lambda u: costs[u // ROWS], setup=setup).run()
    assert sorted(studio.kept) == list(range(frames * ROWS))
    assert sorted(studio.done) == sorted(studio.kept)  # nothing twice
    # a row and a start until it is known what a task takes, the same once more, and as long as
    # taking over any of it is not worth its while
    assert studio.idle <= 2 * (max(costs) + setup + WholeFrames().worth)


def test_no_frame_is_divided_before_the_last_ones() -> None:
    studio = Studio(film(24, ROWS), 4, lambda unit: 0.2, setup=0.3).run()
    divided = {t.tile.frame for t in studio.tasks if t.tile.height < ROWS * 8}
    assert divided <= set(range(20, 24))


def test_one_frame_is_rendered_by_all_ranks() -> None:
    studio = Studio(film(1, ROWS), 4, lambda unit: 3.0, setup=0.3).run()
    assert len(studio.tasks) >= 4
    assert studio.end < 3.0 * (ROWS / 4 + 2) + 2


def test_rows_are_left_alone_where_they_cannot_be_divided() -> None:
    studio = Studio(film(5, ROWS, divides=False), 3, lambda unit: 1.0, setup=0.3).run()
    assert {task.tile.height for task in studio.tasks} == {ROWS * 8}
    assert sorted(studio.done) == list(range(5 * ROWS))


def test_cheap_frames_come_several_at_once() -> None:
    studio = Studio(film(400, 2), 2, lambda unit: 0.01, setup=0.3).run()
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
@settings(deadline=None, max_examples=100)
def test_every_row_is_kept_once_whatever_happens(
    seed: int, ranks: int, frames: int, rows: int, fails: float, divides: bool
) -> None:
    dice = random.Random(seed)
    costs: Sequence[float] = [dice.choice([0.001, 0.1, 1.0, 5.0]) for _ in range(frames * rows)]
    studio = Studio(
        film(frames, rows, divides=divides), ranks, costs.__getitem__, 0.3, fails, dice
    ).run()
    if not studio.machine.fatal:
        assert sorted(studio.kept) == list(range(frames * rows))
