"""The numbers of a report as one table: for people, for CSV and for LaTeX."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mpirender.replay import forecasts_of
from mpirender.report.metrics import Activity, metrics_of
from mpirender.report.records import COMPLETED, RENDER, WEAK, Report, RunRecord
from mpirender.report.scaling import Point, median_run, points_of
from mpirender.units import Seconds

__all__ = ["Cell", "Table", "csv_of", "shown", "table_of", "tex_of"]

Cell: TypeAlias = str | int | float | None

_SPECIAL = str.maketrans({c: f"\\{c}" for c in "&%$#_{}"})


@dataclass(frozen=True, slots=True)
class Table:
    """Columns and rows.

    Attributes
    ----------
    columns : tuple of str
        Each with its unit, where it has one.
    rows : tuple of tuple
        As long as `columns`; None is an empty cell.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


def table_of(report: Report) -> Table:
    """Return the table of a report: a row a rank, or, of a bench, a row a number of ranks."""
    if report.setting.kind == RENDER:
        return _of_ranks(report.runs[-1])
    return _of_points(report)


def _of_ranks(run: RunRecord) -> Table:
    """Return what every rank did."""
    numbers = metrics_of(run)
    tasks = Counter(a.rank for a in run.attempts if a.outcome == COMPLETED)
    columns = ("rank", "host", "threads", "tasks", "busy [s]", "idle [%]")
    rows: list[tuple[Cell, ...]] = []
    for rank, busy, times in zip(run.ranks, numbers.busy, numbers.by_activity, strict=True):
        idle = 100 * (1 - busy / numbers.makespan) if numbers.makespan else 0.0
        spent = [times[activity] for activity in Activity]
        rows.append((rank.rank, rank.host, rank.threads, tasks[rank.rank], busy, idle, *spent))
    activities = (f"{activity.value} [s]" for activity in Activity)
    return Table((*columns, *activities), tuple(rows))


def _of_points(report: Report) -> Table:
    """Return what every number of ranks gave."""
    columns = (
        *("policy", "ranks", "repeats", "time [s]", "least [s]", "most [s]", "variation [%]"),
        *("speed-up", "efficiency", "Karp-Flatt", "load balance", "communication efficiency"),
        *("parallel efficiency", "idle [%]", "imbalance", "tasks", "CPU [s]"),
        *("forecast [s]", "forecast / time"),
    )
    runs = report.counted
    points = points_of(runs, is_weak=report.setting.kind == WEAK)
    foretold = forecasts_of(report)
    rows = (_row(point, runs, foretold.get((point.policy, point.ranks))) for point in points)
    return Table(columns, tuple(rows))


def _row(point: Point, runs: Sequence[RunRecord], foretold: Seconds | None) -> tuple[Cell, ...]:
    mine = [run for run in runs if (run.policy, run.size) == (point.policy, point.ranks)]
    numbers = metrics_of(median_run(mine))
    return (
        *(point.policy, point.ranks, len(point.seconds), point.median),
        *(min(point.seconds), max(point.seconds), 100 * point.variation),
        *(point.speed_up, point.efficiency, point.karp_flatt),
        *(numbers.load_balance, numbers.communication_efficiency, numbers.parallel_efficiency),
        *(100 * numbers.idle, numbers.imbalance, numbers.tasks, numbers.cpu_seconds),
        *(foretold, foretold / point.median if foretold and point.median else None),
    )


def shown(cell: Cell) -> str:
    """Return a cell as people read it: three digits behind the point, or fewer."""
    if cell is None:
        return ""
    if not isinstance(cell, float):
        return str(cell)
    digits = 3 if abs(cell) < 10 else 2 if abs(cell) < 100 else 1
    return f"{cell:.{digits}f}"


def csv_of(table: Table) -> str:
    """Return a table as comma-separated values, numbers as they are."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows(table.rows)
    return out.getvalue()


def tex_of(table: Table) -> str:
    """Return a table as a LaTeX tabular that needs no package."""
    is_text = [
        any(isinstance(row[i], str) for row in table.rows) for i in range(len(table.columns))
    ]
    lines = [
        rf"\begin{{tabular}}{{{''.join('l' if text else 'r' for text in is_text)}}}",
        r"\hline",
        _tex_row(table.columns),
        r"\hline",
        *(_tex_row([shown(cell) for cell in row]) for row in table.rows),
        r"\hline",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def _tex_row(cells: Sequence[str]) -> str:
    return " & ".join(cell.translate(_SPECIAL) for cell in cells) + r" \\"
