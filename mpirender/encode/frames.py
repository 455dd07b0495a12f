"""From a picture file's numbers to a frame as it is displayed, for any kind of picture."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mpirender.blur import decode_srgb, encode_srgb
from mpirender.encode.planes import Frame
from mpirender.images import Picture, read_picture

__all__ = ["display_frame", "flat", "frame_at", "with_alpha"]

_Floats: TypeAlias = NDArray[np.float64]

_PNG_UNIT = 100_000  # of the gAMA chunk, https://www.w3.org/TR/png/#11gAMA
_DISPLAY_GAMMA = 0.45455
_GAMMA_TOLERANCE = 0.01
_RGBE_BIAS = 128 + 8  # exponent's bias, and 8 bits of mantissa


def frame_at(path: Path) -> Frame:
    """Read a picture file and return its frame; see `display_frame`.

    Raises
    ------
    OutputMissing, OutputMismatch
        As `mpirender.images.read_picture`.
    """
    return display_frame(read_picture(path))


def display_frame(picture: Picture) -> Frame:
    """Return the values that a display is sent.

    Parameters
    ----------
    picture : Picture

    Returns
    -------
    frame : (H, W, 3 or 4) uint8 or uint16 ndarray
        RGB, with alpha where the picture has it, never multiplied in. Pictures of 8 bits give 8
        bits, all others 16. Grey is repeated.

    Notes
    -----
    Whole numbers are taken as they are: they are display values already, but for a PNG that says
    otherwise (`gAMA` without `sRGB`, as POV-Ray writes with `File_Gamma=1`), and for a PPM
    whose greatest value is not that of its depth. EXR and HDR hold light; they get the curve of
    sRGB, and what is brighter than white is white. Their alpha is multiplied into the light, and
    is divided out.
    """
    form = picture.format
    if form.channels == "RGBE":
        return _encoded(_light_of_rgbe(picture.pixels))
    if form.kind == "exr":
        return _from_light(picture.pixels, form.has_alpha)
    pixels = _to_own_range(picture)
    if form.channels.startswith("L"):
        pixels = pixels[..., [0, 0, 0, 1] if form.has_alpha else [0, 0, 0]]
    gamma = _unusual_gamma(picture)
    return _with_gamma(pixels, gamma) if gamma else pixels


def flat(frame: Frame) -> Frame:
    """Return a frame over black, without alpha.

    Notes
    -----
    Light is what alpha is multiplied with, so that edges look as if the scene had been rendered
    before a black background. Opaque pixels keep their values.
    """
    if frame.shape[2] == 3:
        return frame
    top = np.iinfo(frame.dtype).max
    colour: Frame = frame[..., :3].copy()
    alpha = frame[..., 3]
    part = alpha != top
    if part.any():
        light = decode_srgb(colour[part] / top) * (alpha[part] / top)[:, None]
        colour[part] = _encoded(light, frame.dtype)
    return colour


def with_alpha(frame: Frame) -> Frame:
    """Return a frame that has alpha; opaque where it had none."""
    if frame.shape[2] == 4:
        return frame
    return np.pad(frame, ((0, 0), (0, 0), (0, 1)), constant_values=np.iinfo(frame.dtype).max)


def _encoded(light: NDArray[Any], dtype: Any = np.uint16) -> Frame:
    """Whole numbers along the curve of sRGB from light; 1 is white."""
    if light.dtype == np.float16:
        return _table_of_halves()[light.view(np.uint16)]
    bounded = np.clip(np.nan_to_num(light, nan=0, posinf=1, neginf=0), 0, 1)
    whole: Frame = (encode_srgb(bounded) * np.iinfo(dtype).max + 0.5).astype(dtype)
    return whole


@cache
def _table_of_halves() -> Frame:
    """Return the value of every half float; to look it up is much faster than the curve."""
    return _encoded(np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32))


def _light_of_rgbe(pixels: NDArray[Any]) -> _Floats:
    """Light from three mantissas and an exponent."""
    exponent = pixels[..., 3:].astype(np.int32)
    light: _Floats = np.ldexp(pixels[..., :3].astype(np.float64), exponent - _RGBE_BIAS)
    light[pixels[..., 3] == 0] = 0
    return light


def _from_light(pixels: NDArray[Any], has_alpha: bool) -> Frame:
    """Frame from light with alpha multiplied in."""
    colour = pixels[..., :-1] if has_alpha else pixels
    if colour.shape[2] == 1:
        colour = np.repeat(colour, 3, axis=2)
    if not has_alpha:
        return _encoded(colour)
    alpha = np.clip(np.nan_to_num(pixels[..., -1:].astype(np.float64)), 0, 1)
    colour = np.divide(colour, alpha, out=np.zeros(colour.shape), where=alpha > 0)
    whole = (alpha * np.iinfo(np.uint16).max + 0.5).astype(np.uint16)
    return np.concatenate((_encoded(colour), whole), axis=2)


def _to_own_range(picture: Picture) -> NDArray[Any]:
    """Whole numbers whose greatest possible value is that of their type."""
    pixels = picture.pixels
    maximum = int(picture.format.get("maximum", b"0")) if picture.format.kind == "ppm" else 0
    if maximum in (0, np.iinfo(pixels.dtype).max):
        return pixels
    dtype = np.uint8 if maximum <= 255 else np.uint16
    wide = np.minimum(pixels, maximum).astype(np.uint32)
    return ((wide * np.iinfo(dtype).max + maximum // 2) // maximum).astype(dtype)


def _unusual_gamma(picture: Picture) -> float:
    """Gamma that a PNG says it was written with; 0 where it is that of a display, or unsaid."""
    form = picture.format
    said = form.get("gAMA")
    if form.kind != "png" or len(said) != 4 or form.get("sRGB"):
        return 0
    gamma = int.from_bytes(said, "big") / _PNG_UNIT
    return 0 if abs(gamma - _DISPLAY_GAMMA) < _GAMMA_TOLERANCE else gamma


def _with_gamma(pixels: NDArray[Any], gamma: float) -> Frame:
    """Frame from values that are light to the power of gamma; by a table, alpha as it is."""
    values = np.arange(np.iinfo(pixels.dtype).max + 1, dtype=np.float64)
    table = _encoded((values / values[-1]) ** (1 / gamma), pixels.dtype)
    frame: Frame = pixels.copy()
    frame[..., :3] = table[pixels[..., :3]]
    return frame
