"""Windows bitmaps of 24 or 32 bits: rows from the bottom, BGR or BGRA, padded to 4 bytes."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mpirender.images.base import BadPicture, Picture, PictureFormat, Pixels

__all__ = ["decode", "encode"]

_FILE_HEADER = struct.Struct("<2sI4xI")
_INFO_HEADER = struct.Struct("<IiiHHII16x")
_HEADER_BYTES = _FILE_HEADER.size + _INFO_HEADER.size
_SWAPPED = {"RGB": [2, 1, 0], "RGBA": [2, 1, 0, 3]}


def decode(path: Path, data: bytes) -> tuple[Pixels, PictureFormat]:
    """Pixels as a view of the data, and format."""
    _, _, start = _FILE_HEADER.unpack_from(data)
    info = _INFO_HEADER.unpack_from(data, _FILE_HEADER.size)
    kind, width, height, planes, bits, packing, _ = info
    if (kind, planes, packing) != (_INFO_HEADER.size, 1, 0) or bits not in (24, 32) or height <= 0:
        raise BadPicture("BMP other than 24 or 32 bits, bottom row first, without compression")
    row_bytes = (width * bits + 31) // 32 * 4
    if len(data) != start + row_bytes * height:
        raise BadPicture(f"{len(data)} bytes, expected {start + row_bytes * height}")
    channels = "RGB" if bits == 24 else "RGBA"
    rows = np.frombuffer(data, np.uint8, offset=start).reshape(height, row_bytes)[::-1]
    stored = rows[:, : width * len(channels)].reshape(height, width, len(channels))
    return stored[..., _SWAPPED[channels]], PictureFormat("bmp", "uint8", channels)


def encode(file: BinaryIO, picture: Picture) -> None:
    """Write header and rows."""
    pixels = picture.pixels
    height, width, channels = pixels.shape
    used, row_bytes = width * channels, (width * channels * 8 + 31) // 32 * 4
    size, bits = row_bytes * height, 8 * channels
    file.write(_FILE_HEADER.pack(b"BM", _HEADER_BYTES + size, _HEADER_BYTES))
    file.write(_INFO_HEADER.pack(_INFO_HEADER.size, width, height, 1, bits, 0, size))
    row = np.zeros(row_bytes, np.uint8)
    for y in range(height - 1, -1, -1):
        row[:used] = pixels[y][:, _SWAPPED[picture.format.channels]].reshape(-1)
        file.write(row.tobytes())
