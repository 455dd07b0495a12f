"""The command `mpirender plan`: how long a scene would take on many ranks; no MPI is needed."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mpirender.cli.parser import Answered, Parser, positive
from mpirender.cli.render import parse_arguments
from mpirender.errors import UsageError
from mpirender.flags import Flags
from mpirender.hosts import read_hostfile
from mpirender.policy import NAMES
from mpirender.units import Seconds, format_percent, format_seconds, plural

if TYPE_CHECKING:
    from mpirender.planning import CostModel, Forecast, Machines
    from mpirender.report.records import Report
from mpirender.views.base import print_out

__all__ = ["main"]

_SCALE = 8
_UNITS = {"h": 3600.0, "m": 60.0, "min": 60.0, "s": 1.0, "": 1.0}
_EPILOG = """\
All other arguments are those of a render: sizes, +switches, --frames, --policy and so on. The scene
is rendered once, smaller, by one process on this machine, and each block of the picture is taken to
cost what its pixels have cost there. Then the run is simulated with the program's own schedule.

  mpirender plan scene.pov +W7680 +H4320 +A0.1 -np 4096
  mpirender plan walk.ini -np 512 --host-speeds 1,3 --deadline 2h
  mpirender plan scene.pov --hosts hostfiles/openmpi5.hosts --threads 8
  mpirender plan bench/results.json -np 512     # by what the parts have cost in a bench or report

A speed is that of a host against this machine. What is not simulated: the network's width, several
ranks of a host that share its memory's bandwidth, and the writing of the picture at the end.
"""


@dataclass(frozen=True, slots=True)
class _Wish:
    """What the forecast is to be for."""

    ranks: int
    machines: Machines
    deadline: Seconds | None
    threads: int


def main(argv: Sequence[str]) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str
        What stands after `mpirender plan`.

    Returns
    -------
    status : int
        0; everything else is raised.

    Raises
    ------
    UsageError
        If the arguments are not understood, or ask for what cannot be.
    RenderError, SetupError
        If the small picture cannot be rendered.
    """
    at = argv.index("--") if "--" in argv else len(argv)
    try:
        typed, others = _parser().parse_known_args(argv[:at])
    except Answered:
        return 0
    flags = parse_arguments([*others, *argv[at:]])
    if flags is None:  # --version has been answered
        return 0
    wish = _wish(typed, flags)
    if flags.scenes[0].lower().endswith(".json"):
        results = _results(flags)
        print_out("\n".join(_check(results)) + "\n")
        from mpirender.replay import base_of, model_of

        model = model_of(base_of(results))
    else:
        model = _measure(flags, typed.scale)
    print_out("\n".join(_report(model, wish, flags.policy)))
    return 0


def _results(flags: Flags) -> Report:
    """Read the results of a bench or a report.

    Raises
    ------
    UsageError
        If these are none, or are asked for what was not rendered.
    """
    from mpirender.report.records import from_json

    if len(flags.scenes) > 1 or flags.size or flags.frames or flags.passed_on:
        raise UsageError("results and something to be rendered", hint="plan the one or the other")
    return from_json(_text(Path(flags.scenes[0])))


def _check(results: Report) -> Iterator[str]:
    """Yield how far a forecast agrees with the runs that were made, a line each."""
    from mpirender.replay import base_of, forecasts_of
    from mpirender.report.records import STRONG
    from mpirender.report.scaling import points_of

    base = base_of(results)
    yield f"costs of {results.setting.scene} as in a run of {plural(base.size, 'rank')}"
    foretold = forecasts_of(results)
    if not foretold:
        return
    yield f"{'policy':10}{'ranks':>6}{'measured':>12}{'forecast':>12}{'ratio':>8}"
    for point in points_of(results.counted, is_weak=results.setting.kind != STRONG):
        if seconds := foretold.get((point.policy, point.ranks)):
            yield (
                f"{point.policy:10}{point.ranks:6}{format_seconds(point.median):>12}"
                f"{format_seconds(seconds):>12}{seconds / point.median:8.2f}"
            )


def _wish(typed: argparse.Namespace, flags: Flags) -> _Wish:
    """Understand which machines are meant."""
    from mpirender.planning import Machines

    slots: tuple[int, ...] = ()
    if typed.hosts:
        slots = tuple(slots for _, slots in read_hostfile(_text(typed.hosts)))
    elif typed.ranks is None:
        raise UsageError("no number of ranks", hint="-np 64, or --hosts HOSTFILE")
    ranks = typed.ranks or sum(slots)
    if slots and ranks > sum(slots):
        raise UsageError(
            f"-np {ranks}, but {typed.hosts} has {plural(sum(slots), 'slot')}",
            hint="leave out -np to use all of them",
        )
    return _Wish(ranks, Machines(slots, typed.host_speeds), typed.deadline, flags.threads or 1)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read {path}: {getattr(error, 'strerror', error)}") from error


