"""Runs under a simulated clock: they take as long as reckoned by hand, and no time less."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mpirender.model import Tile
from mpirender.partition import FramePartition, Grid, Partition, Section
from mpirender.policy import NAMES, Policy, SelfScheduling, Static, WholeFrames, policy_named
from mpirender.schedule import Schedule
from mpirender.simulate import Fleet, Overheads, Simulation, lower_bound

NO_DELAY = Overheads(delay=0.0)


def picture(rows: int) -> Partition:
    return Partition(Grid(Tile(0, rows, 0, 1), 1))


def film(frames: int, rows: int) -> FramePartition:
    grid = Grid(Tile(0, rows, 0, 1), 1)
    return FramePartition([Section(0, grid, tuple(range(1, frames + 1)))])


def run(partition: Partition | FramePartition, policy: Policy, fleet: Fleet) -> Simulation:
    schedule = Schedule(partition, policy, ranks=len(fleet.speeds), retries=0)
    return Simulation(schedule, partition, fleet).run()


def test_one_rank_takes_the_sum_of_all_costs() -> None:
    overheads = Overheads(latency=0.25, setup=1.0, pretrace=0.5, delay=0.125)
    done = run(picture(4), Static(), Fleet([1.0], [1.0, 2.0, 3.0, 4.0], overheads))
    # asks, is told, sleeps, reads the scene, pretraces, traces, sends
    assert done.makespan == 0.125 + 0.125 + 0.25 + 1.0 + 4 * 0.5 + 10.0 + 0.125


def test_a_rank_twice_as_fast_takes_half_the_time_for_all_but_sleep_and_messages() -> None:
    overheads = Overheads(latency=0.25, setup=1.0, pretrace=0.5, delay=0.125)
    done = run(picture(4), Static(), Fleet([2.0], [1.0, 2.0, 3.0, 4.0], overheads))
    assert done.makespan == 0.25 + 0.25 + (1.0 + 4 * 0.5 + 10.0) / 2 + 0.125


@pytest.mark.parametrize("streams", [True, False])
def test_a_picture_takes_as_long_as_its_blocks(streams: bool) -> None:
    done = run(picture(6), Static(), Fleet([1.0, 1.0], [1.0] * 6, NO_DELAY, streams))
    assert done.makespan == 3.0
    assert done.busy == [3.0, 3.0]
    assert done.idle_share == 0.0


def test_every_frame_is_set_up_anew() -> None:
    done = run(film(3, 2), Static(), Fleet([1.0], [1.0] * 6, Overheads(setup=0.5, delay=0.0)))
    assert done.makespan == 3 * (0.5 + 2.0)


def test_the_sleep_of_the_next_renderer_lies_behind_the_task_before() -> None:
    fleet = Fleet([1.0], [1.0] * 20, Overheads(latency=0.5, delay=0.0))
    assert run(picture(20), SelfScheduling(10), fleet).makespan == 0.5 + 20.0


def test_the_spans_of_a_rank_do_not_overlap() -> None:
    fleet = Fleet([1.0, 3.0], [0.5] * 40, Overheads(latency=0.5, setup=0.1))
    done = run(picture(40), SelfScheduling(4), fleet)
    for rank in (0, 1):
        spans = sorted((s.start, s.end) for s in done.spans if s.rank == rank)
        assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def test_the_dearest_block_bounds_the_time_from_below() -> None:
    assert lower_bound([1.0, 1.0, 8.0], [1.0, 1.0]) == 8.0
    assert lower_bound([1.0, 1.0, 8.0], [1.0, 4.0]) == 2.0


@given(
    costs=st.lists(st.floats(0, 100), min_size=1, max_size=60),
    speeds=st.lists(st.sampled_from([0.5, 1.0, 3.0]), min_size=1, max_size=9),
    name=st.sampled_from([name for name in NAMES if name != "auto"]),
    latency=st.sampled_from([0.0, 0.3]),
    streams=st.booleans(),
)
@settings(deadline=None)
def test_no_policy_beats_the_bound(
    costs: list[float], speeds: list[float], name: str, latency: float, streams: bool
) -> None:
    fleet = Fleet(speeds, costs, Overheads(latency=latency), streams)
    partition = Partition(Grid(Tile(0, len(costs), 0, 1), 1), divides=streams)
    done = run(partition, policy_named(name), fleet)
    assert done.makespan >= lower_bound(costs, speeds) * (1 - 1e-9)
    assert all(busy <= done.makespan * (1 + 1e-9) for busy in done.busy)


def test_the_same_run_takes_the_same_course() -> None:
    fleet = Fleet([1.0, 2.0, 3.0], [1.0 + unit % 7 for unit in range(240)], Overheads(0.3, 0.1))
    first, second = (run(film(20, 12), WholeFrames(), fleet) for _ in range(2))
    assert first.spans == second.spans
    assert len(first.spans) >= 20


def test_a_dead_rank_leaves_its_work_to_the_others() -> None:
    fleet = Fleet([1.0, 1.0], [1.0] * 10, NO_DELAY, deaths={0: 2.5})
    assert run(picture(10), Static(), fleet).makespan == 5.0 + 3.0
