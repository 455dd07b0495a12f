"""What the benchmarks share: starting programs, timing in pairs, comparing pictures, the machine.

The benchmarks are run by people, not by the test suite. Each is one command, described at the top
of its file; each writes what it measured, with a description of the machine, into
`tests/benchmarks/runs/<date>-<machine>/`. They need POV-Ray, the examples that come with it
(Debian: povray, povray-includes, povray-examples) and an environment in which mpirender is
installed with its `test` extra.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import platform
import re
import shlex
import statistics
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TypeAlias

import numpy as np
import OpenImageIO as oiio
from launchers import AS_ROOT, LAUNCHERS, run

ROOT = Path(__file__).resolve().parents[2]
RUNS = Path(__file__).resolve().parent / "runs"
EXAMPLES = Path("/usr/share/doc/povray/examples")
DATE = re.compile(r"\d{4}[-:]\d\d[-:]\d\d \d\d:\d\d:\d\dZ?")  # as POV-Ray writes it into pictures
Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


# ------------------------------------------------------------------------------ starting programs


@dataclass(frozen=True)
class Starter:
    """How mpirender is started on a number of ranks.

    Attributes
    ----------
    words : tuple of str
        The command line up to mpirender's own arguments; `{n}` stands for the number of ranks.
    env : mapping
        Variables that the start needs.
    """

    words: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Starter:
        """Return the starter of a name in `tests/launchers.py` or of a whole command line.

        Parameters
        ----------
        text : str
            ``"mpich"``, or for example ``"mpirun -np {n} --bind-to none mpirender"``.

        Raises
        ------
        SystemExit
            If it is neither, or the named launcher is not installed.
        """
        for launcher in LAUNCHERS:
            if launcher.name == text:
                try:
                    first, *rest = launcher.command(1)
                except FileNotFoundError as error:
                    raise SystemExit(str(error)) from error
                place = rest.index("1")
                return cls((first, *rest[:place], "{n}", *rest[place + 1 :]), launcher.env)
        if "{n}" not in text:
            names = ", ".join(launcher.name for launcher in LAUNCHERS)
            raise SystemExit(f"--launcher: neither a command with {{n}} nor one of {names}")
        return cls(tuple(shlex.split(text)), AS_ROOT)

    def command(self, ranks: int, *args: str | Path) -> list[str]:
        """Return the tokens that start mpirender with `args` on `ranks` ranks."""
        return [word.replace("{n}", str(ranks)) for word in self.words] + [str(a) for a in args]

    def render(
        self, ranks: int, scene: str | Path, output: Path, switches: Sequence[str]
    ) -> list[str]:
        """Return the tokens that render a scene with POV-Ray's switches, those with - last."""
        plus = [switch for switch in switches if not switch.startswith("-")]
        minus = [switch for switch in switches if switch.startswith("-")]
        return self.command(ranks, scene, *plus, f"+O{output}", *(["--", *minus] if minus else []))


@dataclass(frozen=True)
class Outcome:
    """What became of one program.

    Attributes
    ----------
    status : int or None
        Exit status; None if it was ended after its time limit.
    seconds : float
        Wall time.
    text : str
        All it wrote.
    """

    status: int | None
    seconds: float
    text: str = ""

    @property
    def last_line(self) -> str:
        """The last line that says anything, 200 characters at most."""
        lines = [line.strip() for line in self.text.splitlines() if line.strip()]
        return lines[-1][:200] if lines else ""


