"""PNG of 8 or 16 bits: every ancillary chunk kept as it is, every bit of a value kept.

Read by OpenImageIO, as Pillow cuts 16-bit colour to 8 bits. Written here, as OpenImageIO knows
only some of the chunks; the filters are chosen and the stream is packed as libpng does by
default, so that files get neither larger nor different. See https://www.w3.org/TR/png/.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from mpirender.images.base import BadPicture, Metadata, Picture, PictureFormat, Pixels

__all__ = ["decode", "encode"]

_MAGIC = b"\x89PNG\r\n\x1a\n"
_COLOUR_TYPES = {0: "L", 2: "RGB", 4: "LA", 6: "RGBA"}
_ZLIB_LEVEL = 6
_DATA_BYTES = 8192  # of an IDAT chunk, as libpng has it
_STRIP_BYTES = 1 << 19  # filtered at once: small enough for the cache


def decode(path: Path, data: bytes) -> tuple[Pixels, PictureFormat]:
    """Pixels and format."""
    import OpenImageIO as oiio

    header, metadata = _chunks(data)
    width, height, depth, colour = struct.unpack_from(">IIBB", header)
    if depth not in (8, 16) or colour not in _COLOUR_TYPES:
        raise BadPicture(f"PNG of {depth} bits and colour type {colour}")
    channels, dtype = _COLOUR_TYPES[colour], "uint8" if depth == 8 else "uint16"
    wanted = oiio.ImageSpec()
    wanted.attribute("oiio:UnassociatedAlpha", 1)  # else colour is multiplied with alpha
    file = oiio.ImageInput.open(str(path), wanted)
    if file is None:
        raise BadPicture(oiio.geterror())
    pixels = file.read_image(0, 0, 0, len(channels), dtype)
    if pixels is None:
        raise BadPicture(file.geterror())
    if pixels.shape != (height, width, len(channels)):
        raise BadPicture(f"decoded to {pixels.shape}, expected {height} rows, {width} columns")
    return pixels, PictureFormat("png", dtype, channels, metadata)


def encode(file: BinaryIO, picture: Picture) -> None:
    """Write header, ancillary chunks, and rows as they are packed."""
    pixels, form = picture.pixels, picture.format
    height, width, channels = pixels.shape
    colour = next(key for key, value in _COLOUR_TYPES.items() if value == form.channels)
    depth = 8 * pixels.dtype.itemsize
    file.write(_MAGIC)
    _write_chunk(file, b"IHDR", struct.pack(">IIBB3x", width, height, depth, colour))
    for name, value in form.metadata:
        _write_chunk(file, name.encode("latin-1"), value)
    size = height * (1 + width * channels * pixels.dtype.itemsize)
    pack = zlib.compressobj(_ZLIB_LEVEL, zlib.DEFLATED, _window_bits(size), 8, zlib.Z_FILTERED)
    waiting = b""
    for strip in _filtered_strips(pixels):
        waiting = _write_data(file, waiting + pack.compress(strip.data))
    waiting = _write_data(file, waiting + pack.flush())
    if waiting:
        _write_chunk(file, b"IDAT", waiting)
    _write_chunk(file, b"IEND", b"")


def _chunks(data: bytes) -> tuple[bytes, Metadata]:
    """Header and all ancillary chunks, after a look at the checksum of every chunk."""
    found: list[tuple[str, bytes]] = []
    position, view = len(_MAGIC), memoryview(data)
    while not found or found[-1][0] != "IEND":
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 8 + length
        if zlib.crc32(view[position + 4 : end]) != struct.unpack_from(">I", data, end)[0]:
            raise BadPicture(f"wrong checksum of a chunk at byte {position}")
        body = b"" if name == b"IDAT" else data[position + 8 : end]
        found.append((name.decode("latin-1"), body))
        position = end + 4
    names = {name for name, _ in found}
    if found[0][0] != "IHDR" or names & {"tRNS", "acTL"}:
        raise BadPicture("PNG without a header, with a transparent colour, or with several frames")
    return found[0][1], tuple((name, body) for name, body in found if name[0].islower())


def _write_chunk(file: BinaryIO, name: bytes, body: bytes) -> None:
    """Write length, name, body and checksum."""
    file.write(struct.pack(">I", len(body)) + name + body)
    file.write(struct.pack(">I", zlib.crc32(body, zlib.crc32(name))))


def _write_data(file: BinaryIO, packed: bytes) -> bytes:
    """Write all full data chunks; return what is left."""
    whole = len(packed) // _DATA_BYTES * _DATA_BYTES
    for start in range(0, whole, _DATA_BYTES):
        _write_chunk(file, b"IDAT", packed[start : start + _DATA_BYTES])
    return packed[whole:]


def _window_bits(size: int) -> int:
    """Size of zlib's window, as libpng fits it to a small picture."""
    bits = 15
    while bits > 9 and size <= 16384 and size + 262 <= 1 << (bits - 1):
        bits -= 1
    return bits


def _filtered_strips(pixels: Pixels) -> Iterator[NDArray[np.uint8]]:
    """Rows with their filter byte in front, some of them at a time."""
    height, width, channels = pixels.shape
    step = channels * pixels.dtype.itemsize
    above = np.zeros((1, width * step), np.uint8)
    rows = max(1, _STRIP_BYTES // (width * step))
    for top in range(0, height, rows):
        strip = pixels[top : top + rows]
        big_endian = strip.astype(strip.dtype.newbyteorder(">"), order="C")
        raw = big_endian.view(np.uint8).reshape(len(strip), width * step)
        yield _filtered(raw, np.concatenate((above, raw[:-1])), step)
        above = raw[-1:]


def _filtered(raw: NDArray[np.uint8], up: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Each row by the filter with the least sum of absolute differences, as libpng chooses."""
    left, corner = np.zeros_like(raw), np.zeros_like(raw)
    left[:, step:], corner[:, step:] = raw[:, :-step], up[:, :-step]
    mean = (left & up) + ((left ^ up) >> 1)  # (left + up) // 2 without overflow
    rows = np.empty((len(raw), 1 + raw.shape[1]), np.uint8)
    least = np.full(len(raw), np.iinfo(np.int64).max)
    for number, guess in enumerate((None, left, up, mean, _paeth(left, up, corner))):
        rest = raw if guess is None else raw - guess
        cost = np.minimum(rest, -rest).sum(axis=1, dtype=np.int64)
        better = cost < least
        rows[better, 0], rows[better, 1:] = number, rest[better]
        least[better] = cost[better]
    return rows


def _paeth(
    left: NDArray[np.uint8], up: NDArray[np.uint8], corner: NDArray[np.uint8]
) -> NDArray[np.uint8]:
    """Whichever neighbour is nearest to left + up - corner."""
    wide = corner.astype(np.int16)
    from_left, from_up = up - wide, left - wide
    to_corner = np.abs(from_left + from_up)
    to_left, to_up = np.abs(from_left), np.abs(from_up)
    best = np.where(to_up <= to_corner, up, corner)
    return np.where((to_left <= to_up) & (to_left <= to_corner), left, best)
