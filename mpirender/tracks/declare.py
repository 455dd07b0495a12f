"""How POV-Ray gets the values of a frame.

There are two ways, and both declare the same names. A vector ``Ball`` becomes ``Ball_x``,
``Ball_y``, ``Ball_z`` (and ``Ball_t``), one of five ``Ball_r`` to ``Ball_t`` as colours have it.

``Declare=name=value`` on the command line. As measured with POV-Ray 3.7.0.10:

- six significant digits arrive, whatever is written (``0.123456789`` is 0.123457 in the scene),
  and nothing above 3.4e38; exponents and signs are understood, ``1/3`` is 1;
- a vector is 0, without a word, which is why it is taken apart;
- where a name is declared twice, the *first* one counts, also over INI files;
- it is the same for all frames of a process, so each frame needs one of its own.

An include file for ``+HI``. Doubles arrive (POV-Ray reads decimals right but for the last binary
digit at times), and vectors as well; a declaration beats one of the command line; and
``frame_number`` tells frames apart, so that one process may do many. The scene sees the same as if
it had declared the values itself. The file begins without a ``#version`` on purpose: with one, a
scene that has none would come out differently.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeAlias

from mpirender.errors import UsageError
from mpirender.tracks.curves import Value

__all__ = ["Setting", "check_name", "declare", "include_header"]

Setting: TypeAlias = tuple[str, Value]
"""A variable and its value at one frame."""

_COMPONENTS = {2: "xy", 3: "xyz", 4: "xyzt", 5: "rgbft"}
_TAKEN = frozenset(
    (
        "blue",
        "clock",
        "clock_delta",
        "clock_on",
        "false",
        "filter",
        "final_clock",
        "final_frame",
        "frame_number",
        "green",
        "image_height",
        "image_width",
        "initial_clock",
        "initial_frame",
        "input_file_name",
        "no",
        "now",
        "off",
        "on",
        "pi",
        "red",
        "t",
        "tau",
        "transmit",
        "true",
        "u",
        "v",
        "version",
        "x",
        "y",
        "yes",
        "z",
    )
)
"""What POV-Ray knows as numbers, vectors or texts: some of these it would ignore silently."""


def check_name(name: str) -> None:
    """Refuse what cannot be the name of a variable in POV-Ray.

    Parameters
    ----------
    name : str

    Raises
    ------
    UsageError
    """
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,39}", name):
        raise UsageError(
            f"track {name!r}: not a name in POV-Ray",
            hint="up to 40 letters, digits and _, no digit first",
        )
    if name in _TAKEN:
        raise UsageError(
            f"track {name!r}: POV-Ray has that name for itself",
            hint=f"such as {name.capitalize()}; capitals are never taken",
        )


def declare(settings: Iterable[Setting]) -> tuple[str, ...]:
    """Return values as arguments of the command line.

    Parameters
    ----------
    settings : iterable of (str, Value)

    Returns
    -------
    arguments : tuple of str
        ``Declare=name=value``, with the fewest digits that give the same double again. They go
        before arguments of the user, as the first declaration counts.

    Raises
    ------
    UsageError
        If a name cannot be one; see `check_name`.
    """
    return tuple(f"Declare={name}={number}" for name, number in _numbers(settings))


def include_header(frames: Sequence[tuple[int, Sequence[Setting]]]) -> str:
    """Return an include file that declares the values of each frame.

    Parameters
    ----------
    frames : sequence of (int, sequence of (str, Value))
        Each with the `frame_number` that POV-Ray will count it as.

    Returns
    -------
    text : str
        In POV-Ray's scene language.

    Raises
    ------
    UsageError
        If a name cannot be one; see `check_name`.
    """
    lines = ["#switch (frame_number)"]
    for frame, settings in frames:
        lines.append(f"#case ({frame})")
        lines += (f"#declare {name} = {number};" for name, number in _numbers(settings))
        lines += (
            f"#declare {name} = <{', '.join(map(_shortest, value))}>;"
            for name, value in settings
            if isinstance(value, tuple)
        )
        lines.append("#break")
    return "\n".join((*lines, "#end", ""))


def _numbers(settings: Iterable[Setting]) -> Iterator[tuple[str, str]]:
    """Yield names and numbers, vectors taken apart."""
    for name, value in settings:
        check_name(name)
        if not isinstance(value, tuple):
            yield name, _shortest(value)
            continue
        for letter, number in zip(_COMPONENTS[len(value)], value, strict=True):
            yield f"{name}_{letter}", _shortest(number)


def _shortest(number: float) -> str:
    """Return the shortest decimal of a double; no ``-0``, as nobody means that."""
    return repr(float(number) + 0.0).removesuffix(".0")
