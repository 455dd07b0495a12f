"""Every scene that comes with POV-Ray: does mpirender write what plain `povray` writes?

    python tests/benchmarks/conformance.py
    python tests/benchmarks/conformance.py --launcher openmpi5 --ranks 4 --only 'advanced/*'

Each .pov of Debian's povray-examples (396) is rendered by `povray +WT1` and by mpirender on 4
ranks, both with +W160 +H120 +A0.3, and the two files are compared bit by bit, as stored. A dozen
of the scenes are rendered also with 16 bits, with alpha, as EXR and with +AM2. A scene that plain
`povray` does not render within 60 s is listed and left out.

Scenes whose pixels depend on the order of tracing (jittered lights, crand, radiosity, ...) cannot
be the same: plain POV-Ray with two threads does not even repeat itself. For each scene that
differs this is found out by experiment: it is rendered plain again with +WT1, twice with +WT2 and
in row blocks of 32 rows. If no plain render differs from the first, or all differ far less than
mpirender does, the reason is "unexplained".

Every render runs in a fresh copy of the scene's folder, as scenes may write files. The run can be
broken off and started again: each scene is one JSON line in <out>/conformance.jsonl and is not
repeated; plain pictures are kept in the folder of `--plain`, which further runs can share. At the
end <out>/conformance.md has the table. The exit status is 1 if a scene failed only in mpirender
or a difference is unexplained.
"""

from __future__ import annotations

import argparse
import fnmatch
import re
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

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
    compare_pixels,
    environment,
    execute,
    povray,
    read_lines,
    read_picture,
    write_json,
)

WIDTH, HEIGHT = 160, 120
SIZE = (f"+W{WIDTH}", f"+H{HEIGHT}")
AGAIN = (("+WT1 and +WT2", 2, 1), ("+WT1 and another +WT2", 2, 2), ("two +WT1", 1, 1))
ALIKE = 3.0  # how much larger than povray's own a difference may be to be explained by it
BLOCK_ROWS = 32  # POV-Ray's tiles: row blocks that start at a multiple are exact
PLAIN_LIMIT_S = 60.0
MPIRENDER_LIMIT_S = 240.0
AGAIN_LIMIT_S = 240.0  # when looking for a reason, the machine may be slower than the first time


@dataclass(frozen=True)
class Mode:
    """Switches that a scene is rendered with, and the ending of the file."""

    name: str
    switches: tuple[str, ...]
    suffix: str = ".png"


USUAL = Mode("usual", ("+A0.3", "+FN"))
FURTHER = (
    Mode("16 bits", ("+A0.3", "+FN16")),
    Mode("alpha", ("+A0.3", "+FN", "+UA")),
    Mode("EXR", ("+A0.3", "+FE"), ".exr"),
    Mode("AM2", ("+A0.3", "+FN", "+AM2")),
)
FURTHER_SCENES = frozenset(
    f"{name}.pov"
    for name in (
        *("advanced/woodbox", "advanced/wineglass", "advanced/pawns", "advanced/crater/crater"),
        *("advanced/sombrero", "advanced/landscape", "advanced/teapot/teapot4"),
        *("advanced/biscuit", "advanced/swirlbox", "advanced/drums2/drums", "objects/fractal3"),
        *("interior/media/galaxy", "advanced/glasschess/glasschess"),
    )
)

# What may make pixels depend on the order of tracing: a hint for the reader, not a verdict.
FEATURES = {
    "radiosity": r"\bradiosity\b",
    "photons": r"\bphotons\b",
    "subsurface": r"\bsubsurface\b",
    "crand": r"\bcrand\b",
    "jitter": r"\bjitter\b",
    "media": r"\bmedia\b",
    "media method 1": r"\bmethod\s+1\b",
    "rainbow": r"\brainbow\b",
    "isosurface evaluate": r"\bevaluate\b",
    "clock of the machine": r"\bnow\b",
}
COMMENTS = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
INCLUDES = re.compile(r'#\s*include\s+"([^"]+)"')

IDENTICAL, DIFFERS = "identical", "differs"
FAILED_BOTH, FAILED_HERE, FAILED_PLAIN = "failed in both", "failed here", "failed in plain alone"
TOO_SLOW = "too slow in plain"
UNEXPLAINED = "unexplained"


@dataclass(frozen=True)
class Verdict:
    """What came out for one scene in one mode.

    Attributes
    ----------
    scene, mode : str
        Path below the examples; name of the mode.
    verdict : str
        One of the constants above.
    pixels, maximum : int, float
        How many pixels differ, and the largest difference in the file's levels.
    reason : str
        Why it differs, or the last line of what failed.
    hints : str
        Features of the scene that may have to do with it.
    plain_s, mpirender_s : float
        Wall times.
    """

    scene: str
    mode: str
    verdict: str
    pixels: int = 0
    maximum: float = 0.0
    reason: str = ""
    hints: str = ""
    plain_s: float = 0.0
    mpirender_s: float = 0.0

    @property
    def bad(self) -> bool:
        """Whether this is what the benchmark looks for."""
        return self.verdict == FAILED_HERE or self.reason.startswith(UNEXPLAINED)