def _measure(flags: Flags, scale: int) -> CostModel:
    """Render the scene, smaller, and return what its parts cost."""
    from mpirender.measure import measure
    from mpirender.partition import Grid
    from mpirender.shots import ask_for_shots, smaller

    with closing(ask_for_shots(flags)) as shots:
        if len(shots.shots) != 1:
            raise UsageError("a job file of several shots", hint="plan one scene at a time")
        renderer = shots.shots[0].renderer
        info = shots.shots[0].question.answer()
    whole = info.width, info.height
    job = smaller(flags, renderer, size=whole, area=info.area, scale=scale)
    return measure(renderer, job, Grid(info.area, info.block), threads=flags.threads or 1)


def _report(model: CostModel, wish: _Wish, policy: str) -> Iterator[str]:
    """Yield what people are told, a line each."""
    from mpirender.planning import best_ranks, forecast, sbatch_lines

    overheads = model.overheads
    yield (
        f"one rank would trace for {format_seconds(model.work)}; every start costs"
        f" {format_seconds(overheads.latency)} asleep and {format_seconds(overheads.setup)} at work"
    )
    yield f"\non {plural(wish.ranks, 'rank')}:"
    yield f"{'policy':10}{'makespan':>12}{'efficiency':>12}{'idle':>8}{'tasks':>9}"
    speeds = wish.machines.speeds_of(wish.ranks)
    for name in NAMES if policy == "auto" else (policy,):
        row = forecast(model, speeds, name)
        yield (
            f"{name:10}{format_seconds(row.makespan):>12}{format_percent(row.efficiency):>12}"
            f"{format_percent(row.idle_share):>8}{row.tasks:9}"
        )
    best = best_ranks(model, wish.machines, most=wish.ranks, deadline=wish.deadline)
    yield f"\n{_advice(best, wish)}"
    yield from sbatch_lines(best.ranks, wish.threads, best.makespan)


def _advice(best: Forecast, wish: _Wish) -> str:
    """Return how many ranks to ask for, and why."""
    makespan, used = format_seconds(best.makespan), format_percent(best.efficiency)
    ranks = plural(best.ranks, "rank")
    if wish.deadline is None:
        if best.ranks == wish.ranks:
            return f"well used: {ranks}, {makespan}, efficiency {used}"
        return f"well used: no more than {ranks}, {makespan}, efficiency {used}"
    deadline = format_seconds(wish.deadline)
    if best.makespan > wish.deadline:
        return f"{deadline} cannot be kept with {ranks}: {makespan}, efficiency {used}"
    return f"{deadline} can be kept with {ranks}: {makespan}, efficiency {used}"


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="mpirender plan",
        usage="mpirender plan SCENE|results.json -np N [options] [options of a render]",
        description="Forecast how long a scene takes on many ranks, by every policy.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("-np", dest="ranks", type=positive, metavar="N", help="ranks")
    add("--hosts", type=Path, metavar="FILE", help="hostfile; all of its slots if there is no -np")
    add(
        "--host-speeds",
        type=_speeds,
        default=(1.0,),
        metavar="A,B",
        help="speeds of the hosts by turns, against this machine (1)",
    )
    add(
        "--deadline",
        type=_duration,
        metavar="TIME",
        help="as few ranks as end in this time: 2h, 90m, 30s, 1h30m (default: as many as are used"
        " well)",
    )
    add(
        "--scale",
        type=positive,
        default=_SCALE,
        metavar="K",
        help=f"render at one K-th of width and height ({_SCALE}); smaller K is slower and better",
    )
    return parser


def _speeds(text: str) -> tuple[float, ...]:
    try:
        speeds = tuple(float(part) for part in text.split(","))
    except ValueError:
        speeds = ()
    if not speeds or not all(0 < speed < float("inf") for speed in speeds):
        raise argparse.ArgumentTypeError(f"got {text!r}, expected speeds such as 1,3")
    return speeds


def _duration(text: str) -> Seconds:
    parts = re.findall(r"(\d+(?:\.\d+)?)(h|min|m|s|)", text)
    seconds = sum(float(number) * _UNITS[unit] for number, unit in parts)
    if "".join(number + unit for number, unit in parts) != text or not seconds:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a time such as 2h, 90m or 30s")
    return seconds
