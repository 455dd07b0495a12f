"""What runs that were made foretell of others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from unit.runs import attempt, report, run

from mpirender.cli.plan import main
from mpirender.errors import UsageError
from mpirender.replay import base_of, forecasts_of, model_of
from mpirender.report.records import (
    RENDER,
    WEAK,
    PieceRecord,
    RunRecord,
    WorkRecord,
    to_json,
)
from mpirender.report.tables import table_of

STILL = WorkRecord(rows=10, columns=4, frames=0, streams=True)


def measured(
    ranks: int, seconds: float, *pieces: PieceRecord, work: WorkRecord = STILL, policy: str = "auto"
) -> RunRecord:
    """A run whose attempts have neither launch nor parsing."""
    whole = attempt(0, 0, seconds)
    quick = replace(whole, began_setup=0.0, began_pixels=0.0)
    return replace(run(quick, ranks=ranks, policy=policy), work=work, pieces=pieces)


EVEN = tuple(PieceRecord(0, (2 * at, 2 * at + 1), 2.0) for at in range(20))  # 40 blocks of 1 s


def test_each_block_costs_its_part_of_the_piece_that_it_was_in() -> None:
    (sample,) = model_of(measured(2, 20, *EVEN)).samples
    assert sample.costs == (1.0,) * 40


def test_a_block_that_was_not_seen_costs_as_much_as_the_others() -> None:
    model = model_of(measured(2, 20, *EVEN[:5]))
    assert model.work == 40


def test_frames_are_samples_and_parsing_is_counted_apart() -> None:
    work = WorkRecord(rows=2, columns=1, frames=3, streams=True)
    pieces = (PieceRecord(0, (), 5.0), PieceRecord(2, (), 9.0))
    parsed = replace(measured(2, 8, *pieces, work=work), attempts=(attempt(0, 0, 4),))
    model = model_of(parsed)
    assert model.overheads.setup == 1.0
    assert [(sample.frame, sample.costs) for sample in model.samples] == [
        (0, (2.0, 2.0)),
        (2, (4.0, 4.0)),
    ]
    assert model.work == 4 + 6 + 8  # the frame between them costs what lies between


def test_the_base_has_as_few_ranks_as_possible_but_more_than_one() -> None:
    runs = [measured(n, 40 / n, *EVEN) for n in (1, 8, 2, 4)]
    assert base_of(report(runs)).size == 2
    assert base_of(report(runs[:1])).size == 1


def test_every_policy_and_number_of_ranks_is_foretold() -> None:
    runs = [measured(n, 40 / n, *EVEN, policy=name) for n in (1, 2, 4) for name in ("auto", "ss")]
    foretold = forecasts_of(report(runs))
    assert foretold.keys() == {(name, n) for n in (1, 2, 4) for name in ("auto", "ss")}
    for (_, ranks), seconds in foretold.items():
        assert seconds == pytest.approx(40 / ranks, rel=0.1)


def test_what_rank_0_does_alone_is_part_of_every_forecast() -> None:
    runs = [measured(n, 40 / n, *EVEN) for n in (2, 4)]
    phases = (replace(runs[0].phases[1], ended=25.0),)
    later = forecasts_of(report([replace(runs[0], phases=phases), runs[1]]))
    assert later["auto", 4] == pytest.approx(forecasts_of(report(runs))["auto", 4] + 5.0)


def test_weak_scaling_and_results_without_costs_foretell_nothing() -> None:
    assert forecasts_of(report([measured(2, 20, *EVEN)], WEAK)) == {}
    assert forecasts_of(report([measured(2, 20)])) == {}


def test_the_table_of_a_bench_has_the_forecast_beside_the_time() -> None:
    table = table_of(report([measured(n, 40 / n, *EVEN) for n in (2, 4)]))
    row = dict(zip(table.columns, table.rows[1], strict=True))
    assert row["forecast / time"] == pytest.approx(1.0, rel=0.1)


# ------------------------------------------------------------------------------ the command line


def plan(folder: Path, *runs: RunRecord, kind: str = RENDER, options: tuple[str, ...] = ()) -> int:
    (folder / "results.json").write_text(to_json(report(runs, kind)))
    return main([str(folder / "results.json"), *options])


def test_a_plan_from_results_checks_itself_against_the_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = [measured(n, 40 / n, *EVEN) for n in (2, 4)]
    assert plan(tmp_path, *runs, kind="strong", options=("-np", "8")) == 0
    printed = capsys.readouterr().out
    assert "as in a run of 2 ranks" in printed
    assert [line.split()[:2] for line in printed.splitlines()[2:4]] == [
        ["auto", "2"],
        ["auto", "4"],
    ]
    assert "on 8 ranks:" in printed
    assert "#SBATCH --ntasks=" in printed


@pytest.mark.parametrize(
    ("options", "told"),
    [((), "no number of ranks"), (("-np", "4", "--size", "8x8"), "results and something")],
)
def test_a_plan_from_results_needs_ranks_and_nothing_to_render(
    options: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=told):
        plan(tmp_path, measured(2, 20, *EVEN), options=options)


def test_results_without_costs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="do not tell what the parts"):
        plan(tmp_path, measured(2, 20), options=("-np", "4"))


def test_a_file_that_is_no_results_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(UsageError, match="not the results"):
        main([str(tmp_path / "a.json"), "-np", "4"])
