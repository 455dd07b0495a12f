from __future__ import annotations

import random
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from unit.samples import result

from mpirender.errors import ErrorRecord
from mpirender.events import (
    Aborted,
    CancelRequested,
    CancelTask,
    Instruction,
    RankHeard,
    RankRests,
    SendTask,
    SetAside,
    StopWorker,
    TaskCompleted,
    TaskFailed,
    Tick,
    WorkerLost,
    WorkerReady,
)
from mpirender.model import Task, Tile
from mpirender.partition import Grid, Partition, Split
from mpirender.policy import (
    NAMES,
    Cyclic,
    Factoring,
    History,
    Policy,
    SelfScheduling,
    Static,
    policy_named,
)
from mpirender.schedule import LONGEST_TICK, LOST_AFTER, SET_ASIDE_AFTER, Schedule, TaskState

CRASH = ErrorRecord("RendererFailed", "it crashed")
NOT_THERE = ErrorRecord("RendererNotFound", "no such program")
BAD_SCENE = ErrorRecord("SceneError", "line 3: no such colour")


def schedule(
    *, ranks: int = 2, tasks: int = 4, retries: int = 2, policy: Policy | None = None
) -> Schedule:
    """A picture of so many rows, one a task."""
    partition = Partition(Grid(Tile(0, tasks, 0, 1), 1), Split.ROWS)
    return Schedule(partition, policy or SelfScheduling(1), ranks=ranks, retries=retries)


def sent(instructions: list[Instruction]) -> list[tuple[int, int, int]]:
    """Rank, task and attempt of what is handed out."""
    return [(i.rank, i.task.id, i.attempt) for i in instructions if isinstance(i, SendTask)]


def stopped(instructions: list[Instruction]) -> list[int]:
    return [i.rank for i in instructions if isinstance(i, StopWorker)]


def ready(machine: Schedule, *ranks: int, now: float = 0) -> list[tuple[int, int, int]]:
    return [s for rank in ranks for s in sent(machine.handle(WorkerReady(rank), now))]


def complete(machine: Schedule, rank: int, task: int, now: float = 0) -> list[Instruction]:
    tile = Tile(task, task + 1, 0, 1)
    return machine.handle(TaskCompleted(result(Task(task, tile), rank=rank)), now)


def fail(
    machine: Schedule, rank: int, task: int, attempt: int = 1, error: ErrorRecord = CRASH
) -> list[Instruction]:
    return machine.handle(TaskFailed(rank, task, attempt, error), 0)


# ------------------------------------------------------------------------------- handing out


def test_a_rank_gets_work_when_it_asks() -> None:
    machine = schedule()
    assert ready(machine, 1, 0) == [(1, 0, 1), (0, 1, 1)]
    assert machine.state_of(0) is TaskState.ACTIVE


def test_a_rank_that_asks_twice_gets_one_task_at_a_time() -> None:
    machine = schedule(ranks=1, tasks=1)
    ready(machine, 0)
    assert ready(machine, 0, 0) == []
    assert [i.rank for i in fail(machine, 0, 0) if isinstance(i, SendTask)] == [0]


def test_a_rank_that_is_not_of_the_run_gets_nothing() -> None:
    assert ready(schedule(ranks=2), 7) == []


def test_a_rank_with_nothing_to_do_comes_before_one_that_is_busy() -> None:
    machine = schedule(ranks=3, tasks=2)
    ready(machine, 0, 1)
    ready(machine, 0, 2)  # 0 would begin a second task; none is left for either
    assert sent(fail(machine, 1, 1)) == [(2, 1, 2)]


def test_what_is_being_rendered_is_known_by_rank() -> None:
    machine = schedule()
    ready(machine, 0, 0, 1)
    complete(machine, 1, 2)
    assert {rank: [t.id for t in tasks] for rank, tasks in machine.active.items()} == {0: [0, 1]}


def test_shares_shrink_from_round_to_round() -> None:
    partition = Partition(Grid(Tile(0, 64, 0, 1), 1), Split.ROWS)
    machine = Schedule(partition, Factoring(), ranks=2, retries=0)
    rounds = [machine.handle(WorkerReady(rank), 0) for _ in range(3) for rank in (0, 1)]
    heights = [i.task.tile.height for out in rounds for i in out if isinstance(i, SendTask)]
    assert heights == [16, 16, 8, 8, 4, 4]


