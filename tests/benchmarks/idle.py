"""What a rank costs while it has nothing to do: CPU shares of the rank processes themselves.

    python tests/benchmarks/idle.py
    python tests/benchmarks/idle.py --launcher openmpi5 --seconds 20

Two renders on 4 ranks. In the first the picture is a single tile, so that one rank renders and
three wait; in the second all ranks render. During each, the CPU time of every rank process
(/proc/<pid>/stat: user + system, renderers and other children excluded) is read five times a
second, from one second after the first `povray` appears until the last reading with one. Wanted:
at most 1 % of a core for a waiting rank, and at most 1 % for rank 0 while all ranks render.

Results: <out>/idle.json. The exit status is 1 if a share is larger than wanted.
"""

from __future__ import annotations

import argparse
import math
import resource
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where `benchmarks` is

from benchmarks.common import Json, Outcome, Starter, arguments, environment, execute, write_json

WANTED_PERCENT = 1.0
LIMIT_S = 600.0
INTERVAL_S = 0.2
SETTLING_S = 1.0
TILE_PX = 32  # POV-Ray's own tile: a picture of one cannot be shared out
SHARED_PX = 256
RANK_VARIABLES = ("OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID")
RENDERER = "povray"
AT_WORK_S = 0.2  # of processor time, which one that waits does not use
PROBE_RAYS = 33  # a side of the lamp in the calibrating render

# Every pixel costs the same: a wall lit by a lamp of RAYS x RAYS points, without short cuts.
SCENE = """\
#version 3.7;
global_settings {{ assumed_gamma 1.0 }}
camera {{ orthographic location -5*z look_at 0 right x up y }}
light_source {{ <1, 2, -4> rgb 1 area_light x, y, {rays}, {rays} }}
plane {{ -z, 0 pigment {{ granite }} finish {{ ambient 0 }} }}
sphere {{ <0.6, 0.9, -2>, 0.4 }}
"""


@dataclass
class Readings:
    """CPU time of one rank process over a render.

    Attributes
    ----------
    at, cpu : list of float
        When, and the CPU seconds used so far.
    rendered : bool
        Whether a renderer ran below it in the window.
    """

    at: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    rendered: bool = False

    @property
    def percent(self) -> float:
        """Share of a core from the first reading to the last."""
        span = self.at[-1] - self.at[0]
        return 100 * (self.cpu[-1] - self.cpu[0]) / span if span else float("nan")

    @property
    def seconds(self) -> float:
        """Length of the window."""
        return self.at[-1] - self.at[0]


def rank_of(process: psutil.Process) -> int | None:
    """Return the rank that a launcher gave to a process, if it did."""
    variables = process.environ()
    for name in RANK_VARIABLES:
        if name in variables:
            return int(variables[name])
    return None


def find_ranks(parent: psutil.Process) -> Iterator[tuple[int, psutil.Process]]:
    """Yield the rank processes below one: the topmost ones that know their rank."""
    for child in parent.children():
        try:
            rank = rank_of(child)
            if rank is None:
                yield from find_ranks(child)
            else:
                yield rank, child
        except psutil.Error:
            continue


def renders(process: psutil.Process) -> bool:
    """Return whether a renderer is at work below a process; some only wait for a task."""
    return any(
        child.name() == RENDERER and child.cpu_times().user > AT_WORK_S
        for child in process.children(recursive=True)
    )


def read_ranks(stop: threading.Event) -> dict[int, Readings]:
    """Read the ranks below this process until told to stop.

    Parameters
    ----------
    stop : Event
        Set when the render has ended.

    Returns
    -------
    readings : dict
        By rank; empty if no renderer was seen for longer than the settling time.
    """
    readings: dict[int, Readings] = {}
    begin: float | None = None
    while not stop.wait(INTERVAL_S):
        ranks = dict(find_ranks(psutil.Process()))
        try:
            busy = {rank: renders(process) for rank, process in ranks.items()}
            now = time.monotonic()
            cpu = {rank: process.cpu_times() for rank, process in ranks.items()}
        except psutil.Error:
            continue
        if not any(busy.values()):
            continue
        begin = begin or now
        if now - begin < SETTLING_S:
            continue
        for rank, times in cpu.items():
            reading = readings.setdefault(rank, Readings())
            reading.at.append(now)
            reading.cpu.append(times.user + times.system)
            reading.rendered |= busy[rank]
    return readings


