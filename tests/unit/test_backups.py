"""Copies of tasks that should have been finished long ago: the first answer wins."""

from __future__ import annotations

import random
from collections.abc import Callable

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
from mpirender.partition import FramePartition, Grid, Partition, Section
from mpirender.policy import Halving, SelfScheduling, automatic, policy_named
from mpirender.schedule import Schedule, TaskState
from mpirender.simulate import Fleet, Overheads, Simulation

CRASH = ErrorRecord("RendererFailed", "it crashed")


class Two(SelfScheduling):
    """A block at a time, and copies."""

    takes_over = True


def sent(instructions: list[Instruction]) -> list[tuple[int, int]]:
    return [(i.rank, i.task.id) for i in instructions if isinstance(i, SendTask)]


def one_block_left(*, retries: int = 2, policy: str = "auto") -> Schedule:
    """Three ranks with four blocks each take a second for each; rank 0 has one left, at 4 s."""
    rule = policy_named(policy) if policy != "auto" else Halving()
    machine = Schedule(Partition(Grid(Tile(0, 12, 0, 1), 1)), rule, ranks=3, retries=retries)
    for rank in range(3):
        machine.handle(WorkerReady(rank), 0)
    for rank in range(3):
        for second in range(4 if rank else 3):
            machine.handle(TilesCompleted(rank, rank, (4 * rank + second,)), second + 1)
    for rank in (1, 2):
        task = Task(rank, Tile(4 * rank, 4 * rank + 4, 0, 1))
        assert sent(machine.handle(TaskCompleted(result(task, rank=rank, seconds=4.0)), 4)) == []
        assert sent(machine.handle(WorkerReady(rank), 4)) == []
    return machine


def copied() -> Schedule:
    """The same after rank 1 has begun rank 0's last block anew, at 20 s."""
    machine = one_block_left()
    assert sent(machine.handle(Tick(), 20)) == [(1, 3)]
    return machine


def test_what_takes_much_longer_than_it_should_is_begun_anew_by_another_rank() -> None:
    (order,) = one_block_left().handle(Tick(), 20)
    assert isinstance(order, SendTask)
    assert (order.rank, order.task.tile) == (1, Tile(3, 4, 0, 1))  # the other one is not disturbed


def test_what_takes_somewhat_longer_is_waited_for() -> None:
    machine = one_block_left()
    assert all(machine.handle(Tick(), 4 + tenth / 10) == [] for tenth in range(20))


@pytest.mark.parametrize("policy", ["static", "ss", "fac"])
def test_the_rules_of_others_copy_nothing(policy: str) -> None:
    machine = Schedule(
        Partition(Grid(Tile(0, 4, 0, 1), 1)), policy_named(policy), ranks=4, retries=0
    )
    for rank in range(4):
        machine.handle(WorkerReady(rank), 0)
    for rank in range(1, 4):
        machine.handle(TaskCompleted(result(Task(rank, Tile(rank, rank + 1, 0, 1)), rank=rank)), 1)
        machine.handle(WorkerReady(rank), 1)
    assert sent(machine.handle(Tick(), 40)) == []


def test_a_task_is_copied_once_only() -> None:
    machine = copied()
    assert machine.handle(Tick(), 21) == []
    assert machine.handle(Tick(), 40) == []


@pytest.mark.parametrize(("first", "second"), [((1, 3), (0, 0)), ((0, 0), (1, 3))])
def test_the_first_answer_wins_and_the_other_attempt_is_stopped(
    first: tuple[int, int], second: tuple[int, int]
) -> None:
    machine = copied()
    out = machine.handle(TilesCompleted(*first, (3,)), 21)
    assert out == [CancelTask(*second), StopWorker(0), StopWorker(1), StopWorker(2)]
    assert machine.is_finished
    assert machine.state_of(0) is machine.state_of(3) is TaskState.COMPLETED


def test_what_the_second_one_sends_all_the_same_changes_nothing() -> None:
    machine = copied()
    machine.handle(TilesCompleted(1, 3, (3,)), 21)
    assert not machine.awaits(3)
    assert machine.handle(TilesCompleted(0, 0, (3,)), 22) == []
    assert machine.handle(TaskCompleted(result(Task(0, Tile(0, 4, 0, 1)), rank=0)), 22) == []


def test_a_copy_that_fails_leaves_the_block_to_the_other_one() -> None:
    machine = copied()
    machine.handle(TaskFailed(1, 3, 1, CRASH), 21)
    assert machine.state_of(3) is TaskState.CANCELED
    assert machine.awaits(3)
    assert not machine.is_finished
    machine.handle(TilesCompleted(0, 0, (3,)), 22)
    assert machine.is_finished
    assert machine.failed == []


