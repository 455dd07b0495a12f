"""What a job file asks for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mpirender.frames import FrameList
from mpirender.tracks import Timing, Track
from mpirender.units import Pixels

__all__ = ["Film", "MovieSpec", "Shot"]


@dataclass(frozen=True, slots=True)
class Shot:
    """One scene, and the frames of it.

    Attributes
    ----------
    name : str
    scene : Path
        With the section of an INI file, if any, in brackets behind it.
    frames : FrameList or None
        None for those of the scene itself.
    clock : (float, float) or None
        POV-Ray's clock at the first and the last frame; None for the scene's own.
    size : (int, int) or None
        Width and height in pixels.
    options : tuple of str
        The renderer's own arguments.
    output : str
        File name of the frames, a pattern for `mpirender.frames.numbered`.
    priority : int
        Higher ones first.
    motion_blur : int
        Sub-frames a frame, >= 1.
    shutter : float
        How long it is open, in frames.
    tracks : tuple of Track
    timing : Timing
        Of the tracks; starts with the lowest frame, or 1 where frames are not known.
    """

    name: str
    scene: Path
    frames: FrameList | None
    clock: tuple[float, float] | None
    size: tuple[Pixels, Pixels] | None
    options: tuple[str, ...]
    output: str
    priority: int
    motion_blur: int
    shutter: float
    tracks: tuple[Track, ...]
    timing: Timing


@dataclass(frozen=True, slots=True)
class MovieSpec:
    """A movie as typed; which codecs and rates there are is the encoder's knowledge.

    Attributes
    ----------
    file : Path
    shots : tuple of str
        Names, in the order of the movie.
    fps : str
        Such as ``25``, ``30000/1001``, ``23.976``.
    codec, bitrate : str
        Empty where not given.
    quality, bits : int or None
    """

    file: Path
    shots: tuple[str, ...]
    fps: str
    codec: str = ""
    bitrate: str = ""
    quality: int | None = None
    bits: int | None = None


@dataclass(frozen=True, slots=True)
class Film:
    """What a job file asks for.

    Attributes
    ----------
    path : Path
        The file itself.
    fps : str
        As in `MovieSpec`.
    shots : tuple of Shot
        At least one, in the order of the file.
    movies : tuple of MovieSpec
    """

    path: Path
    fps: str
    shots: tuple[Shot, ...]
    movies: tuple[MovieSpec, ...]
