"""What POV-Ray's command line wants: rows from 1, ends included, names in quotation marks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from mpirender.errors import UsageError
from mpirender.model import Job, Tile

__all__ = [
    "SAMPLES",
    "SCENE_WITH_SAMPLES",
    "WAIT",
    "area_arguments",
    "canvas_file",
    "ending_of",
    "file_arguments",
    "frame_arguments",
    "path_argument",
    "remove_canvas",
    "thread_arguments",
    "threads_in",
]

SAMPLES, SCENE_WITH_SAMPLES = "samples.rca", "with-samples.pov"
"""Files of a job: radiosity samples, and the scene that makes do with them."""

WAIT = "wait.inc"
"""A header of ours in which POV-Ray waits for its task."""

_HEADER_ENDING = ".inc"
_THREADS = re.compile(r"(?:[+-]WT|Work_Threads=)(\d+)", re.IGNORECASE)
_PLAIN = re.compile(r"[\w./+:,@%^-]+")


def area_arguments(tile: Tile, width: int, height: int) -> list[str]:
    """Return the switches that make POV-Ray render one tile.

    Parameters
    ----------
    tile : Tile
    width, height : int
        Of the frame, in pixels.

    Returns
    -------
    arguments : list of str
        Nothing for the whole frame. A value up to 1 means a fraction to POV-Ray, so that an end
        at the first row or column is given as one and a half pixels.
    """
    arguments: list[str] = []
    if tile.height < height:
        arguments += [f"+SR{tile.start + 1}", f"+ER{_last(tile.stop, height)}"]
    if tile.width < width:
        arguments += [f"+SC{tile.left + 1}", f"+EC{_last(tile.right, width)}"]
    return arguments


def frame_arguments(job: Job, numbers: Sequence[int]) -> list[str]:
    """Return the switches that make POV-Ray render some frames of an animation.

    Parameters
    ----------
    job : Job
        Its arguments have the range of the whole animation, from which POV-Ray computes the clock.
    numbers : sequence of int
        In even steps.

    Returns
    -------
    arguments : list of str
        Nothing in a job of one still; only the frame's own arguments where the frames are not
        those of an animation.
    """
    if not numbers:
        return []
    frame = job.frame(numbers[0])
    if frame.arguments:
        return list(frame.arguments)
    step = numbers[1] - numbers[0] if len(numbers) > 1 else 1
    return [f"+SF{numbers[0]}", f"+EF{numbers[-1]}", f"+STP{step}"]


def file_arguments(job: Job, numbers: Sequence[int], folder: Path) -> list[str]:
    """Return the switches for files of the job's: a header to be read first, and samples."""
    names = [name for name, _ in job.files]
    arguments: list[str] = []
    if headers := [name for name in names if name.endswith(_HEADER_ENDING)]:
        name = (job.frame(numbers[0]).file if numbers else "") or headers[0]
        arguments.append(path_argument("+HI", folder / name))
    if SAMPLES in names:
        arguments.append(path_argument("+I", folder / SCENE_WITH_SAMPLES))
        arguments += ["+RFI", path_argument("+RF", folder / SAMPLES)]
    return arguments


def _last(stop: int, extent: int) -> str:
    return str(stop) if stop > 1 else f"{1.5 / extent:.9f}"


def canvas_file(pid: int) -> Path:
    """Return where a POV-Ray keeps a canvas above Max_Image_Buffer_Memory, whatever TMPDIR says.

    It stays behind where POV-Ray is killed.
    """
    return Path(f"/tmp/pov{pid}")


def remove_canvas(pid: int) -> None:
    """Remove what a POV-Ray that has ended has left of a large canvas.

    Another user's POV-Ray may have had the same number, and left one that stays.
    """
    with suppress(OSError):
        canvas_file(pid).unlink(missing_ok=True)


def path_argument(switch: str, path: Path) -> str:
    """Return a switch with a file name, in quotation marks where POV-Ray needs them.

    Raises
    ------
    UsageError
        If the name has both kinds of quotation marks or letters beyond ASCII, which POV-Ray cannot
        take.
    """
    name = str(path)
    if not name.isascii():
        raise UsageError(
            f"{name}: POV-Ray takes no letters beyond ASCII in a name",
            hint="rename it; for scratch files set TMPDIR to another folder",
        )
    if _PLAIN.fullmatch(name):
        return switch + name
    for mark in ('"', "'"):
        if mark not in name:
            return f"{switch}{mark}{name}{mark}"
    raise UsageError(f"{name}: POV-Ray takes no name with both ' and \" in it", hint="rename it")


def ending_of(kind: str) -> str:
    """Return the ending that POV-Ray gives to a picture of a kind."""
    return {"jpeg": "jpg"}.get(kind, kind)


def thread_arguments(arguments: Sequence[str], threads: int) -> tuple[str, ...]:
    """Return the switch for a number of threads, unless the user's arguments have their own."""
    return (f"+WT{threads}",) if threads_in(arguments) is None else ()


def threads_in(arguments: Sequence[str]) -> int | None:
    """Return the number of threads that POV-Ray's own arguments ask for; the last one counts."""
    found = [match for match in map(_THREADS.fullmatch, arguments) if match]
    return int(found[-1][1]) if found else None
