"""Where a key stands: at a frame, at a time, or in a bar of music."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from mpirender.errors import UsageError

__all__ = ["AtBar", "AtFrame", "AtSeconds", "Moment", "Timing", "parse_moment"]

_NUMBER = r"-?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})"
_SIXTEENTHS_PER_BEAT = 4  # the beat is a quarter note


@dataclass(frozen=True, slots=True)
class Timing:
    """What frames have to do with seconds and with music.

    Attributes
    ----------
    rate : Fraction
        Frames a second, > 0; ``Fraction(30000, 1001)`` for NTSC.
    start : int
        The frame at 0 seconds and at bar 1, beat 1: the first frame of the shot.
    bpm : Fraction
        Beats a minute, > 0.
    beats_per_bar : int
        At least 1.
    """

    rate: Fraction = Fraction(24)
    start: int = 0
    bpm: Fraction = Fraction(120)
    beats_per_bar: int = 4

    def __post_init__(self) -> None:
        if self.rate <= 0 or self.bpm <= 0 or self.beats_per_bar < 1:
            raise UsageError(
                f"got {self.rate} frames a second, {self.bpm} bpm, {self.beats_per_bar} beats a "
                "bar, expected more than 0"
            )


@dataclass(frozen=True, slots=True)
class AtFrame:
    """A frame by its number, as the renderer counts; there may be keys between two frames."""

    number: Fraction

    def frame(self, timing: Timing) -> Fraction:
        """Return the frame, which need not be a whole one."""
        return self.number

    def __str__(self) -> str:
        return _decimal(self.number)


@dataclass(frozen=True, slots=True)
class AtSeconds:
    """Seconds since the shot began; 0 is its first frame."""

    seconds: Fraction

    def frame(self, timing: Timing) -> Fraction:
        """Return the frame, which need not be a whole one."""
        return timing.start + self.seconds * timing.rate

    def __str__(self) -> str:
        return f"{_decimal(self.seconds)}s"


@dataclass(frozen=True, slots=True)
class AtBar:
    """A place in the music, as sequencers count: from 1, so that ``1.1.1`` is the beginning.

    Attributes
    ----------
    bar, beat, sixteenth : int
        A beat is a quarter note and has 4 sixteenths; a beat is within its bar.
    """

    bar: int
    beat: int
    sixteenth: int

    def frame(self, timing: Timing) -> Fraction:
        """Return the frame, which need not be a whole one.

        Raises
        ------
        UsageError
            If the bar has no such beat.
        """
        if self.beat > timing.beats_per_bar:
            raise UsageError(f"{self}: got beat {self.beat}, expected 1-{timing.beats_per_bar}")
        beats = (self.bar - 1) * timing.beats_per_bar + self.beat - 1
        sixteenths = beats * _SIXTEENTHS_PER_BEAT + self.sixteenth - 1
        seconds = Fraction(sixteenths, _SIXTEENTHS_PER_BEAT) * 60 / timing.bpm
        return timing.start + seconds * timing.rate

    def __str__(self) -> str:
        return f"{self.bar}.{self.beat}.{self.sixteenth}"


Moment: TypeAlias = AtFrame | AtSeconds | AtBar


def parse_moment(text: str) -> Moment:
    """Understand a place in time.

    Parameters
    ----------
    text : str
        ``48`` or ``-2.5`` is a frame, ``1.5s`` a time, ``2.1.1`` a bar, beat and sixteenth.

    Returns
    -------
    moment : Moment

    Raises
    ------
    UsageError
        If it is none of these.
    """
    if found := re.fullmatch(rf"({_NUMBER})(s?)", text, re.ASCII):
        number = Fraction(found[1])
        return AtSeconds(number) if found[2] else AtFrame(number)
    if found := re.fullmatch(r"([1-9]\d{0,5})\.([1-9]\d{0,2})\.([1-4])", text, re.ASCII):
        return AtBar(int(found[1]), int(found[2]), int(found[3]))
    raise UsageError(
        f"got {text!r}, expected a frame (48), a time (1.5s) or bar.beat.sixteenth (2.1.1)",
        hint="bars, beats and sixteenths count from 1; a beat has 4 sixteenths",
    )


def _decimal(number: Fraction) -> str:
    return str(number.numerator) if number.denominator == 1 else f"{float(number):.9f}".rstrip("0")
