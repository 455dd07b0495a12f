"""Radiance HDR: three mantissas and one exponent a pixel, kept as the bytes of the file.

Bytes, not floats, because every reader has its own idea of what a mantissa means, and because a
dithered file holds mantissas that no float would give again.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from mpirender.images.base import BadPicture, Picture, PictureFormat, Pixels
from mpirender.images.runs import PacketRules, pack

__all__ = ["decode", "encode"]

_HEADER = re.compile(rb"(#\?[^\n]*\n(?:[^\n]+\n)*)\n-Y (\d+) \+X (\d+)\n")
_PLAIN_HEADER = b"#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n"
_PACKED_WIDTHS = range(8, 0x8000)
_RULES = PacketRules(run_longest=127, run_shortest=4, run_code=128, copy_code=0)


def decode(path: Path, data: bytes) -> tuple[Pixels, PictureFormat]:
    """Pixels and format."""
    match = _HEADER.match(data)
    if not match:
        raise BadPicture("no complete HDR header with the top row first")
    height, width, body = int(match[2]), int(match[3]), match.end()
    if width in _PACKED_WIDTHS:
        pixels = _unpack(data, body, (height, width))
    else:
        pixels = np.frombuffer(data, np.uint8, offset=body).reshape(height, width, 4)
    return pixels, PictureFormat("hdr", "uint8", "RGBE", (("header", match[1]),))


def encode(file: BinaryIO, picture: Picture) -> None:
    """Write header and rows."""
    pixels = picture.pixels
    height, width, _ = pixels.shape
    file.write(picture.format.get("header", _PLAIN_HEADER))
    file.write(b"\n-Y %d +X %d\n" % (height, width))
    for row in pixels:
        if width in _PACKED_WIDTHS:
            file.write(bytes((2, 2, width >> 8, width & 255)))
            parts = np.ascontiguousarray(row.T)
            file.write(b"".join(pack(part[:, None], _RULES) for part in parts))
        else:
            file.write(row.tobytes())


def _unpack(data: bytes, position: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Pixels from packed rows."""
    height, width = size
    pixels = np.empty((height, width, 4), np.uint8)
    begin = bytes((2, 2, width >> 8, width & 255))
    for y in range(height):
        if data[position : position + 4] != begin:
            raise BadPicture(f"row {y} is missing, or not packed")
        line, position = _unpack_row(data, position + 4, 4 * width)
        pixels[y] = np.frombuffer(line, np.uint8).reshape(4, width).T
    if position != len(data):
        raise BadPicture(f"{len(data) - position} bytes too many")
    return pixels


def _unpack_row(data: bytes, position: int, length: int) -> tuple[bytearray, int]:
    """One row, component after component, and where the next one begins."""
    line = bytearray()
    while len(line) < length:
        count = data[position]
        if count > 128:
            line += data[position + 1 : position + 2] * (count - 128)
            position += 2
        elif count:
            line += data[position + 1 : position + 1 + count]
            position += 1 + count
        else:
            raise BadPicture("an empty packet")
    if len(line) != length or position > len(data):
        raise BadPicture("a packet that runs over the end of its row")
    return line, position