@dataclass(frozen=True)
class Bench:
    """Where everything is.

    Attributes
    ----------
    examples : Path
        Folder of the scenes; only read.
    plain : Path
        Folder of the plain pictures and of plain.jsonl.
    scratch : Path
        Folder for the copies.
    starter : Starter or None
        How mpirender is started; None for a run of plain `povray` only.
    ranks : int
        On how many ranks.
    """

    examples: Path
    plain: Path
    scratch: Path
    starter: Starter | None
    ranks: int

    @contextmanager
    def fresh_copy(self, scene: str) -> Iterator[Path]:
        """Lend a new copy of the scene's folder."""
        with tempfile.TemporaryDirectory(dir=self.scratch, ignore_cleanup_errors=True) as folder:
            copy = Path(folder) / "scene"
            shutil.copytree((self.examples / scene).parent, copy)
            yield copy

    def plain_picture(self, scene: str, mode: Mode) -> Path:
        """Return where the plain picture of a scene is kept."""
        return self.plain / mode.name.replace(" ", "-") / Path(scene).with_suffix(mode.suffix)

    def render_plain(
        self, scene: str, switches: Sequence[str], output: Path, *, limit_s: float
    ) -> Outcome:
        """Let plain POV-Ray render a scene into a file."""
        output.parent.mkdir(parents=True, exist_ok=True)
        with self.fresh_copy(scene) as folder:
            command = povray(Path(scene).name, output, (*SIZE, *switches))
            return execute(command, timeout=limit_s, cwd=folder)

    def render_here(self, scene: str, switches: Sequence[str], output: Path) -> Outcome:
        """Let mpirender render a scene into a file."""
        assert self.starter is not None
        with self.fresh_copy(scene) as folder:
            words = (*SIZE, *switches)
            command = self.starter.render(self.ranks, Path(scene).name, output, words)
            return execute(command, timeout=MPIRENDER_LIMIT_S, cwd=folder, env=self.starter.env)


# -------------------------------------------------------------------------------- plain pictures


def failure(outcome: Outcome, picture: Path) -> str:
    """Return why a render did not give a picture; empty if it did."""
    if outcome.status is None:
        return TOO_SLOW
    if outcome.status != 0:
        return f"exit status {outcome.status}: {error_line(outcome)}"
    try:
        height, width = read_picture(picture).pixels.shape[:2]
    except OSError as error:
        return f"exit status 0 without a picture: {error}"
    return "" if (width, height) == (WIDTH, HEIGHT) else f"{width}x{height} pixels"


def error_line(outcome: Outcome) -> str:
    """Return the line that names the error, or else the last one."""
    lines = [line.strip() for line in outcome.text.splitlines() if "Possible" not in line]
    for words in ("Parse Error:", "rror:", "rror in"):
        named = [line for line in lines if words in line]
        if named:
            return named[-1][:200]
    return outcome.last_line


def ensure_plain(bench: Bench, scene: str, mode: Mode, known: dict[str, str]) -> tuple[str, float]:
    """Return why plain `povray` fails at a scene (empty if it does not) and its wall time."""
    key = f"{mode.name}: {scene}"
    if key not in known:
        output = bench.plain_picture(scene, mode)
        words = (*mode.switches, "+WT1")
        outcome = bench.render_plain(scene, words, output, limit_s=PLAIN_LIMIT_S)
        output.with_suffix(".pov-state").unlink(missing_ok=True)  # left by a render that was ended
        reason = failure(outcome, output)
        known[key] = f"{outcome.seconds:.2f} {reason}"
        append_line(bench.plain / "plain.jsonl", {"key": key, "result": known[key]})
    seconds, _, reason = known[key].partition(" ")
    return reason, float(seconds)


# --------------------------------------------------------------------------------------- reasons


