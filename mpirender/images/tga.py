"""Truevision TGA version 2, true colour of 24 or 32 bits, raw or run-length packed.

Version 1 files have no footer, so that a torn one cannot be told; they are refused.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mpirender.images.base import BadPicture, Picture, PictureFormat, Pixels
from mpirender.images.runs import PacketRules, pack

__all__ = ["decode", "encode", "is_tga"]

_SIGNATURE = b"TRUEVISION-XFILE.\0"
_FOOTER = struct.Struct("<II18s")
_HEADER_BYTES = 18
_RAW, _PACKED = 2, 10
_TOP_FIRST = 0x20
_SWAPPED = {"RGB": [2, 1, 0], "RGBA": [2, 1, 0, 3]}
_RULES = PacketRules(run_longest=128, run_shortest=2, run_code=127, copy_code=-1)


def is_tga(data: bytes) -> bool:
    """Whether the file ends as a TGA file of version 2 does."""
    return data.endswith(_SIGNATURE) and len(data) >= _HEADER_BYTES + _FOOTER.size


def decode(path: Path, data: bytes) -> tuple[Pixels, PictureFormat]:
    """Pixels and format."""
    kind, bits, flags = data[2], data[16], data[17]
    if data[0] or data[1] or kind not in (_RAW, _PACKED) or bits not in (24, 32):
        raise BadPicture("TGA other than true colour of 24 or 32 bits")
    if flags & 0x30 != _TOP_FIRST:
        raise BadPicture("TGA whose first pixel is not the top left one")
    width, height = struct.unpack_from("<HH", data, 12)
    channels = "RGB" if bits == 24 else "RGBA"
    extension, developer, _ = _FOOTER.unpack_from(data, len(data) - _FOOTER.size)
    if developer or extension > len(data) - _FOOTER.size:
        raise BadPicture("TGA with a developer area, or a footer that points nowhere")
    end = extension or len(data) - _FOOTER.size
    body = data[_HEADER_BYTES:end]
    if kind == _RAW:
        stored = np.frombuffer(body, np.uint8).reshape(height, width, len(channels))
        pixels = stored[..., _SWAPPED[channels]]
    else:
        pixels = _unpack(body, (width, height), channels)
    metadata = (("header", data[:_HEADER_BYTES]), ("tail", data[end:]))
    return pixels, PictureFormat("tga", "uint8", channels, metadata)


def encode(file: BinaryIO, picture: Picture) -> None:
    """Write header, rows, extension area and footer."""
    pixels, form = picture.pixels, picture.format
    height, width, channels = pixels.shape
    flags = _TOP_FIRST | (8 if channels == 4 else 0)
    plain = struct.pack("<2xB13xBB", _PACKED, 8 * channels, flags)
    header = bytearray(form.get("header", plain))
    header[12:16] = struct.pack("<HH", width, height)
    tail = bytearray(form.get("tail", _FOOTER.pack(0, 0, _SIGNATURE)))
    file.write(header)
    for row in pixels:
        swapped = np.ascontiguousarray(row[:, _SWAPPED[form.channels]])
        file.write(pack(swapped, _RULES) if header[2] == _PACKED else swapped.tobytes())
    if len(tail) > _FOOTER.size:
        tail[-_FOOTER.size : -_FOOTER.size + 4] = struct.pack("<I", file.tell())
    file.write(tail)


def _unpack(body: bytes, size: tuple[int, int], channels: str) -> Pixels:
    """Pixels from packets."""
    from PIL import Image

    order = {"RGB": "BGR", "RGBA": "BGRA"}[channels]
    return np.asarray(Image.frombytes(channels, size, body, "tga_rle", order, 1, 8 * len(channels)))