def measure(
    starter: Starter, folder: Path, *, ranks: int, size_px: int, rays: int
) -> dict[int, Readings]:
    """Render a square picture and return the readings of its ranks.

    Raises
    ------
    RuntimeError
        If the render fails, or is too short to be measured.
    """
    (folder / "wall.pov").write_text(SCENE.format(rays=rays), encoding="utf-8")
    switches = (f"+W{size_px}", f"+H{size_px}", "-A", "+FN")
    outcomes: list[Outcome] = []
    stop = threading.Event()

    def render() -> None:
        try:
            command = starter.render(ranks, "wall.pov", folder / "wall.png", switches)
            outcomes.append(execute(command, timeout=LIMIT_S, cwd=folder, env=starter.env))
        finally:
            stop.set()

    thread = threading.Thread(target=render)
    thread.start()
    readings = read_ranks(stop)
    thread.join()
    if not outcomes or outcomes[0].status != 0:
        raise RuntimeError(outcomes[0].text[-2000:] if outcomes else "mpirender did not start")
    if len(readings) != ranks or any(reading.seconds < 2 for reading in readings.values()):
        raise RuntimeError(f"no window of two seconds with {ranks} ranks: {readings}")
    return readings


def ended_children_s() -> float:
    """Return the CPU time of all children of this process that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def rays_for(seconds: float, folder: Path, *, size_px: int) -> int:
    """Return the side of the lamp with which one process renders for about so long."""
    (folder / "wall.pov").write_text(SCENE.format(rays=PROBE_RAYS), encoding="utf-8")
    command = ["povray", "+Iwall.pov", "+W32", "+H32", "-A", "-F", "-D", "+WT1"]
    before = ended_children_s()
    if execute(command, timeout=LIMIT_S, cwd=folder).status != 0:
        raise RuntimeError("povray does not render the probe")
    taken = ended_children_s() - before
    scale = seconds / max(taken, 0.02) * 32**2 / size_px**2
    return max(2, min(1000, round(PROBE_RAYS * math.sqrt(scale))))


def describe(title: str, readings: dict[int, Readings]) -> dict[str, Json]:
    """Print the shares of one render and return them as they are kept."""
    print(f"{title}, over {max(r.seconds for r in readings.values()):.1f} s")
    for rank, reading in sorted(readings.items()):
        state = "renders" if reading.rendered else "waits"
        print(f"  rank {rank} {state}: {reading.percent:.2f} % of a core", flush=True)
    return {
        str(rank): {
            "percent": reading.percent,
            "rendered": reading.rendered,
            "seconds": reading.seconds,
        }
        for rank, reading in sorted(readings.items())
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit status."""
    options = parse(argv)
    starter = Starter.parse(options.launcher)
    ranks: int = options.ranks
    with tempfile.TemporaryDirectory(prefix="idle-") as scratch:
        folder = Path(scratch)
        rays = rays_for(options.seconds, folder, size_px=TILE_PX)
        one = measure(starter, folder, ranks=ranks, size_px=TILE_PX, rays=rays)
        first = describe(f"one tile, {ranks} ranks", one)
        cores = min(ranks, psutil.cpu_count() or 1)
        rays = rays_for(cores * options.seconds, folder, size_px=SHARED_PX)
        shared = measure(starter, folder, ranks=ranks, size_px=SHARED_PX, rays=rays)
        second = describe(f"all tiles, {ranks} ranks", shared)
    waiting = [r.percent for rank, r in one.items() if not r.rendered and rank != 0]
    worst = {
        "waiting rank": max(waiting, default=float("nan")),
        "rank 0 while one rank renders": one[0].percent,
        "rank 0 while all render": shared[0].percent,
    }
    for name, percent in worst.items():
        print(f"{name}: {percent:.2f} % (wanted: at most {WANTED_PERCENT:g} %)")
    result: dict[str, Json] = {"one tile": first, "all tiles": second}
    write_json(options.out / "idle.json", {"environment": environment(starter), **result})
    return 0 if all(percent <= WANTED_PERCENT for percent in worst.values()) else 1


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = arguments(__doc__ or "", ranks=4)
    parser.add_argument(
        "--seconds", type=float, default=12.0, help="length of each render, %(default)s"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    raise SystemExit(main())
