"""Netpbm files, P5 and P6: a text header, then rows of big-endian values."""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mpirender.images.base import BadPicture, Picture, PictureFormat, Pixels

__all__ = ["decode", "encode"]

_HEADER = re.compile(rb"P([56])\s((?:#[^\n]*\n)*)\s*(\d+)\s+(\d+)\s+(\d+)\s")
_ROWS_AT_ONCE = 64


def decode(path: Path, data: bytes) -> tuple[Pixels, PictureFormat]:
    """Pixels as a view of the data, and format.

    Notes
    -----
    POV-Ray writes its grey files with two bytes a value, even where the maximum value it notes
    is 255 (`Grayscale_Output` at 8 bits). Such a file is told by its length, read, and written
    in the same way again.
    """
    match = _HEADER.match(data)
    if not match:
        raise BadPicture("no complete PPM header")
    kind, comments, width, height, maximum = match.groups()
    shape = (int(height), int(width), 3 if kind == b"6" else 1)
    count, length = int(np.prod(shape)), len(data) - match.end()
    if length == 2 * count and (int(maximum) > 255 or kind == b"5"):
        dtype = ">u2"
    elif length == count and int(maximum) <= 255:
        dtype = "u1"
    else:
        raise BadPicture(f"{length} bytes of pixels, expected {count} values up to {int(maximum)}")
    pixels = np.frombuffer(data, dtype, offset=match.end()).reshape(shape)
    channels = "RGB" if kind == b"6" else "L"
    metadata = (("comments", comments), ("maximum", maximum))
    return pixels, PictureFormat("ppm", np.dtype(dtype).newbyteorder("=").name, channels, metadata)


def encode(file: BinaryIO, picture: Picture) -> None:
    """Write header and rows."""
    pixels, form = picture.pixels, picture.format
    height, width, channels = pixels.shape
    maximum = form.get("maximum", b"255" if form.dtype == "uint8" else b"65535")
    file.write(b"P6\n" if channels == 3 else b"P5\n")
    file.write(form.get("comments") + b"%d %d\n%s\n" % (width, height, maximum))
    for top in range(0, height, _ROWS_AT_ONCE):
        strip = pixels[top : top + _ROWS_AT_ONCE]
        file.write(strip.astype(strip.dtype.newbyteorder(">")).tobytes())
