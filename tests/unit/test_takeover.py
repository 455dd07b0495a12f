"""The schedule where blocks arrive one by one and ranks without work take over those of others."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st
from unit.samples import result
from unit.witness import Witness

from mpirender.errors import ErrorRecord
from mpirender.events import (
    CancelTask,
    Instruction,
    SendTask,
    SetAside,
    ShortenTask,
    StopWorker,
    TaskCompleted,
    TaskFailed,
    TaskProgressed,
    Tick,
    TilesCompleted,
    WorkerLost,
    WorkerReady,
)
from mpirender.model import Task, Tile
from mpirender.partition import Grid, Partition
from mpirender.policy import NAMES, Halving, Policy, SelfScheduling, policy_named
from mpirender.schedule import SET_ASIDE_AFTER, Schedule, TaskState
from mpirender.simulate import Fleet, Overheads, Simulation

CRASH = ErrorRecord("RendererFailed", "it crashed")


class Stage:
    """A schedule of a column of blocks, in which every rank finishes a block a second.

    Parameters
    ----------
    ranks, rows : int
        The first rank that asks gets the first rows.
    """

    def __init__(
        self, *, ranks: int = 2, rows: int = 20, retries: int = 2, policy: Policy | None = None
    ) -> None:
        partition = Partition(Grid(Tile(0, rows, 0, 1), 1))
        self.machine = Schedule(partition, policy or Halving(), ranks=ranks, retries=retries)

    def ready(self, rank: int, now: float = 0) -> list[Instruction]:
        return self.machine.handle(WorkerReady(rank), now)

    def tiles(self, rank: int, task: int, *blocks: int, now: float) -> list[Instruction]:
        return self.machine.handle(TilesCompleted(rank, task, blocks), now)

    def fail(self, rank: int, task: int, attempt: int = 1) -> list[Instruction]:
        return self.machine.handle(TaskFailed(rank, task, attempt, CRASH), 99)


def rows(start: int, stop: int) -> Tile:
    return Tile(start, stop, 0, 1)


def sent(instructions: Sequence[Instruction]) -> list[SendTask]:
    return [i for i in instructions if isinstance(i, SendTask)]


def half_done() -> Stage:
    """Ranks 0 and 1 have rows 0 to 9 and 10 to 19; rank 1 has done all of its, and 0 has done 4."""
    stage = Stage()
    stage.ready(0), stage.ready(1)
    for second in range(10):
        if second < 4:
            stage.tiles(0, 0, second, now=second + 1)
        stage.tiles(1, 1, 10 + second, now=min(second + 1, 4))
    return stage


def taken_over() -> Stage:
    """The same after rank 1 has taken over rows 7 to 9."""
    stage = half_done()
    stage.ready(1, now=4)
    return stage


# ---------------------------------------------------------------------------- finished blocks


def test_a_picture_of_a_whole_task_spares_the_rank_that_has_taken_over_a_part() -> None:
    stage = taken_over()
    out = stage.machine.handle(TaskCompleted(result(Task(0, rows(0, 10)), rank=0)), 5)
    assert out == [CancelTask(1, 2), StopWorker(0), StopWorker(1)]
    assert stage.machine.is_finished


def test_every_rank_gets_an_even_share() -> None:
    stage = Stage(ranks=4, rows=20)
    tiles = [order.task.tile for rank in range(4) for order in sent(stage.ready(rank))]
    assert tiles == [rows(0, 5), rows(5, 10), rows(10, 15), rows(15, 20)]


def test_a_block_is_awaited_from_its_handing_out_until_it_is_finished() -> None:
    stage = Stage()
    assert not stage.machine.awaits(3)
    stage.ready(0)
    assert stage.machine.awaits(3)
    stage.tiles(0, 0, 3, now=1)
    assert not stage.machine.awaits(3)


def test_a_task_is_completed_by_its_last_block() -> None:
    stage = Stage()
    stage.ready(0), stage.ready(1)
    stage.tiles(0, 0, *range(9), now=1)
    assert stage.machine.state_of(0) is TaskState.ACTIVE
    stage.tiles(0, 0, 9, now=2)
    assert stage.machine.state_of(0) is TaskState.COMPLETED
    assert stage.machine.active.keys() == {1}


def test_the_run_ends_with_the_last_block() -> None:
    stage = half_done()
    assert not stage.machine.is_finished
    out = stage.tiles(0, 0, *range(4, 10), now=5)
    assert out == [StopWorker(0), StopWorker(1)]
    assert stage.machine.is_finished


def test_a_block_that_comes_twice_changes_nothing() -> None:
    stage = Stage()
    stage.ready(0)
    stage.tiles(0, 0, 0, now=1)
    assert stage.tiles(0, 0, 0, now=2) == []
    assert stage.machine.state_of(0) is TaskState.ACTIVE


def test_a_task_that_came_block_by_block_is_not_completed_again() -> None:
    stage = half_done()
    assert stage.machine.handle(TaskCompleted(result(Task(1, rows(10, 20)), rank=1)), 5) == []
    assert stage.machine.state_of(1) is TaskState.COMPLETED


# ---------------------------------------------------------------------------------- takeovers


def test_a_rank_without_work_takes_the_far_half_of_what_another_has_left() -> None:
    out = half_done().ready(1, now=4)
    assert out == [ShortenTask(0, 0, rows(7, 10)), SendTask(1, Task(2, rows(7, 10)), 1)]


def test_the_half_is_one_by_what_the_blocks_above_took() -> None:
    machine = Schedule(Partition(Grid(Tile(0, 8, 0, 10), 1)), Halving(), ranks=2, retries=0)
    machine.handle(WorkerReady(0), 0), machine.handle(WorkerReady(1), 0)
    now = 0.0
    for block in range(31):  # of rank 0's four rows; in each the last block takes 20 s
        now += 20.0 if block % 10 == 9 else 1.0
        machine.handle(TilesCompleted(0, 0, (block,)), now)
    machine.handle(TilesCompleted(1, 1, tuple(range(40, 80))), now)
    (order,) = sent(machine.handle(WorkerReady(1), now))
    assert order.task.tile == Tile(3, 4, 9, 10)  # where blocks are alike it is the last five


def test_the_one_that_ends_last_is_relieved() -> None:
    stage = Stage(ranks=3, rows=30)
    for rank in range(3):
        stage.ready(rank)
    stage.tiles(0, 0, *range(0, 9), now=5)
    stage.tiles(1, 1, *range(10, 13), now=5)
    stage.tiles(2, 2, *range(20, 30), now=5)
    shortened = [i for i in stage.ready(2, now=5) if isinstance(i, ShortenTask)]
    assert [(i.rank, i.task_id) for i in shortened] == [(1, 1)]


def test_the_slowest_rank_is_relieved_though_it_has_fewer_blocks_left() -> None:
    stage = Stage(ranks=3, rows=30)
    for rank in range(3):
        stage.ready(rank)
    for second in range(1, 6):  # rank 0 needs 1 s, rank 1 a tenth of that
        stage.tiles(0, 0, second - 1, now=second)
    late = TilesCompleted(1, 1, (10,), setup_seconds=4.8)
    stage.machine.handle(late, 4.9)
    stage.tiles(1, 1, 11, now=5.0)
    stage.tiles(2, 2, *range(20, 30), now=5)
    shortened = [i for i in stage.ready(2, now=5) if isinstance(i, ShortenTask)]
    assert [i.rank for i in shortened] == [0]


def test_where_the_first_is_not_worth_it_the_next_is_looked_at() -> None:
    machine = Schedule(Partition(Grid(Tile(0, 3, 0, 66), 1)), Halving(), ranks=3, retries=0)
    for rank in range(3):
        machine.handle(WorkerReady(rank), 0)
    for block in range(65):  # of the last two blocks of rank 0 one has been begun
        setup = 5.0 if block == 0 else 0.0
        machine.handle(TilesCompleted(0, 0, (block,), setup_seconds=setup), 5 + 5.0 * block)
    now = 5 + 5.0 * 64
    for block in range(30):
        machine.handle(TilesCompleted(1, 1, (66 + block,)), now + 0.5 * (block - 29))
    machine.handle(TilesCompleted(2, 2, tuple(range(132, 198))), now)
    shortened = [i for i in machine.handle(WorkerReady(2), now) if isinstance(i, ShortenTask)]
    assert [i.rank for i in shortened] == [1]


def test_among_many_ranks_a_refusal_holds_for_a_moment() -> None:
    stage = Stage(ranks=2000, rows=20_000)
    for rank in range(2000):
        stage.ready(rank)
    stage.tiles(1, 1, *range(10, 20), now=1.0)
    assert stage.ready(1, now=1.0) == []  # nothing is known of the others
    stage.tiles(0, 0, 0, now=1.0001)
    stage.tiles(2, 2, *range(20, 30), now=1.0001)
    assert stage.ready(2, now=1.0001) == []
    assert sent(stage.machine.handle(Tick(), 2.0))


def test_among_many_ranks_what_one_tells_counts_at_once() -> None:
    stage = Stage(ranks=2000, rows=20_000)
    for rank in range(2000):
        stage.ready(rank)
    stage.tiles(1, 1, *range(10, 20), now=1.0)
    assert stage.ready(1, now=1.0) == []  # nothing is known of the others
    stage.machine.handle(TaskProgressed(7, 7, 0.2), 1.2)
    (order,) = sent(stage.machine.handle(Tick(), 1.3))
    assert (order.rank, order.task.tile.stop) == (1, 80)


def test_a_task_without_a_finished_block_is_left_alone() -> None:
    stage = Stage()
    stage.ready(0), stage.ready(1)
    stage.tiles(1, 1, *range(10, 20), now=4)
    assert stage.ready(1, now=4) == []


def test_a_rank_that_waits_takes_over_as_soon_as_it_is_worth_it() -> None:
    stage = Stage()
    stage.ready(0), stage.ready(1)
    stage.tiles(1, 1, *range(10, 20), now=4)
    stage.ready(1, now=4)
    stage.tiles(0, 0, 0, now=5)
    out = stage.machine.handle(Tick(), 5.1)
    assert [type(i) for i in out] == [ShortenTask, SendTask]


def test_a_newcomer_that_has_not_finished_a_block_can_be_relieved_too() -> None:
    stage = half_done()
    stage.ready(1, now=4)  # takes over rows 7 to 9 of rank 0
    stage.tiles(0, 0, 4, 5, 6, now=7)
    (order,) = sent(stage.ready(0, now=7))
    assert rows(7, 10).contains(order.task.tile)


def test_a_single_block_is_never_shared() -> None:
    stage = Stage(rows=4)
    stage.ready(0), stage.ready(1)
    stage.tiles(0, 0, 0, now=1)
    stage.tiles(1, 1, 2, 3, now=1)
    stage.ready(1, now=1)
    assert stage.machine.handle(Tick(), 50.0) == []


def test_nobody_relieves_itself() -> None:
    stage = Stage(ranks=1)
    stage.ready(0)
    stage.tiles(0, 0, *range(4), now=4)
    assert stage.ready(0, now=4) == []


def test_no_task_is_shortened_where_the_policy_has_a_queue_only() -> None:
    stage = Stage(policy=SelfScheduling(10))
    stage.ready(0), stage.ready(1)
    stage.tiles(0, 0, 0, now=1)
    stage.tiles(1, 1, *range(10, 20), now=1)
    assert stage.ready(1, now=1) == []


def test_the_one_that_was_relieved_is_done_with_what_it_has_kept() -> None:
    stage = taken_over()
    stage.tiles(0, 0, 4, 5, 6, now=7)
    assert stage.machine.state_of(0) is TaskState.COMPLETED
    assert stage.machine.state_of(2) is TaskState.ACTIVE


def test_what_the_other_had_rendered_before_it_was_told_counts() -> None:
    stage = taken_over()
    assert stage.tiles(0, 0, 7, now=5) == []
    assert not stage.machine.awaits(7)
    stage.tiles(1, 2, 8, 9, now=6)
    assert stage.machine.state_of(2) is TaskState.COMPLETED


def test_the_newcomer_is_called_back_where_nothing_is_left_for_it() -> None:
    stage = taken_over()
    out = stage.tiles(0, 0, 7, 8, 9, now=5)
    assert out == [CancelTask(1, 2)]
    assert stage.machine.state_of(2) is TaskState.COMPLETED
    assert stage.machine.active.keys() == {0}


def test_a_part_that_was_taken_over_can_be_taken_over_again() -> None:
    stage = Stage(ranks=3, rows=60)
    for rank in range(3):
        stage.ready(rank)
    for second in range(1, 5):
        stage.tiles(0, 0, second - 1, now=second)
    stage.tiles(1, 1, *range(20, 40), now=4)
    stage.tiles(2, 2, *range(40, 60), now=4)
    (first,) = sent(stage.ready(1, now=4))
    assert first.task.tile == rows(12, 20)
    for second in range(5, 7):
        stage.tiles(0, 0, second - 1, now=second)
    stage.tiles(1, 3, 12, now=5)  # it is slower: one block in two seconds
    stage.tiles(1, 3, 13, now=7)
    stage.tiles(0, 0, *range(6, 11), now=7)
    shorten, order = stage.ready(2, now=7)
    assert isinstance(shorten, ShortenTask) and isinstance(order, SendTask)
    assert (shorten.rank, shorten.task_id) == (1, 3)
    assert order.task.tile.stop == 20 and order.task.tile.start >= 15


def test_a_newcomer_is_spared_what_is_finished_in_its_rectangle() -> None:
    machine = Schedule(Partition(Grid(Tile(0, 8, 0, 2), 1)), Halving(), ranks=2, retries=2)
    machine.handle(WorkerReady(0), 0), machine.handle(WorkerReady(1), 0)
    machine.handle(TilesCompleted(0, 0, (0, 5)), 1)  # it has two threads
    machine.handle(TilesCompleted(1, 1, tuple(range(8, 16))), 1)
    assert machine.handle(WorkerReady(1), 1) == [
        ShortenTask(0, 0, Tile(2, 4, 0, 2)),
        SendTask(1, Task(2, Tile(2, 4, 0, 2)), 1),
        ShortenTask(1, 2, Tile(2, 3, 1, 2)),
    ]


def test_a_setup_that_costs_more_than_it_saves_is_not_begun() -> None:
    stage = Stage()
    stage.ready(0), stage.ready(1)
    for rank, first in ((0, 0), (1, 10)):
        event = TilesCompleted(rank, rank, (first,), setup_seconds=30.0)
        stage.machine.handle(event, 31.0)
    stage.tiles(1, 1, *range(11, 20), now=32)
    assert stage.ready(1, now=32) == []


# ----------------------------------------------------------------------------------- failures


def test_only_what_is_missing_of_a_failed_task_is_tried_again() -> None:
    stage = taken_over()
    stage.fail(0, 0)
    other = sent(stage.ready(0, now=99))  # it has failed there
    assert all(order.task.tile != rows(4, 7) for order in other)
    stage.tiles(1, 2, 7, 8, 9, now=99)
    (order,) = sent(stage.ready(1, now=99))
    assert (order.rank, order.task.tile, order.attempt) == (1, rows(4, 7), 2)
    assert stage.machine.state_of(0) is TaskState.COMPLETED


def test_the_rest_of_a_failed_task_is_rectangles_and_every_one_an_attempt_later() -> None:
    machine = Schedule(Partition(Grid(Tile(0, 4, 0, 4), 1)), Halving(), ranks=2, retries=2)
    machine.handle(WorkerReady(0), 0)
    machine.handle(TilesCompleted(0, 0, (0, 1)), 1)
    machine.handle(TaskFailed(0, 0, 1, CRASH), 2)
    orders = [s for _ in range(2) for s in sent(machine.handle(WorkerReady(1), 3))]
    assert [(o.task.tile, o.attempt) for o in orders] == [
        (Tile(0, 1, 2, 4), 2),
        (Tile(1, 2, 0, 4), 2),
    ]


def test_a_task_that_fails_before_its_first_block_keeps_its_number() -> None:
    stage = Stage()
    stage.ready(0)
    stage.fail(0, 0)
    (order,) = sent(stage.ready(1, now=99))
    assert (order.task, order.attempt) == (Task(0, rows(0, 10)), 2)


def test_the_rest_is_given_up_after_the_retries_of_the_whole() -> None:
    stage = Stage(ranks=3, retries=1)
    stage.ready(0)
    stage.tiles(0, 0, *range(4), now=4)
    stage.fail(0, 0)
    (order,) = sent(stage.ready(1, now=99))
    stage.tiles(1, order.task.id, 4, now=100)
    stage.fail(1, order.task.id, 2)
    assert stage.machine.failed == [(Task(1, rows(4, 7)), CRASH)]
    assert not any(stage.machine.awaits(block) for block in range(7))


def test_a_part_that_failed_on_the_newcomer_is_not_the_others_again() -> None:
    stage = taken_over()
    stage.fail(1, 2)
    assert stage.machine.state_of(2) is TaskState.SOFT_FAILED
    stage.tiles(0, 0, 4, 5, 6, now=7)
    (order,) = sent(stage.ready(0, now=8))
    assert (order.task.tile, order.attempt) == (rows(7, 10), 2)


def test_a_block_forgives_failures() -> None:
    stage = Stage(ranks=2, rows=40, retries=9, policy=SelfScheduling(4))
    for task in range(SET_ASIDE_AFTER - 1):
        stage.ready(0)
        stage.fail(0, task)
    (order,) = sent(stage.ready(0))
    stage.tiles(0, order.task.id, *range(order.task.tile.start, order.task.tile.stop), now=100)
    (order,) = sent(stage.ready(0))
    assert not any(isinstance(i, SetAside) for i in stage.fail(0, order.task.id))


def test_what_a_lost_rank_has_not_finished_goes_to_another_and_does_not_count() -> None:
    stage = Stage(retries=0)
    stage.ready(0), stage.ready(1)
    stage.tiles(0, 0, *range(4), now=4)
    stage.machine.handle(WorkerLost(0), 5)
    stage.tiles(1, 1, *range(10, 20), now=10)
    (order,) = sent(stage.ready(1, now=10))
    assert (order.task.tile, order.attempt) == (rows(4, 10), 1)


def test_late_blocks_of_a_lost_rank_count() -> None:
    stage = Stage()
    stage.ready(0), stage.ready(1)
    stage.tiles(0, 0, *range(4), now=4)
    stage.machine.handle(WorkerLost(0), 5)
    stage.tiles(0, 0, 4, 5, now=6)
    assert not stage.machine.awaits(5)
    stage.tiles(1, 1, *range(10, 20), now=10)
    (order,) = sent(stage.ready(1, now=10))
    assert stage.machine.awaits(6)
    out = stage.tiles(0, 0, *range(6, 10), now=11)
    assert CancelTask(1, order.task.id) in out
    assert stage.machine.is_finished


def test_a_lost_newcomer_leaves_its_part_to_be_done() -> None:
    stage = taken_over()
    stage.machine.handle(WorkerLost(1), 5)
    stage.tiles(0, 0, 4, 5, 6, now=7)
    (order,) = sent(stage.ready(0, now=7))
    assert (order.task.tile, order.attempt) == (rows(7, 10), 1)


def test_a_task_may_come_as_a_picture_after_some_blocks_of_it() -> None:
    stage = Stage()
    stage.ready(0), stage.ready(1)
    stage.machine.handle(WorkerLost(0), 1)
    stage.tiles(0, 0, 0, 1, now=2)  # late
    stage.tiles(1, 1, *range(10, 20), now=3)
    (order,) = sent(stage.ready(1, now=3))
    stage.machine.handle(TaskCompleted(result(order.task, rank=1)), 4)
    assert stage.machine.is_finished
    assert not any(stage.machine.awaits(block) for block in range(20))


# --------------------------------------------------------------------------- simulated fleets


@given(
    seed=st.integers(0, 1 << 32),
    ranks=st.integers(1, 12),
    height=st.integers(1, 12),
    width=st.integers(1, 12),
    fails=st.sampled_from([0.0, 0.2, 0.6, 1.0]),
    deaths=st.integers(0, 3),
    setup=st.sampled_from([0.0, 0.5]),
    delay=st.sampled_from([0.0, 0.01, 2.0]),
    retries=st.integers(0, 3),
    name=st.sampled_from([name for name in NAMES if name != "auto"]),
)
@settings(max_examples=2 * settings().max_examples)
def test_every_block_is_kept_once_or_told_as_missing_whatever_happens(
    seed: int,
    ranks: int,
    height: int,
    width: int,
    fails: float,
    deaths: int,
    setup: float,
    delay: float,
    retries: int,
    name: str,
) -> None:
    dice = random.Random(seed)
    costs = [dice.choice([0.001, 0.1, 1.0, 5.0]) for _ in range(height * width)]
    grid = Grid(Tile(0, 8 * height, 0, 8 * width), 8)
    machine = Witness(grid, policy_named(name), ranks=ranks, retries=retries)
    fleet = Fleet(
        speeds=[dice.choice([0.3, 1.0, 3.0]) for _ in range(ranks)],
        costs=costs,
        overheads=Overheads(latency=setup / 2, setup=setup, delay=delay),
        deaths={dice.randrange(ranks): dice.uniform(0, 30) for _ in range(deaths)},
        fails_after=lambda task, attempt: (
            dice.randrange(machine.partition.count(task.tile)) if dice.random() < fails else None
        ),
    )
    Simulation(machine, machine.partition, fleet).run()
    assert machine.is_finished
    assert machine.aborted == (machine.fatal is not None)
    assert set(range(ranks)) - machine.lost <= machine.stopped.keys()
    assert set(machine.stopped.values()) <= {1}
    assert set(machine.kept.values()) <= {1}
    if machine.fatal:
        return
    given_up = {b for task, _ in machine.failed for b in grid.blocks_of(task.tile)}
    assert set(range(height * width)) - machine.kept.keys() <= given_up
    assert not any(machine.awaits(block) for block in range(height * width))