def rows_by_rank(machine: Schedule, ranks: int) -> dict[int, list[int]]:
    """Let all ranks work by turns to the end; return which rows each was given."""
    given: dict[int, list[int]] = {rank: [] for rank in range(ranks)}
    while not machine.is_finished:
        for rank in given:
            for order in machine.handle(WorkerReady(rank), 0):
                if isinstance(order, SendTask):
                    tile = order.task.tile
                    given[order.rank] += range(tile.start, tile.stop)
                    machine.handle(TaskCompleted(result(order.task, rank=order.rank)), 0)
    return given


def test_cyclic_rows_belong_to_the_ranks_in_turn() -> None:
    given = rows_by_rank(schedule(ranks=3, tasks=8, policy=Cyclic()), 3)
    assert given == {0: [0, 3, 6], 1: [1, 4, 7], 2: [2, 5]}


def test_static_rows_are_one_even_share_a_rank() -> None:
    given = rows_by_rank(schedule(ranks=3, tasks=8, policy=Static()), 3)
    assert given == {0: [0, 1, 2], 1: [3, 4, 5], 2: [6, 7]}


@pytest.mark.parametrize("policy", [Static(), Cyclic()], ids=lambda policy: policy.name)
def test_what_belongs_to_another_rank_is_left_to_it(policy: Policy) -> None:
    machine = schedule(ranks=2, tasks=2, policy=policy)
    assert ready(machine, 1) == [(1, 0, 1)]
    complete(machine, 1, 0)
    assert ready(machine, 1) == []
    assert ready(machine, 0) == [(0, 1, 1)]


@pytest.mark.parametrize("policy", [Static(), Cyclic()], ids=lambda policy: policy.name)
def test_what_belongs_to_a_lost_rank_goes_to_another(policy: Policy) -> None:
    machine = schedule(ranks=2, tasks=2, policy=policy)
    ready(machine, 1)
    complete(machine, 1, 0)
    ready(machine, 1)
    assert sent(machine.handle(WorkerLost(0), 0)) == [(1, 1, 1)]
    assert stopped(complete(machine, 1, 1)) == [1]


def test_a_policy_knows_how_fast_the_asking_rank_is() -> None:
    asked: list[float] = []

    class Curious(SelfScheduling):
        def next_chunk(self, remaining: int, history: History) -> int:
            asked.append(history.speed)
            return 1

    machine = schedule(ranks=3, tasks=9, policy=Curious(1))
    ready(machine, 0, 1)
    machine.handle(TaskCompleted(result(Task(0, Tile(0, 1, 0, 1)), rank=0, seconds=1.0)), 0)
    machine.handle(TaskCompleted(result(Task(1, Tile(1, 2, 0, 1)), rank=1, seconds=3.0)), 0)
    ready(machine, 0, 1, 2)
    assert asked == [1, 1, pytest.approx(1.5), pytest.approx(0.5), 1]


def test_the_run_ends_when_all_is_done() -> None:
    machine = schedule(ranks=2, tasks=2)
    ready(machine, 0, 1)
    assert stopped(complete(machine, 0, 0)) == []
    assert stopped(complete(machine, 1, 1)) == [0, 1]
    assert machine.is_finished


def test_nobody_is_stopped_twice() -> None:
    machine = schedule(ranks=1, tasks=1)
    ready(machine, 0)
    complete(machine, 0, 0)
    assert machine.handle(WorkerReady(0), 1) == []
    assert machine.handle(Tick(), 2) == []


def test_a_run_learns_what_a_block_and_a_start_cost() -> None:
    machine = schedule(ranks=2, tasks=4)
    ready(machine, 0, 1)
    before = machine.history
    complete(machine, 0, 0)
    after = machine.history
    assert (before.seconds_per_block, before.setup_seconds) == (0, 0)
    assert (after.seconds_per_block, after.setup_seconds) == (0.5, 0.25)
    assert after.latency_seconds == 0.25
    assert (after.ranks, after.total) == (2, 4)


# ---------------------------------------------------------------------------------- failures


def test_a_failed_task_goes_to_another_rank() -> None:
    machine = schedule(ranks=2, tasks=2)
    ready(machine, 0, 1)
    fail(machine, 0, 0)
    assert machine.state_of(0) is TaskState.SOFT_FAILED
    assert ready(machine, 0) == []
    assert ready(machine, 1) == [(1, 0, 2)]


