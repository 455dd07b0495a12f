"""What mpirender gains on an animation, and how soon after the last frame its movies are ready.

    python tests/benchmarks/animation.py
    python tests/benchmarks/animation.py --pairs 5 --launcher "mpirun -np {n} mpirender"

The animation is of this benchmark's own making: 24 frames of 320x240, each dearer than the one
before (the lamp over a wall has ever more points), a minute of CPU time in all. It is rendered in
turn by

- alone: one `povray` with as many threads as there are ranks,
- halves: one `povray +WT1` a rank, each with an equal run of the frames,
- batches: one `povray +WT1` a frame, as many at once as there are ranks; the next ones are started
  when all of these have ended, as makemovie did it,
- mpirender on 2 ranks.

A ratio is the wall time of mpirender over that of a rival in the same round; the median counts. The
frames of mpirender and of the one `povray` are compared bit by bit.

Two more numbers come from mpirender's runs. How long ranks are idle at the end: from the last line
"task ... rank R ..." of a rank (`-v`) to the last one of all; wanted: no more than what a row of
POV-Ray's blocks takes in the last and dearest frame. And, in as many further runs, with an .mp4 and
a .gif: how long after the last picture's time of change each movie is in its place (the change of
its inode by which it was renamed); wanted: at most 1 s + 2 % of the run.

The machine has to be otherwise idle, with as many cores as ranks.

Results: <out>/animation.json. The exit status is 1 if frames differ or something wanted is not
reached.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where `benchmarks` is

from launchers import end_tree

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
FRAMES = 24
HEIGHT = 240
BLOCK_ROWS = 32
SWITCHES = ("+W320", f"+H{HEIGHT}", "-A", "+FN", "-D")
RANGE = ("+KFI1", f"+KFF{FRAMES}")
SCENE_NAME = "growing.pov"
MOVIES = ("growing.mp4", "growing.gif")
WAIT_S, WAIT_PART = 1.0, 0.02
TASK = re.compile(r"mpirender: task \d+ .*, rank (\d+), host ")
TRACED = re.compile(r"Trace Time:.*\((\d+\.\d+) seconds\)")

# Rows cost about the same, and frame n costs n times as much as frame 1, without antialiasing.
SCENE = """\
#version 3.7;
global_settings { assumed_gamma 1.0 }
#declare Points = int(sqrt(30*frame_number));
camera { orthographic location -5*z look_at 0 right 4/3*x up y }
light_source { <1, 2, -4> rgb 1 area_light 2*x, 2*y, Points, Points }
plane { -z, 0 pigment { granite scale 0.5 } finish { ambient 0.1 } }
sphere {
  <0.5*cos(2*pi*clock), 0.3*sin(2*pi*clock), -0.5>, 0.15 pigment { rgb <0.8, 0.3, 0.2> }
}
"""


# -------------------------------------------------------------------------------------- the rivals


def povray(*switches: str) -> list[str]:
    """Return the command line of one plain POV-Ray over some of the frames."""
    return ["povray", f"+I{SCENE_NAME}", *RANGE, *SWITCHES, *switches]


def run_alone(folder: Path, ranks: int) -> Outcome:
    """Render all frames with one `povray`."""
    return execute(povray(f"+WT{ranks}"), timeout=LIMIT_S, cwd=folder)


def run_halves(folder: Path, ranks: int) -> Outcome:
    """Render an equal run of the frames with each of several `povray`."""
    bounds = [FRAMES * part // ranks for part in range(ranks + 1)]
    return run_together(folder, list(pairwise(bounds)))


def run_batches(folder: Path, ranks: int) -> Outcome:
    """Render as many frames at once as there are ranks, and wait for all of them each time."""
    seconds = 0.0
    for first in range(0, FRAMES, ranks):
        parts = [(frame, frame + 1) for frame in range(first, min(first + ranks, FRAMES))]
        outcome = run_together(folder, parts)
        seconds += outcome.seconds
        if outcome.status != 0:
            return outcome
    return Outcome(0, seconds)


def run_together(folder: Path, parts: Sequence[tuple[int, int]]) -> Outcome:
    """Render runs of frames, counted from 0, at the same time; return when all have ended."""
    commands = [povray(f"+SF{first + 1}", f"+EF{last}", "+WT1") for first, last in parts]
    return execute_together(commands, timeout=LIMIT_S, cwd=folder)


RIVALS: dict[str, Callable[[Path, int], Outcome]] = {
    "alone": run_alone,
    "halves": run_halves,
    "batches": run_batches,
}


# --------------------------------------------------------------------------------------- mpirender


@dataclass(frozen=True)
class Run:
    """One run of mpirender.

    Attributes
    ----------
    seconds : float
        Wall time.
    cpu_s : float
        CPU time of the launcher, the ranks and their renderers.
    idle_at_end_s : dict of int to float
        How long before the last task of all the last task of each rank ended.
    summary : str
        What it says of itself at the end.
    """

    seconds: float
    cpu_s: float
    idle_at_end_s: dict[int, float]
    summary: str


def run_here(starter: Starter, folder: Path, ranks: int, movies: Sequence[str] = ()) -> Run:
    """Render all frames with mpirender, and note when it says what.

    Raises
    ------
    RuntimeError
        If it fails, or does not end in time.
    """
    plus = [switch for switch in (*RANGE, *SWITCHES) if switch.startswith("+")]
    wanted = [word for movie in movies for word in ("--movie", movie)]
    command = starter.command(ranks, SCENE_NAME, "-v", *wanted, *plus, "--", "-A")
    before, begin = children_cpu_s(), time.monotonic()
    lines = list(timed_lines(command, folder, starter))
    seconds = time.monotonic() - begin
    ends = {int(found[1]): at for at, line in lines if (found := TASK.match(line))}
    last = max(ends.values(), default=0.0)
    idle = {rank: last - ends.get(rank, begin) for rank in range(ranks)}
    return Run(seconds, children_cpu_s() - before, idle, lines[-1][1].strip())


def timed_lines(command: Sequence[str], folder: Path, starter: Starter) -> list[tuple[float, str]]:
    """Return what a program says on standard error, with the time of each line.

    Raises
    ------
    RuntimeError
        If it fails, or does not end in time.
    """
    lines: list[tuple[float, str]] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=folder,
        env={**os.environ, **starter.env},
        start_new_session=True,
        text=True,
    ) as process:
        limit = threading.Timer(LIMIT_S, end_tree, [process])
        limit.start()
        try:
            assert process.stderr is not None
            lines += ((time.monotonic(), line) for line in process.stderr)
        except BaseException:
            end_tree(process)
            raise
        finally:
            limit.cancel()
    if process.returncode != 0 or not lines:
        text = "".join(line for _, line in lines)
        raise RuntimeError(f"exit status {process.returncode}:\n{text[-2000:]}")
    return lines


def children_cpu_s() -> float:
    """Return the CPU time of all children of this process that have ended, and of theirs."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def movie_waits(folder: Path) -> dict[str, float]:
    """Return how long after the last picture each movie came into its place, in seconds."""
    last = max(picture.stat().st_mtime for picture in pictures(folder))
    return {name: (folder / name).stat().st_ctime - last for name in MOVIES}


