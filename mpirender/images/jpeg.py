"""JPEG: read with its tables, written with the same, or as POV-Ray writes at a given quality."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from mpirender.errors import OutputMismatch
from mpirender.images.base import BadPicture, Picture, PictureFormat, Pixels

__all__ = ["decode", "encode", "jpeg_format"]

_POVRAY_QUALITY = 85
_LARGEST = 65500  # pixels a side, libjpeg's JPEG_MAX_DIMENSION
_PASSED_ON = ("comment", "icc_profile", "exif")


def jpeg_format(compression: int, like: PictureFormat) -> PictureFormat:
    """Format of the JPEG file that POV-Ray would have written of these pixels.

    Parameters
    ----------
    compression : int
        POV-Ray's option `Compression`, which for JPEG is the quality, 2 to 100. Less is read as
        85, which is also what POV-Ray takes if the option is not given; more is read as 100.
    like : PictureFormat
        Of the row blocks. Exact is 8-bit PPM without dithering (`+FP8 -TH`), whatever `+UA`
        says: both files drop alpha in the same way, and POV-Ray never dithers a JPEG.

    Returns
    -------
    format : PictureFormat
        Of kind "jpeg"; says date, version and platform as the blocks do.

    Raises
    ------
    OutputMismatch
        If the pixels are not 8-bit grey or colour without alpha.

    Notes
    -----
    POV-Ray leaves libjpeg as it is, but for the quality, and does not reduce the resolution of
    colour; with libjpeg-turbo on both sides the files are the same byte for byte.
    """
    if like.dtype != "uint8" or like.channels not in ("L", "RGB"):
        raise OutputMismatch(f"{like.dtype} {like.channels} pixels cannot become a JPEG file")
    quality = _POVRAY_QUALITY if compression < 2 else min(compression, 100)
    metadata = [("quality", b"%d" % quality), ("sampling", b"0")]
    if like.kind == "ppm":
        metadata.append(("comment", _comment(like.get("comments"))))
    return PictureFormat("jpeg", "uint8", like.channels, tuple(metadata))


def decode(path: Path, data: bytes) -> tuple[Pixels, PictureFormat]:
    """Pixels and format."""
    from PIL import JpegImagePlugin

    if not data.rstrip(b"\0").endswith(b"\xff\xd9"):
        raise BadPicture("JPEG without an end marker")
    # The decoder's own class: Image.open warns of, and refuses, very large pictures.
    with JpegImagePlugin.JpegImageFile(io.BytesIO(data)) as image:
        if image.mode not in ("L", "RGB"):
            raise BadPicture(f"JPEG of colours {image.mode}")
        tables = image.quantization
        metadata = [(f"table{key}", bytes(tables[key])) for key in sorted(tables)]
        if image.mode == "RGB":
            metadata.append(("sampling", b"%d" % JpegImagePlugin.get_sampling(image)))
        if image.info.get("jfif_unit") == 1:
            metadata.append(("dpi", b"%d %d" % image.info["jfif_density"]))
        metadata += [(name, image.info[name]) for name in _PASSED_ON if name in image.info]
        channels = image.mode
        pixels = np.asarray(image)
    return np.atleast_3d(pixels), PictureFormat("jpeg", "uint8", channels, tuple(metadata))


def encode(file: BinaryIO, picture: Picture) -> None:
    """Write with the tables, or at the quality, of the format."""
    from PIL import Image

    pixels, form = picture.pixels, picture.format
    if max(pixels.shape) > _LARGEST:
        raise BadPicture(f"a JPEG file has at most {_LARGEST} pixels a side")
    options: dict[str, Any] = {name: form.get(name) for name in _PASSED_ON if form.get(name)}
    if form.get("dpi"):
        options["dpi"] = tuple(int(part) for part in form.get("dpi").split())
    if form.get("sampling") not in (b"", b"-1"):
        options["subsampling"] = int(form.get("sampling"))
    if form.get("quality"):
        options["quality"] = int(form.get("quality"))
    else:
        tables = [list(value) for name, value in form.metadata if name.startswith("table")]
        options["qtables"] = tables or None
    flat = pixels[..., 0] if form.channels == "L" else pixels
    Image.fromarray(np.ascontiguousarray(flat)).save(file, "JPEG", **options)


def _comment(lines: bytes) -> bytes:
    """POV-Ray's JPEG comment from its PPM comments: no "# ", and the date before the program."""
    bare = [line.removeprefix(b"# ") for line in lines.splitlines()]
    bare.sort(key=lambda line: not line.startswith(b"Render Date:"))
    return b"".join(line + b"\n" for line in bare)
