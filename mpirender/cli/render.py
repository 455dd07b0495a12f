"""The arguments of the default command: render one picture."""

from __future__ import annotations

import argparse
import logging
import re
import shutil
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from mpirender import __version__
from mpirender.cli.parser import Answered, Parser, number, positive, whole_number
from mpirender.errors import UsageError
from mpirender.flags import Flags, MovieFlags
from mpirender.frames import parse_frames
from mpirender.model import Limits
from mpirender.partition import Split
from mpirender.policy import NAMES as POLICIES
from mpirender.policy import OF_ONE_SIZE
from mpirender.renderers import NAMES, name_for, switches_of
from mpirender.tracks import parse_track
from mpirender.units import Seconds

__all__ = [
    "divide",
    "flags_of",
    "parse_arguments",
    "render_parser",
]

_SETTING = re.compile(r"[A-Za-z_]+=")
_NAMED_BY_USER = (
    "-o",
    "--output",
    "--program",
    "--track",
    "--movie",
    "--sheet",
    "--snapshot",
    "--report",
    "--out",
)  # what follows may look like anything

_EPILOG = """\
Arguments that begin with + are POV-Ray's and go to it as they are, and so do its INI settings
(Width=640, Declare=name=1) and all that stands after --, which is where its - switches belong:

  mpirun -np 16 mpirender scene.pov +W1920 +H1080 +A0.3 -- -J

Of a .blend scene Blender's own flags mean what they mean there, and there are some more:

  -s -e -j N       first frame, last frame, step (default: all of the scene's frames)
  -f LIST          these frames: 1,3,5..6 or 1-250
  -E -S -F NAME    engine, scene, file type; also --engine, --scene
  -x 0|1, -t N     ending of the names; threads of each rank
  --device KIND    cpu, cuda, optix, hip or auto; each rank of a host uses another card
  --camera NAME, --view-layer NAME, --samples N, --percent N, --no-denoise, --allow-scripts,
  --allow-missing (files)

  mpirun -np 16 mpirender scene.blend -f 1-250 --movie scene.mp4

Exit status: 0 done, 2 bad arguments, 3 cannot start, 4 the renderer failed or rows are missing,
5 ranks out of reach, 6 tiles do not fit, 7 the picture cannot be written, 8 a movie cannot be
encoded, 130 interrupted.
"""


def parse_arguments(argv: Sequence[str]) -> Flags | None:
    """Understand a command line.

    Parameters
    ----------
    argv : sequence of str

    Returns
    -------
    flags : Flags or None
        None where all that was asked for has been printed.

    Raises
    ------
    UsageError
        If it is not understood.
    """
    own, passed_on = divide(argv)
    parser = render_parser()
    try:
        typed = parser.parse_args(own)
    except Answered:
        return None
    if typed.version:
        print(_versions())
        return None
    return flags_of(typed, passed_on)


