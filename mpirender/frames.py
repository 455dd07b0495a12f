"""Which frames: the grammar of frame lists, the numbers in file names, times of sub-frames.

::

    frames   =  part { "," part }              blanks do not matter
    part     =  bound [ "-" bound [ "x" step ] ]
    bound    =  number | "last" [ "-" count ]

So ``1-250``, ``2,4,10-20x2``, ``-5--1`` (negative numbers), ``last`` (the animation's final frame,
whatever it is), ``last-10`` (the tenth before it) and ``last-9-last`` (the ten at the end). Both
ends of a range are in it, and a step counts from its first frame. The order is kept as typed; a
frame that comes twice counts where it comes first. A range never runs downwards: ``10-1`` is more
often a slip than a wish.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from mpirender.errors import UsageError

__all__ = [
    "MOST_FRAMES",
    "FrameList",
    "FrameRange",
    "FromLast",
    "compact",
    "has_number",
    "natural_key",
    "numbered",
    "parse_frames",
    "subframe_times",
]

MOST_FRAMES = 1_000_000
"""Frames that one list may hold, eleven hours of film; more is a slip of the hand."""

_NUMBER = r"-?\d{1,9}"
_BOUND = rf"({_NUMBER}|last(?:-\d{{1,9}})?)"
_PART = re.compile(rf"{_BOUND}(?:-{_BOUND}(?:x(\d{{1,9}}))?)?", re.ASCII)
_HINT = "such as 1-250, 2,4,10-20x2, last, last-9-last"


@dataclass(frozen=True, slots=True)
class FromLast:
    """A frame counted back from the final one.

    Attributes
    ----------
    before : int
        How many frames before it, >= 0.
    """

    before: int = 0

    def __str__(self) -> str:
        return f"last-{self.before}" if self.before else "last"


Bound: TypeAlias = int | FromLast


@dataclass(frozen=True, slots=True)
class FrameRange:
    """Frames from one to another, both in.

    Attributes
    ----------
    first, last : int or FromLast
        ``first <= last``, as far as both are known.
    step : int
        From each frame to the next, >= 1.
    """

    first: Bound
    last: Bound
    step: int = 1

    def __post_init__(self) -> None:
        if self.step < 1:
            raise UsageError(f"frames {self}: got step {self.step}, expected 1 or more")
        if not isinstance(self.first, FromLast) and not isinstance(self.last, FromLast):
            _check_upward(self, self.first, self.last)

    def frames(self, last: int | None = None) -> range:
        """Return the frames.

        Parameters
        ----------
        last : int or None
            The animation's final frame; only asked where a bound counts from it.

        Raises
        ------
        UsageError
            If it is needed and not known, or if the range then ends before it begins.
        """
        low, high = _known(self.first, last, self), _known(self.last, last, self)
        _check_upward(self, low, high)
        return range(low, high + 1, self.step)

    def __str__(self) -> str:
        if self.first == self.last:
            return str(self.first)
        first = str(self.first)
        if self.first == FromLast() and isinstance(self.last, int):
            first = "last-0"  # as last-5 is the fifth before the final frame
        return f"{first}-{self.last}{f'x{self.step}' if self.step != 1 else ''}"


@dataclass(frozen=True, slots=True)
class FrameList:
    """Ranges as typed.

    Attributes
    ----------
    ranges : tuple of FrameRange
    """

    ranges: tuple[FrameRange, ...]

    @property
    def needs_last(self) -> bool:
        """Whether the frames are known only when the animation's final frame is."""
        return any(isinstance(end, FromLast) for r in self.ranges for end in (r.first, r.last))

    def resolve(self, first: int | None = None, last: int | None = None) -> tuple[int, ...]:
        """Return the frames, in the order typed, each once.

        Parameters
        ----------
        first, last : int or None
            First and final frame of the animation; None where it has no limit there.

        Raises
        ------
        UsageError
            If a frame lies outside of the animation, if ``last`` is asked for and not known, or
            if there are more than `MOST_FRAMES`.
        """
        ranges = [part.frames(last) for part in self.ranges]
        if sum(map(len, ranges)) > MOST_FRAMES:
            raise UsageError(f"frames {self}: more than {MOST_FRAMES}", hint="an end is mistyped")
        frames = tuple(dict.fromkeys(frame for part in ranges for frame in part))
        outside = [
            frame
            for frame in frames
            if (first is not None and frame < first) or (last is not None and frame > last)
        ]
        if outside:
            raise UsageError(
                f"frames {self}: got {compact(outside)}, outside of the animation, "
                f"expected {'...' if first is None else first}-{'...' if last is None else last}"
            )
        return frames

    def __str__(self) -> str:
        return ",".join(map(str, self.ranges))


def parse_frames(text: str) -> FrameList:
    """Understand a list of frames; the grammar is at the top of this module.

    Parameters
    ----------
    text : str

    Returns
    -------
    frames : FrameList
        To be resolved when the animation is known.

    Raises
    ------
    UsageError
        If it is not understood; names the part at fault.
    """
    return FrameList(tuple(_parse_part(part.strip(), text) for part in text.split(",")))


