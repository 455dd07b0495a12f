"""How long a job would take on any number of ranks, from what its parts cost."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice

from mpirender.model import Tile
from mpirender.partition import FramePartition, Grid, Partition, Section
from mpirender.policy import automatic, policy_named
from mpirender.schedule import Schedule
from mpirender.simulate import Fleet, Overheads, Simulation
from mpirender.units import Seconds

__all__ = ["CostModel", "Forecast", "Machines", "Sample", "best_ranks", "forecast", "sbatch_lines"]

GOOD_EFFICIENCY = 0.8
"""Below this, more ranks are mostly wasted."""

_MOST_UNITS = 50_000  # of an animation; finer ones take minutes to simulate and change nothing
_SAFETY = 1.5  # times the forecast, and a minute for what is not simulated
_MINUTE: Seconds = 60.0


@dataclass(frozen=True, slots=True)
class Sample:
    """What one frame costs.

    Attributes
    ----------
    frame : int
        Its position, from 0.
    costs : tuple of float
        Seconds of each block in reading order, on a rank of speed 1.
    """

    frame: int
    costs: tuple[Seconds, ...]


@dataclass(frozen=True, slots=True)
class CostModel:
    """What a job costs on a rank of speed 1.

    Attributes
    ----------
    rows, columns : int
        Blocks of a frame.
    frames : int
        0 in a job of one still.
    samples : tuple of Sample
        At least one, in the order of their frames; what lies between two is interpolated.
    overheads : Overheads
    streams : bool
        Whether finished blocks are known while a renderer works.
    """

    rows: int
    columns: int
    frames: int
    samples: tuple[Sample, ...]
    overheads: Overheads
    streams: bool = True

    @property
    def work(self) -> Seconds:
        """Seconds of all blocks together."""
        return math.fsum(self.units())

    def units(self) -> list[Seconds]:
        """Return what each unit of `partition` costs."""
        if not self.frames:
            return list(self.samples[0].costs)
        return [cost for frame in range(self.frames) for cost in self._rows_of(frame)]

    def partition(self) -> Partition | FramePartition:
        """Return the job, not yet cut; its pixels are what blocks are in the real one."""
        if not self.frames:
            return Partition(Grid(Tile(0, self.rows, 0, self.columns), 1), divides=self.streams)
        grid = Grid(Tile(0, math.ceil(self.rows / self._rows_a_unit), 0, 1), 1)
        numbers = tuple(range(1, self.frames + 1))
        return FramePartition([Section(0, grid, numbers)], rows=self.streams)

    @property
    def _rows_a_unit(self) -> int:
        return min(self.rows, math.ceil(self.frames * self.rows / _MOST_UNITS))

    def _rows_of(self, frame: int) -> list[Seconds]:
        """Return what the rows of blocks of a frame cost, some of them together in a long run."""
        at = bisect_left(self.samples, frame, key=lambda sample: sample.frame)
        after = self.samples[min(at, len(self.samples) - 1)]
        before = self.samples[max(0, at - 1)]
        span = after.frame - before.frame
        part = min(1.0, max(0.0, (frame - before.frame) / span)) if span else 1.0
        blocks = iter(a + part * (b - a) for a, b in zip(before.costs, after.costs, strict=True))
        size = self._rows_a_unit * self.columns
        return [sum(islice(blocks, size)) for _ in range(math.ceil(self.rows / self._rows_a_unit))]


@dataclass(frozen=True, slots=True)
class Machines:
    """Hosts that a run may use.

    Attributes
    ----------
    slots : tuple of int
        Ranks that each host has room for; empty where a host is there for each rank.
    speeds : tuple of float
        Of the hosts by turns.
    """

    slots: tuple[int, ...] = ()
    speeds: tuple[float, ...] = (1.0,)

    def speeds_of(self, ranks: int) -> list[float]:
        """Return the speed of every rank; hosts are filled one after the other."""
        hosts = self.slots or (1,) * ranks
        speeds = (
            self.speeds[host % len(self.speeds)]
            for host, slots in enumerate(hosts)
            for _ in range(slots)
        )
        return list(islice(speeds, ranks))


@dataclass(frozen=True, slots=True)
class Forecast:
    """How a run would go.

    Attributes
    ----------
    policy : str
    ranks : int
    makespan : float
        Seconds from the first task to the last pixel.
    efficiency : float
        All work on all ranks, divided by the makespan; at most 1.
    idle_share : float
        Share of the time of all ranks in which they were not at work.
    tasks : int
    """

    policy: str
    ranks: int
    makespan: Seconds
    efficiency: float
    idle_share: float
    tasks: int


def forecast(model: CostModel, speeds: Sequence[float], policy: str) -> Forecast:
    """Simulate a run.

    Parameters
    ----------
    model : CostModel
    speeds : sequence of float
        Of each rank.
    policy : str
        One of `mpirender.policy.NAMES`.
    """
    partition, costs = model.partition(), model.units()
    rule = (
        automatic(streams=model.streams, frames=bool(model.frames))
        if policy == "auto"
        else policy_named(policy)
    )
    schedule = Schedule(partition, rule, ranks=len(speeds), retries=0)
    fleet = Fleet(speeds, costs, model.overheads, model.streams)
    run = Simulation(schedule, partition, fleet).run()
    ideal = math.fsum(costs) / math.fsum(speeds)
    return Forecast(
        policy,
        len(speeds),
        run.makespan,
        efficiency=ideal / run.makespan,
        idle_share=run.idle_share,
        tasks=len(run.spans),
    )


def best_ranks(
    model: CostModel, machines: Machines, *, most: int, deadline: Seconds | None
) -> Forecast:
    """Return the forecast for the number of ranks to ask for.

    Parameters
    ----------
    model : CostModel
    machines : Machines
    most : int
        Ranks that there can be.
    deadline : float or None
        Seconds in which the run is to end: as few ranks as manage that, or `most` where none do.
        Without one: as many ranks as are still used well.
    """
    known: dict[int, Forecast] = {}

    def of(ranks: int) -> Forecast:
        if ranks not in known:
            known[ranks] = forecast(model, machines.speeds_of(ranks), "auto")
        return known[ranks]

    if deadline is not None:
        return of(_first(most, lambda ranks: of(ranks).makespan <= deadline))
    too_many = _first(most + 1, lambda ranks: of(ranks).efficiency < GOOD_EFFICIENCY)
    return of(max(1, too_many - 1))


def _first(last: int, is_enough: Callable[[int], bool]) -> int:
    """Return the first number that is enough, from 1 to `last`, given that all after it are."""
    return 1 + bisect_left(range(1, last), True, key=is_enough)


def sbatch_lines(ranks: int, threads: int, makespan: Seconds) -> list[str]:
    """Return what stands in a batch script for Slurm.

    Parameters
    ----------
    ranks, threads : int
        Threads of each rank.
    makespan : float
        Seconds, as forecast; what is asked for is half as much again.
    """
    minutes = math.ceil((_SAFETY * makespan + _MINUTE) / _MINUTE)
    return [
        f"#SBATCH --ntasks={ranks}",
        f"#SBATCH --cpus-per-task={threads}",
        f"#SBATCH --time={minutes // 60:02d}:{minutes % 60:02d}:00",
    ]
