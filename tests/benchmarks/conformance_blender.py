"""Every sample scene, divided in every way: does mpirender write what `blender -b` alone writes?

    python tests/benchmarks/conformance_blender.py
    python tests/benchmarks/conformance_blender.py --only glass volume --ways rows --ranks 3

The samples of tests/blend/make.py are written by Debian's Blender and rendered by it and by the
Python modules of Blender 4.2 and 4.5, alone and with mpirender: an animation by frames, and a still
by rows and by samples. All of them as PNG with 8 bits, on 1, 2, 3 and 5 ranks; some in every
format, on 3.

A cell of the table says that all pictures are identical, or how many pixels differ on how many
ranks, with the largest difference in the file's own levels; and names of fields in the files'
headers that differ, but for times and dates. Where mpirender refuses to divide the work so, or does
not divide it, its reason stands below. An earlier run of the same folder is gone on with.

Results: <out>/conformance-blender.md and .jsonl. The exit status is 1 if mpirender fails where
Blender does not, or if pixels differ by more than the error of floats (see ALLOWED).
"""

from __future__ import annotations

import argparse
import json
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where `benchmarks` is

from render.blenders import BLENDERS, DEBIAN, Blender, make

from benchmarks.common import (
    Difference,
    Json,
    Starter,
    append_line,
    arguments,
    compare_pictures,
    environment,
    execute,
    read_lines,
    read_picture,
)

LIMIT_S = 240.0
SCENES = (
    *("plain", "undithered", "glass", "motion_blur", "depth_of_field", "volume", "adaptive"),
    *("transparent", "seed", "textured", "linked", "percent", "bordered", "bordered_uncropped"),
    *("compositor_point", "compositor_blur", "compositor_time", "compositor_file", "layers"),
    "cryptomatte",
    *("sequencer", "two_scenes", "two_cameras", "scripted", "denoised", "workbench", "eevee"),
    *("unbaked", "smoke"),
)
SLOW = frozenset(("eevee",))  # where a processor draws: on two ranks only
DEBIAN_ONLY = frozenset(("smoke",))  # the modules crash in a fluid, alone as well
SIMULATED = ("unbaked", "smoke")  # their still is no frame of the animation: nothing is played
EVERY_FORMAT = ("plain", "layers", "compositor_blur")
FORMATS = ("png8", "png16", "exr_half", "exr_float", "multilayer", "jpeg")
WAYS = {
    "frames": ("-s", "2", "-e", "4"),
    "rows": ("-f", "3", "--split", "rows"),
    "samples": ("-f", "3", "--split", "samples"),
}
QUIET = ("--progress", "none")
RANKS = (1, 2, 3, 5)
TIMES = re.compile(r"Date|DateTime|Time|File|(.*:)?(Date|RenderTime|.*_time)|RenderTime|oiio:.*")
INEXACT = "--split samples: not exact"
TASKS = re.compile(r": (\d+) tasks? on ")
# the largest difference that the order of adding up floats explains, in the file's own levels
ALLOWED = {
    "png8": 1,
    "png16": 2,
    "jpeg": 8,
    "exr_half": 0.01,
    "exr_float": 1e-5,
    "multilayer": 1e-5,
}
ALLOWED_DENOISED = {**ALLOWED, "exr_float": 1e-4, "multilayer": 1e-4}


@dataclass(frozen=True)
class Case:
    """One run of mpirender.

    Attributes
    ----------
    scene, kind, way : str
        Name of the sample, of its pictures' format, of how it is divided.
    blender : str
        Version.
    ranks : int
    """

    scene: str
    kind: str
    way: str
    blender: str
    ranks: int

    def __str__(self) -> str:
        where = f"{self.ranks} ranks, Blender {self.blender}"
        return f"{self.scene} as {self.kind} by {self.way} on {where}"


