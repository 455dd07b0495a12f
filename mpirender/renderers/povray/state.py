"""POV-Ray's own checkpoint, the ``.pov-state`` file: the tiles of a picture as they are finished.

A header of 512 bytes is followed by one message a tile, written out the moment the tile is ready:
``POVRAYMS``, version and size, then attributes of a key, a type, a length and data each. All
numbers are big-endian. The pixels are linear 32-bit floats, five a pixel: red, green, blue, filter
and transmit. `PiId` counts the tiles of the area that is rendered, in reading order.

References
----------
POV-Ray 3.7 source, ``source/frontend/renderfrontend.cpp`` (NewBackup, ContinueBackup) and
``source/povms/povms.cpp`` (the stream format).
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import IO, TYPE_CHECKING

from mpirender.errors import OutputMismatch
from mpirender.model import Tile, TileRecord
from mpirender.partition import Grid

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["StateFile", "black_tile", "preview_of", "tile_message"]

_HEADER_SIZE = 512
_MAGIC = b"POV-Ray Render State File"
_VERSION = slice(28, 32), b"0001"
_HEADER = _MAGIC.ljust(_VERSION[0].start, b"\0") + _VERSION[1].ljust(_HEADER_SIZE - 28, b"\0")
_MESSAGE = b"POVRAYMS"
_POVMS_VERSION = 0x370
_INTEGER = struct.Struct(">i")
_PREFIX = struct.Struct(">8sII")  # mark, version, size
_NOT_IN_SIZE = 20  # bytes: the prefix, and "RAWS"
_FIRST_ATTRIBUTE = 28  # behind the prefix, "RAWSOBJE" and the number of attributes
_KIND = ((b"OCLA", b"PixD"), (b"MCLA", b"VImg"), (b"MIDE", b"PxBS"))
_FLOATS_PER_PIXEL = 5
_EDGES = (b"Left", b"Top ", b"Righ", b"Bott")  # columns and rows from 0, ends included


class StateFile:
    """The state file of one attempt, read while POV-Ray writes it.

    Parameters
    ----------
    output : Path
        The picture that POV-Ray is told to write.
    grid : Grid
        Of the whole area; its blocks are what the tiles are.

    Notes
    -----
    POV-Ray removes the file when it has ended well. So it is made beforehand under a name of our
    own, with POV-Ray's name as a second link; POV-Ray empties that file and removes its own link.
    """

    def __init__(self, output: Path, grid: Grid) -> None:
        self.header = b""
        self._grid = grid
        self._rest = b""
        self._path = output.with_suffix(".state")
        self._file: IO[bytes] | None = None
        self._path.touch()
        try:
            os.link(self._path, output.with_suffix(".pov-state"))
        except OSError:  # a file system without links: then it must be read in time
            self._path = output.with_suffix(".pov-state")

    def link(self, name: Path) -> None:
        """Give the file to a POV-Ray that knows it by another name.

        Raises
        ------
        OSError
            On a file system without links.
        """
        os.link(self._path, name)

    def confine(self, tile: Tile) -> None:
        """Have a POV-Ray that is yet to continue this file render one rectangle and nothing else.

        All other blocks of the area are in the file then as if they had been rendered.

        Raises
        ------
        OSError
            If there is no room for that; the file is empty then.
        """
        try:
            self._path.write_bytes(_HEADER + _marks(self._grid, tile))
        except OSError:
            self._path.write_bytes(b"")
            raise
        self.header = _HEADER
        self._file = self._path.open("rb")
        self._file.seek(0, os.SEEK_END)

    def read(self, *, ended: bool = False) -> list[TileRecord]:
        """Return the tiles that have been finished since the last call; see `TileStream.read`."""
        if self._file is None:
            try:
                self._file = self._path.open("rb")
            except FileNotFoundError:  # not yet; or no longer, on a file system without links
                return []
        self._rest += self._file.read()
        if not self.header:
            if len(self._rest) < _HEADER_SIZE:
                return []
            self.header, self._rest = self._rest[:_HEADER_SIZE], self._rest[_HEADER_SIZE:]
            place, version = _VERSION
            if not self.header.startswith(_MAGIC) or self.header[place] != version:
                raise OutputMismatch("POV-Ray's state file begins in an unknown way")
        records: list[TileRecord] = []
        at = 0
        while message := self._message_at(at):
            at += len(message)
            if record := self._record_of(message):
                records.append(record)
        self._rest = self._rest[at:]
        return records

    def close(self) -> None:
        """Read no more, and remove our link; see `TileStream.close`."""
        if self._file is not None:
            self._file.close()
        self._path.unlink(missing_ok=True)

    def _message_at(self, at: int) -> bytes:
        """Return the message that begins at a place, empty where it is not there as a whole."""
        if len(self._rest) - at < _PREFIX.size:
            return b""
        mark, _, size = _PREFIX.unpack_from(self._rest, at)
        if mark != _MESSAGE:
            raise OutputMismatch("POV-Ray's state file goes on in an unknown way")
        end = at + size + _NOT_IN_SIZE
        return self._rest[at:end] if end <= len(self._rest) else b""

    def _record_of(self, message: bytes) -> TileRecord | None:
        """Return the tile of a message, numbered for the whole area; None for a preview."""
        places = _attributes(message)
        if b"PiId" not in places:
            return None
        if not places.keys() >= {b"PBlo", *_EDGES}:
            raise OutputMismatch("POV-Ray's state file has a tile without a place or pixels")
        left, top, right, bottom = (_integer(message, places[edge]) for edge in _EDGES)
        area, where = self._grid.area, f"rows {top}-{bottom}, columns {left}-{right}"
        is_inside = area.start <= top <= bottom < area.stop
        is_inside &= area.left <= left <= right < area.right
        block = self._grid.block_at(top, left)
        if not is_inside or self._grid.tile_of(block) != Tile(top, bottom + 1, left, right + 1):
            raise OutputMismatch(f"POV-Ray's state file has a tile of {where}, which is no block")
        floats = _integer(message, places[b"PBlo"] - 4)
        if floats != _FLOATS_PER_PIXEL * self._grid.tile_of(block).pixels:
            raise OutputMismatch(f"POV-Ray's state file has {floats} numbers for {where}")
        at = places[b"PiId"]
        return TileRecord(block, message[:at] + _int(block) + message[at + 4 :])


def _attributes(message: bytes | bytearray) -> dict[bytes, int]:
    """Return where the data of each attribute begin.

    Raises
    ------
    OutputMismatch
        If they do not end where the message does.
    """
    places: dict[bytes, int] = {}
    at = _FIRST_ATTRIBUTE
    while at + 12 <= len(message):
        key, kind, length = (
            message[at : at + 4],
            message[at + 4 : at + 8],
            message[at + 8 : at + 12],
        )
        places[bytes(key)] = at + 12
        size = int.from_bytes(length, "big")
        at += 12 + size * (4 if kind == b"VFL4" else 1)
    if at != len(message):
        raise OutputMismatch("POV-Ray's state file has a message that is torn")
    return places


def _integer(message: bytes, at: int) -> int:
    return int.from_bytes(message[at : at + 4], "big", signed=True)


def tile_message(block: int, tile: Tile, pixels: bytes) -> bytes:
    """Return the message of a tile.

    Parameters
    ----------
    block : int
        Its number in the area, in reading order.
    tile : Tile
    pixels : bytes
        ``20 * tile.pixels`` of them, big-endian floats.
    """
    address = bytes([1, 8]) + bytes(8)
    edges = (tile.left, tile.start, tile.right - 1, tile.stop - 1)
    items = [
        *((key, b"TYPE", value) for key, value in _KIND),
        *((key, b"ADDR", address) for key in (b"MSRC", b"MDST")),
        (b"PBlo", b"VFL4", pixels),
        (b"PiId", b"INT4", _int(block)),
        (b"PiSi", b"INT4", _int(1)),
        *((key, b"INT4", _int(edge)) for key, edge in zip(_EDGES, edges, strict=True)),
        (b"ViId", b"INT4", _int(1)),
    ]
    data = b"RAWSOBJE" + _int(len(items))
    for key, kind, value in items:
        data += key + kind + _int(len(value) // (4 if kind == b"VFL4" else 1)) + value
    return _MESSAGE + _int(_POVMS_VERSION) + _int(len(data) - 4) + data


def _int(value: int) -> bytes:
    return _INTEGER.pack(value)


def preview_of(message: bytes, tile: Tile) -> NDArray[np.uint8]:
    """Return the pixels of a tile's message as a display shows them, over black.

    Returns
    -------
    pixels : (tile.height, tile.width, 3) uint8 ndarray
    """
    import numpy as np  # only now: no renderer has to wait for it

    from mpirender.blur import encode_srgb

    count, at = _FLOATS_PER_PIXEL * tile.pixels, _attributes(message)[b"PBlo"]
    floats = np.frombuffer(message, ">f4", count, at).reshape(tile.height, tile.width, -1)
    light = np.clip(floats[..., :3].astype(np.float64), 0, 1)
    return np.rint(encode_srgb(light) * 255).astype(np.uint8)


def _marks(grid: Grid, tile: Tile) -> bytes:
    """Return a message of one pixel for each block outside a rectangle: POV-Ray leaves it out."""
    mark = bytearray(tile_message(0, Tile(0, 1, 0, 1), bytes(4 * _FLOATS_PER_PIXEL)))
    places = _attributes(mark)
    at = [places[key] for key in (b"PiId", *_EDGES)]
    inside = set(grid.blocks_of(tile))
    marks = []
    for block in range(grid.rows * grid.columns):
        if block in inside:
            continue
        row, column = divmod(block, grid.columns)
        top, left = grid.area.start + row * grid.block, grid.area.left + column * grid.block
        for place, value in zip(at, (block, left, top, left, top), strict=True):
            _INTEGER.pack_into(mark, place, value)
        marks.append(bytes(mark))
    return b"".join(marks)


def black_tile(block: int, tile: Tile) -> bytes:
    """Return the message of a tile that is black and opaque."""
    return tile_message(block, tile, bytes(4 * _FLOATS_PER_PIXEL * tile.pixels))
