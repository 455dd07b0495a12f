"""Numbered files: their order, what is missing, and which ones somebody means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from math import gcd
from pathlib import Path

from mpirender.errors import EncodeError, UsageError
from mpirender.frames import compact, natural_key

__all__ = ["check_gaps", "frames_named", "number_of"]

# Of files in a folder; one that is named may be called anything.
_SUFFIXES = (".png", ".ppm", ".pgm", ".bmp", ".tga", ".exr", ".hdr", ".jpg", ".jpeg")
_NUMBER = re.compile(r"\d+")


def number_of(path: Path) -> int | None:
    """Return the number of a frame: the last one in its name; None if there is none."""
    found = _NUMBER.findall(path.stem)
    return int(found[-1]) if found else None


def frames_named(arguments: Sequence[str]) -> list[Path]:
    """Find the frames that somebody names.

    Parameters
    ----------
    arguments : sequence of str
        Files, folders, or patterns with * ? [ ] or with # for each digit.

    Returns
    -------
    frames : list of Path
        Each once, in the order of their numbers.

    Raises
    ------
    UsageError
        If an argument names no file, or a folder holds more than one series.
    """
    found = {path for argument in arguments for path in _meant(argument)}
    return sorted(found, key=lambda path: natural_key(str(path)))


def check_gaps(frames: Sequence[Path]) -> None:
    """Raise where a series of frames has a gap, or a number twice.

    Parameters
    ----------
    frames : sequence of Path
        Of one series or several; a series is numbered in steps of one size.

    Raises
    ------
    EncodeError
        The missing frames are named.
    """
    for series, numbers in _series(frames).items():
        if len(set(numbers)) < len(numbers):
            twice = compact(sorted({n for n in numbers if numbers.count(n) > 1}))
            raise EncodeError(f"{series}: more than one file for frame {twice}")
        first = min(numbers)
        step = gcd(*(number - first for number in numbers)) or 1
        if missing := set(range(first, max(numbers), step)) - set(numbers):
            raise EncodeError(
                f"{series}: no frame {compact(sorted(missing))}",
                hint="render them, or leave them out with --allow-gaps",
            )


def _series(frames: Sequence[Path]) -> dict[str, list[int]]:
    """Name of each series, # for its number → the numbers that are there."""
    series: dict[str, list[int]] = {}
    for path in frames:
        number = number_of(path)
        if number is not None:
            head, _, tail = path.name.removesuffix(path.suffix).rpartition(
                _NUMBER.findall(path.stem)[-1]
            )
            name = str(path.with_name(f"{head}#{tail}{path.suffix}"))
            series.setdefault(name, []).append(number)
    return series


def _meant(argument: str) -> list[Path]:
    """Files of one argument."""
    path = Path(argument)
    if path.is_file():
        return [path]
    if path.is_dir():
        return _in_folder(path)
    if not re.search(r"[*?\[#]", path.name):
        raise UsageError(f"no such file: {argument}")
    found = _matching(path)
    if not found:
        raise UsageError(f"no file matches {argument}", hint="put the pattern into quotes")
    return found


def _in_folder(folder: Path) -> list[Path]:
    """Return the one series of pictures in a folder."""
    found = [path for path in folder.iterdir() if path.suffix.lower() in _SUFFIXES]
    found = [path for path in found if path.is_file() and not path.name.startswith(".")]
    if not found:
        raise UsageError(f"no pictures in the folder {folder}")
    series = sorted({*_series(found), *(str(p) for p in found if number_of(p) is None)})
    if len(series) > 1:
        raise UsageError(
            f"the folder {folder} holds more than one series",
            hint="name one: " + ", ".join(f"'{name.replace('#', '*')}'" for name in series),
        )
    return found


def _matching(pattern: Path) -> list[Path]:
    """Files whose names match; as many digits as there are #."""
    name = pattern.name
    if "#" not in name:
        return [path for path in pattern.parent.glob(name) if path.is_file()]
    parts = re.split(r"(#+)", name)
    digits = "".join(
        rf"\d{{{len(part)},}}" if part.startswith("#") else re.escape(part) for part in parts
    )
    every = pattern.parent.glob("*")
    return [path for path in every if path.is_file() and re.fullmatch(digits, path.name)]