def compact(frames: Iterable[int]) -> str:
    """Return frames as people write them; the inverse of `parse_frames`.

    Parameters
    ----------
    frames : iterable of int
        Their order is kept.

    Returns
    -------
    text : str
        Such as ``"1-5, 9, 12-20x2"``; three frames or more in even steps make a range.
    """
    numbers = list(frames)
    parts = []
    at = 0
    while at < len(numbers):
        run, step = _run(numbers, at)
        parts.append(str(FrameRange(numbers[at], numbers[at + run - 1], step)))
        at += run
    return ", ".join(parts)


def has_number(pattern: str) -> bool:
    """Return whether a file name has a place for the frame's number; see `numbered`."""
    return "#" in re.split(r"[/\\]", pattern)[-1]


def numbered(pattern: str, frame: int) -> str:
    """Return the file name of a frame.

    Parameters
    ----------
    pattern : str
        Such as ``frames/walk_####.png``. A run of ``#`` becomes the number, with zeros in front
        to at least its length; a minus comes in addition. Where there are several runs, the last
        one; those in a folder's name stay as they are. All this is as Blender has it.
    frame : int

    Returns
    -------
    name : str
        Such as ``frames/walk_0007.png`` or ``frames/walk_-0007.png``.

    Raises
    ------
    UsageError
        If the pattern has no ``#``: all frames would get the same name.
    """
    found = re.fullmatch(r"(?s)(.*?)(#+)([^#/\\]*)", pattern)
    if not found:
        raise UsageError(
            f"output {pattern!r}: no # for the number of the frame",
            hint=f"such as {_with_hashes(pattern)}",
        )
    number = f"{'-' if frame < 0 else ''}{abs(frame):0{len(found[2])}d}"
    return f"{found[1]}{number}{found[3]}"


def natural_key(name: str) -> tuple[tuple[str | int, ...], str]:
    """Return a key that sorts ``a2`` before ``a10``.

    Parameters
    ----------
    name : str

    Returns
    -------
    key : tuple
        Text and numbers by turns, then the name itself, so that ``a1`` and ``a01`` have an order.
    """
    parts: Sequence[str] = re.split(r"([0-9]+)", name)
    return tuple(int(part) if at % 2 else part for at, part in enumerate(parts)), name


def _parse_part(part: str, text: str) -> FrameRange:
    found = _PART.fullmatch(re.sub(r"\s*-\s*", "-", part))
    if not found:
        raise UsageError(f"frames {text!r}: got {part!r}, expected frames or ranges", hint=_HINT)
    first = _bound(found[1])
    return FrameRange(first, first if found[2] is None else _bound(found[2]), int(found[3] or 1))


def _bound(text: str) -> Bound:
    if not text.startswith("last"):
        return int(text)
    return FromLast(int(text.removeprefix("last").removeprefix("-") or 0))


def _known(bound: Bound, last: int | None, where: FrameRange) -> int:
    if isinstance(bound, int):
        return bound
    if last is None:
        raise UsageError(
            f"frames {where}: the last frame is not known",
            hint="give it as a number, or an INI file with Final_Frame",
        )
    return last - bound.before


def _check_upward(where: FrameRange, first: int, last: int) -> None:
    if first > last:
        raise UsageError(
            f"frames {where}: the range ends at {last}, before it begins at {first}",
            hint=f"{last}-{first} has the same frames",
        )


def _run(numbers: list[int], at: int) -> tuple[int, int]:
    """Return how many frames from here on make a range, and its step."""
    stop = at + 1
    step = numbers[stop] - numbers[at] if stop < len(numbers) else 0
    while step > 0 and stop < len(numbers) and numbers[stop] - numbers[stop - 1] == step:
        stop += 1
    return (stop - at, step) if stop - at > 2 else (1, 1)


def _with_hashes(pattern: str) -> str:
    """Return a pattern with a place for the number before the suffix."""
    stem, dot, suffix = pattern.rpartition(".")
    return f"{stem}_####.{suffix}" if dot and "/" not in suffix else f"{pattern}_####"


def subframe_times(frame: float, count: int, shutter: float = 0.5) -> tuple[float, ...]:
    """Return the times at which the sub-frames of a frame are rendered.

    Parameters
    ----------
    frame : float
        Its number.
    count : int
        Sub-frames, >= 1.
    shutter : float
        How long the shutter is open, in frames, >= 0; 0.5 is the 180 degrees of a film camera.

    Returns
    -------
    times : tuple of float
        In frames. As in Blender the shutter's time is centred on the frame; each sub-frame is in
        the middle of its part of it. So one sub-frame is the frame itself.

    Raises
    ------
    UsageError
        If a number is out of range.
    """
    if count < 1 or not 0 <= shutter <= 1000:
        raise UsageError(
            f"motion blur: got {count} sub-frames, shutter {shutter:g}, "
            "expected 1 or more, and a shutter from 0 (in frames)"
        )
    return tuple(frame + shutter * (2 * at + 1 - count) / (2 * count) for at in range(count))
