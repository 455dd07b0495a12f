"""How a track is written, on the command line as in film.toml.

::

    track   =  name "=" keys
    keys    =  item { "," item }               blanks do not matter
    item    =  moment ":" value [ ":" way ]    a key; its way leads to the next one
            |  way                             for all keys that name none; else linear
            |  "loop"
    moment  =  48 | 1.5s | 2.1.1               frame, seconds, bar.beat.sixteenth
    value   =  number | "<" number "," number { "," number } ">"
    way     =  linear | step | ease | ease-in | ease-out | power2.5 | cubic

Such as ``ball_x=0:0, 48:1.5:ease, 96:0`` or ``Spin=0:0, 2s:360, loop``.
"""

from __future__ import annotations

import re

from mpirender.errors import UsageError
from mpirender.tracks.curves import WAYS, Key, Track, Value, Way
from mpirender.tracks.times import parse_moment

__all__ = ["parse_keys", "parse_track"]

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_WORDS = (*(way for way in WAYS if way != "power"), "power2", "loop")


def parse_track(text: str) -> Track:
    """Understand a track with its name; the grammar is at the top of this module.

    Parameters
    ----------
    text : str
        Such as ``ball_x=0:0,48:1.5,96:0``.

    Returns
    -------
    track : Track

    Raises
    ------
    UsageError
        If it is not understood; names the track and the key at fault.
    """
    name, equals, keys = text.partition("=")
    if not name.strip() or not equals:
        raise UsageError(
            f"track: got {text!r}, expected NAME=KEYS", hint="such as ball_x=0:0,48:1.5,96:0"
        )
    return parse_keys(name.strip(), keys)


def parse_keys(name: str, text: str) -> Track:
    """Understand the keys of a track whose name is known.

    Parameters
    ----------
    name : str
    text : str
        Such as ``0:0, 48:1.5:ease, 96:0, loop``.

    Returns
    -------
    track : Track

    Raises
    ------
    UsageError
        As in `parse_track`.
    """
    try:
        return _track(name, [item.strip() for item in re.split(r",(?![^<>]*>)", text)])
    except UsageError as error:
        raise UsageError(f"track {name!r}: {error.message}", hint=error.hint) from error


def _track(name: str, items: list[str]) -> Track:
    if (
        vector := next((item for item in items if ("<" in item) != (">" in item)), None)
    ) is not None:
        raise UsageError(f"got {vector!r}, a vector without its < or >")
    words = [item for item in items if ":" not in item]
    ways = [word for word in words if word != "loop"]
    if len(ways) > 1 or words.count("loop") > 1:
        raise UsageError(f"got {', '.join(words)}, expected one way and one loop at most")
    usual = _way(ways[0]) if ways else Way()
    keys = tuple(_key(item, usual) for item in items if ":" in item)
    if not keys:
        raise UsageError("no keys", hint="such as 0:0, 48:1.5, 96:0")
    return Track(name, keys, loop="loop" in words)


def _key(item: str, usual: Way) -> Key:
    moment, value, *way = (part.strip() for part in item.split(":"))
    if len(way) > 1:
        raise UsageError(f"got {item!r}, expected MOMENT:VALUE or MOMENT:VALUE:WAY")
    return Key(parse_moment(moment), _value(value), _way(way[0]) if way else usual)


def _value(text: str) -> Value:
    vector = re.fullmatch(r"<(.*)>", text)
    parts = [part.strip() for part in vector[1].split(",")] if vector else [text]
    if not all(_NUMBER.fullmatch(part) for part in parts):
        raise UsageError(f"got value {text!r}, expected a number or a vector such as <1, 2, 3>")
    numbers = tuple(map(float, parts))
    return numbers if vector else numbers[0]


def _way(text: str) -> Way:
    if (power := re.fullmatch(r"power(.+)", text)) and _NUMBER.fullmatch(power[1]):
        return Way("power", float(power[1]))
    if text not in WAYS or text == "power":
        raise UsageError(f"got {text!r}, expected a key or one of {', '.join(_WORDS)}")
    return Way(text)
