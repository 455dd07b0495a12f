"""What Blender is to open and what of it the user has changed; how Blender is started for it."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from mpirender.model import Tile
from mpirender.units import Pixels

__all__ = ["Play", "argv_of", "environment_of"]

_BOOT = Path(__file__).parent / "inside" / "boot.py"


@dataclass(frozen=True, slots=True)
class Play:
    """A scene as it is to be rendered; travels among a job's arguments.

    Attributes
    ----------
    file : str
        The .blend, absolute.
    scripts : bool
        Whether Python scripts in it may run.
    options : dict
        What differs from the file, as `inside.stage` names it.
    engine : str
        In Blender's words; empty before Blender has been asked.
    ending : str
        Of the pictures, with its dot.
    picture : (int, int) or None
        Width and height of them in pixels; None where that is not known.
    margin : int
        Pixels around a part of a frame that have to be rendered with it.
    samples : int
        A pixel, where parts of a frame are parts of its samples; 0 where they are rectangles. Then
        the rows of the job's area stand for even shares of the samples.
    played : list of int
        All frames of the command, in its order, where simulations go on from one to the next; empty
        where there are none without a cache.
    """

    file: str
    scripts: bool
    options: dict[str, Any]
    engine: str = ""
    ending: str = ""
    picture: tuple[Pixels, Pixels] | None = None
    margin: Pixels = 0
    samples: int = 0
    played: list[int] = field(default_factory=list)

    def for_blender(self, threads: int) -> dict[str, Any]:
        """Return what the script inside Blender is told of it."""
        return {
            "file": self.file,
            "scripts": self.scripts,
            "options": self.options,
            "threads": threads,
            "played": self.played,
        }

    def samples_of(self, tile: Tile, shares: int) -> tuple[int, int]:
        """Return the first sample of a part, and how many it has, of so many shares in all."""
        first, stop = (self.samples * share // shares for share in (tile.start, tile.stop))
        return first, stop - first

    def argument(self) -> str:
        """Return it as one word."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, argument: str) -> Play:
        """Return what `argument` was made of."""
        return cls(**json.loads(argument))


def argv_of(program: str, *, threads: int, scripts: bool) -> tuple[str, ...]:
    """Return how Blender is started, or a Python that has it as a module."""
    if re.match(r"(python|pypy)[\d.]*$", Path(program).name):
        return program, str(_BOOT)
    return (
        *(program, "-b", "-noaudio", "-y" if scripts else "-Y", "-t", str(threads)),
        *("--python-exit-code", "9", "--python", str(_BOOT)),
    )


def environment_of(folder: Path) -> tuple[tuple[str, str], ...]:
    """Return variables for Blender: its own temporary files go to a folder that is removed."""
    return (("TMPDIR", str(folder)),)