def find_reason(bench: Bench, scene: str, mode: Mode, found: Difference) -> str:
    """Return why a scene cannot be the same, found by rendering it plain again.

    Parameters
    ----------
    bench, scene, mode
        What was rendered.
    found : Difference
        Between mpirender and plain; it is explained only by differences of the same order.
    """
    own: dict[str, Difference] = {}
    try:
        with tempfile.TemporaryDirectory(dir=bench.scratch) as folder:
            for name, threads, count in AGAIN:
                output = Path(folder) / f"again{threads}{count}{mode.suffix}"
                own[name] = differ_again(bench, scene, mode, output, f"+WT{threads}")
                if is_explained(found, own.values()):
                    break
            else:
                own["whole and row blocks"] = differ_in_blocks(bench, scene, mode, Path(folder))
    except RuntimeError as error:
        return f"{UNEXPLAINED}: {error}"
    name, most = max(own.items(), key=lambda item: (item[1].pixels, item[1].maximum))
    if not most:
        return f"{UNEXPLAINED}: povray repeats itself with +WT1, with +WT2 and in row blocks"
    reason = f"povray itself differs between {name} ({most})"
    return reason if is_explained(found, own.values()) else f"{UNEXPLAINED}: {reason}, but less"


def is_explained(found: Difference, own: Collection[Difference]) -> bool:
    """Return whether a difference is of the order of povray's own."""
    pixels = max(difference.pixels for difference in own)
    maximum = max(difference.maximum for difference in own)
    return pixels > 0 and found.pixels <= ALIKE * pixels + 50 and found.maximum <= ALIKE * maximum


def differ_again(bench: Bench, scene: str, mode: Mode, output: Path, threads: str) -> Difference:
    """Return how one more plain render differs from the kept one."""
    words = (*mode.switches, threads)
    outcome = bench.render_plain(scene, words, output, limit_s=AGAIN_LIMIT_S)
    reason = failure(outcome, output)
    if reason:
        raise RuntimeError(f"plain {threads}: {reason}")
    return compare_pictures(bench.plain_picture(scene, mode), output)


def differ_in_blocks(bench: Bench, scene: str, mode: Mode, folder: Path) -> Difference:
    """Return how plain +WT1 in row blocks, one process each, differs from the whole."""
    whole = read_picture(bench.plain_picture(scene, mode)).pixels
    composed = np.zeros_like(whole)
    for start in range(0, HEIGHT, BLOCK_ROWS):
        stop = min(start + BLOCK_ROWS, HEIGHT)
        output = folder / f"rows{start}{mode.suffix}"
        words = (*mode.switches, f"+SR{start + 1}", f"+ER{stop}", "+WT1")
        outcome = bench.render_plain(scene, words, output, limit_s=AGAIN_LIMIT_S)
        reason = failure(outcome, output)
        if reason:
            raise RuntimeError(f"plain row block: {reason}")
        composed[start:stop] = read_picture(output).pixels[start:stop]
    return compare_pixels(whole, composed)


def find_hints(scene: Path) -> str:
    """Return the features in a scene, and in what it includes from its own folder."""
    waiting, seen, text = [scene], set[Path](), ""
    while waiting:
        file = waiting.pop()
        if file in seen or not file.is_file():
            continue
        seen.add(file)
        content = COMMENTS.sub(" ", file.read_text(encoding="latin-1"))
        waiting += [scene.parent / name for name in INCLUDES.findall(content)]
        text += content
    return ", ".join(name for name, pattern in FEATURES.items() if re.search(pattern, text))


# ---------------------------------------------------------------------------------------- verdict


def judge(bench: Bench, scene: str, mode: Mode, known: dict[str, str]) -> Verdict:
    """Render a scene here, compare it with the plain picture and say what came out."""
    plain, plain_s = ensure_plain(bench, scene, mode, known)
    verdict = Verdict(scene, mode.name, TOO_SLOW, plain_s=plain_s)
    if plain == TOO_SLOW:
        return verdict
    with tempfile.TemporaryDirectory(dir=bench.scratch) as folder:
        output = Path(folder) / f"picture{mode.suffix}"
        outcome = bench.render_here(scene, mode.switches, output)
        verdict = replace(verdict, mpirender_s=round(outcome.seconds, 2))
        here = failure(outcome, output)
        if plain:
            return replace(verdict, verdict=FAILED_BOTH if here else FAILED_PLAIN, reason=plain)
        if not here:
            return judge_picture(bench, mode, verdict, output)
    return replace(
        verdict,
        verdict=FAILED_HERE,
        reason=f"time limit of {MPIRENDER_LIMIT_S:g} s" if here == TOO_SLOW else here,
        hints=find_hints(bench.examples / scene),
    )


def judge_picture(bench: Bench, mode: Mode, verdict: Verdict, output: Path) -> Verdict:
    """Compare a picture with the plain one; complete the verdict."""
    scene = verdict.scene
    found = compare_pictures(bench.plain_picture(scene, mode), output)
    if not found:
        return replace(verdict, verdict=IDENTICAL)
    return replace(
        verdict,
        verdict=DIFFERS,
        pixels=found.pixels,
        maximum=found.maximum,
        reason=find_reason(bench, scene, mode, found)
        if found.pixels
        else f"{UNEXPLAINED}: {found.kind}",
        hints=find_hints(bench.examples / scene),
    )


