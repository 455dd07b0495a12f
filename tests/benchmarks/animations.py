"""Every animation that comes with POV-Ray: does mpirender write the files that `povray` writes?

    python tests/benchmarks/animations.py
    python tests/benchmarks/animations.py --launcher openmpi5 --frames-at-most 60
    python tests/benchmarks/animations.py --only 'portfolio/*'

Each .ini of Debian's povray-examples that asks for several frames (17 of them in animations/) is
rendered by `povray +WT1` and by mpirender on 4 ranks, both with +W80 +H60, each in a fresh copy of
the animation's folder. Long ones are not rendered whole: both get the same +SF and +EF, so that
their last frames are rendered with the clocks and names that they have in the whole. Then the
files that have come into being must have the same names, and every frame the same pixels, bit by
bit as stored.

Where a frame differs it is found out by experiment whether it could have been the same: it is
rendered plain again, with +WT1 and with +WT2. If `povray` repeats itself, or differs far less than
mpirender does, the reason is "unexplained".

The run can be broken off and started again: each animation is one JSON line in
<out>/animations.jsonl and is not repeated. At the end <out>/animations.md has the table. The exit
status is 1 if an animation failed only in mpirender, file names differ, or a difference is
unexplained.
"""

from __future__ import annotations

import argparse
import fnmatch
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where `benchmarks` is

from benchmarks.common import (
    EXAMPLES,
    Difference,
    Json,
    Outcome,
    Starter,
    append_line,
    arguments,
    compare_pictures,
    environment,
    execute,
    read_lines,
    write_json,
)
from benchmarks.conformance import (
    ALIKE,
    DIFFERS,
    FAILED_BOTH,
    FAILED_HERE,
    FAILED_PLAIN,
    IDENTICAL,
    TOO_SLOW,
    UNEXPLAINED,
    error_line,
)

SIZE = ("+W80", "+H60")
PLAIN_LIMIT_S = 180.0
MPIRENDER_LIMIT_S = 300.0
OTHER_NAMES = "other file names"
INITIAL = re.compile(r"(?:^\s*Initial_Frame\s*=\s*|\+KFI)(\d+)", re.IGNORECASE | re.MULTILINE)
FINAL = re.compile(r"(?:^\s*Final_Frame\s*=\s*|\+KFF)(\d+)", re.IGNORECASE | re.MULTILINE)
COMMENT = re.compile(r";.*")
SUFFIX = ".png"  # what all of the examples write


@dataclass(frozen=True)
class Verdict:
    """What came out for one animation.

    Attributes
    ----------
    animation : str
        Path of its .ini below the examples.
    verdict : str
        One of the constants of the conformance benchmark, or OTHER_NAMES.
    frames, of : int
        How many frames were rendered plain, and how many the animation has.
    different : int
        Frames that are not the same.
    pixels, maximum : int, float
        How many pixels of them differ, and the largest difference in the file's levels.
    reason : str
        Why it differs, or the last line of what failed.
    plain_s, mpirender_s : float
        Wall times.
    """

    animation: str
    verdict: str
    frames: int = 0
    of: int = 0
    different: int = 0
    pixels: int = 0
    maximum: float = 0.0
    reason: str = ""
    plain_s: float = 0.0
    mpirender_s: float = 0.0

    @property
    def bad(self) -> bool:
        """Whether this is what the benchmark looks for."""
        is_unexplained = self.reason.startswith(UNEXPLAINED)
        return self.verdict in (FAILED_HERE, OTHER_NAMES) or is_unexplained


@dataclass(frozen=True)
class Bench:
    """Where everything is.

    Attributes
    ----------
    examples : Path
        Folder of the animations; only read.
    scratch : Path
        Folder for the copies.
    starter : Starter
        How mpirender is started.
    ranks : int
        On how many ranks.
    at_most : int
        Frames of an animation, >= 1.
    """

    examples: Path
    scratch: Path
    starter: Starter
    ranks: int
    at_most: int


@dataclass(frozen=True)
class Rendered:
    """What one program has made of an animation.

    Attributes
    ----------
    outcome : Outcome
    folder : Path
        The copy in which it ran.
    names : frozenset of str
        Files that were not there before.
    """

    outcome: Outcome
    folder: Path
    names: frozenset[str]

    @property
    def failure(self) -> str:
        """Why there are no frames; empty if there are some."""
        if self.outcome.status is None:
            return TOO_SLOW
        if self.outcome.status != 0:
            said = re.findall(r"^mpirender: .*[^:\n]$", self.outcome.text, re.MULTILINE)
            why = said[-1][:200] if said else error_line(self.outcome)
            return f"exit status {self.outcome.status}: {why}"
        return "" if self.frames else "exit status 0 without a picture"

    @property
    def frames(self) -> list[str]:
        """Names of the pictures."""
        return sorted(name for name in self.names if name.endswith(SUFFIX))