def flags_of(typed: argparse.Namespace, passed_on: tuple[str, ...]) -> Flags:
    """Return what was typed.

    Parameters
    ----------
    typed : Namespace
        Of `render_parser`.
    passed_on : tuple of str
        Arguments for the renderer itself.

    Raises
    ------
    UsageError
        If there is no scene.
    """
    if not typed.scenes:
        raise UsageError("no scene given", hint="mpirun -np 4 mpirender scene.pov")
    if typed.reproducible and typed.policy != "auto":
        raise UsageError(
            f"--reproducible beside --policy {typed.policy}",
            hint="pieces that are the same for any number of ranks leave no choice",
        )
    if typed.tune and (typed.reproducible or typed.threads is not None):
        raise UsageError(
            "--tune beside --threads or --reproducible, which leave nothing to be tuned",
            hint="leave out one of them",
        )
    if typed.rows_per_task is not None and typed.policy not in ("auto", *OF_ONE_SIZE):
        raise UsageError(
            f"--rows-per-task beside --policy {typed.policy}, whose tasks have a size of their own",
            hint=f"policies with tasks of one size: {', '.join(OF_ONE_SIZE)}",
        )
    return Flags(
        scenes=tuple(typed.scenes),
        passed_on=passed_on,
        output=typed.output,
        size=typed.size,
        threads=typed.threads,
        split=Split(typed.split),
        rows_per_task=typed.rows_per_task,
        policy=typed.policy,
        limits=Limits(retries=typed.retries, timeout=typed.timeout),
        renderer=typed.renderer,
        program=typed.program,
        frames=typed.frames,
        clock=typed.clock,
        tracks=tuple(typed.track),
        motion_blur=typed.motion_blur,
        shutter=typed.shutter,
        preview=typed.preview,
        movies=tuple(
            MovieFlags(path, typed.fps, typed.codec, typed.bitrate, typed.quality)
            for path in typed.movie
        ),
        sheet=typed.sheet,
        snapshot=typed.snapshot,
        reproducible=typed.reproducible,
        tune=typed.tune,
        report=typed.report,
        progress="none" if typed.quiet and typed.progress == "auto" else typed.progress,
        dry_run=typed.dry_run,
        keep=typed.keep,
        quiet=typed.quiet,
        log_level=_log_level(typed.verbose, typed.quiet),
    )


