"""The mathematics between the keys: pure, one value for each frame or part of one.

`Way` is how a key leads to the next. Let t go from 0 to 1 between the two; the value goes from
that of the one key to that of the other by

========  =============================  ==========================================
linear    t                              even
step      0                              stays, and jumps at the next key
ease      3t² - 2t³                      from rest to rest (smoothstep)
ease-in   t²                             from rest
ease-out  1 - (1 - t)²                   to rest
powerP    t to the power P, P > 0        ``power3`` is late, ``power0.5`` early
cubic     a piece of the smooth curve through all keys of the track
========  =============================  ==========================================

The cubic is the monotone one of Fritsch, Carlson and Butland, not Catmull and Rom's spline: that
one goes beyond its keys where these turn, so that a ball that is told to rest on the table sinks
into it first. Here a value never leaves the span of the two keys around it, and a curve stands
still at its highest and lowest keys. At both ends of a track it comes from rest and goes to rest,
as the value is held outside; a track that loops runs smoothly across its seam instead.

References
----------
F. N. Fritsch, R. E. Carlson: Monotone piecewise cubic interpolation. SIAM Journal on Numerical
Analysis 17 (2), 1980. F. N. Fritsch, J. Butland: A method for constructing local monotone
piecewise cubic interpolants. SIAM Journal on Scientific and Statistical Computing 5 (2), 1984;
their weighted harmonic mean gives the slopes.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from mpirender.errors import UsageError
from mpirender.tracks.times import Moment, Timing

__all__ = ["LARGEST", "WAYS", "Curve", "Key", "Track", "Value", "Way"]

Value: TypeAlias = float | tuple[float, ...]
"""A number, or a vector of 2 to 5."""

LARGEST = 3.4e38
"""Of a value; POV-Ray and Blender keep single precision, where more is infinite."""

WAYS = ("linear", "step", "ease", "ease-in", "ease-out", "power", "cubic")


@dataclass(frozen=True, slots=True)
class Way:
    """How a key leads to the next.

    Attributes
    ----------
    name : str
        One of `WAYS`.
    exponent : float
        Of the power curve, > 0; 1 for all others.
    """

    name: str = "linear"
    exponent: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in WAYS:
            raise UsageError(f"got way {self.name!r}, expected one of {', '.join(WAYS)}")
        if not 0 < self.exponent <= 1000:
            raise UsageError(f"got exponent {self.exponent:g}, expected more than 0, at most 1000")

    def progress(self, t: float) -> float:
        """Return how much of the way is gone at a part of the time, both 0 to 1; not for cubic."""
        match self.name:
            case "step":
                return float(t >= 1)
            case "ease":
                return t * t * (3 - 2 * t)
            case "ease-in":
                return t * t
            case "ease-out":
                return t * (2 - t)
            case _:
                return float(t**self.exponent)

    def __str__(self) -> str:
        return f"power{self.exponent:g}" if self.name == "power" else self.name


@dataclass(frozen=True, slots=True)
class Key:
    """A value at a moment, and the way to the next key.

    Attributes
    ----------
    moment : Moment
    value : float or tuple of 2 to 5 floats
        Finite, not beyond `LARGEST`.
    way : Way
    """

    moment: Moment
    value: Value
    way: Way = Way()

    def __post_init__(self) -> None:
        numbers = _components(self.value)
        if isinstance(self.value, tuple) and not 2 <= len(numbers) <= 5:
            raise UsageError(f"key {self.moment}: got {len(numbers)} components, expected 2 to 5")
        if not all(abs(number) <= LARGEST for number in numbers):
            raise UsageError(f"key {self.moment}: got {self.value}, expected up to {LARGEST:g}")


@dataclass(frozen=True, slots=True)
class Track:
    """The keys of one variable.

    Attributes
    ----------
    name : str
        Of the variable in the scene; a property path in Blender.
    keys : tuple of Key
        At least one, all values with as many components.
    loop : bool
        Whether all is repeated without end, before the first key too. The last key is then where
        the first one comes again, and its value is only what is headed for. Otherwise the values
        of the first and the last key hold outside.
    """

    name: str
    keys: tuple[Key, ...]
    loop: bool = False

    def __post_init__(self) -> None:
        if not self.name or not self.keys:
            raise UsageError(f"track {self.name!r}: expected a name and at least one key")
        kinds = sorted({len(_components(key.value)) for key in self.keys})
        if len(kinds) > 1:
            raise UsageError(f"track {self.name!r}: values of {kinds[0]} and of {kinds[1]} numbers")

    def curve(self, timing: Timing) -> Curve:
        """Return the track with its keys at frames.

        Parameters
        ----------
        timing : Timing

        Returns
        -------
        curve : Curve

        Raises
        ------
        UsageError
            If a key does not come after the one before it, or lies on a beat that no bar has.
        """
        try:
            frames = [key.moment.frame(timing) for key in self.keys]
        except UsageError as error:
            raise UsageError(f"track {self.name!r}: {error.message}", hint=error.hint) from error
        for (before, a), (key, b) in pairwise(zip(self.keys, map(float, frames), strict=True)):
            if a >= b:
                raise UsageError(
                    f"track {self.name!r}: key {key.moment} is not after key {before.moment}",
                    hint=f"they are at frames {b:g} and {a:g}",
                )
        values = tuple(_components(key.value) for key in self.keys)
        return Curve(
            tuple(map(float, frames)),
            values,
            ways=tuple(key.way for key in self.keys),
            loop=self.loop and len(self.keys) > 1,
            is_vector=isinstance(self.keys[0].value, tuple),
        )


@dataclass(frozen=True, slots=True)
class Curve:
    """A track that knows its frames; made by `Track.curve`.

    Attributes
    ----------
    frames : tuple of float
        Of the keys, rising.
    values : tuple of tuple of float
        Of the keys.
    ways : tuple of Way
        From each key to the next.
    loop, is_vector : bool
    """

    frames: tuple[float, ...]
    values: tuple[tuple[float, ...], ...]
    ways: tuple[Way, ...]
    loop: bool
    is_vector: bool

    def value(self, frame: float) -> Value:
        """Return the value at a frame.

        Parameters
        ----------
        frame : float
            Any, whole or not; sub-frames of motion blur lie between two.

        Returns
        -------
        value : float or tuple of float
            At a key exactly its value.
        """
        numbers = self._at(self._within(frame))
        return numbers if self.is_vector else numbers[0]

    def _within(self, frame: float) -> float:
        """Return the frame between the first and the last key that has the same value."""
        first, last = self.frames[0], self.frames[-1]
        if self.loop and not first <= frame < last:
            return min(first + (frame - first) % (last - first), last)
        return min(max(frame, first), last)

    def _at(self, frame: float) -> tuple[float, ...]:
        index = bisect_right(self.frames, frame) - 1
        if index == len(self.frames) - 1:
            return self.values[0 if self.loop else index]
        low, high = self.frames[index], self.frames[index + 1]
        pieces = zip(self.values[index], self.values[index + 1], strict=True)
        if self.ways[index].name == "cubic":
            return tuple(
                _hermite(
                    a, b, self._slope(index, c), self._slope(index + 1, c), at=(frame, low, high)
                )
                for c, (a, b) in enumerate(pieces)
            )
        part = self.ways[index].progress((frame - low) / (high - low))
        return tuple(_between(a, b, a + (b - a) * part) for a, b in pieces)

    def _slope(self, index: int, component: int) -> float:
        """Return how steep the cubic is at a key, per frame."""
        last = len(self.frames) - 1
        if index in (0, last) and not self.loop:
            return 0.0
        before = index - 1 if index > 0 else last - 1
        after = index if index < last else 0
        (w1, left), (w2, right) = (self._secant(at, component) for at in (before, after))
        if left * right <= 0:
            return 0.0
        near, far = w1 + 2 * w2, 2 * w1 + w2
        return (near + far) / (near / left + far / right)

    def _secant(self, index: int, component: int) -> tuple[float, float]:
        """Return the frames from a key to the next, and the mean slope there."""
        width = self.frames[index + 1] - self.frames[index]
        return width, (self.values[index + 1][component] - self.values[index][component]) / width


def _components(value: Value) -> tuple[float, ...]:
    return value if isinstance(value, tuple) else (value,)


def _between(a: float, b: float, value: float) -> float:
    """Return the value, without what rounding adds beyond the two."""
    return min(max(value, min(a, b)), max(a, b))


def _hermite(
    a: float, b: float, slope_a: float, slope_b: float, *, at: tuple[float, float, float]
) -> float:
    """Return the cubic with these values and slopes at both ends."""
    frame, low, high = at
    width = high - low
    t = (frame - low) / width
    rise = a + (b - a) * t * t * (3 - 2 * t)
    bend = width * t * (1 - t) * (slope_a * (1 - t) - slope_b * t)
    return _between(a, b, rise + bend)