# ----------------------------------------------------------------------------------------- report


def report(verdicts: Sequence[Verdict], known: dict[str, Json], ranks: int) -> str:
    """Return the summary and the tables as Markdown."""
    count = Counter(v.verdict for v in verdicts)
    bad = [v for v in verdicts if v.bad]
    lines = [f"# {len(verdicts)} renders, mpirender on {ranks} ranks against povray +WT1", ""]
    lines += [f"- {name}: {number}" for name, number in count.most_common()]
    lines += [f"- **to be looked into: {len(bad)}**", ""]
    lines += [f"{name}: {value}  " for name, value in known.items()]
    lines += ["", "## What is not identical", ""]
    lines += ["| scene | mode | verdict | pixels | max | reason | the scene uses |"]
    lines += ["|---|---|---|---|---|---|---|"]
    for v in sorted(verdicts, key=lambda v: (not v.bad, v.verdict, v.scene)):
        if v.verdict != IDENTICAL:
            cells = (v.scene, v.mode, v.verdict, v.pixels, f"{v.maximum:g}", v.reason, v.hints)
            lines.append(f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |")
    lines += [
        "",
        "## Identical",
        "",
        "| scene | mode | povray s | mpirender s |",
        "|---|---|---|---|",
    ]
    for v in verdicts:
        if v.verdict == IDENTICAL:
            lines.append(f"| {v.scene} | {v.mode} | {v.plain_s:.1f} | {v.mpirender_s:.1f} |")
    return "\n".join(lines) + "\n"


def plan(examples: Path, only: str, limit: int | None) -> list[tuple[str, Mode]]:
    """Return what is to be rendered: all scenes as usual, then a dozen in further ways."""
    scenes = sorted(path.relative_to(examples).as_posix() for path in examples.rglob("*.pov"))
    scenes = [scene for scene in scenes if fnmatch.fnmatch(scene, only)][:limit]
    further = [(scene, mode) for scene in scenes if scene in FURTHER_SCENES for mode in FURTHER]
    return [(scene, USUAL) for scene in scenes] + further


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = arguments(__doc__ or "", ranks=4)
    parser.add_argument(
        "--plain", type=Path, metavar="DIR", help="plain pictures; <out>/plain if not given"
    )
    parser.add_argument("--plain-only", action="store_true", help="only render the plain pictures")
    parser.add_argument(
        "--examples", type=Path, default=EXAMPLES, metavar="DIR", help="scenes, %(default)s"
    )
    parser.add_argument("--only", default="*", metavar="PATTERN", help="scenes whose path matches")
    parser.add_argument("--limit", type=int, metavar="N", help="the first N of them")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit status."""
    options = parse(argv)
    out: Path = options.out.absolute()
    plain: Path = (options.plain or out / "plain").absolute()
    starter = None if options.plain_only else Starter.parse(options.launcher)
    known = {str(r["key"]): str(r["result"]) for r in read_lines(plain / "plain.jsonl")}
    work = plan(options.examples, options.only, options.limit)
    with tempfile.TemporaryDirectory(prefix="conformance-") as scratch:
        bench = Bench(options.examples, plain, Path(scratch), starter, options.ranks)
        if starter is None:
            for number, (scene, mode) in enumerate(work, 1):
                reason, seconds = ensure_plain(bench, scene, mode, known)
                print(f"{number}/{len(work)} {scene} ({mode.name}): {seconds:.1f} s {reason}")
            return 0
        verdicts = judge_all(bench, work, known, out / "conformance.jsonl")
    machine = environment(starter)
    write_json(out / "conformance.json", machine)
    text = report(verdicts, machine, options.ranks)
    (out / "conformance.md").write_text(text, encoding="utf-8")
    print(text.partition("## Identical")[0])
    return int(any(verdict.bad for verdict in verdicts))


def judge_all(
    bench: Bench, work: Sequence[tuple[str, Mode]], known: dict[str, str], journal: Path
) -> list[Verdict]:
    """Return the verdicts of all renders, those of an earlier run included, in order."""
    done: dict[tuple[str, str], Verdict] = {}
    for record in read_lines(journal):
        verdict = Verdict(**record)  # type: ignore[arg-type]
        done[verdict.scene, verdict.mode] = verdict
    for number, (scene, mode) in enumerate(work, 1):
        if (scene, mode.name) not in done:
            verdict = judge(bench, scene, mode, known)
            append_line(journal, asdict(verdict))
            done[scene, mode.name] = verdict
            text = f"{number}/{len(work)} {scene} ({mode.name}): {verdict.verdict}"
            print(f"{text} {verdict.reason}".rstrip(), flush=True)
    return [done[scene, mode.name] for scene, mode in work]


if __name__ == "__main__":
    raise SystemExit(main())
