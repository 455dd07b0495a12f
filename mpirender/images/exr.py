"""OpenEXR, one part of scan lines: attributes kept as they are, pixels never converted.

Read by OpenImageIO, whatever the compression. Written here, as OpenImageIO adds attributes of
its own; the layout is in https://openexr.com/en/latest/OpenEXRFileLayout.html.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from mpirender.images.base import BadPicture, Metadata, Picture, PictureFormat, Pixels

__all__ = ["MAGIC", "decode", "encode"]

MAGIC = b"v/1\x01"
_NOT_PLAIN = 0x200 | 0x800 | 0x1000  # tiles, deep pixels, several parts
_HALF, _FLOAT = 1, 2
_NO_COMPRESSION, _ZIPS, _ZIP = 0, 2, 3
_ROWS_A_CHUNK = {_NO_COMPRESSION: 1, _ZIPS: 1, _ZIP: 16}
_ZIP_LEVEL = 4  # OpenEXR's own since 3.1.3
_NAMES = {"L": "Y", "LA": "YA", "RGB": "RGB", "RGBA": "RGBA"}


def decode(path: Path, data: bytes) -> tuple[Pixels, PictureFormat]:
    """Pixels and format."""
    import OpenImageIO as oiio

    (version,) = struct.unpack_from("<I", data, 4)
    if version & _NOT_PLAIN:
        raise BadPicture("EXR with tiles, deep pixels or several parts")
    metadata = _attributes(data)
    form = PictureFormat("exr", "", "", metadata)
    if form.get("dataWindow") != form.get("displayWindow"):
        raise BadPicture("EXR whose data window is not its display window")
    file = oiio.ImageInput.open(str(path))
    if file is None:
        raise BadPicture(oiio.geterror())
    spec = file.spec()
    names = tuple(spec.channelnames)
    channels = next((key for key, value in _NAMES.items() if set(value) == set(names)), None)
    if channels is None or str(spec.format) not in ("half", "float") or spec.channelformats:
        raise BadPicture(f"EXR with channels {', '.join(names)} of {spec.format}")
    pixels = file.read_image(0, 0, 0, spec.nchannels, spec.format)
    if pixels is None:
        raise BadPicture(file.geterror())
    dtype = {"half": "float16", "float": "float32"}[str(spec.format)]
    order = [names.index(name) for name in _NAMES[channels]]
    return pixels[..., order], PictureFormat("exr", dtype, channels, metadata)


def encode(file: BinaryIO, picture: Picture) -> None:
    """Write attributes, then the rows in chunks, then where each chunk begins."""
    pixels, form = picture.pixels, picture.format
    compression = form.get("compression", b"compression\0\3")[-1]
    if compression not in _ROWS_A_CHUNK:
        compression = _ZIP
    rows = _ROWS_A_CHUNK[compression]
    file.write(MAGIC + struct.pack("<I", 2) + _header(picture, compression))
    table, offsets = file.tell(), []
    file.write(bytes(8 * -(-len(pixels) // rows)))
    names = _NAMES[form.channels]
    order = [names.index(name) for name in sorted(names)]
    for top in range(0, len(pixels), rows):
        chunk = pixels[top : top + rows, :, order].transpose(0, 2, 1)
        body = chunk.astype(chunk.dtype.newbyteorder("<")).tobytes()
        if compression != _NO_COMPRESSION:
            body = _compressed(body)
        offsets.append(file.tell())
        file.write(struct.pack("<iI", top, len(body)) + body)
    file.seek(table)
    file.write(struct.pack(f"<{len(offsets)}Q", *offsets))


def _attributes(data: bytes) -> Metadata:
    """Each attribute's name, and its type, a zero byte and its value."""
    attributes, position = [], 8
    while data[position]:
        name, kind, _ = data[position : position + 512].split(b"\0", 2)
        position += len(name) + len(kind) + 2
        (size,) = struct.unpack_from("<I", data, position)
        value = data[position + 4 : position + 4 + size]
        attributes.append((name.decode("latin-1"), kind + b"\0" + value))
        position += 4 + size
    return tuple(attributes)


def _header(picture: Picture, compression: int) -> bytes:
    """Attributes of the format, with those that tell of size and layout set anew."""
    height, width, _ = picture.pixels.shape
    kind = _HALF if picture.format.dtype == "float16" else _FLOAT
    window = b"box2i\0" + struct.pack("<4i", 0, 0, width - 1, height - 1)
    names = sorted(_NAMES[picture.format.channels])
    listed = b"".join(name.encode() + struct.pack("<BiIII", 0, kind, 0, 1, 1) for name in names)
    attributes = {
        "channels": b"chlist\0" + listed + b"\0",
        "compression": b"compression\0" + bytes((compression,)),
        "dataWindow": window,
        "displayWindow": window,
        "lineOrder": b"lineOrder\0\0",
        "pixelAspectRatio": b"float\0" + struct.pack("<f", 1),
        "screenWindowCenter": b"v2f\0" + struct.pack("<2f", 0, 0),
        "screenWindowWidth": b"float\0" + struct.pack("<f", 1),
    }
    fixed = ("compression", "dataWindow", "displayWindow", "lineOrder")
    attributes.update(item for item in picture.format.metadata if item[0] not in fixed)
    written = b""
    for name in sorted(attributes):
        kind_of, _, value = attributes[name].partition(b"\0")
        written += name.encode("latin-1") + b"\0" + kind_of + b"\0"
        written += struct.pack("<I", len(value)) + value
    return written + b"\0"


def _compressed(body: bytes) -> bytes:
    """Halves of the values apart, differences of bytes, zlib; or unchanged if that is shorter."""
    values = np.frombuffer(body, np.uint8)
    apart = np.concatenate((values[::2], values[1::2]))
    apart[1:] -= apart[:-1].copy() - np.uint8(128)
    packed = zlib.compress(apart.tobytes(), _ZIP_LEVEL)
    return packed if len(packed) < len(body) else body
