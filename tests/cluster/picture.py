"""The picture that all cluster tests render."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SCENE = Path(__file__).resolve().parent / "spheres.pov"
OPTIONS = ("+W320", "+H240", "+A0.03", "+R4")  # about two seconds for one core


def pixels(path: Path) -> NDArray[np.uint8]:
    """Return the (H, W, 3) uint8 pixels of a picture file."""
    with Image.open(path) as picture:
        return np.asarray(picture)


def working_hosts(log: str) -> set[str]:
    """Return the hosts that a verbose log names as having finished a task."""
    return set(re.findall(r"\btask \d+.*\bhost (\w+)", log))
