"""A contact sheet: small pictures of the frames in rows, each with its number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mpirender.encode.frames import flat, frame_at
from mpirender.encode.sequence import number_of
from mpirender.errors import EncodeError, RenderError, UsageError
from mpirender.images import Picture, PictureFormat, jpeg_format, write_picture
from mpirender.paths import atomic_replace

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["AT_MOST", "write_sheet"]

AT_MOST = 100
"""Frames on a sheet."""

_KINDS = {
    ".png": PictureFormat("png", "uint8", "RGB"),
    ".ppm": PictureFormat("ppm", "uint8", "RGB"),
    ".bmp": PictureFormat("bmp", "uint8", "RGB"),
    ".tga": PictureFormat("tga", "uint8", "RGB"),
    ".jpg": jpeg_format(90, PictureFormat("ppm", "uint8", "RGB")),
}
_KINDS[".jpeg"] = _KINDS[".jpg"]

_THUMB = 160  # pixels, the longer side
_GAP = 8  # pixels around each
_LINE = 16  # pixels for its number
_BACKGROUND, _INK = (24, 24, 24), (200, 200, 200)
_WIDER_THAN_HIGH = 4 / 3  # of the whole sheet, about


def write_sheet(
    frames: Sequence[Path], out: Path, *, columns: int | None = None, at_most: int = AT_MOST
) -> None:
    """Write a contact sheet.

    Parameters
    ----------
    frames : sequence of Path
        In their order; if there are more than `at_most`, some of them at equal distances, the
        first and the last among them.
    out : Path
        The suffix tells its kind: .png, .jpg, .ppm, .bmp or .tga.
    columns : int, optional
        Frames in a row; if left out, as many as make a sheet a little wider than high.
    at_most : int
        Frames on the sheet, > 0.

    Raises
    ------
    UsageError
        If the suffix or the number of columns cannot be.
    EncodeError
        If there is no frame, or one cannot be read.
    WriteError
        If the sheet cannot be written.

    Notes
    -----
    Every cell is of the first frame's shape. One frame is in memory at a time, and the sheet.
    """
    from PIL import Image, ImageDraw

    kind = _KINDS.get(out.suffix.lower())
    if kind is None:
        raise UsageError(f"{out} is no kind of picture for a sheet", hint=" ".join(_KINDS))
    if columns is not None and columns < 1:
        raise UsageError(f"{columns} columns cannot be", hint="1 or more")
    chosen = _chosen(frames, at_most)
    if not chosen:
        raise EncodeError(f"no frames for {out}")
    sheet: Image.Image | None = None
    for place, path in enumerate(chosen):
        thumb = _thumb(path)
        if sheet is None:
            cell = thumb.width + _GAP, thumb.height + _GAP + _LINE
            across = min(columns or _columns(len(chosen), cell), len(chosen))
            sheet = Image.new("RGB", _size(len(chosen), across, cell), _BACKGROUND)
            draw = ImageDraw.Draw(sheet)
        left, top = _GAP + place % across * cell[0], _GAP + place // across * cell[1]
        sheet.paste(thumb, (left, top))
        draw.text((left, top + cell[1] - _GAP - _LINE + 2), _label(path), fill=_INK)
    pixels = np.asarray(sheet)
    with atomic_replace(out) as temporary:
        write_picture(temporary, Picture(pixels, replace(kind)))


def _chosen(frames: Sequence[Path], at_most: int) -> list[Path]:
    """All frames, or as many of them as there may be."""
    if len(frames) <= at_most:
        return list(frames)
    places = np.linspace(0, len(frames) - 1, at_most).round().astype(int)
    return [frames[place] for place in places]


def _columns(count: int, cell: tuple[int, int]) -> int:
    return ceil(sqrt(count * _WIDER_THAN_HIGH * cell[1] / cell[0]))


def _size(count: int, across: int, cell: tuple[int, int]) -> tuple[int, int]:
    return _GAP + across * cell[0], _GAP + ceil(count / across) * cell[1]


def _label(path: Path) -> str:
    number = number_of(path)
    return path.stem if number is None else str(number)


def _thumb(path: Path) -> Image.Image:
    """Read a frame and make it small."""
    from PIL import Image

    try:
        frame = flat(frame_at(path))
    except RenderError as error:
        raise EncodeError(error.message) from error
    if frame.dtype == np.uint16:
        frame = (frame >> 8).astype(np.uint8)
    image = Image.fromarray(frame)
    image.thumbnail((_THUMB, _THUMB), Image.Resampling.LANCZOS)
    return image