def test_a_failed_task_goes_before_new_work() -> None:
    machine = schedule(ranks=2, tasks=9)
    ready(machine, 0)
    fail(machine, 0, 0)
    assert ready(machine, 1) == [(1, 0, 2)]


def test_a_failed_task_comes_back_where_all_ranks_have_failed_it() -> None:
    machine = schedule(ranks=1, tasks=1)
    ready(machine, 0, 0)
    assert sent(fail(machine, 0, 0)) == [(0, 0, 2)]


def test_a_task_is_given_up_after_its_retries() -> None:
    machine = schedule(ranks=2, tasks=1, retries=1)
    ready(machine, 0, 1)
    assert sent(fail(machine, 0, 0)) == [(1, 0, 2)]
    assert stopped(fail(machine, 1, 0, attempt=2)) == [0, 1]
    assert machine.state_of(0) is TaskState.FAILED
    assert machine.failed == [(Task(0, Tile(0, 1, 0, 1)), CRASH)]
    assert machine.fatal is None


def test_a_task_is_tried_once_without_retries() -> None:
    machine = schedule(ranks=2, tasks=1, retries=0)
    ready(machine, 0, 1)
    assert sent(fail(machine, 0, 0)) == []
    assert machine.state_of(0) is TaskState.FAILED


def test_a_result_counts_even_after_its_task_was_given_up() -> None:
    machine = schedule(ranks=3, tasks=2, retries=0)
    ready(machine, 0, 1)
    machine.handle(WorkerLost(0), 0)
    ready(machine, 2)
    fail(machine, 2, 0)
    complete(machine, 0, 0)
    assert machine.state_of(0) is TaskState.COMPLETED
    assert machine.failed == []


def test_a_failure_of_an_attempt_that_nobody_waits_for_is_ignored() -> None:
    machine = schedule(ranks=3, tasks=1)
    ready(machine, 0)
    machine.handle(WorkerLost(0), 0)
    ready(machine, 1)
    assert fail(machine, 0, 0) == []
    assert machine.state_of(0) is TaskState.ACTIVE


def test_a_rank_is_set_aside_after_three_failures_in_a_row() -> None:
    machine = schedule(ranks=2, tasks=9)
    for task in range(SET_ASIDE_AFTER):
        ready(machine, 0)
        out = fail(machine, 0, task)
    assert [i for i in out if isinstance(i, SetAside)] == [SetAside(0, "it crashed")]
    assert ready(machine, 0) == []


def test_a_success_forgives_failures() -> None:
    machine = schedule(ranks=2, tasks=9)
    for task in range(SET_ASIDE_AFTER - 1):
        ready(machine, 0)
        fail(machine, 0, task)
    ready(machine, 0)
    complete(machine, 0, 2)
    ready(machine, 0)
    assert not any(isinstance(i, SetAside) for i in fail(machine, 0, 3))


def test_the_only_rank_is_not_set_aside_where_something_worked() -> None:
    machine = schedule(ranks=1, tasks=3, retries=5)
    ready(machine, 0)
    complete(machine, 0, 0)
    ready(machine, 0)
    for attempt in range(1, 6):
        assert not any(isinstance(i, SetAside | Aborted) for i in fail(machine, 0, 1, attempt))
        ready(machine, 0)


def test_a_run_in_which_nothing_works_ends_early() -> None:
    machine = schedule(ranks=1, tasks=9, retries=9)
    for attempt in range(1, SET_ASIDE_AFTER + 1):
        ready(machine, 0)
        out = fail(machine, 0, 0, attempt)
    assert out == [Aborted(CRASH), StopWorker(0)]
    assert machine.fatal == CRASH


def test_a_rank_without_the_renderer_is_set_aside_at_once() -> None:
    machine = schedule(ranks=2, tasks=2)
    ready(machine, 0)
    assert fail(machine, 0, 0, error=NOT_THERE) == [SetAside(0, "no such program")]


def test_a_rank_that_rests_gets_no_work_and_is_sent_home() -> None:
    machine = schedule(ranks=2, tasks=1)
    machine.handle(RankRests(1), 0)
    assert ready(machine, 1) == []
    assert ready(machine, 0) == [(0, 0, 1)]
    out = complete(machine, 0, 0)
    assert {i.rank for i in out if isinstance(i, StopWorker)} == {0, 1}