# ------------------------------------------------------------------------------------ measurements


@dataclass(frozen=True)
class Results:
    """All that has been measured.

    Attributes
    ----------
    cpu_s : float
        CPU time of all frames, rendered by `povray` alone.
    row_s : float
        What a row of blocks of the last frame takes.
    rivals : dict of str to Pairs
        Wall times of each rival and of mpirender.
    runs, with_movies : list of Run
        Of mpirender, without and with movies.
    waits : list of dict of str to float
        Of the runs with movies: how long each was waited for.
    different : list of str
        Frames that are not those of the one `povray`.
    """

    cpu_s: float
    row_s: float
    rivals: dict[str, Pairs]
    runs: list[Run]
    with_movies: list[Run]
    waits: list[dict[str, float]]
    different: list[str]

    @property
    def idle_at_end_s(self) -> float:
        """The longest that a rank was idle at the end, the median of all runs."""
        runs = (*self.runs, *self.with_movies)
        return statistics.median(max(run.idle_at_end_s.values()) for run in runs)

    @property
    def overdue_s(self) -> float:
        """By how much a movie came later than wanted, at worst; less than 0 if none did."""
        return max(
            max(waits.values()) - WAIT_S - WAIT_PART * run.seconds
            for run, waits in zip(self.with_movies, self.waits, strict=True)
        )

    @property
    def is_as_wanted(self) -> bool:
        """Whether everything wanted is reached."""
        is_soon = self.idle_at_end_s <= self.row_s and self.overdue_s <= 0
        return is_soon and not self.different

    @property
    def text(self) -> str:
        """The results as people read them."""
        lines = [f"{FRAMES} frames, {self.cpu_s:.1f} s of CPU time"]
        lines += ["", "| rival | its seconds | mpirender's | ratio |", "|---|---|---|---|"]
        for name, pairs in self.rivals.items():
            ratios = " ".join(f"{ratio:.3f}" for ratio in pairs.ratios)
            lines.append(
                f"| {name} | {statistics.median(pairs.first):.1f} "
                f"| {statistics.median(pairs.second):.1f} | **{pairs.ratio:.3f}** ({ratios}) |"
            )
        all_idle = [max(run.idle_at_end_s.values()) for run in (*self.runs, *self.with_movies)]
        lines += [
            "",
            f"idle at the end: {self.idle_at_end_s:.2f} s (median of"
            f" {' '.join(f'{s:.2f}' for s in all_idle)}), wanted at most {self.row_s:.2f} s",
        ]
        for run, waits in zip(self.with_movies, self.waits, strict=True):
            parts = ", ".join(f"{name} {wait:.2f} s" for name, wait in waits.items())
            lines.append(
                f"after the last frame: {parts}, wanted at most"
                f" {WAIT_S + WAIT_PART * run.seconds:.2f} s ({run.seconds:.1f} s in all)"
            )
        shares = [100 * run.cpu_s / (len(run.idle_at_end_s) * run.seconds) for run in self.runs]
        lines += [
            f"share of the cores used from start to end: {statistics.median(shares):.0f} %",
            f"frames that differ: {', '.join(self.different) or 'none'}",
        ]
        return "\n".join(lines)

    @property
    def record(self) -> dict[str, Json]:
        """The results as they are kept."""
        return {
            "frames": FRAMES,
            "cpu_s": self.cpu_s,
            "row_s": self.row_s,
            "rivals": {
                name: {
                    "rival_s": list(pairs.first),
                    "mpirender_s": list(pairs.second),
                    "ratios": list(pairs.ratios),
                    "median_ratio": pairs.ratio,
                }
                for name, pairs in self.rivals.items()
            },
            "runs": [record_of(run) for run in self.runs],
            "runs_with_movies": [
                {**record_of(run), "waits_s": {**waits}}
                for run, waits in zip(self.with_movies, self.waits, strict=True)
            ],
            "idle_at_end_s": self.idle_at_end_s,
            "overdue_s": self.overdue_s,
            "different": list(self.different),
        }


