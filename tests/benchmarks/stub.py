"""How well each policy shares out timers, through real MPI: every rank of a run on this machine.

    python tests/benchmarks/stub.py
    python tests/benchmarks/stub.py --ranks 4 16 --policies auto ss --shapes striped
    python tests/benchmarks/stub.py --seconds 60 --launcher openmpi5

The renderer is the fake one: it sleeps for what each block of the picture costs, so that any number
of ranks can share a core. As with POV-Ray, the process for a rank's next task is started while the
one before is at work. A picture has 100 blocks a rank, whose costs have one of five shapes:

  lognormal   independent of each other, sigma 0.5
  top-heavy   the first eighth costs 5 times as much as the rest
  striped     every other row of blocks costs 5 times as much
  hot-spot    the square in the middle, an eighth as wide and as high, costs 5 times as much
  growing     from 0.1 to 3

In none of them a block takes longer than about a twentieth of a rank's time: it could be the last
one that is begun, and nobody knows beforehand.

All of them together are worth 20 s a rank, and with more than 20 ranks a second a rank for each of
them: to start a process on every rank takes a core or two of one machine a second or two, which on
a cluster all cores do at once. Efficiency is the bound divided by the time from
the first task handed out to the picture in its place; the bound is all work on all ranks, or the
dearest block, whichever is longer. The median of the repeats counts.

Wanted of `auto`: 0.97 up to 16 ranks, 0.94 at 64; nowhere more than 1 per cent below another
policy. The exit status is 1 where that is not reached. Results: <out>/stub.json, complete after
each run.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where `benchmarks` is

from benchmarks.common import Json, Starter, default_folder, environment, execute, write_json
from mpirender.policy import NAMES
from mpirender.report.metrics import metrics_of
from mpirender.report.records import from_json

BLOCK = 8
BLOCKS_A_RANK = 100  # a 1080p picture has 127 a rank with 16 ranks
MARGIN = 0.01
LIMIT_S = 600.0


def usual_seconds(ranks: int) -> float:
    """Return how much work a rank gets."""
    return float(max(20, ranks))


def wanted_efficiency(ranks: int) -> float:
    """Return what `auto` should reach."""
    return 0.97 if ranks <= 16 else 0.94


SHAPES: dict[str, Callable[[int, int, int, int], float]] = {
    "lognormal": lambda row, column, rows, columns: random.Random(
        row * columns + column
    ).lognormvariate(0, 0.5),
    "top-heavy": lambda row, column, rows, columns: 5.0 if row < rows / 8 else 1.0,
    "striped": lambda row, column, rows, columns: 5.0 if row % 2 else 1.0,
    "hot-spot": lambda row, column, rows, columns: (
        5.0 if abs(row / rows - 0.5) < 1 / 16 and abs(column / columns - 0.5) < 1 / 16 else 1.0
    ),
    "growing": lambda row, column, rows, columns: (
        0.1 + 2.9 * (row * columns + column) / rows / columns
    ),
}
"""Name → what the block of a row and column costs in a picture of so many, against others."""


@dataclass(frozen=True)
class Row:
    """One run.

    Attributes
    ----------
    bound_s, makespan_s : float
    idle : float
        Share of the time of all ranks in which one had no renderer.
    """

    shape: str
    ranks: int
    policy: str
    repeat: int
    tasks: int
    bound_s: float
    makespan_s: float
    idle: float

    @property
    def efficiency(self) -> float:
        """The bound divided by the makespan."""
        return self.bound_s / self.makespan_s


def costs_of(shape: str, ranks: int, seconds: float) -> tuple[int, int, list[float]]:
    """Return rows, columns and the seconds of each block of a picture for some ranks."""
    columns = math.ceil(math.sqrt(BLOCKS_A_RANK * ranks))
    rows = math.ceil(BLOCKS_A_RANK * ranks / columns)
    costs = [
        SHAPES[shape](row, column, rows, columns)
        for row in range(rows)
        for column in range(columns)
    ]
    scale = seconds * ranks / sum(costs)
    return rows, columns, [cost * scale for cost in costs]


def measure(
    starter: Starter, shape: str, ranks: int, policy: str, *, seconds: float, repeat: int
) -> Row:
    """Make one run.

    Raises
    ------
    SystemExit
        If it fails.
    """
    rows, columns, costs = costs_of(shape, ranks, seconds)
    with tempfile.TemporaryDirectory(prefix="stub-") as scratch:
        folder = Path(scratch)
        size = f"{BLOCK * columns}x{BLOCK * rows}"
        scene = f"size = {size}\nblock = {BLOCK}\nstream = yes\nspares = yes\ncosts = costs.txt\n"
        (folder / "stub.fake").write_text(scene)
        (folder / "costs.txt").write_text("\n".join(map(repr, costs)))
        command = starter.command(
            ranks, "stub.fake", "--policy", policy, "--report", "report", "--quiet"
        )
        outcome = execute(command, timeout=LIMIT_S, cwd=folder, env=starter.env)
        if outcome.status != 0:
            raise SystemExit(f"exit status {outcome.status}:\n{outcome.text[-2000:]}")
        run = from_json((folder / "report" / "results.json").read_text()).runs[0]
    numbers = metrics_of(run)
    bound = max(sum(costs) / ranks, max(costs))
    return Row(shape, ranks, policy, repeat, numbers.tasks, bound, numbers.makespan, numbers.idle)


def medians(rows: Sequence[Row]) -> dict[tuple[str, int, str], float]:
    """Return the efficiency by shape, ranks and policy."""
    grouped: dict[tuple[str, int, str], list[float]] = defaultdict(list)
    for row in rows:
        grouped[row.shape, row.ranks, row.policy].append(row.efficiency)
    return {key: statistics.median(values) for key, values in grouped.items()}


def complaints(rows: Sequence[Row]) -> list[str]:
    """Return what is not as wanted, a line each."""
    found, known = [], medians(rows)
    for (shape, ranks, policy), reached in known.items():
        if policy != "auto":
            continue
        where = f"{shape}, {ranks} ranks"
        if reached < wanted_efficiency(ranks):
            found.append(f"{where}: auto {reached:.3f}, wanted {wanted_efficiency(ranks)}")
        best = max(
            (name for s, n, name in known if (s, n) == (shape, ranks)),
            key=lambda name: known[shape, ranks, name],
        )
        if reached < known[shape, ranks, best] * (1 - MARGIN):
            found.append(f"{where}: {best} {known[shape, ranks, best]:.3f}, auto {reached:.3f}")
    return found


def table(rows: Sequence[Row]) -> str:
    """Return efficiencies as people read them: a line a shape and number of ranks."""
    known = medians(rows)
    names = [name for name in NAMES if any(name == policy for _, _, policy in known)]
    lines = [f"{'shape':11}{'ranks':>5}" + "".join(f"{name:>9}" for name in names)]
    for shape, ranks in dict.fromkeys((shape, ranks) for shape, ranks, _ in known):
        cells = (known.get((shape, ranks, name)) for name in names)
        shown = "".join(f"{cell:9.3f}" if cell is not None else f"{'':9}" for cell in cells)
        lines.append(f"{shape:11}{ranks:5}{shown}")
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit status."""
    options = parse(argv)
    starter = Starter.parse(options.launcher)
    about, rows = environment(starter), list[Row]()
    for ranks in options.ranks:
        for shape in options.shapes:
            for repeat in range(1, options.repeats + 1):
                for policy in options.policies:
                    row = measure(
                        starter,
                        shape,
                        ranks,
                        policy,
                        seconds=options.seconds or usual_seconds(ranks),
                        repeat=repeat,
                    )
                    rows.append(row)
                    print(
                        f"{shape:11}{ranks:4} {policy:8} {row.efficiency:6.3f}  idle {row.idle:.3f}"
                        f"  {row.makespan_s:7.2f} s of {row.bound_s:.2f}  {row.tasks:4} tasks",
                        flush=True,
                    )
                    runs: list[Json] = [{**asdict(r), "efficiency": r.efficiency} for r in rows]
                    write_json(options.out / "stub.json", {"environment": about, "runs": runs})
    print(f"\n{table(rows)}\n")
    wrong = complaints(rows)
    print("\n".join(wrong) or "all is as wanted")
    return 1 if wrong else 0


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--ranks", type=int, nargs="+", default=[1, 4, 16, 64])
    add("--shapes", nargs="+", choices=list(SHAPES), default=list(SHAPES))
    add("--policies", nargs="+", choices=NAMES, default=list(NAMES))
    add("--seconds", type=float, metavar="S", help="of work a rank; 20, or as many as ranks")
    add("--repeats", type=int, default=1, metavar="R", help="%(default)s if not given")
    add("--launcher", default="mpich", metavar="COMMAND", help="see overhead.py; %(default)s")
    add("--out", type=Path, default=default_folder(), metavar="DIR")
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(main())
