"""Takeovers over a whole picture of 2040 blocks, under a simulated clock."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from unit.witness import Witness

from mpirender.model import Tile
from mpirender.partition import Grid
from mpirender.policy import Halving
from mpirender.simulate import Fleet, Overheads, Simulation

SHAPES: dict[str, Callable[[int, int], float]] = {
    "even": lambda block, count: 1.0,
    "dear at the top": lambda block, count: 20.0 if block < count / 8 else 1.0,
    "dear at the bottom": lambda block, count: 20.0 if block > count * 7 / 8 else 1.0,
    "striped": lambda block, count: 10.0 if block // 40 % 2 else 1.0,
    "growing": lambda block, count: 0.1 + 3 * block / count,
    "lognormal": lambda block, count: random.Random(block).lognormvariate(0, 1),
    "hot spot": lambda block, count: 40.0 if 0.5 < block / count < 0.52 else 1.0,
}
GRID = Grid(Tile(0, 32 * 34, 0, 32 * 60), 32)  # 1920 x 1088
BLOCKS = GRID.rows * GRID.columns


def shaped(shape: str, *, seconds: float) -> list[float]:
    """Costs of the blocks of a picture that takes one rank so many seconds."""
    costs = [SHAPES[shape](block, BLOCKS) for block in range(BLOCKS)]
    return [cost * seconds / sum(costs) for cost in costs]


@pytest.mark.parametrize("ranks", [2, 4, 16, 64])
@pytest.mark.parametrize("shape", SHAPES)
def test_no_rank_waits_long_wherever_the_picture_is_dear(shape: str, ranks: int) -> None:
    costs, setup = shaped(shape, seconds=60.0 * ranks), 0.5
    machine = Witness(GRID, Halving(), ranks=ranks)
    fleet = Fleet([1.0] * ranks, costs, Overheads(latency=0.3, setup=setup))
    run = Simulation(machine, machine.partition, fleet).run()
    assert run.makespan <= 60 + 1 + 6 * setup + 2 * max(costs)


@pytest.mark.parametrize("ranks", [4, 16])
@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_is_traced_twice_where_nothing_fails(shape: str, ranks: int) -> None:
    machine = Witness(GRID, Halving(), ranks=ranks)
    fleet = Fleet([1.0] * ranks, shaped(shape, seconds=60.0 * ranks), Overheads(setup=0.5))
    Simulation(machine, machine.partition, fleet).run()
    assert machine.traced.total() == BLOCKS


def test_a_rank_three_times_as_fast_does_three_times_as_much() -> None:
    machine = Witness(GRID, Halving(), ranks=2)
    fleet = Fleet([3.0, 1.0], [0.1] * BLOCKS, Overheads(setup=0.5))
    assert Simulation(machine, machine.partition, fleet).run().makespan <= BLOCKS * 0.1 / 4 + 3
