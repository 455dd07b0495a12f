"""What the user typed, before anything is known of the scene or the machines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mpirender.model import Limits
from mpirender.partition import Split
from mpirender.units import Pixels

__all__ = ["Flags"]


@dataclass(frozen=True, slots=True)
class Flags:
    """Arguments, each checked by itself.

    Attributes
    ----------
    scene : str
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
    limits : Limits
    renderer, program : str
        Empty for the usual ones.
    progress : str
    dry_run, keep, quiet : bool
    log_level : int
        As in `logging`.
    """

    scene: str
    passed_on: tuple[str, ...]
    output: Path | None
    size: tuple[Pixels, Pixels] | None
    threads: int | None
    split: Split
    rows_per_task: Pixels | None
    limits: Limits
    renderer: str
    program: str
    progress: str
    dry_run: bool
    keep: bool
    quiet: bool
    log_level: int