# ---------------------------------------------------------------------------------- the animations


def frames_of(ini: Path) -> tuple[int, int] | None:
    """Return the first and the last frame that an .ini asks for; None if it asks for one only."""
    text = COMMENT.sub("", ini.read_text(encoding="latin-1"))
    final = FINAL.findall(text)
    initial = INITIAL.findall(text) or ["1"]
    first, last = int(initial[-1]), int((final or initial)[-1])
    return (first, last) if last > first else None


def subset(first: int, last: int, *, at_most: int) -> tuple[str, ...]:
    """Return the switches that choose the last frames of a long animation."""
    if last - first < at_most:
        return ()
    return (f"+SF{last - at_most + 1}", f"+EF{last}")


def render(
    bench: Bench, animation: str, name: str, command: Sequence[str], *, limit_s: float
) -> Rendered:
    """Let a program render an animation in a fresh copy of its folder."""
    folder = bench.scratch / name
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree((bench.examples / animation).parent, folder)
    before = files_below(folder)
    outcome = execute(command, timeout=limit_s, cwd=folder, env=bench.starter.env)
    return Rendered(outcome, folder, frozenset(files_below(folder) - before))


def files_below(folder: Path) -> set[str]:
    """Return the names of all files in a folder."""
    return {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}


def render_plain(
    bench: Bench, animation: str, switches: Sequence[str], threads: str, name: str
) -> Rendered:
    """Let plain POV-Ray render an animation."""
    command = ["povray", Path(animation).name, *SIZE, *switches, threads, "-D"]
    return render(bench, animation, name, command, limit_s=PLAIN_LIMIT_S)


def render_here(bench: Bench, animation: str, switches: Sequence[str]) -> Rendered:
    """Let mpirender render an animation."""
    words = (Path(animation).name, *SIZE, *switches)
    command = bench.starter.command(bench.ranks, *words)
    return render(bench, animation, "here", command, limit_s=MPIRENDER_LIMIT_S)


# ------------------------------------------------------------------------------------- comparison


@dataclass(frozen=True)
class Comparison:
    """How the frames of two renders differ.

    Attributes
    ----------
    frames : int
        How many do.
    pixels, maximum : int, float
        Pixels that differ in all frames together; the largest difference.
    kind : str
        What else differs in the last of them that differs; empty if nothing.
    """

    frames: int
    pixels: int
    maximum: float
    kind: str

    def __str__(self) -> str:
        return f"{self.frames} frames, {Difference(self.pixels, self.maximum, self.kind)}"


def compare(first: Rendered, second: Rendered) -> Comparison:
    """Return how the frames of two renders differ, whose names are the same.

    Raises
    ------
    OSError
        If a picture cannot be read.
    """
    found = [
        difference
        for name in first.frames
        if (difference := compare_pictures(first.folder / name, second.folder / name))
    ]
    return Comparison(
        frames=len(found),
        pixels=sum(difference.pixels for difference in found),
        maximum=max((difference.maximum for difference in found), default=0.0),
        kind=found[-1].kind if found else "",
    )


def find_reason(
    bench: Bench, verdict: Verdict, plain: Rendered, found: Comparison, switches: Sequence[str]
) -> str:
    """Return why frames cannot be the same, found by rendering them plain again."""
    if found.kind:
        return f"{UNEXPLAINED}: {found.kind}"
    own: dict[str, Comparison] = {}
    for threads in ("+WT1", "+WT2"):
        again = render_plain(bench, verdict.animation, switches, threads, "again")
        if again.failure or again.names != plain.names:
            return f"{UNEXPLAINED}: plain {threads} again: {again.failure or OTHER_NAMES}"
        own[threads] = compare(plain, again)
    name, most = max(own.items(), key=lambda item: (item[1].pixels, item[1].maximum))
    if not most.frames:
        return f"{UNEXPLAINED}: povray repeats itself with +WT1 and with +WT2"
    reason = f"povray +WT1 itself differs from another {name} ({most})"
    alike = found.pixels <= ALIKE * most.pixels + 50 and found.maximum <= ALIKE * most.maximum
    return reason if alike else f"{UNEXPLAINED}: {reason}, but less"


def judge(bench: Bench, animation: str, first: int, last: int) -> Verdict:
    """Render an animation both ways and say what came out."""
    switches = subset(first, last, at_most=bench.at_most)
    plain = render_plain(bench, animation, switches, "+WT1", "plain")
    verdict = Verdict(
        animation,
        TOO_SLOW,
        frames=len(plain.frames),
        of=last - first + 1,
        plain_s=round(plain.outcome.seconds, 2),
    )
    if plain.failure == TOO_SLOW:
        return verdict
    here = render_here(bench, animation, switches)
    verdict = replace(verdict, mpirender_s=round(here.outcome.seconds, 2))
    if plain.failure:
        both = f"povray: {plain.failure}; mpirender: {here.failure}"
        return replace(
            verdict,
            verdict=FAILED_BOTH if here.failure else FAILED_PLAIN,
            reason=both if here.failure else plain.failure,
        )
    if here.failure:
        limit = f"time limit of {MPIRENDER_LIMIT_S:g} s"
        reason = limit if here.failure == TOO_SLOW else here.failure
        return replace(verdict, verdict=FAILED_HERE, reason=reason)
    if here.names != plain.names:
        missing, more = sorted(plain.names - here.names), sorted(here.names - plain.names)
        reason = f"missing: {missing[:6]}, not in plain: {more[:6]}"
        return replace(verdict, verdict=OTHER_NAMES, reason=reason)
    return judge_frames(bench, verdict, plain, here, switches)