@dataclass(frozen=True)
class Verdict:
    """What came out.

    Attributes
    ----------
    case : Case
    failure : str
        The line with which mpirender ended, or Blender alone; empty if it did not fail.
    pixels, maximum : int, float
        Of all its frames, how many pixels differ, and the largest difference.
    header : str
        Names of fields of the header that differ.
    said : str
        Remarks of mpirender.
    tasks : int
        Into how many the work was divided.
    """

    case: Case
    failure: str = ""
    pixels: int = 0
    maximum: float = 0.0
    header: str = ""
    said: str = ""
    tasks: int = 0

    @property
    def bad(self) -> bool:
        """Whether this is what the benchmark looks for."""
        allowed = ALLOWED_DENOISED if self.case.scene == "denoised" else ALLOWED
        fails = self.failure.startswith("mpirender") and INEXACT not in self.failure
        return fails or self.maximum > allowed[self.case.kind]

    @property
    def cell(self) -> str:
        """It in a word or two."""
        if self.failure:
            refused = "refused" if INEXACT in self.failure else "refused by both"
            return "**fails**" if self.bad else refused
        text = f"{self.pixels} px, max {self.maximum:.2g}" if self.pixels else "identical"
        text = f"**{text}**" if self.bad else text
        text += ", not divided" * (self.case.ranks > 1 and self.tasks == 1)
        return text + f" ({self.header})" * bool(self.header)


def plan(options: argparse.Namespace) -> Iterator[Case]:
    """Yield what is to be rendered."""
    for scene in options.only:
        kinds = FORMATS if scene in EVERY_FORMAT else FORMATS[:1]
        for blender in options.blenders:
            ranks: tuple[int, ...] = (options.ranks,) if options.ranks else RANKS
            if scene in SLOW:
                ranks = (2,)
            if scene in DEBIAN_ONLY and blender != DEBIAN.name:
                ranks = ()
            for kind in kinds:
                for way in options.ways:
                    some = ranks if kind == FORMATS[0] else ranks[-2:-1] or ranks
                    yield from (Case(scene, kind, way, blender, number) for number in some)


class Bench:
    """Sample scenes, and what Blender alone makes of them."""

    def __init__(self, folder: Path, starter: Starter) -> None:
        self.folder = folder
        self.starter = starter
        self.scenes = cache(self._scenes)
        self.alone = cache(self._alone)

    def _scenes(self, kind: str) -> Path:
        """Return the folder of all samples with pictures of a format."""
        make(self.folder / kind, (), "--as", kind)
        return self.folder / kind

    def _alone(
        self, scene: str, kind: str, blender: str, first: int, last: int
    ) -> tuple[Path, str]:
        """Return a folder with what Blender alone makes of some frames, and why it has none."""
        out = self.folder / "alone" / f"{scene}-{kind}-{blender}-{first}-{last}"
        out.mkdir(parents=True)
        file = self.scenes(kind) / f"{scene}.blend"
        command = named(blender).render(file, out / "####", first, last)
        outcome = execute(command, timeout=LIMIT_S)
        missing = len(list(out.iterdir())) <= last - first
        return out, f"blender: {error_in(outcome.text)}" if missing else ""

    def judge(self, case: Case) -> Verdict:
        """Render a case and compare its pictures."""
        is_still = case.way != "frames" and case.scene in SIMULATED
        frames = (3, 3) if is_still else (2, 4)
        alone, failure = self.alone(case.scene, case.kind, case.blender, *frames)
        with tempfile.TemporaryDirectory(dir=self.folder) as out:
            file = self.scenes(case.kind) / f"{case.scene}.blend"
            words = (*WAYS[case.way], "--program", named(case.blender).program, *QUIET)
            command = self.starter.command(case.ranks, file, "-o", f"{out}/####", *words)
            outcome = execute(command, timeout=LIMIT_S, env=self.starter.env, cwd=Path(out))
            said = "; ".join(remarks(outcome.text))
            pictures = sorted(path for path in Path(out).iterdir() if path.stem.isdigit())
            if outcome.status != 0 or not pictures:
                return Verdict(
                    case, failure or f"mpirender: {said or outcome.last_line}", said=said
                )
            if failure:
                return Verdict(case, f"mpirender goes on where {failure}", said=said)
            found = [compare(alone / path.name, path) for path in pictures]
        return Verdict(
            case,
            "",
            sum(one.pixels for one in found),
            max(one.maximum for one in found),
            ", ".join(sorted({one.kind for one in found if one.kind})),
            said,
            int(tasks[1]) if (tasks := TASKS.search(outcome.text)) else 0,
        )


def named(version: str) -> Blender:
    """Return the Blender of a version."""
    return next(blender for blender in BLENDERS if blender.name == version)


