"""The command `mpirender encode`: pictures that are there become movies; no MPI is needed."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mpirender.cli.parser import Answered, Parser, whole_number
from mpirender.errors import UsageError
from mpirender.paths import check_writable
from mpirender.views.base import print_out

if TYPE_CHECKING:
    from mpirender.encode import Movie

__all__ = ["main"]

_EPILOG = """\
The suffix of OUT tells the kind of movie, and --codec another than the first of its codecs:

  .mp4   h264 h265 av1                        .mpg   mpeg2 mpeg1
  .webm  vp9 av1                              .gif
  .mov   prores h264 h265 mjpeg               .webp
  .mkv   ffv1 h264 h265 av1 vp9 prores ...    .apng
  .avi   mjpeg ffv1

JPEG frames go into .avi, .mov and .mkv as they are, unless a codec or a quality is asked for.

  mpirender encode 'frames/*.png' walk.mp4 walk.gif --fps 30
  mpirender encode frames/ walk.mkv --sheet walk-sheet.png
"""


def main(argv: Sequence[str]) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str
        What stands after `mpirender encode`.

    Returns
    -------
    status : int
        0; everything else is raised.

    Raises
    ------
    UsageError
        If the arguments are not understood, or ask for what cannot be.
    EncodeError
        If frames are missing or differ, or an encoder fails.
    SetupError
        If there is no encoder for a codec.
    WriteError
        If a file cannot be written.
    """
    try:
        typed = _parser().parse_intermixed_args(argv)
    except Answered:
        return 0
    logging.getLogger().setLevel(logging.ERROR if typed.quiet else _level(typed.verbose))
    _encode(typed)
    return 0


def _encode(typed: argparse.Namespace) -> None:
    """Do what was asked for, movie by movie."""
    # Here, as numpy and the picture libraries take longer than the help.
    from mpirender.encode import check_gaps, encode_frames, frames_named, write_sheet

    named, outputs = _divide(typed.paths, has_sheet=typed.sheet is not None)
    movies = [_movie(path, typed) for path in outputs]
    if typed.sheet and typed.sheet in outputs:
        raise UsageError(f"{typed.sheet} is both a movie and the sheet")
    frames = frames_named(named)
    if not typed.allow_gaps:
        check_gaps(frames)
    for output in (*outputs, *([typed.sheet] if typed.sheet else [])):
        check_writable(output)
    for movie in movies:
        encode_frames(movie, frames)
        print_out(str(movie.path))
    if typed.sheet:
        write_sheet(frames, typed.sheet, columns=typed.columns)
        print_out(str(typed.sheet))


def _divide(paths: Sequence[str], *, has_sheet: bool) -> tuple[list[str], list[Path]]:
    """Separate frames from movies: these have a movie's suffix, or come last and are not there."""
    from mpirender.encode import is_movie

    outputs = [Path(text) for text in paths if is_movie(Path(text)) and not Path(text).is_dir()]
    frames = [text for text in paths if Path(text) not in outputs]
    if not outputs and not has_sheet:
        if len(frames) < 2 or Path(frames[-1]).exists():
            raise UsageError("no movie named", hint="mpirender encode 'frames/*.png' movie.mp4")
        outputs = [Path(frames.pop())]  # of no known kind: whoever makes a Movie of it will say so
    if not frames:
        raise UsageError("no frames named", hint="mpirender encode 'frames/*.png' movie.mp4")
    if len(set(outputs)) < len(outputs):
        raise UsageError("a movie is named twice")
    return frames, outputs


def _movie(path: Path, typed: argparse.Namespace) -> Movie:
    from mpirender.encode import movie_of

    return movie_of(
        path,
        fps=typed.fps,
        codec=typed.codec,
        quality=typed.quality,
        bitrate=typed.bitrate,
        bits=typed.bits,
    )


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="mpirender encode",
        usage="mpirender encode FRAMES... OUT... [options]",
        description="Make movies of rendered frames, in the order of their numbers.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("paths", nargs="+", help="'frames/*.png', frames/walk_####.png, a folder, files; movies")
    add("--fps", default="25", metavar="RATE", help="25 (default), 30000/1001, 23.976")
    add("--codec", default="", metavar="NAME", help="such as h265; default: by the suffix")
    add("--quality", type=whole_number, metavar="0-100", help="small to good (75)")
    add("--bitrate", default="", metavar="BITS", help="bits a second instead, such as 8M")
    add("--bits", type=whole_number, metavar="N", help="at most so many bits a channel, such as 8")
    add("--sheet", type=Path, metavar="FILE", help="a contact sheet too, .png or .jpg")
    add("--columns", type=whole_number, metavar="N", help="frames in a row of the sheet")
    add("--allow-gaps", action="store_true", help="leave out frames that are missing")
    add("-v", "--verbose", action="count", default=0, help="a line a movie")
    add("-q", "--quiet", action="store_true", help="errors and the names of the movies only")
    return parser


def _level(verbose: int) -> int:
    return {0: logging.WARNING, 1: logging.INFO}.get(verbose, logging.DEBUG)