def test_a_rank_that_rests_takes_the_place_of_one_that_cannot_go_on() -> None:
    machine = schedule(ranks=2, tasks=1)
    machine.handle(RankRests(1), 0)
    ready(machine, 0)
    out = fail(machine, 0, 0, error=NOT_THERE)
    assert sent(out) == [(1, 0, 1)]


def test_a_run_ends_where_those_that_rest_cannot_go_on_either() -> None:
    machine = schedule(ranks=2, tasks=1)
    machine.handle(RankRests(1), 0)
    ready(machine, 0)
    fail(machine, 0, 0, error=NOT_THERE)
    out = fail(machine, 1, 0, error=NOT_THERE)
    assert any(isinstance(i, Aborted) for i in out)


def test_an_attempt_without_a_renderer_does_not_count() -> None:
    machine = schedule(ranks=2, tasks=1, retries=0)
    ready(machine, 0, 1)
    assert sent(fail(machine, 0, 0, error=NOT_THERE)) == [(1, 0, 1)]


def test_a_run_without_any_renderer_ends_with_that_error() -> None:
    machine = schedule(ranks=2, tasks=2)
    ready(machine, 0, 1)
    fail(machine, 0, 0, error=NOT_THERE)
    assert fail(machine, 1, 1, error=NOT_THERE) == [
        Aborted(NOT_THERE),
        StopWorker(0),
        StopWorker(1),
    ]


def test_a_fault_of_the_scene_ends_the_run_at_once() -> None:
    machine = schedule(ranks=3, tasks=9)
    ready(machine, 0, 1)
    assert fail(machine, 0, 0, error=BAD_SCENE) == [
        Aborted(BAD_SCENE),
        CancelTask(0, 0),
        CancelTask(1, 1),
        *(StopWorker(rank) for rank in range(3)),
    ]
    assert machine.state_of(1) is TaskState.CANCELED
    assert machine.is_finished


def test_what_arrives_after_the_end_changes_nothing() -> None:
    machine = schedule(ranks=2, tasks=9)
    ready(machine, 0, 1)
    machine.handle(CancelRequested(CRASH), 0)
    assert complete(machine, 1, 1) == []
    assert fail(machine, 0, 0) == []
    assert machine.handle(CancelRequested(BAD_SCENE), 0) == []
    assert ready(machine, 0, 1) == []
    assert (machine.fatal, machine.state_of(1)) == (CRASH, TaskState.CANCELED)


def test_a_finished_task_stays_finished_when_the_run_is_canceled() -> None:
    machine = schedule(ranks=2, tasks=9)
    ready(machine, 0, 1)
    complete(machine, 0, 0)
    assert CancelTask(0, 0) not in machine.handle(CancelRequested(CRASH), 0)
    assert machine.state_of(0) is TaskState.COMPLETED


# ------------------------------------------------------------------------------- lost ranks


def test_the_task_of_a_lost_rank_goes_to_another_and_does_not_count() -> None:
    machine = schedule(ranks=2, tasks=1, retries=0)
    ready(machine, 0, 1)
    out = machine.handle(WorkerLost(0), 0)
    assert out == [
        SetAside(0, "rank 0 was lost"),
        SendTask(1, Task(0, Tile(0, 1, 0, 1)), 1),
    ]


def test_a_lost_rank_is_not_told_to_stop() -> None:
    machine = schedule(ranks=2, tasks=1)
    ready(machine, 0, 1)
    machine.handle(WorkerLost(0), 0)
    assert stopped(complete(machine, 1, 0)) == [1]
    assert machine.lost == {0}


def test_a_rank_is_lost_once() -> None:
    machine = schedule(ranks=3)
    machine.handle(WorkerLost(0), 0)
    assert machine.handle(WorkerLost(0), 0) == []


def test_a_run_that_loses_all_its_ranks_ends() -> None:
    machine = schedule(ranks=1)
    assert machine.handle(WorkerLost(0), 0) == [
        Aborted(ErrorRecord("TransportError", "rank 0 was lost"))
    ]


def tick_to(machine: Schedule, end: float, start: float = 0) -> list[Instruction]:
    """Let time pass in seconds, with all ranks but 0 silent."""
    out: list[Instruction] = []
    for second in range(int(start), int(end) + 1):
        machine.handle(RankHeard(0), second)
        out += machine.handle(Tick(), second)
    return out


