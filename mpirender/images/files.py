"""From a path to a picture and back; each kind of file has its own module."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from mpirender.errors import OutputMismatch, OutputMissing, WriteError
from mpirender.images import bmp, exr, hdr, jpeg, png, ppm, tga
from mpirender.images.base import BadPicture, Picture, PictureFormat, Pixels

__all__ = ["preload", "read_picture", "read_region", "size_of", "write_picture"]


class _Kind(Protocol):
    """What the module of a kind of file offers."""

    def decode(self, path: Path, data: bytes) -> tuple[Pixels, PictureFormat]:
        """Pixels, maybe a view of the data, and format; raises ``BadPicture`` or anything."""

    def encode(self, file: BinaryIO, picture: Picture) -> None:
        """Write the whole file; the file can seek."""


_KINDS: dict[str, _Kind] = {
    "png": png,
    "ppm": ppm,
    "bmp": bmp,
    "tga": tga,
    "exr": exr,
    "hdr": hdr,
    "jpeg": jpeg,
}

_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"P5", "ppm"),
    (b"P6", "ppm"),
    (b"BM", "bmp"),
    (exr.MAGIC, "exr"),
    (b"#?", "hdr"),
    (b"\xff\xd8\xff", "jpeg"),
)


def preload() -> None:
    """Load the decoder library, which takes longer than to read a small picture."""
    import OpenImageIO  # noqa: F401


def read_picture(path: Path) -> Picture:
    """Read the whole of a picture file.

    Parameters
    ----------
    path : Path
        Its kind is told by its first bytes (TGA: its last), never by its name.

    Returns
    -------
    picture : Picture
        Pixels of shape (H, W, C) in native byte order, in memory of their own.

    Raises
    ------
    OutputMissing
        If there is no such file, or it is empty.
    OutputMismatch
        If the file is torn, broken, or of a kind or layout this program does not know.
    """
    pixels, form = _decode(path)
    return _own(pixels, form)


def read_region(
    path: Path,
    *,
    rows: tuple[int, int],
    columns: tuple[int, int],
    canvas: tuple[int, int] | None = None,
) -> Picture:
    """Read a rectangle of a picture file.

    Parameters
    ----------
    path : Path
    rows, columns : tuple of int
        First and one past the last, from 0 at the top and at the left.
    canvas : tuple of int, optional
        Height and width that the whole picture must have.

    Returns
    -------
    picture : Picture
        Pixels of shape (stop - start, right - left, C); nothing of the rest stays in memory.

    Raises
    ------
    OutputMissing, OutputMismatch
        As for ``read_picture``; also if the canvas is not as expected or does not hold the
        rectangle.

    Notes
    -----
    The whole file is decoded, so a torn file is found whatever the rectangle.
    """
    pixels, form = _decode(path)
    height, width = pixels.shape[:2]
    if canvas not in (None, (height, width)):
        raise OutputMismatch(f"{path} is {width}x{height}, expected {canvas[1]}x{canvas[0]}")
    (start, stop), (left, right) = rows, columns
    if not (0 <= start < stop <= height and 0 <= left < right <= width):
        raise OutputMismatch(f"{path} is {width}x{height}: no rows {rows}, columns {columns}")
    return _own(pixels[start:stop, left:right], form)


def write_picture(path: Path, picture: Picture) -> None:
    """Write a picture as its format says, to exactly this path.

    Parameters
    ----------
    path : Path
        Overwritten if it exists; a reader may see a torn file meanwhile.
    picture : Picture
        Its size may be another than that of the file its format comes from.

    Raises
    ------
    WriteError
        If the system refuses, or the kind of file cannot hold such a picture.
    """
    encode = _KINDS[picture.format.kind].encode
    try:
        with path.open("wb") as file:
            encode(file, picture)
    except (OSError, BadPicture, struct.error) as error:
        raise WriteError(f"cannot write {path}: {error}") from error


def size_of(path: Path) -> tuple[int, int]:
    """Return width and height of a picture of any kind, all of which has been decoded.

    Raises
    ------
    OutputMissing
        If there is no such file, or it is empty.
    OutputMismatch
        If it is torn, broken, or of an unknown kind.
    """
    import OpenImageIO as oiio

    if not (path.is_file() and path.stat().st_size):
        raise OutputMissing(f"no picture file {path}, or an empty one")
    file = oiio.ImageInput.open(str(path))
    if file is None:
        raise OutputMismatch(f"{path} is torn or of no known kind of picture file: {_last(oiio)}")
    spec = file.spec()
    pixels = file.read_image(0, 0, 0, spec.nchannels, spec.format)
    if pixels is None or file.has_error:
        raise OutputMismatch(f"{path} is torn or broken: {file.geterror()}")
    return spec.width, spec.height


def _last(oiio: Any) -> str:
    return str(oiio.geterror()).strip()


def _decode(path: Path) -> tuple[Pixels, PictureFormat]:
    """Pixels, maybe a view of the file's bytes, and format; all errors are ours."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise OutputMissing(f"no picture file {path}") from error
    except OSError as error:
        raise OutputMissing(f"cannot read {path}: {error.strerror}") from error
    if not data:
        raise OutputMissing(f"the picture file {path} is empty")
    kind = next((kind for magic, kind in _MAGIC if data.startswith(magic)), None)
    if kind is None and not tga.is_tga(data):
        raise OutputMismatch(f"{path} is torn or of no known kind of picture file")
    try:
        return _KINDS[kind or "tga"].decode(path, data)
    except BadPicture as error:
        raise OutputMismatch(f"cannot use {path}: {error}") from error
    except (OSError, ValueError, IndexError, SyntaxError, struct.error, zlib.error) as error:
        raise OutputMismatch(f"{path} is torn or broken: {error}") from error


def _own(pixels: Pixels, form: PictureFormat) -> Picture:
    """Make a picture whose pixels are contiguous, writable and in native byte order."""
    return Picture(np.require(pixels, form.dtype, ["C", "W", "O"]), form)
