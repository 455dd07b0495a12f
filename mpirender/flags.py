"""What the user typed, before anything is known of the scene or the machines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mpirender.frames import FrameList
from mpirender.model import Limits
from mpirender.partition import Split
from mpirender.tracks import Track
from mpirender.units import Pixels

__all__ = ["BenchFlags", "Flags", "MovieFlags"]


@dataclass(frozen=True, slots=True)
class MovieFlags:
    """One movie as typed.

    Attributes
    ----------
    path : Path
    fps, codec, bitrate : str
        Empty where not given.
    quality : int or None
    """

    path: Path
    fps: str = ""
    codec: str = ""
    bitrate: str = ""
    quality: int | None = None


@dataclass(frozen=True, slots=True)
class Flags:
    """Arguments, each checked by itself.

    Attributes
    ----------
    scenes : tuple of str
        At least one; or one job file.
    passed_on : tuple of str
        Arguments for the renderer itself.
    output : Path or None
    size : (int, int) or None
        Width and height in pixels.
    threads : int or None
        None for ``auto``.
    split : Split
    rows_per_task : int or None
        In pixels.
    policy : str
        One of `mpirender.policy.NAMES`.
    limits : Limits
    renderer, program : str
        Empty for the usual ones.
    frames : FrameList or None
    clock : (float, float) or None
        At the first and the last frame.
    tracks : tuple of Track
    motion_blur : int or None
        Sub-frames a frame.
    shutter : float or None
        How long it is open, in frames.
    preview : int or None
        Every so many frames first.
    movies : tuple of MovieFlags
    sheet : Path or None
        Contact sheet.
    snapshot : Path or None
        File that shows the picture so far.
    reproducible : bool
        The same picture for any number of ranks, whatever the scene has in it.
    tune : bool
        Try first how many ranks of a host render best with how many threads each.
    report : Path or None
        An HTML file, or a folder.
    progress : str
    dry_run, keep, quiet : bool
    log_level : int
        As in `logging`.
    """

    scenes: tuple[str, ...]
    passed_on: tuple[str, ...]
    output: Path | None
    size: tuple[Pixels, Pixels] | None
    threads: int | None
    split: Split
    rows_per_task: Pixels | None
    policy: str
    limits: Limits
    renderer: str
    program: str
    frames: FrameList | None
    clock: tuple[float, float] | None
    tracks: tuple[Track, ...]
    motion_blur: int | None
    shutter: float | None
    preview: int | None
    movies: tuple[MovieFlags, ...]
    sheet: Path | None
    snapshot: Path | None
    reproducible: bool
    tune: bool
    report: Path | None
    progress: str
    dry_run: bool
    keep: bool
    quiet: bool
    log_level: int


@dataclass(frozen=True, slots=True)
class BenchFlags:
    """Arguments of a bench.

    Attributes
    ----------
    render : Flags
        Of every run, but for the policy.
    policies : tuple of str
        At least one.
    ranks : tuple of int
        Numbers of ranks; empty for 1, 2, 4 and so on.
    repeats : int
        Runs of each number, >= 1.
    weak : bool
        Whether the work grows with the ranks.
    seed : int
        Of the order of the runs.
    out : Path
        Folder of the results.
    """

    render: Flags
    policies: tuple[str, ...]
    ranks: tuple[int, ...]
    repeats: int
    weak: bool
    seed: int
    out: Path