def divide(argv: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
    """Separate the program's own arguments from the renderer's, keeping the order of both."""
    arguments = list(argv)
    after: list[str] = []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, after = arguments[:at], arguments[at + 1 :]
    switches = switches_of(_renderer_named_in(arguments) or name_for(arguments))
    own: list[str] = []
    theirs: list[str] = []
    before, wants_value = "", False
    for argument in arguments:
        name, equals, _ = argument.partition("=")
        is_switch = before not in _NAMED_BY_USER and name in switches
        is_plus = argument.startswith("+") or _SETTING.match(argument)
        is_theirs = wants_value or is_switch or (is_plus and before not in _NAMED_BY_USER)
        (theirs if is_theirs else own).append(argument)
        wants_value = is_switch and not wants_value and switches[name] and not equals
        before = "" if is_theirs else argument
    return own, (*theirs, *after)


def _renderer_named_in(arguments: Sequence[str]) -> str:
    """Return what --renderer says, if that is a name; whatever else it is, is refused later."""
    said = [a.partition("=")[2] for a in arguments if a.startswith("--renderer=")]
    said += [after for before, after in pairwise(arguments) if before == "--renderer"]
    return next((name for name in said if name in NAMES), "")


def render_parser() -> argparse.ArgumentParser:
    """Return what understands the arguments of a render."""
    parser = Parser(
        prog="mpirender",
        usage="mpirun -np N mpirender SCENE [options] [+POV-Ray switches] [-- -switches]",
        description="Render pictures and animations over all the ranks of an MPI job.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "scenes",
        nargs="*",
        metavar="SCENE",
        help="scene.pov, scene.ini, scene.ini[section], scene.blend,"
        " film.toml; several scenes, a folder or a pattern are frames",
    )
    add(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="name of the picture (POV-Ray's +O, Blender's -o), or of frames: walk_####.png",
    )
    add("--size", type=_size, metavar="WxH", help="pixels, such as 1920x1080 (POV-Ray's +W +H)")
    add(
        "--threads",
        type=_threads,
        default=None,
        metavar="N|auto",
        help="threads of each rank's renderer; auto shares out each host's cores (default)",
    )
    add(
        "--tune",
        action="store_true",
        help="try first, on a small picture, how many ranks a host with how many threads each",
    )
    add(
        "--split",
        choices=[split.value for split in Split],
        default=Split.AUTO.value,
        help="cut the picture into rows, tiles, or rows and then tiles (auto, the default); of"
        " Blender's rows (auto) or samples",
    )
    add(
        "--rows-per-task",
        type=positive,
        metavar="ROWS",
        help="rows of every task, rounded up to whole blocks of the renderer (default: shrinking)",
    )
    add(
        "--reproducible",
        action="store_true",
        help="the same pixels for any number of ranks, where they depend on the order of tracing",
    )
    add(
        "--policy",
        choices=POLICIES,
        default="auto",
        help="how work is shared out; auto is for use (default), the others are for comparing",
    )
    add("--frames", type=parse_frames, metavar="LIST", help="such as 1-250, 2,4,10-20x2, last")
    add("--clock", type=_clock, metavar="A:B", help="clock at the first and the last frame")
    add(
        "--track",
        type=parse_track,
        action="append",
        default=[],
        metavar="NAME=KEYS",
        help="a variable that moves: ball_x=0:0,48:1.5:ease,96:0 (may be given again)",
    )
    add("--motion-blur", type=positive, metavar="N", help="render N sub-frames a frame and average")
    add("--shutter", type=_seconds, metavar="FRAMES", help="how long it is open for that (0.5)")
    add("--preview", type=positive, metavar="N", help="every N-th frame first, then the rest")
    add(
        "--movie",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="movie of all frames, by its suffix (may be given again); see mpirender encode --help",
    )
    add("--fps", default="", help="frames a second of the movies, such as 30000/1001 (25)")
    add("--codec", default="", help="of the movies, where a suffix allows several")
    add("--quality", type=whole_number, metavar="0-100", help="of the movies")
    add("--bitrate", default="", help="of the movies, such as 8M")
    add("--sheet", type=Path, metavar="FILE", help="contact sheet of all frames")
    add("--snapshot", type=Path, metavar="FILE", help="picture so far, refreshed as it grows: .png")
    add(
        "--report",
        type=Path,
        metavar="FILE.html|FOLDER",
        help="what every rank did when: one HTML page, or a folder with tables, plots and a trace",
    )
    add("--retries", type=whole_number, default=2, metavar="N", help="attempts after a failure (2)")
    add("--timeout", type=_seconds, metavar="SECONDS", help="limit for one attempt (none)")
    add("--dry-run", action="store_true", help="print tasks and command lines, render nothing")
    add("--keep", action="store_true", help="keep the scratch folders with pictures and logs")
    add("--renderer", choices=NAMES, default="", help="default: by the ending of the scene's name")
    add("--program", default="", metavar="PATH", help="the renderer's program (povray, blender)")
    add(
        "--progress",
        choices=("auto", "bar", "plain", "none"),
        default="auto",
        help="live line, plain lines, nothing; auto looks for a terminal (default)",
    )
    add("-v", "--verbose", action="count", default=0, help="a line a task; twice: command lines")
    add("-q", "--quiet", action="store_true", help="errors and the picture's name only")
    add("--version", action="store_true", help="versions of this program, MPI and the renderer")
    return parser


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"(\d+)[xX](\d+)", text)
    if not found or "0" in (found[1].lstrip("0") or "0", found[2].lstrip("0") or "0"):
        raise argparse.ArgumentTypeError(f"got {text!r}, expected WxH in pixels, such as 1920x1080")
    return int(found[1]), int(found[2])


def _clock(text: str) -> tuple[float, float]:
    first, _, last = text.partition(":")
    try:
        return float(first), float(last)
    except ValueError:
        raise argparse.ArgumentTypeError(f"got {text!r}, expected such as 0:1") from None


def _threads(text: str) -> int | None:
    return None if text == "auto" else positive(text)


def _seconds(text: str) -> Seconds:
    return float(number(text, r"\d*\.?\d+", 1e-3, "seconds, more than 0"))


def _log_level(verbose: int, quiet: bool) -> int:
    if quiet:
        return logging.ERROR
    return {0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG)


def _versions() -> str:
    """Return the versions of everything that a report of a fault should name."""
    from mpirender.renderers.povray import installed_version
    from mpirender.transport.mpi import library_version

    return "\n".join(
        (
            f"mpirender {__version__}",
            f"Python {sys.version.split()[0]}",
            f"MPI: {library_version()}",
            f"POV-Ray: {installed_version() if shutil.which('povray') else 'not on the PATH'}",
        )
    )
