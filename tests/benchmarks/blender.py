"""What mpirender gains on animations of Blender's.

    python tests/benchmarks/blender.py
    python tests/benchmarks/blender.py --pairs 5 --launcher "mpirun -np {n} mpirender"

Two animations of tests/blend/make.py, 320 x 180 with 16 samples of Cycles: 20 light frames (a
second of CPU time each) and 6 heavy ones (two million faces, which take longer to prepare than to
render). They are rendered in turn by

- alone: one `blender -b -a` with as many threads as there are ranks,
- each: one `blender -b -f` a frame, with as many threads, one after the other,
- beside: one `blender -b -f` a frame with one thread, as many at once as there are ranks; the next
  one is started when one ends,
- mpirender on 2 ranks.

A ratio is the wall time of mpirender over that of a rival in the same round; the median counts. The
processor time of all is given too: it says what was done, also where the machine was not idle.
Wanted: at most 1.05 against the one Blender, and at most 0.65 against one process a frame with all
cores. The frames of mpirender and of the one Blender are compared bit by bit. The machine has to be
otherwise idle, with as many cores as ranks.

Results: <out>/blender.json. The exit status is 1 if frames differ or a ratio is not reached.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where `benchmarks` is

from render.blenders import make

from benchmarks.animation import children_cpu_s
from benchmarks.common import (
    Json,
    Outcome,
    Pairs,
    Starter,
    arguments,
    compare_pictures,
    environment,
    execute,
    execute_together,
    write_json,
)

LIMIT_S = 900.0
FRAMES = {"light": 20, "heavy": 6}
SETTINGS = ("--size", "320x180", "--samples", "16")
WANTED = {"alone": 1.05, "each": 0.65}


@dataclass(frozen=True)
class Shot:
    """An animation.

    Attributes
    ----------
    scene : Path
        The .blend.
    frames : int
        From 1.
    """

    scene: Path
    frames: int

    def blender(self, out: Path, threads: int, *words: str) -> list[str]:
        """Return the tokens that start plain Blender."""
        place = (str(self.scene), "-t", str(threads), "-o", f"{out}/####")
        return ["blender", "-b", "-noaudio", *place, *words]


# -------------------------------------------------------------------------------------- the rivals


def run_alone(shot: Shot, out: Path, ranks: int) -> Outcome:
    """Render all frames with one Blender."""
    return execute(shot.blender(out, ranks, "-a"), timeout=LIMIT_S)


def run_each(shot: Shot, out: Path, ranks: int) -> Outcome:
    """Render one frame after the other with a Blender of its own, which has all cores."""
    return run_frames(shot, out, threads=ranks, at_once=1)


def run_beside(shot: Shot, out: Path, ranks: int) -> Outcome:
    """Render every frame with a Blender of its own, one on each core at any time."""
    return run_frames(shot, out, threads=1, at_once=ranks)


def run_frames(shot: Shot, out: Path, *, threads: int, at_once: int) -> Outcome:
    """Render every frame with a Blender of its own; return when all have ended."""
    commands = [shot.blender(out, threads, "-f", str(n + 1)) for n in range(shot.frames)]
    return execute_together(commands, timeout=LIMIT_S, at_once=at_once)


RIVALS: dict[str, Callable[[Shot, Path, int], Outcome]] = {
    "alone": run_alone,
    "each": run_each,
    "beside": run_beside,
}


# ------------------------------------------------------------------------------------ measurements


@dataclass(frozen=True)
class Results:
    """What has been measured of one animation.

    Attributes
    ----------
    name : str
        Of the scene.
    rivals : dict of str to Pairs
        Wall times of each rival and of mpirender.
    cpu_s : dict of str to list of float
        Processor time of each rival and of mpirender, a round each.
    different : list of str
        Frames that are not those of the one Blender.
    """

    name: str
    rivals: dict[str, Pairs]
    cpu_s: dict[str, list[float]]
    different: list[str]

    @property
    def is_as_wanted(self) -> bool:
        """Whether all ratios that are wanted are reached, with the right frames."""
        reached = (self.rivals[name].ratio <= most for name, most in WANTED.items())
        return all(reached) and not self.different

    @property
    def lines(self) -> list[str]:
        """The rows of the table."""
        return [
            f"| {self.name} | {name} | {statistics.median(pairs.first):.1f}"
            f" | {statistics.median(pairs.second):.1f} | **{pairs.ratio:.3f}**"
            f" ({' '.join(f'{ratio:.3f}' for ratio in pairs.ratios)})"
            f" | {WANTED.get(name, '')} | {statistics.median(self.cpu_s[name]):.1f}"
            f" | {statistics.median(self.cpu_s['mpirender']):.1f} |"
            for name, pairs in self.rivals.items()
        ]

    @property
    def record(self) -> dict[str, Json]:
        """The results as they are kept."""
        return {
            "frames": FRAMES[self.name],
            "different": list(self.different),
            "cpu_s": {name: list(seconds) for name, seconds in self.cpu_s.items()},
            "rivals": {
                name: {
                    "rival_s": list(pairs.first),
                    "mpirender_s": list(pairs.second),
                    "ratios": list(pairs.ratios),
                    "median_ratio": pairs.ratio,
                }
                for name, pairs in self.rivals.items()
            },
        }


def measure(shot: Shot, starter: Starter, folder: Path, *, ranks: int, pairs: int) -> Results:
    """Run all in turn.

    Raises
    ------
    RuntimeError
        If a program fails.
    """
    times: dict[str, list[float]] = {name: [] for name in (*RIVALS, "mpirender")}
    cpu_s: dict[str, list[float]] = {name: [] for name in times}

    def note(name: str, run: Callable[[Path], Outcome]) -> None:
        out = folder / name
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        before = children_cpu_s()
        outcome = run(out)
        if outcome.status != 0:
            raise RuntimeError(f"exit status {outcome.status}:\n{outcome.text[-2000:]}")
        times[name].append(outcome.seconds)
        cpu_s[name].append(children_cpu_s() - before)
        print(f"{shot.scene.stem}, {name}: {outcome.seconds:.2f} s", flush=True)

    def run_here(out: Path) -> Outcome:
        command = starter.command(ranks, shot.scene, "-o", f"{out}/####")
        return execute(command, timeout=LIMIT_S, env=starter.env)

    for _ in range(pairs):
        for name, rival in RIVALS.items():
            note(name, lambda out, rival=rival: rival(shot, out, ranks))  # type: ignore[misc]
        note("mpirender", run_here)
    here = tuple(times.pop("mpirender"))
    return Results(
        shot.scene.stem,
        {name: Pairs(tuple(seconds), here) for name, seconds in times.items()},
        cpu_s,
        different_frames(folder / "alone", folder / "mpirender", shot.frames),
    )


def different_frames(first: Path, second: Path, count: int) -> list[str]:
    """Return the names of frames whose pixels differ, or that a folder lacks."""
    names = [f"{number:04d}.png" for number in range(1, count + 1)]
    return [n for n in names if not is_same(first / n, second / n)]


def is_same(first: Path, second: Path) -> bool:
    """Return whether both pictures are there and have the same pixels."""
    try:
        return not compare_pictures(first, second).pixels
    except OSError:
        return False


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = arguments(__doc__ or "", ranks=2)
    parser.add_argument(
        "--pairs", type=int, default=3, metavar="N", help="rounds, %(default)s if not given"
    )
    parser.add_argument("--only", choices=sorted(FRAMES), help="one of the animations")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit status."""
    options = parse(argv)
    starter = Starter.parse(options.launcher)
    results = []
    with tempfile.TemporaryDirectory(prefix="blender-") as scratch:
        for name, frames in FRAMES.items():
            if options.only not in (None, name):
                continue
            folder = Path(scratch) / name
            make(folder, [name], *SETTINGS, "--frames", str(frames))
            shot = Shot(folder / f"{name}.blend", frames)
            ways = {"ranks": options.ranks, "pairs": options.pairs}
            results.append(measure(shot, starter, folder, **ways))
    print(
        "| frames | rival | its seconds | mpirender's | ratio | wanted | its CPU s | mpirender's |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for result in results:
        print(*result.lines, sep="\n")
        print(f"{result.name}: frames that differ: {', '.join(result.different) or 'none'}")
    write_json(
        options.out / "blender.json",
        {
            "ranks": options.ranks,
            "settings": list(SETTINGS),
            "environment": environment(starter),
            **{result.name: result.record for result in results},
        },
    )
    return int(not all(result.is_as_wanted for result in results))


if __name__ == "__main__":
    raise SystemExit(main())
