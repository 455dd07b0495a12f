"""Motion blur: the mean of sub-frames in linear light."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from mpirender.errors import CompositionError
from mpirender.model import PictureFormat

__all__ = ["average_linear", "decode_srgb", "encode_srgb"]

_RGBE_BIAS = 128 + 8  # of the exponent, and of mantissas that are whole numbers to 255


def average_linear(
    frames: Iterable[NDArray[np.generic]], picture: PictureFormat, *, gamma: float | None = None
) -> NDArray[np.generic]:
    """Return the mean of frames as light adds up.

    Parameters
    ----------
    frames : iterable of (H, W, C) ndarray of ``picture.dtype``
        At least one; looked at one after the other, so that they need not be in memory together.
    picture : PictureFormat
        Of all of them. Whole numbers are display values with straight alpha; floats and RGBE are
        linear already, and alpha is in the colours (associated), as OpenEXR has it.
    gamma : float or None
        By which display values are encoded; None for sRGB. POV-Ray's ``File_Gamma``.

    Returns
    -------
    frame : (H, W, C) ndarray of ``picture.dtype``
        Colours without any alpha at all get the mean of what stood there, alpha or not.

    Raises
    ------
    CompositionError
        If there is no frame, or one of another size or type.

    Notes
    -----
    Sums are in double precision, so that equal frames give the same frame, bit for bit.
    """
    total: NDArray[np.float64] | None = None
    count = 0
    for frame in frames:
        light = _to_light(frame, picture, gamma)
        if total is not None and light.shape != total.shape:
            raise CompositionError(f"sub-frames of {total.shape} and {light.shape}")
        total = light if total is None else np.add(total, light, out=total)
        count += 1
    if total is None:
        raise CompositionError("no sub-frames")
    return _from_light(total / count, picture, gamma)


def decode_srgb(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return linear light of display values.

    Parameters
    ----------
    values : ndarray of float64
        0 to 1.

    Returns
    -------
    light : ndarray of float64
        0 to 1.

    References
    ----------
    IEC 61966-2-1:1999, sRGB.
    """
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def encode_srgb(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return display values of linear light; the inverse of `decode_srgb`."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def _to_light(
    frame: NDArray[np.generic], picture: PictureFormat, gamma: float | None
) -> NDArray[np.float64]:
    """Return (H, W, C) light, alpha multiplied in; straight light after it where there is alpha."""
    if frame.dtype != picture.dtype or frame.shape[-1] != len(picture.channels):
        raise CompositionError(
            f"sub-frame of {frame.dtype}, {frame.shape[-1]} channels, "
            f"expected {picture.dtype}, {len(picture.channels)}"
        )
    if picture.channels == "RGBE":
        return _decode_rgbe(np.asarray(frame, np.uint8))
    if frame.dtype.kind == "f":
        return frame.astype(np.float64)
    table, numbers = _table(picture.dtype, gamma), np.asarray(frame, picture.dtype)
    if not picture.has_alpha:
        return np.take(table, numbers)
    light = np.take(table, numbers[..., :-1])
    alpha = frame[..., -1:].astype(np.float64)
    return np.concatenate([light * alpha, alpha, light], axis=-1)


def _from_light(
    light: NDArray[np.float64], picture: PictureFormat, gamma: float | None
) -> NDArray[np.generic]:
    """Return what `_to_light` began with."""
    if picture.channels == "RGBE":
        return _encode_rgbe(light)
    dtype = picture.dtype
    if np.dtype(dtype).kind == "f":
        return light.astype(dtype)
    if not picture.has_alpha:
        return _encode(light, dtype, gamma)
    colours = len(picture.channels) - 1
    alpha = light[..., colours : colours + 1]
    covered = alpha > 0
    straight = np.where(
        covered, light[..., :colours] / np.where(covered, alpha, 1), light[..., colours + 1 :]
    )
    return np.concatenate([_encode(straight, dtype, gamma), np.rint(alpha).astype(dtype)], axis=-1)


@cache
def _table(dtype: str, gamma: float | None) -> NDArray[np.float64]:
    """Return the light of every display value of a type."""
    largest = np.iinfo(dtype).max
    values: NDArray[np.float64] = np.arange(largest + 1) / largest
    return decode_srgb(values) if gamma is None else np.power(values, gamma)


def _encode(light: NDArray[np.float64], dtype: str, gamma: float | None) -> NDArray[np.generic]:
    values = encode_srgb(light) if gamma is None else np.power(light, 1 / gamma)
    whole: NDArray[np.generic] = np.rint(np.clip(values, 0, 1) * np.iinfo(dtype).max).astype(dtype)
    return whole


def _decode_rgbe(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    exponents = pixels[..., 3:].astype(np.int32)
    light = np.ldexp(pixels[..., :3].astype(np.float64), exponents - _RGBE_BIAS)
    return np.where(exponents > 0, light, 0)


def _encode_rgbe(light: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return mantissas, the largest of each pixel 128 to 255, and the exponent they share."""
    largest = light.max(axis=-1, keepdims=True)
    exponents = np.frexp(largest)[1].astype(np.int32)
    # A mantissa that would be rounded up to 256 needs the next exponent.
    exponents += np.rint(np.ldexp(largest, 8 - exponents)) > 255
    mantissas = np.rint(np.ldexp(light, 8 - exponents))
    pixels = np.concatenate([mantissas, exponents + 128], axis=-1)
    return np.where((exponents > -128) & (largest > 0), np.clip(pixels, 0, 255), 0).astype(np.uint8)
