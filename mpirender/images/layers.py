"""OpenEXR with several layers and passes: all of its channels, by their names."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mpirender.errors import OutputMismatch, OutputMissing

__all__ = ["Layers", "read_layers"]


@dataclass(frozen=True, slots=True, eq=False)
class Layers:
    """What is in such a file.

    Attributes
    ----------
    names : tuple of str
        Of the channels, such as ``ViewLayer.Combined.R``.
    pixels : (H, W, C) float32 ndarray
    notes : dict of str to str
        What is said of the picture in words.
    """

    names: tuple[str, ...]
    pixels: NDArray[np.float32]
    notes: dict[str, str] = field(default_factory=dict)


def read_layers(path: Path) -> Layers:
    """Read all channels of a file.

    Raises
    ------
    OutputMissing
        If there is none.
    OutputMismatch
        If it is torn or broken.
    """
    import OpenImageIO as oiio

    if not path.is_file():
        raise OutputMissing(f"no picture file {path}")
    file = oiio.ImageInput.open(str(path))
    if file is None:
        raise OutputMismatch(f"{path} is torn or broken: {oiio.geterror()}")
    spec = file.spec()
    pixels: Any = file.read_image(0, 0, 0, spec.nchannels, "float")
    if pixels is None:
        raise OutputMismatch(f"{path} is torn or broken: {file.geterror()}")
    notes = {one.name: one.value for one in spec.extra_attribs if isinstance(one.value, str)}
    return Layers(tuple(spec.channelnames), pixels, notes)