def record_of(run: Run) -> dict[str, Json]:
    """Return a run as it is kept."""
    return {
        "seconds": run.seconds,
        "cpu_s": run.cpu_s,
        "idle_at_end_s": {str(rank): s for rank, s in sorted(run.idle_at_end_s.items())},
        "summary": run.summary,
    }


def row_seconds(folder: Path) -> float:
    """Return what a row of blocks of the last frame takes one thread, on the average."""
    outcome = checked(
        execute(povray(f"+SF{FRAMES}", f"+EF{FRAMES}", "+WT1"), timeout=LIMIT_S, cwd=folder)
    )
    return float(TRACED.findall(outcome.text)[-1]) * BLOCK_ROWS / HEIGHT


def measure(starter: Starter, folder: Path, *, ranks: int, pairs: int) -> Results:
    """Run all in turn.

    Raises
    ------
    RuntimeError
        If a program fails.
    """
    row_s = row_seconds(folder_for(folder, "row"))
    times: dict[str, list[float]] = {name: [] for name in RIVALS}
    runs: list[Run] = []
    cpu_s = 0.0
    for _ in range(pairs):
        for name, rival in RIVALS.items():
            before = children_cpu_s()
            times[name].append(checked(rival(folder_for(folder, name), ranks)).seconds)
            if name == "alone":
                cpu_s = children_cpu_s() - before
            print(f"{name}: {times[name][-1]:.2f} s", flush=True)
        runs.append(run_here(starter, folder_for(folder, "here"), ranks))
        print(f"mpirender: {runs[-1].seconds:.2f} s", flush=True)
    with_movies, waits = [], []
    for _ in range(pairs):
        place = folder_for(folder, "movies")
        with_movies.append(run_here(starter, place, ranks, MOVIES))
        waits.append(movie_waits(place))
        print(f"mpirender with movies: {with_movies[-1].seconds:.2f} s", flush=True)
    here = tuple(run.seconds for run in runs)
    return Results(
        cpu_s=cpu_s,
        row_s=row_s,
        rivals={name: Pairs(tuple(seconds), here) for name, seconds in times.items()},
        runs=runs,
        with_movies=with_movies,
        waits=waits,
        different=[
            *different_frames(folder / "alone", folder / "here"),
            *different_frames(folder / "alone", folder / "movies"),
        ],
    )


def checked(outcome: Outcome) -> Outcome:
    """Return an outcome that is a success; raise RuntimeError if it is none."""
    if outcome.status != 0:
        raise RuntimeError(f"exit status {outcome.status}:\n{outcome.text[-2000:]}")
    return outcome


def folder_for(folder: Path, name: str) -> Path:
    """Return a folder with the scene and nothing else in it."""
    place = folder / name
    place.mkdir(exist_ok=True)
    for file in place.iterdir():
        file.unlink()
    (place / SCENE_NAME).write_text(SCENE, encoding="utf-8")
    return place


def pictures(folder: Path) -> list[Path]:
    """Return the frames in a folder."""
    return sorted(folder.glob("*.png"))


def different_frames(first: Path, second: Path) -> list[str]:
    """Return the names of frames that only one folder has, or that differ."""
    names = [{path.name for path in pictures(folder)} for folder in (first, second)]
    shared = names[0] & names[1]
    differing = {n for n in shared if compare_pictures(first / n, second / n)}
    return sorted((names[0] ^ names[1]) | differing)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = arguments(__doc__ or "", ranks=2)
    parser.add_argument(
        "--pairs", type=int, default=3, metavar="N", help="rounds, %(default)s if not given"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit status."""
    options = parse(argv)
    starter = Starter.parse(options.launcher)
    with tempfile.TemporaryDirectory(prefix="animation-") as scratch:
        results = measure(starter, Path(scratch), ranks=options.ranks, pairs=options.pairs)
    print(results.text)
    write_json(
        options.out / "animation.json",
        {
            "ranks": options.ranks,
            "switches": [*RANGE, *SWITCHES],
            "environment": environment(starter),
            **results.record,
        },
    )
    return int(not results.is_as_wanted)


if __name__ == "__main__":
    raise SystemExit(main())