def compare(first: Path, second: Path) -> Difference:
    """Return how two pictures differ, but for times in their headers."""
    found = compare_pictures(first, second)
    if not found.kind.startswith("header: "):
        return found
    ours, theirs = (read_picture(path).header for path in (second, first))
    names = found.kind.removeprefix("header: ").split(", ")
    kept = (
        name
        for name in names
        if not TIMES.fullmatch(name) and in_order(theirs.get(name)) != in_order(ours.get(name))
    )
    return Difference(found.pixels, found.maximum, ", ".join(kept))


def in_order(field: str | None) -> Json:
    """Return what a field says; the names in Cryptomatte's lists come in any order."""
    return json.loads(field) if field and field.startswith("{") else field


def remarks(text: str) -> list[str]:
    """Return what mpirender says of itself, but for the line that closes a run."""
    own = [line for line in text.splitlines() if line.startswith("mpirender: ")]
    return [line.removeprefix("mpirender: ") for line in own if not TASKS.search(line)]


def error_in(text: str) -> str:
    """Return Blender's own line of an error, or its last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [line for line in lines if "rror" in line]
    return (errors or lines or [""])[-1][:200]


# ----------------------------------------------------------------------------------------- report


def report(verdicts: Sequence[Verdict], known: dict[str, str]) -> str:
    """Return the table and the remarks as Markdown."""
    versions = [b.name for b in BLENDERS if any(v.case.blender == b.name for v in verdicts)]
    bad = [verdict for verdict in verdicts if verdict.bad]
    lines = [f"# {len(verdicts)} runs against Blender alone", ""]
    lines += [f"**To be looked into: {len(bad)}**", ""]
    lines += [f"{name}: {value}  " for name, value in known.items()]
    lines += ["", f"| scene | format | divided by | {' | '.join(versions)} |"]
    lines += [f"|---|---|---|{'---|' * len(versions)}"]
    rows: dict[tuple[str, str, str], list[Verdict]] = {}
    for verdict in verdicts:
        case = verdict.case
        rows.setdefault((case.scene, case.kind, case.way), []).append(verdict)
    for row, all_of_it in rows.items():
        cells = [in_words([v for v in all_of_it if v.case.blender == name]) for name in versions]
        lines.append(f"| {' | '.join([*row, *cells])} |")
    lines += ["", "## What mpirender says", ""]
    said: dict[str, set[str]] = {}
    for v in verdicts:
        for text in filter(None, (v.said, v.failure)):
            said.setdefault(text, set()).add(f"{v.case.scene} by {v.case.way}")
    lines += [f"- {text}: {', '.join(sorted(where))}" for text, where in said.items()]
    return "\n".join(lines) + "\n"


def in_words(verdicts: Sequence[Verdict]) -> str:
    """Return what came out with one Blender on some numbers of ranks."""
    cells: dict[str, list[str]] = {}
    for verdict in verdicts:
        cells.setdefault(verdict.cell, []).append(str(verdict.case.ranks))
    return "; ".join(f"{cell} on {', '.join(ranks)}" for cell, ranks in cells.items())


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = arguments(__doc__ or "", ranks=0)
    names = [blender.name for blender in BLENDERS]
    parser.add_argument("--only", nargs="+", choices=SCENES, default=SCENES, metavar="SCENE")
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--blenders", nargs="+", choices=names, default=names)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit status."""
    options = parse(argv)
    out: Path = options.out.absolute()
    starter = Starter.parse(options.launcher)
    journal = out / "conformance-blender.jsonl"
    done: dict[Case, Verdict] = {}
    for record in read_lines(journal):
        case = Case(**record.pop("case"))  # type: ignore[arg-type]
        done[case] = Verdict(case, **record)  # type: ignore[arg-type]
    work = list(plan(options))
    with tempfile.TemporaryDirectory(prefix="conformance-") as scratch:
        bench = Bench(Path(scratch), starter)
        for number, case in enumerate(work, 1):
            if case not in done:
                done[case] = bench.judge(case)
                append_line(journal, asdict(done[case]))
                print(f"{number}/{len(work)} {case}: {done[case].cell}", flush=True)
    verdicts = [done[case] for case in work]
    known = {name: str(value) for name, value in environment(starter).items()}
    known["command"] = shlex.join(["conformance_blender.py", *(argv or sys.argv[1:])])
    text = report(verdicts, known)
    (out / "conformance-blender.md").write_text(text, encoding="utf-8")
    print(text)
    return int(any(verdict.bad for verdict in verdicts))


if __name__ == "__main__":
    raise SystemExit(main())
