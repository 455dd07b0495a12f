"""What mpirender costs on one machine: two ranks against `povray` with two threads.

    python tests/benchmarks/overhead.py
    python tests/benchmarks/overhead.py --pairs 5 --launcher "mpirun -np {n} mpirender"

Scenes that come with POV-Ray are rendered in turn by `povray +WT2` and by mpirender on 2 ranks,
three times each: advanced/blocks/stackerday and advanced/chess2 (320x240 +A0.3 -J), then two that
are hard to share out: advanced/wallstucco is parsed for longer than it is rendered, and
advanced/glasschess takes but a few seconds. A ratio is the wall time of mpirender over that of the
run just before it; the median is what counts. A trivial scene shows the extra wall time of a whole
start and end, in seconds, and at 3840x2160 what moving pixels costs. Last comes a scene that is
dear at the bottom only, against equal halves: one `povray +WT1` a rank with as many rows each.

Pictures are compared bit by bit. The machine has to be otherwise idle, with two cores.

The pixels of stackerday (radiosity) depend on the order of tracing: there `povray` is rendered
once more, to show that it does not repeat itself either.

Results: <out>/overhead.json. The exit status is 1 if a picture differs that `povray` repeats.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # where `benchmarks` is

from benchmarks.common import (
    EXAMPLES,
    Difference,
    Json,
    Outcome,
    Pairs,
    Starter,
    arguments,
    compare_pictures,
    environment,
    execute,
    execute_together,
    povray,
    time_in_pairs,
    write_json,
)

LIMIT_S = 600.0
SCENES = (
    "advanced/blocks/stackerday.pov",
    "advanced/chess2.pov",
    "advanced/wallstucco.pov",
    "advanced/glasschess/glasschess.pov",
)
SWITCHES = ("+A0.3", "-J", "+FN")
SMALL, LARGE = (320, 240), (3840, 2160)
BOTTOM = """\
#version 3.7;
global_settings { assumed_gamma 1.0 max_trace_level 12 }
camera { location <0, 3, -6> look_at <0, 1.2, 0> }
light_source { <4, 9, -5> rgb 1 area_light <2, 0, 0>, <0, 0, 2>, 5, 5 }
background { rgb <0.3, 0.5, 0.8> }
plane { y, 0 pigment { checker rgb 0.2 rgb 0.8 } finish { reflection 0.3 } }
#for (I, -9, 9)
  sphere { <I * 0.35, 0.2, 0>, 0.2 pigment { rgbt 0.9 } finish { reflection 0.3 }
    interior { ior 1.5 } }
#end
"""
"""An empty sky over rows of glass."""
TRIVIAL = """\
#version 3.7;
global_settings { assumed_gamma 1.0 }
camera { location <0, 1, -4> look_at 0 }
light_source { <4, 6, -5> rgb 1 }
sphere { 0, 1 pigment { rgb <0.8, 0.3, 0.2> } finish { ambient 0 } }
plane { y, -1 pigment { checker rgb 0.2 rgb 0.8 } finish { ambient 0 } }
"""


@dataclass(frozen=True)
class Comparison:
    """One scene, rendered in turn by both.

    Attributes
    ----------
    scene : str
        Its name.
    pairs : Pairs
        Wall times; POV-Ray alone is the first.
    difference : Difference
        Between the last two pictures.
    own : Difference
        Between two of `povray`; looked for only if `difference` is something.
    """

    scene: str
    pairs: Pairs
    difference: Difference
    own: Difference

    @property
    def pictures(self) -> str:
        """How the pictures compare, as people read it."""
        text = str(self.difference)
        return f"{text} (povray with itself: {self.own})" if self.difference else text

    @property
    def line(self) -> str:
        """The result as people read it."""
        ratios = " ".join(f"{ratio:.3f}" for ratio in self.pairs.ratios)
        return (
            f"{self.scene}: ratio {self.pairs.ratio:.3f} ({ratios}), "
            f"extra {self.pairs.extra:+.2f} s, pictures {self.pictures}"
        )

    @property
    def record(self) -> dict[str, Json]:
        """The result as it is kept."""
        return {
            "scene": self.scene,
            "povray_s": list(self.pairs.first),
            "mpirender_s": list(self.pairs.second),
            "ratios": list(self.pairs.ratios),
            "median_ratio": self.pairs.ratio,
            "median_extra_s": self.pairs.extra,
            "pictures": self.pictures,
        }


@dataclass(frozen=True)
class Subject:
    """What is rendered, and what by.

    Attributes
    ----------
    name : str
    scene : Path
        The .pov file; both programs run in its folder.
    size : (int, int)
        Width and height.
    halves : bool
        Whether the other one is a `povray +WT1` for an equal part of the rows of each rank, not
        one with as many threads. Their pictures are not put together.
    """

    name: str
    scene: Path
    size: tuple[int, int] = SMALL
    halves: bool = False

    @property
    def switches(self) -> tuple[str, ...]:
        """POV-Ray's, of both."""
        return (f"+W{self.size[0]}", f"+H{self.size[1]}", *SWITCHES)


