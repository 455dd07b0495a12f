"""Figures of a report; the only module that imports matplotlib, and only to draw."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import cycle
from typing import TYPE_CHECKING, TypeAlias

from mpirender.errors import SetupError
from mpirender.report.metrics import Activity, activities_of, metrics_of, window_of
from mpirender.report.records import RENDER, Report, RunRecord
from mpirender.report.scaling import Scaling, median_run, scaling_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Plot", "check_plots", "draw_plots"]

_DPI = 160  # of PNG
_WIDTH = 8.0  # inches
_COLOURS = {  # to be told apart by the colour-blind, and on white and black (after Okabe and Ito)
    Activity.RENDER: "#0072b2",
    Activity.PARSE: "#e69f00",
    Activity.FINISH: "#56b4e9",
    Activity.LAUNCH: "#cc79a7",
    Activity.LOST: "#d55e00",
    Activity.SEND: "#009e73",
    Activity.WAIT: "#9aa0aa",
}
_Bar: TypeAlias = tuple[int, float, float]  # row, where it begins, how long it is
_LINES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")


@dataclass(frozen=True, slots=True)
class Plot:
    """One figure.

    Attributes
    ----------
    name : str
        That of its files.
    svg : str
        With a clear background.
    png : bytes
        On white.
    """

    name: str
    svg: str
    png: bytes


def check_plots() -> None:
    """Find out, before hours are spent, whether figures can be drawn.

    Raises
    ------
    SetupError
        If there is no matplotlib.
    """
    if find_spec("matplotlib") is None:
        raise SetupError(
            "reports need matplotlib, which is missing", hint="pip install 'mpirender[report]'"
        )


def draw_plots(report: Report) -> list[Plot]:
    """Draw what there is to be seen of a report.

    Parameters
    ----------
    report : Report
        With one counted run at least.
    """
    largest = max(run.size for run in report.counted)
    typical = median_run([run for run in report.counted if run.size == largest])
    with _style():
        plots: list[Plot] = []
        if report.setting.kind != RENDER:
            scalings = scaling_of(report)
            plots += [
                _plot("speed-up", lambda axes: _speed_up(axes, scalings)),
                _plot("efficiency", lambda axes: _efficiency(axes, scalings)),
                _plot("phases-by-ranks", lambda axes: _phases_by_ranks(axes, report.counted)),
            ]
        rows = 1.2 + 0.3 * min(largest, 24)
        return [
            *plots,
            _plot("gantt", lambda axes: _gantt(axes, typical), height=rows),
            _plot("phases", lambda axes: _phases(axes, typical), height=rows),
        ]


def _style() -> AbstractContextManager[None]:
    """Return the settings of all figures."""
    from matplotlib import rc_context

    return rc_context(
        {
            "font.family": "sans-serif",
            "svg.fonttype": "none",  # letters stay letters
            "svg.hashsalt": "mpirender",  # the same data gives the same file
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "grid.alpha": 0.25,
            "legend.frameon": False,
        }
    )


def _plot(name: str, fill: Callable[[Axes], None], height: float = 4.0) -> Plot:
    """Return a figure of one pair of axes."""
    from matplotlib.figure import Figure

    figure: Figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    fill(figure.add_subplot())
    svg, png = io.BytesIO(), io.BytesIO()
    figure.savefig(svg, format="svg", transparent=True, metadata={"Date": None})
    figure.savefig(png, format="png", dpi=_DPI, facecolor="white")
    return Plot(name, svg.getvalue().decode(), png.getvalue())


# ------------------------------------------------------------------------------------- a run


def _gantt(axes: Axes, run: RunRecord) -> None:
    """Draw a row a rank, from the first task on."""
    began, ended = window_of(run)
    bars: dict[Activity, list[_Bar]] = defaultdict(list)
    for row, rank in enumerate(run.ranks):
        for span in activities_of(run, rank.rank):
            bars[span.activity].append((row, span.began - began, span.seconds))
    for activity in (activity for activity in Activity if activity is not Activity.WAIT):
        _draw(axes, bars[activity], activity)
    alone = max((attempt.arrived for attempt in run.attempts), default=began)
    axes.axvspan(
        alone - began, ended - began, color=_COLOURS[Activity.WAIT], alpha=0.3, linewidth=0
    )
    _rank_rows(axes, run)
    axes.set_xlim(0, max(ended - began, 1e-9))
    axes.set_xlabel("seconds")
    _legend(axes, [a for a in Activity if a is not Activity.WAIT])


def _phases(axes: Axes, run: RunRecord) -> None:
    """Draw a row a rank: its seconds, summed up."""
    times = metrics_of(run).by_activity
    left = [0.0] * len(times)
    for activity in Activity:
        seconds = [of_rank[activity] for of_rank in times]
        _draw(axes, list(zip(range(len(times)), left, seconds, strict=True)), activity)
        left = [a + b for a, b in zip(left, seconds, strict=True)]
    _rank_rows(axes, run)
    axes.set_xlim(0, max(*left, 1e-9))
    axes.set_xlabel("seconds")
    _legend(axes, list(Activity))


def _draw(axes: Axes, bars: Sequence[_Bar], activity: Activity) -> None:
    """Draw bars of one colour, as one thing: thousands of them would take minutes one by one."""
    from matplotlib.collections import PolyCollection

    corners = [
        [(x, row - 0.4), (x + wide, row - 0.4), (x + wide, row + 0.4), (x, row + 0.4)]
        for row, x, wide in bars
        if wide > 0
    ]
    axes.add_collection(PolyCollection(corners, color=_COLOURS[activity], linewidth=0))


def _rank_rows(axes: Axes, run: RunRecord) -> None:
    """Name the rows, rank 0 on top, as many as there is room for."""
    step = -(-len(run.ranks) // 24)
    axes.set_yticks(
        range(0, len(run.ranks), step), [f"rank {rank.rank}" for rank in run.ranks[::step]]
    )
    axes.set_ylim(len(run.ranks) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")


def _legend(axes: Axes, activities: Sequence[Activity]) -> None:
    from matplotlib.patches import Patch

    patches = [Patch(color=_COLOURS[a], label=a.value) for a in activities]
    axes.legend(
        handles=patches,
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=len(patches),
        handlelength=1,
        columnspacing=1.2,
    )


# ----------------------------------------------------------------------------------- a bench


def _speed_up(axes: Axes, scalings: Sequence[Scaling]) -> None:
    """Draw speed-ups with the ideal line and the fitted laws."""
    ranks = sorted({point.ranks for each in scalings for point in each.points})
    axes.plot(ranks, ranks, "--", color="#9aa0aa", label="ideal")
    for each, colour in zip(scalings, cycle(_LINES), strict=False):
        mine = [point.speed_up for point in each.points]
        errors = (
            [p.speed_up * (1 - p.median / max(p.seconds)) for p in each.points],
            [p.speed_up * (p.median / min(p.seconds) - 1) for p in each.points],
        )
        at = [point.ranks for point in each.points]
        axes.errorbar(at, mine, yerr=errors, fmt="o-", capsize=3, color=colour, label=each.policy)
        if each.fit and ranks[0] == 1:
            fine = [ranks[0] * (ranks[-1] / ranks[0]) ** (step / 60) for step in range(61)]
            of = f"{each.policy}: " if len(scalings) > 1 else ""
            law = f"{of}{each.fit.law}, serial {each.fit.serial:.1%}"
            curve = [each.fit.speed_up(n) for n in fine]
            axes.plot(fine, curve, "-", linewidth=1, alpha=0.6, color=colour, label=law)
    _rank_axis(axes, ranks)
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.set_ylabel("speed-up")
    axes.legend(loc="upper left")


def _efficiency(axes: Axes, scalings: Sequence[Scaling]) -> None:
    ranks = sorted({point.ranks for each in scalings for point in each.points})
    axes.axhline(1.0, linestyle="--", color="#9aa0aa")
    for each, colour in zip(scalings, cycle(_LINES), strict=False):
        at = [point.ranks for point in each.points]
        axes.plot(at, [p.efficiency for p in each.points], "o-", color=colour, label=each.policy)
    _rank_axis(axes, ranks)
    most = max(point.efficiency for each in scalings for point in each.points)
    axes.set_ylim(0, 1.05 * max(1.0, most))
    axes.set_ylabel("efficiency")
    axes.legend(loc="lower left")


def _rank_axis(axes: Axes, ranks: Sequence[int]) -> None:
    axes.set_xscale("log", base=2)
    axes.set_xticks(ranks, [str(n) for n in ranks])
    axes.minorticks_off()
    axes.set_xlabel("ranks")


def _phases_by_ranks(axes: Axes, runs: Sequence[RunRecord]) -> None:
    """Draw a bar a size and policy: the mean of the ranks of a typical run."""
    groups = sorted({(run.size, run.policy) for run in runs})
    is_one = len({policy for _, policy in groups}) == 1
    typical = [median_run([r for r in runs if (r.size, r.policy) == group]) for group in groups]
    times = [metrics_of(run).by_activity for run in typical]
    below = [0.0] * len(groups)
    for activity in Activity:
        means = [sum(of[activity] for of in each) / len(each) for each in times]
        axes.bar(range(len(groups)), means, bottom=below, color=_COLOURS[activity], width=0.7)
        below = [a + b for a, b in zip(below, means, strict=True)]
    names = [str(size) if is_one else f"{size}\n{policy}" for size, policy in groups]
    axes.set_xticks(range(len(groups)), names)
    axes.set_xlabel("ranks")
    axes.set_ylabel("seconds")
    axes.grid(visible=False, axis="x")
    _legend(axes, list(Activity))