def judge_frames(
    bench: Bench, verdict: Verdict, plain: Rendered, here: Rendered, switches: Sequence[str]
) -> Verdict:
    """Compare the frames; complete the verdict."""
    try:
        found = compare(plain, here)
    except OSError as error:
        return replace(verdict, verdict=FAILED_HERE, reason=str(error))
    if not found.frames:
        return replace(verdict, verdict=IDENTICAL)
    return replace(
        verdict,
        verdict=DIFFERS,
        different=found.frames,
        pixels=found.pixels,
        maximum=found.maximum,
        reason=find_reason(bench, verdict, plain, found, switches),
    )


# ----------------------------------------------------------------------------------------- report


def report(verdicts: Sequence[Verdict], known: dict[str, Json], ranks: int) -> str:
    """Return the summary and the table as Markdown."""
    count = Counter(v.verdict for v in verdicts)
    frames = sum(v.frames for v in verdicts)
    lines = [
        f"# {len(verdicts)} animations, {frames} frames,"
        f" mpirender on {ranks} ranks against povray +WT1",
        "",
        *(f"- {name}: {number}" for name, number in count.most_common()),
        f"- **to be looked into: {sum(v.bad for v in verdicts)}**",
        "",
        *(f"{name}: {value}  " for name, value in known.items()),
        "",
        "| animation | frames | of | verdict | different | pixels | max | reason | povray s "
        "| mpirender s |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for v in verdicts:
        cells = (
            *(v.animation, v.frames, v.of, v.verdict, v.different, v.pixels, f"{v.maximum:g}"),
            *(v.reason, f"{v.plain_s:.1f}", f"{v.mpirender_s:.1f}"),
        )
        lines.append(f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def plan(examples: Path, only: str) -> list[tuple[str, tuple[int, int]]]:
    """Return the animations, each with its first and its last frame."""
    names = sorted(path.relative_to(examples).as_posix() for path in examples.rglob("*.ini"))
    asked = [(name, frames_of(examples / name)) for name in names if fnmatch.fnmatch(name, only)]
    return [(name, frames) for name, frames in asked if frames]


def judge_all(
    bench: Bench, work: Sequence[tuple[str, tuple[int, int]]], journal: Path
) -> list[Verdict]:
    """Return the verdicts of all animations, those of an earlier run included, in order."""
    done: dict[str, Verdict] = {}
    for record in read_lines(journal):
        verdict = Verdict(**record)  # type: ignore[arg-type]
        done[verdict.animation] = verdict
    for number, (animation, (first, last)) in enumerate(work, 1):
        if animation not in done:
            verdict = judge(bench, animation, first, last)
            append_line(journal, asdict(verdict))
            done[animation] = verdict
            text = f"{number}/{len(work)} {animation}: {verdict.frames} frames, {verdict.verdict}"
            print(f"{text} {verdict.reason}".rstrip(), flush=True)
    return [done[animation] for animation, _ in work]


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = arguments(__doc__ or "", ranks=4)
    parser.add_argument(
        "--frames-at-most",
        type=int,
        default=12,
        metavar="N",
        help="of each animation, the last ones; %(default)s if not given",
    )
    parser.add_argument(
        "--examples", type=Path, default=EXAMPLES, metavar="DIR", help="animations, %(default)s"
    )
    parser.add_argument(
        "--only",
        default="animations/*",
        metavar="PATTERN",
        help="animations whose path matches, %(default)s",
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit status."""
    options = parse(argv)
    out: Path = options.out.absolute()
    starter = Starter.parse(options.launcher)
    work = plan(options.examples, options.only)
    with tempfile.TemporaryDirectory(prefix="animations-") as scratch:
        bench = Bench(
            options.examples, Path(scratch), starter, options.ranks, max(1, options.frames_at_most)
        )
        verdicts = judge_all(bench, work, out / "animations.jsonl")
    machine = environment(starter)
    write_json(out / "animations.json", machine)
    text = report(verdicts, machine, options.ranks)
    (out / "animations.md").write_text(text, encoding="utf-8")
    print(text)
    return int(any(verdict.bad for verdict in verdicts))


if __name__ == "__main__":
    raise SystemExit(main())
