"""Forecasts: what a job costs, on which machines, and what people are told who ask for nonsense."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from mpirender.cli.plan import main
from mpirender.errors import UsageError
from mpirender.hosts import read_hostfile
from mpirender.planning import (
    GOOD_EFFICIENCY,
    CostModel,
    Machines,
    Sample,
    best_ranks,
    forecast,
    sbatch_lines,
)
from mpirender.policy import NAMES
from mpirender.simulate import Overheads

HOSTFILES = Path(__file__).resolve().parents[2] / "hostfiles"


def still(costs: list[float], *, columns: int = 1, setup: float = 0.0) -> CostModel:
    samples = (Sample(0, tuple(costs)),)
    return CostModel(len(costs) // columns, columns, 0, samples, Overheads(setup=setup, delay=0.0))


def film(frames: int, *samples: Sample) -> CostModel:
    return CostModel(2, 2, frames, samples, Overheads(delay=0.0))


# ------------------------------------------------------------------------------------- costs


def test_the_work_of_a_still_is_that_of_its_blocks() -> None:
    model = still([1.0, 2.0, 3.0, 4.0], columns=2)
    assert model.units() == [1, 2, 3, 4]
    assert model.partition().total == 4
    assert model.work == 10


def test_frames_between_two_samples_cost_what_lies_between_them() -> None:
    model = film(5, Sample(0, (1.0, 1.0, 0.0, 2.0)), Sample(4, (3.0, 5.0, 0.0, 2.0)))
    assert model.units() == [2, 2, 3.5, 2, 5, 2, 6.5, 2, 8, 2]  # rows of blocks
    assert model.partition().total == 5


def test_all_frames_cost_the_same_where_one_was_looked_at() -> None:
    assert film(3, Sample(0, (1.0, 1.0, 2.0, 2.0))).units() == [2, 4, 2, 4, 2, 4]


@pytest.mark.parametrize("frames", [1, 20, 600])
@pytest.mark.parametrize("rows", [1, 7, 40])
def test_no_work_is_lost_where_rows_are_taken_together(
    frames: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mpirender.planning._MOST_UNITS", 500)
    sample = Sample(0, tuple(float(row) for row in range(rows)))
    model = CostModel(rows, 1, frames, (sample,), Overheads())
    assert model.work == pytest.approx(frames * sum(sample.costs))
    partition = model.partition()
    assert len(model.units()) == model.frames * partition.count(partition.whole(0))


# ---------------------------------------------------------------------------------- machines


def test_ranks_are_on_hosts_of_their_own_where_nothing_else_is_said() -> None:
    assert Machines(speeds=(1.0, 3.0)).speeds_of(5) == [1, 3, 1, 3, 1]


def test_hosts_are_filled_one_after_the_other() -> None:
    assert Machines((2, 1, 3), (1.0, 3.0)).speeds_of(5) == [1, 1, 3, 1, 1]


@pytest.mark.parametrize("path", sorted(HOSTFILES.glob("*.hosts")), ids=lambda path: path.stem)
def test_the_hostfiles_of_the_project_are_understood(path: Path) -> None:
    assert read_hostfile(path.read_text()) == [
        ("node1", 1),
        ("node2", 3),
        ("node3", 1),
        ("node4", 2),
    ]


def test_a_host_without_slots_has_one() -> None:
    assert read_hostfile("a\nb max_slots=4 slots=2 # two\n\n#c:5\n") == [("a", 1), ("b", 2)]


@pytest.mark.parametrize("text", ["a slots=none", "a:0", ":4", "# nothing", ""])
def test_a_broken_hostfile_is_told(text: str) -> None:
    with pytest.raises(UsageError, match="hostfile"):
        read_hostfile(text)


# --------------------------------------------------------------------------------- forecasts


@pytest.mark.parametrize("name", NAMES)
def test_a_forecast_says_how_well_the_ranks_are_used(name: str) -> None:
    row = forecast(still([1.0] * 40), [1.0, 3.0], name)
    assert row.makespan >= 10
    assert row.efficiency == pytest.approx(10 / row.makespan)
    assert (row.policy, row.ranks) == (name, 2)


def test_an_animation_can_be_forecast() -> None:
    row = forecast(film(40, Sample(0, (1.0, 1.0, 1.0, 1.0))), [1.0] * 4, "auto")
    assert 40 <= row.makespan <= 44


def test_as_few_ranks_as_keep_the_deadline() -> None:
    model = still([1.0] * 960)
    best = best_ranks(model, Machines(), most=64, deadline=100.0)
    assert best.makespan <= 100
    assert forecast(model, [1.0] * (best.ranks - 1), "auto").makespan > 100


def test_all_ranks_where_no_number_of_them_keeps_the_deadline() -> None:
    best = best_ranks(still([1.0] * 64), Machines(), most=8, deadline=2.0)
    assert (best.ranks, best.makespan >= 8) == (8, True)


def test_no_more_ranks_than_are_used_well() -> None:
    model = still([1.0] * 200, setup=2.0)
    best = best_ranks(model, Machines(), most=200, deadline=None)
    assert 1 < best.ranks < 200
    assert best.efficiency >= GOOD_EFFICIENCY
    assert forecast(model, [1.0] * (best.ranks + 1), "auto").efficiency < GOOD_EFFICIENCY


def test_all_ranks_where_all_are_used_well() -> None:
    assert best_ranks(still([1.0] * 500), Machines(), most=4, deadline=None).ranks == 4


@pytest.mark.parametrize(
    ("makespan", "time"), [(0.1, "00:02:00"), (40 * 60, "01:01:00"), (100 * 3600, "150:01:00")]
)
def test_slurm_is_asked_for_half_as_much_time_again(makespan: float, time: str) -> None:
    assert sbatch_lines(64, 2, makespan) == [
        "#SBATCH --ntasks=64",
        "#SBATCH --cpus-per-task=2",
        f"#SBATCH --time={time}",
    ]


# ----------------------------------------------------------------------------- bad arguments


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (("s.pov",), "no number of ranks"),
        (("-np", "4"), "no scene given"),
        (("s.pov", "-np", "0"), "argument -np: got '0', expected a whole number from 1"),
        (("s.pov", "-np", "4", "--deadline", "soon"), "argument --deadline: got 'soon'"),
        (("s.pov", "-np", "4", "--deadline", "0s"), "argument --deadline: got '0s'"),
        (("s.pov", "-np", "4", "--host-speeds", "1,-3"), "argument --host-speeds: got '1,-3'"),
        (("s.pov", "-np", "4", "--host-speeds", ""), "argument --host-speeds: got ''"),
        (("s.pov", "-np", "4", "--scale", "0"), "argument --scale: got '0'"),
        (("s.pov", "-np", "4", "--policy", "x"), "argument --policy: invalid choice: 'x'"),
        (("s.pov", "-np", "4", "--nope"), "unrecognized arguments: --nope"),
        (("s.pov", "--hosts", "no.hosts"), "cannot read no.hosts: No such file"),
        (("nowhere.pov", "-np", "4"), "no such scene: nowhere.pov"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_argument_is_told(argv: tuple[str, ...], told: str) -> None:
    with pytest.raises(UsageError, match=f"^{re.escape(told)}"):
        main(argv)


def test_more_ranks_than_slots_are_told() -> None:
    with pytest.raises(UsageError, match=r"^-np 9, but .*openmpi5.hosts has 7 slots$"):
        main(["s.pov", "-np", "9", "--hosts", str(HOSTFILES / "openmpi5.hosts")])


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("30s", 30), ("90m", 5400), ("2h", 7200), ("1h30m", 5400), ("1.5h", 5400), ("45", 45)],
)
def test_a_deadline_may_be_written_in_many_ways(text: str, seconds: float) -> None:
    from mpirender.cli.plan import _duration

    assert _duration(text) == seconds


def test_help_is_printed_and_nothing_is_rendered(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("-np", "--hosts", "--host-speeds", "--deadline"))