def execute(
    command: Sequence[str | Path],
    *,
    timeout: float,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> Outcome:
    """Run a program to its end, or to its time limit, and return what became of it.

    Parameters
    ----------
    command : sequence of str or Path
        Program and arguments.
    timeout : float
        Time limit in seconds; after it the program and all its descendants are ended.
    cwd : Path, optional
        Working directory.
    env : mapping, optional
        Variables to add.

    Returns
    -------
    outcome : Outcome
    """
    begin = time.monotonic()
    last_words = io.StringIO()  # where `run` prints what a program wrote before its time limit
    try:
        with contextlib.redirect_stderr(last_words):
            done = run(command, timeout=timeout, cwd=cwd, env=env)
    except subprocess.TimeoutExpired:
        return Outcome(None, time.monotonic() - begin, last_words.getvalue())
    return Outcome(done.returncode, time.monotonic() - begin, done.stdout + done.stderr)


def execute_together(
    commands: Sequence[Sequence[str | Path]],
    *,
    timeout: float,
    cwd: Path | None = None,
    at_once: int | None = None,
) -> Outcome:
    """Run programs at the same time, all or so many, and return how long it took to the last end.

    The status and the text are those of one that failed, if any did.
    """
    begin = time.monotonic()
    with ThreadPoolExecutor(at_once or len(commands)) as pool:
        outcomes = list(pool.map(lambda one: execute(one, timeout=timeout, cwd=cwd), commands))
    worst = max(outcomes, key=lambda outcome: outcome.status != 0)
    return Outcome(worst.status, time.monotonic() - begin, worst.text)


def povray(scene: str | Path, output: Path, switches: Sequence[str]) -> list[str]:
    """Return the command line with which plain POV-Ray writes `output`."""
    return ["povray", f"+I{scene}", f"+O{output}", "-D", *switches]


# --------------------------------------------------------------------------------- paired timing


@dataclass(frozen=True)
class Pairs:
    """Wall times of two commands measured in turn: A B A B ...

    Attributes
    ----------
    first, second : tuple of float
        Seconds, equally many; the i-th of each were run one right after the other.
    """

    first: tuple[float, ...]
    second: tuple[float, ...]

    @property
    def ratios(self) -> list[float]:
        """Second over first, pair by pair: what slows the machine for a while cancels out."""
        return [b / a for a, b in zip(self.first, self.second, strict=True)]

    @property
    def ratio(self) -> float:
        """Median of the ratios."""
        return statistics.median(self.ratios)

    @property
    def extra(self) -> float:
        """Median of the differences second - first, in seconds."""
        return statistics.median(b - a for a, b in zip(self.first, self.second, strict=True))


def time_in_pairs(
    first: Callable[[], Outcome], second: Callable[[], Outcome], *, pairs: int
) -> Pairs:
    """Time two actions in turn.

    Parameters
    ----------
    first, second : callable
        Each runs its program and returns the outcome.
    pairs : int
        How often, >= 1.

    Raises
    ------
    RuntimeError
        If a program fails.
    """
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(pairs):
        for action, seconds in zip((first, second), times, strict=True):
            outcome = action()
            if outcome.status != 0:
                raise RuntimeError(f"exit status {outcome.status}:\n{outcome.text[-2000:]}")
            seconds.append(outcome.seconds)
    return Pairs(tuple(times[0]), tuple(times[1]))


# ---------------------------------------------------------------------------- comparing pictures


@dataclass(frozen=True)
class Picture:
    """Pixels of a file as stored: no colour conversion, no premultiplied alpha.

    Attributes
    ----------
    pixels : (H, W, C) ndarray
        uint8, uint16, float16 or float32, as in the file.
    header : dict
        Channel names and attributes, dates blotted out.
    """

    pixels: np.ndarray
    header: dict[str, str]


def read_picture(path: Path) -> Picture:
    """Return a picture file as it is stored.

    Raises
    ------
    OSError
        If it is absent, empty or cut short.
    """
    config = oiio.ImageSpec()
    config.attribute("oiio:UnassociatedAlpha", 1)
    config.attribute("oiio:RawColor", 1)
    source = oiio.ImageInput.open(str(path), config)
    if source is None:
        raise OSError(f"{path.name}: {oiio.geterror()}")
    try:
        spec = source.spec()
        pixels = source.read_image(spec.format)
        if pixels is None:
            raise OSError(f"{path.name}: {source.geterror()}")
        header = {a.name: DATE.sub("", str(a.value)) for a in spec.extra_attribs}
    finally:
        source.close()
    header["channels"] = " ".join(spec.channelnames)
    return Picture(np.asarray(pixels), header)


@dataclass(frozen=True)
class Difference:
    """How two pictures differ.

    Attributes
    ----------
    pixels : int
        Pixels in which any channel differs by a single bit.
    maximum : float
        Largest absolute difference, in the file's own levels.
    kind : str
        What else differs (size, depth, header); empty if nothing.
    """

    pixels: int = 0
    maximum: float = 0.0
    kind: str = ""

    def __bool__(self) -> bool:
        return bool(self.pixels or self.kind)

    def __str__(self) -> str:
        parts = [f"{self.pixels} px, max {self.maximum:g}"] if self.pixels else []
        return "; ".join([*parts, self.kind] if self.kind else parts) or "identical"


def compare_pixels(first: np.ndarray, second: np.ndarray) -> Difference:
    """Return how two arrays of pixels differ, bit by bit.

    Parameters
    ----------
    first, second : (H, W, C) ndarray
        Of any type; arrays of other shape or type differ in kind.
    """
    if first.shape != second.shape or first.dtype != second.dtype:
        return Difference(kind=f"{first.shape} {first.dtype} / {second.shape} {second.dtype}")
    bits = np.dtype(f"u{first.dtype.itemsize}")
    unequal = (first.view(bits) != second.view(bits)).any(axis=-1)
    if not unequal.any():
        return Difference()
    gap = np.abs(first[unequal].astype(np.float64) - second[unequal].astype(np.float64))
    return Difference(int(unequal.sum()), float(np.nan_to_num(gap, nan=np.inf).max()))


def compare_pictures(first: Path, second: Path) -> Difference:
    """Return how two picture files differ, in pixels and in their headers.

    Raises
    ------
    OSError
        If one of them cannot be read.
    """
    a, b = read_picture(first), read_picture(second)
    names = sorted(n for n in a.header.keys() | b.header if a.header.get(n) != b.header.get(n))
    found = compare_pixels(a.pixels, b.pixels)
    if names and not found.kind:
        return Difference(found.pixels, found.maximum, f"header: {', '.join(names)}")
    return found


# ------------------------------------------------------------------------ the machine and results


def first_line(command: Sequence[str | Path]) -> str:
    """Return the first line that a program writes with a version number in it, or "absent"."""
    try:
        outcome = execute(command, timeout=60)
    except OSError:
        return "absent"
    lines = [line.strip() for line in outcome.text.splitlines() if any(map(str.isdigit, line))]
    wanted = [line for line in lines if "cannot open" not in line]
    return wanted[0][:120] if wanted else "unknown"


def cpu_model() -> str:
    """Return the processor's name."""
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def environment(starter: Starter | None = None) -> dict[str, Json]:
    """Return what a reader has to know about the machine and the programs on it.

    Parameters
    ----------
    starter : Starter, optional
        How mpirender is started, for its version; without it only the renderers are asked.
    """
    known: dict[str, Json] = {
        "date": date.today().isoformat(),
        "processor": cpu_model(),
        "cores": len(os.sched_getaffinity(0)),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "povray": first_line(["povray", "--version"]),
        "blender": first_line(["blender", "--version"]),
        "commit": first_line(["git", "-C", str(ROOT), "describe", "--always", "--dirty"]),
    }
    if starter is not None:
        known["mpi"] = first_line([starter.words[0], "--version"])
        version = execute(starter.command(1, "--version"), timeout=60, env=starter.env)
        known["mpirender"] = " / ".join(version.text.split("\n")).strip(" /")[:300]
    return known


def default_folder() -> Path:
    """Return where the results of today's run on this machine go."""
    return RUNS / f"{date.today().isoformat()}-{platform.node() or 'machine'}"


def write_json(path: Path, content: Json) -> None:
    """Write a result, with its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def append_line(path: Path, record: Mapping[str, Json]) -> None:
    """Append one record to a file of JSON lines, on a line of its own even after a torn one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torn = path.exists() and path.read_bytes()[-1:] not in (b"", b"\n")
    with path.open("a", encoding="utf-8") as stream:
        stream.write("\n" * torn + json.dumps(dict(record)) + "\n")


def read_lines(path: Path) -> Iterator[dict[str, Json]]:
    """Yield the records of a file of JSON lines; a torn last line is passed over."""
    if not path.exists():
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except json.JSONDecodeError:
            continue


def arguments(text: str, *, ranks: int) -> argparse.ArgumentParser:
    """Return a parser with the options that every benchmark has.

    Parameters
    ----------
    text : str
        The benchmark's own docstring, shown by `--help`.
    ranks : int
        The usual number of ranks.
    """
    parser = argparse.ArgumentParser(
        description=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--ranks", type=int, default=ranks, help="ranks, %(default)s if not given")
    parser.add_argument(
        "--launcher",
        default="mpich",
        metavar="COMMAND",
        help='a name in tests/launchers.py or a command such as "mpirun -np {n} mpirender"; '
        "%(default)s if not given",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=default_folder(),
        metavar="DIR",
        help="folder of the results; tests/benchmarks/runs/<date>-<machine> if not given",
    )
    return parser