@pytest.mark.parametrize("end", [TaskFailed(1, 3, 1, CRASH), WorkerLost(1)], ids=["fails", "dies"])
def test_after_a_copy_that_comes_to_nothing_another_rank_makes_one(end: Event) -> None:
    machine = copied()
    out = machine.handle(end, 21) + machine.handle(Tick(), 22)
    assert sent(out) == [(2, 4)]
    if isinstance(end, TaskFailed):
        assert sent(machine.handle(WorkerReady(1), 23)) == []
        assert sent(machine.handle(TaskFailed(2, 4, 1, CRASH), 24)) == []
    assert not machine.is_finished


def test_a_rank_on_which_a_task_has_failed_does_not_copy_it() -> None:
    machine = Schedule(Partition(Grid(Tile(0, 3, 0, 1), 1)), Halving(), ranks=3, retries=2)
    for rank in range(3):
        machine.handle(WorkerReady(rank), 0)
    for rank in (1, 2):
        machine.handle(TilesCompleted(rank, rank, (rank,)), 1)
        done = result(Task(rank, Tile(rank, rank + 1, 0, 1)), rank=rank)
        machine.handle(TaskCompleted(done), 1)
    machine.handle(TaskFailed(0, 0, 1, CRASH), 1)
    assert sent(machine.handle(WorkerReady(1), 1)) == [(1, 0)]
    machine.handle(WorkerReady(0), 1)
    assert sent(machine.handle(Tick(), 20)) == []
    machine.handle(WorkerReady(2), 20)
    assert sent(machine.handle(Tick(), 30)) == [(2, 3)]


def test_a_copy_is_not_what_a_run_without_retries_fails_by() -> None:
    machine = one_block_left(retries=0)
    machine.handle(Tick(), 20)
    machine.handle(TaskFailed(1, 3, 1, CRASH), 21)
    assert machine.failed == []
    assert not machine.is_finished


def test_the_copy_goes_on_where_the_other_one_fails() -> None:
    machine = one_block_left(retries=0)
    machine.handle(Tick(), 20)
    machine.handle(TaskFailed(0, 0, 1, CRASH), 21)
    assert machine.failed == []
    assert machine.active == {1: [Task(3, Tile(3, 4, 0, 1))]}
    machine.handle(TilesCompleted(1, 3, (3,)), 22)
    assert machine.is_finished


def test_a_copy_that_fails_after_the_other_one_is_tried_again() -> None:
    machine = copied()
    machine.handle(TaskFailed(0, 0, 1, CRASH), 21)
    assert sent(machine.handle(TaskFailed(1, 3, 1, CRASH), 22)) == [(2, 3)]


@pytest.mark.parametrize("dead", [0, 1])
def test_one_of_the_two_ranks_may_die(dead: int) -> None:
    machine = copied()
    machine.handle(WorkerLost(dead), 21)
    assert machine.awaits(3)
    other, task = (1, 3) if dead == 0 else (0, 0)
    machine.handle(TilesCompleted(other, task, (3,)), 22)
    assert machine.is_finished
    assert machine.failed == []


def test_a_rank_that_has_finished_nothing_is_relieved_when_others_have_done_theirs() -> None:
    machine = Schedule(Partition(Grid(Tile(0, 20, 0, 1), 1)), Halving(), ranks=2, retries=0)
    machine.handle(WorkerReady(0), 0), machine.handle(WorkerReady(1), 0)
    for second in range(10):
        machine.handle(TilesCompleted(1, 1, (10 + second,)), second + 1)
    done = TaskCompleted(result(Task(1, Tile(10, 20, 0, 1)), rank=1, seconds=10))
    machine.handle(done, 10)
    assert [task for _, task in sent(machine.handle(WorkerReady(1), 10))] == [2]


def pictures_of_four_rows() -> Schedule:
    """Rank 0 has been at row 0 since 0 s; rank 1 has done the other three by 3 s, and waits."""
    partition = Partition(Grid(Tile(0, 4, 0, 1), 1), divides=False)
    rule = automatic(streams=False, frames=False)
    machine = Schedule(partition, rule, ranks=2, retries=0)
    tasks = [order for rank in (0, 1) for order in machine.handle(WorkerReady(rank), 0)]
    assert [order.task.tile for order in tasks if isinstance(order, SendTask)] == [
        Tile(0, 1, 0, 1),
        Tile(1, 2, 0, 1),
    ]
    now = 0.0
    for task in (1, 2, 3):
        now += 1.0
        tile = Tile(task, task + 1, 0, 1)
        machine.handle(TaskCompleted(result(Task(task, tile), rank=1)), now)
        machine.handle(WorkerReady(1), now)
    return machine


def test_pictures_are_copied_whole() -> None:
    machine = pictures_of_four_rows()
    assert sent(machine.handle(Tick(), 5.0)) == [(1, 4)]
    assert machine.is_spare(4)
    assert not machine.is_spare(0)
    copy = Task(4, Tile(0, 1, 0, 1))
    assert CancelTask(0, 0) in machine.handle(TaskCompleted(result(copy, rank=1)), 6.0)
    assert machine.is_finished