def test_a_silent_rank_is_lost() -> None:
    machine = schedule(ranks=2)
    machine.handle(Tick(), 0)
    assert tick_to(machine, LOST_AFTER) == []
    assert SetAside(1, "rank 1 was lost") in tick_to(machine, LOST_AFTER + 1, LOST_AFTER + 1)


def test_a_rank_that_speaks_now_and_then_is_not_lost() -> None:
    machine = schedule(ranks=2)
    tick_to(machine, LOST_AFTER - 1)
    machine.handle(RankHeard(1), LOST_AFTER - 1)
    assert tick_to(machine, LOST_AFTER + 30, LOST_AFTER) == []


def test_nobody_is_lost_while_rank_0_itself_stands_still() -> None:
    machine = schedule(ranks=2)
    machine.handle(Tick(), 0)
    assert machine.handle(Tick(), 10 * LOST_AFTER) == []
    assert tick_to(machine, 10 * LOST_AFTER + 30, 10 * LOST_AFTER) == []


def test_slow_ticks_are_no_standstill() -> None:
    machine = schedule(ranks=2)
    now = 0.0
    while now <= LOST_AFTER and not machine.lost:
        machine.handle(RankHeard(0), now)
        machine.handle(Tick(), now)
        now += LONGEST_TICK
    machine.handle(RankHeard(0), now)
    machine.handle(Tick(), now)
    assert machine.lost == {1}


def test_the_result_of_a_rank_given_up_too_early_counts() -> None:
    machine = schedule(ranks=3, tasks=1)
    ready(machine, 0)
    machine.handle(WorkerLost(0), 0)
    ready(machine, 1)
    out = complete(machine, 0, 0)
    assert out == [CancelTask(1, 0), StopWorker(1), StopWorker(2)]


def test_a_waiting_retry_is_not_handed_out_after_its_late_result() -> None:
    machine = schedule(ranks=3, tasks=2)
    ready(machine, 0)
    machine.handle(WorkerLost(0), 0)
    complete(machine, 0, 0)
    assert ready(machine, 1) == [(1, 1, 1)]


def test_a_second_result_of_a_task_changes_nothing() -> None:
    machine = schedule(ranks=3, tasks=2)
    ready(machine, 0)
    machine.handle(WorkerLost(0), 0)
    ready(machine, 1)
    complete(machine, 0, 0)
    blocks = machine.history
    assert complete(machine, 1, 0) == []
    assert machine.history == blocks


# ------------------------------------------------------------------------------- random runs


