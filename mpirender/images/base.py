"""What a picture is: its pixels, and all that is needed to write its file again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpirender.errors import OutputMismatch
from mpirender.model import Metadata, PictureFormat

__all__ = ["BadPicture", "Metadata", "Picture", "PictureFormat", "Pixels"]

Pixels: TypeAlias = NDArray[Any]
"""(H, W, C) array; row 0 is the top of the picture."""


class BadPicture(Exception):
    """A decoder cannot use a file; says why, without the file's name."""


@dataclass(frozen=True, slots=True, eq=False)
class Picture:
    """Pixels and the format of their file.

    Parameters
    ----------
    pixels : (H, W, C) ndarray of ``format.dtype``
        C is the number of letters in ``format.channels``.
    format : PictureFormat

    Raises
    ------
    OutputMismatch
        If the pixels are not what the format says.
    """

    pixels: Pixels
    format: PictureFormat

    def __post_init__(self) -> None:
        shape, dtype = self.pixels.shape, self.pixels.dtype
        if len(shape) != 3 or 0 in shape or shape[2] != len(self.format.channels):
            raise OutputMismatch(f"pixels of shape {shape} are not {self.format.channels}")
        if dtype != np.dtype(self.format.dtype):
            raise OutputMismatch(f"pixels are {dtype}, expected {self.format.dtype}")