def test_what_is_nearly_done_as_its_rank_says_is_waited_for() -> None:
    machine = pictures_of_four_rows()
    machine.handle(TaskProgressed(0, 0, 0.9), 4.5)
    assert sent(machine.handle(Tick(), 5.0)) == []
    machine.handle(TaskProgressed(0, 0, 0.9), 20.0)  # it stands still
    assert sent(machine.handle(Tick(), 20.5)) == [(1, 4)]


def test_a_task_that_another_one_kept_waiting_is_not_overdue() -> None:
    machine = Schedule(
        Partition(Grid(Tile(0, 2, 0, 1), 1), divides=False), Two(), ranks=2, retries=0
    )
    assert sent(machine.handle(WorkerReady(0), 0)) == [(0, 0)]
    assert sent(machine.handle(WorkerReady(0), 0)) == [(0, 1)]
    machine.handle(TaskCompleted(result(Task(0, Tile(0, 1, 0, 1)), rank=0, seconds=1)), 30)
    assert sent(machine.handle(WorkerReady(1), 31)) == []
    assert sent(machine.handle(Tick(), 31.9)) == []
    assert sent(machine.handle(Tick(), 36)) == [(1, 2)]


def test_many_are_copied_in_one_go() -> None:
    count = 200
    partition = Partition(Grid(Tile(0, 2 * count, 0, 1), 1), divides=False)
    machine = Schedule(partition, Two(), ranks=2 * count, retries=0)
    for rank in range(2 * count):
        machine.handle(WorkerReady(rank), 0)
    for rank in range(count):
        done = result(Task(rank, Tile(rank, rank + 1, 0, 1)), rank=rank, seconds=1)
        machine.handle(TaskCompleted(done), 1)
    for rank in range(count):
        machine.handle(WorkerReady(rank), 1)
    orders = machine.handle(Tick(), 60)
    tiles = [order.task.tile for order in orders if isinstance(order, SendTask)]
    assert sorted(tiles) == [Tile(row, row + 1, 0, 1) for row in range(count, 2 * count)]


# ----------------------------------------------------------------------------- simulated runs


class Kept(Schedule):
    """A schedule that keeps count of the blocks that were waited for when they came."""

    kept: tuple[int, ...] = ()
    copies = 0

    def handle(self, event: Event, now: float) -> list[Instruction]:
        assert now < 1e6, "it never ends"
        if isinstance(event, TilesCompleted):
            self.kept += tuple(unit for unit in event.blocks if self.awaits(unit))
        before = len(self._entries)
        out = super().handle(event, now)
        self.copies += sum(entry.original is not None for entry in self._entries[before:])
        return out


def run(
    partition: Partition | FramePartition,
    speeds: list[float],
    costs: list[float],
    fails_after: Callable[[Task, int], int | None] = lambda task, attempt: None,
) -> tuple[Simulation, Kept]:
    frames = isinstance(partition, FramePartition)
    rule = automatic(streams=partition.divides, frames=frames)
    machine = Kept(partition, rule, ranks=len(speeds), retries=99)
    fleet = Fleet(
        speeds, costs, Overheads(0.05, 0.05), streams=partition.divides, fails_after=fails_after
    )
    return Simulation(machine, partition, fleet).run(), machine


@pytest.mark.parametrize("divides", [True, False])
def test_a_host_that_hardly_moves_does_not_hold_up_the_others(divides: bool) -> None:
    partition = Partition(Grid(Tile(0, 20, 0, 10), 1), divides=divides)
    run_, machine = run(partition, [1.0, 1.0, 1.0, 0.001], [0.3] * 200)
    assert machine.copies
    assert run_.makespan < 60  # the slow one would take 300 s for a single block


def test_equal_hosts_copy_nothing() -> None:
    partition = Partition(Grid(Tile(0, 20, 0, 10), 1))
    costs = [random.Random(block).uniform(0.5, 1.5) for block in range(200)]
    assert not run(partition, [1.0] * 4, costs)[1].copies


@given(st.integers(0, 1 << 32), st.integers(2, 6), st.sampled_from([0.0, 0.2]), st.booleans())
@settings(deadline=None)
def test_every_block_is_kept_once_whoever_stands_still(
    seed: int, ranks: int, fails: float, film: bool
) -> None:
    dice = random.Random(seed)
    rows, columns = dice.randint(1, 8), dice.randint(1, 8)
    partition = (
        FramePartition([Section(0, Grid(Tile(0, rows, 0, 1), 1), tuple(range(columns)))])
        if film
        else Partition(Grid(Tile(0, rows, 0, columns), 1))
    )
    speeds = [dice.choice([0.001, 0.1, 1.0]) for _ in range(ranks)]
    costs = [dice.choice([0.01, 1.0, 3.0]) for _ in range(rows * columns)]

    def fails_after(task: Task, attempt: int) -> int | None:
        return dice.randrange(partition.count(task.tile)) if dice.random() < fails else None

    machine = run(partition, speeds, costs, fails_after)[1]
    if not machine.fatal:
        assert sorted(machine.kept) == list(range(rows * columns))
        assert machine.is_finished