class World:
    """Ranks that work, fail and die at random, and a record of all that they were told."""

    def __init__(self, machine: Schedule, dice: random.Random, *, ranks: int, fails: float) -> None:
        self.machine = machine
        self.dice = dice
        self.fails = fails
        self.living = set(range(ranks))
        self.asked: set[int] = set()
        self.held: dict[int, list[SendTask]] = defaultdict(list)
        self.in_flight: list[SendTask] = []  # results of ranks that are lost, or were dropped
        self.tasks: dict[int, Task] = {}
        self.completed: set[int] = set()
        self.failures: Counter[int] = Counter()
        self.failed_on: dict[int, set[int]] = defaultdict(set)
        self.in_a_row: Counter[int] = Counter()
        self.set_aside: set[int] = set()
        self.stops: Counter[int] = Counter()
        self.aborts = 0

    def obey(self, instructions: list[Instruction]) -> None:
        for instruction in instructions:
            match instruction:
                case SendTask(rank, task, attempt):
                    self.check_sent(rank, task, attempt)
                    self.asked.remove(rank)
                    self.held[rank].append(instruction)
                case CancelTask(rank, task_id):
                    dropped = [s for s in self.held[rank] if s.task.id == task_id]
                    self.held[rank] = [s for s in self.held[rank] if s.task.id != task_id]
                    self.in_flight += dropped if self.dice.random() < 0.5 else []
                case StopWorker(rank):
                    assert rank in self.living
                    self.stops[rank] += 1
                case SetAside(rank):
                    self.set_aside.add(rank)
                    self.asked.add(rank)  # and waits in vain
                case Aborted():
                    self.aborts += 1
                    able = self.living - self.set_aside
                    assert not able or (len(able) == 1 and not self.completed)

    def check_sent(self, rank: int, task: Task, attempt: int) -> None:
        assert self.tasks.setdefault(task.id, task) == task
        assert task.id not in self.completed
        assert rank in self.asked
        assert rank in self.living - self.set_aside
        assert not self.stops[rank]
        assert attempt == self.failures[task.id] + 1
        able = set(self.living) - self.set_aside
        assert rank not in self.failed_on[task.id] or able <= self.failed_on[task.id]

    def step(self) -> bool:
        """Let one rank do one thing; False where none has anything to do."""
        able = sorted(rank for rank in self.living if not self.stops[rank])
        deeds = [(self.ask, r) for r in able if r not in self.asked and len(self.held[r]) < 2]
        deeds += [(self.end_one, r) for r in able if self.held[r]]
        if not deeds:
            return False
        deed, rank = self.dice.choice(deeds)
        deed(rank)
        chance = self.dice.random()
        if chance < 0.02:
            self.die(self.dice.choice(sorted(self.living)))
        elif chance < 0.1:
            self.obey(self.machine.handle(Tick(), 0))
        elif chance < 0.3 and self.in_flight:
            self.done(self.in_flight.pop())
        return True

    def ask(self, rank: int) -> None:
        self.asked.add(rank)
        self.obey(self.machine.handle(WorkerReady(rank), 0))

    def end_one(self, rank: int) -> None:
        order = self.held[rank].pop(self.dice.randrange(len(self.held[rank])))
        if self.dice.random() >= self.fails:
            self.done(order)
            return
        self.failures[order.task.id] += 1
        self.failed_on[order.task.id].add(rank)
        self.in_a_row[rank] += 1
        out = self.machine.handle(TaskFailed(rank, order.task.id, order.attempt, CRASH), 0)
        due = self.in_a_row[rank] >= SET_ASIDE_AFTER and rank not in self.set_aside
        others = self.living - self.set_aside - {rank}
        if due and others:
            assert any(isinstance(i, SetAside) and i.rank == rank for i in out)
        else:
            assert not any(isinstance(i, SetAside) for i in out)
        self.obey(out)

    def done(self, order: SendTask) -> None:
        if order.task.id not in self.completed:
            self.in_a_row[order.rank] = 0
        self.completed.add(order.task.id)
        self.obey(self.machine.handle(TaskCompleted(result(order.task, rank=order.rank)), 0))

    def die(self, rank: int) -> None:
        self.living.discard(rank)
        for order in self.held.pop(rank, []):
            self.failed_on[order.task.id].add(rank)
            self.in_flight += [order] if self.dice.random() < 0.3 else []
        self.obey(self.machine.handle(WorkerLost(rank), 0))


@given(
    seed=st.integers(0, 1 << 32),
    ranks=st.integers(1, 40),
    rows=st.integers(1, 60),
    retries=st.integers(0, 3),
    fails=st.sampled_from([0.0, 0.1, 0.4, 1.0]),
    name=st.sampled_from([name for name in NAMES if name not in ("auto", "halving")]),
)
@settings(max_examples=3 * settings().max_examples // 2)
def test_no_order_of_events_loses_or_repeats_anything(
    seed: int, ranks: int, rows: int, retries: int, fails: float, name: str
) -> None:
    partition = Partition(Grid(Tile(0, rows, 0, 3), 1))
    machine = Schedule(partition, policy_named(name, blocks=2), ranks=ranks, retries=retries)
    world = World(machine, random.Random(seed), ranks=ranks, fails=fails)
    while world.step():
        pass
    assert machine.is_finished
    assert world.aborts == (machine.fatal is not None)
    assert world.living <= world.stops.keys()
    assert set(world.stops.values()) <= {1}
    assert all(n <= retries + 1 for n in world.failures.values())
    states = {task: machine.state_of(task) for task in world.tasks}
    if machine.fatal:
        return
    assert sum(task.tile.pixels for task in world.tasks.values()) == rows * 3
    for task, state in states.items():
        given_up = world.failures[task] == retries + 1 and task not in world.completed
        assert state is (TaskState.FAILED if given_up else TaskState.COMPLETED)
    assert {task.id for task, _ in machine.failed} == {
        task for task, state in states.items() if state is TaskState.FAILED
    }


@pytest.mark.parametrize("state", TaskState, ids=lambda state: state.value)
def test_every_state_is_drawn(state: TaskState) -> None:
    from mpirender import schedule as module

    assert state.value in (module.__doc__ or "")
