"""The real schedule and the real root with thousands of ranks; anything quadratic takes minutes."""

from __future__ import annotations

import heapq
from pathlib import Path

from unit.office import Office
from unit.samples import result
from unit.witness import Witness

from mpirender.events import Instruction, SendTask, StopWorker, TaskCompleted, WorkerReady
from mpirender.messages import Begin
from mpirender.model import Tile
from mpirender.partition import Grid, Partition
from mpirender.policy import Factoring, Halving
from mpirender.schedule import LOST_AFTER, Schedule
from mpirender.simulate import Fleet, Overheads, Simulation


def test_ten_thousand_ranks_are_no_trouble() -> None:
    ranks = 10_000
    machine = Schedule(
        Partition(Grid(Tile(0, 4320, 0, 7680), 32)), Factoring(), ranks=ranks, retries=2
    )
    queue: list[tuple[float, int, SendTask]] = []
    rendered = stops = 0

    def tell(now: float, instructions: list[Instruction]) -> None:
        nonlocal stops
        for order in instructions:
            if isinstance(order, SendTask):
                spent = order.task.tile.pixels * (1 + order.rank % 7)
                heapq.heappush(queue, (now + spent, order.task.id, order))
            stops += isinstance(order, StopWorker)

    for rank in range(ranks):
        tell(0, machine.handle(WorkerReady(rank), 0))
    while queue:
        now, _, order = heapq.heappop(queue)
        rendered += order.task.tile.pixels
        tell(now, machine.handle(TaskCompleted(result(order.task, rank=order.rank)), now))
        tell(now, machine.handle(WorkerReady(order.rank), now))
    assert (rendered, stops) == (4320 * 7680, ranks)


def test_a_thousand_ranks_are_no_trouble() -> None:
    grid = Grid(Tile(0, 4320, 0, 7680), 32)
    blocks = grid.rows * grid.columns
    machine = Witness(grid, Halving(), ranks=1000)
    costs = [1 + 3 * block / blocks for block in range(blocks)]
    run = Simulation(machine, machine.partition, Fleet([1.0] * 1000, costs, Overheads(setup=1)))
    run.run()
    assert set(machine.kept.values()) == {1}
    assert run.makespan <= sum(costs) / 1000 * 1.3


def test_an_idle_rank_among_ten_thousand_speaks_before_it_counts_as_lost(tmp_path: Path) -> None:
    office = Office(tmp_path / "out.ppm", ranks=10_000)
    office.greet(*["a"] * 10_000)
    begin = office.sent[0][1]
    assert isinstance(begin, Begin)
    assert 0.5 < begin.report_every < 4 * begin.report_every < LOST_AFTER
