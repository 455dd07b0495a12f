"""Keyframes become one value a frame.

::

    track = parse_track("Ball=1:0, 2.1.1:1.5:ease, 3s:0, loop")
    curve = track.curve(Timing(rate=Fraction(24), start=1, bpm=Fraction(90)))
    settings = [("Ball", curve.value(7))]
    declare(settings)  # ("Declare=Ball=0.140625",)

- ``times``: where a key stands: a frame, seconds, or bars.beats.sixteenths
- ``curves``: the mathematics between the keys
- ``text``: how a track is written, on the command line and in film.toml
- ``declare``: how POV-Ray gets the values
"""

from __future__ import annotations

from mpirender.tracks.curves import Curve, Key, Track, Value, Way
from mpirender.tracks.declare import Setting, declare, include_header
from mpirender.tracks.text import parse_keys, parse_track
from mpirender.tracks.times import Moment, Timing, parse_moment

__all__ = [
    "Curve",
    "Key",
    "Moment",
    "Setting",
    "Timing",
    "Track",
    "Value",
    "Way",
    "declare",
    "include_header",
    "parse_keys",
    "parse_moment",
    "parse_track",
]