def compare(subject: Subject, starter: Starter, *, ranks: int, pairs: int) -> Comparison:
    """Render a scene in turn by POV-Ray alone and by mpirender.

    Parameters
    ----------
    subject : Subject
    starter : Starter
        How mpirender is started.
    ranks, pairs : int
        On how many ranks; how often.
    """
    scene = subject.scene
    folder = scene.parent
    plain, here = folder / "plain.png", folder / "here.png"

    def run_plain(output: Path = plain) -> Outcome:
        command = povray(scene.name, output, (*subject.switches, f"+WT{ranks}"))
        return execute(command, timeout=LIMIT_S, cwd=folder)

    def run_halves() -> Outcome:
        bounds = [subject.size[1] * part // ranks for part in range(ranks + 1)]
        commands = [
            povray(
                scene.name,
                folder / f"part{start}.png",
                (*subject.switches, "+WT1", f"+SR{start + 1}", f"+ER{stop}"),
            )
            for start, stop in pairwise(bounds)
        ]
        return execute_together(commands, timeout=LIMIT_S, cwd=folder)

    def run_here() -> Outcome:
        here.unlink(missing_ok=True)
        command = starter.render(ranks, scene.name, here, subject.switches)
        return execute(command, timeout=LIMIT_S, cwd=folder, env=starter.env)

    times = time_in_pairs(run_halves if subject.halves else run_plain, run_here, pairs=pairs)
    if subject.halves:
        run_plain()
    difference = own = compare_pictures(plain, here)
    if difference:
        run_plain(folder / "again.png")
        own = compare_pictures(plain, folder / "again.png")
    return Comparison(subject.name, times, difference, own)


def copy_scene(name: str, folder: Path) -> Path:
    """Return a scene of the examples in a fresh copy of its own folder."""
    source = EXAMPLES / name
    copy = folder / source.stem
    shutil.copytree(source.parent, copy)
    return copy / source.name


def write_scene(folder: Path, name: str, text: str) -> Path:
    """Return a scene of ours in a folder of its own."""
    scene = folder / name / f"{name}.pov"
    scene.parent.mkdir()
    scene.write_text(text, encoding="utf-8")
    return scene


def subjects(folder: Path) -> list[Subject]:
    """Return all that is rendered, its files below a folder."""
    examples = [copy_scene(name, folder) for name in SCENES]
    trivial = write_scene(folder, "trivial", TRIVIAL)
    return [
        *(Subject(scene.stem, scene) for scene in examples),
        Subject("trivial", trivial),
        Subject("trivial 3840x2160", trivial, LARGE),
        Subject("dear at the bottom", write_scene(folder, "bottom", BOTTOM), halves=True),
    ]


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = arguments(__doc__ or "", ranks=2)
    parser.add_argument(
        "--pairs", type=int, default=3, metavar="N", help="%(default)s if not given"
    )
    parser.add_argument("--only", default="", metavar="TEXT", help="scenes whose name contains it")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the benchmark and return its exit status."""
    options = parse(argv)
    starter = Starter.parse(options.launcher)
    results = []
    with tempfile.TemporaryDirectory(prefix="overhead-") as scratch:
        folder = Path(scratch)
        for subject in subjects(folder):
            if options.only in subject.name:
                result = compare(subject, starter, ranks=options.ranks, pairs=options.pairs)
                print(result.line, flush=True)
                results.append(result)
    write_json(
        options.out / "overhead.json",
        {
            "ranks": options.ranks,
            "switches": list(SWITCHES),
            "environment": environment(starter),
            "scenes": [result.record for result in results],
        },
    )
    return int(any(result.difference and not result.own for result in results))


if __name__ == "__main__":
    raise SystemExit(main())
