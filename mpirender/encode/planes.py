"""From a frame to the planes that an encoder takes; numpy only.

FFmpeg's own conversion takes 65535 for 255.996 of 255 and so makes 16-bit frames up to 3.6 steps
of 10 bits too bright (libswscale 9.5, measured), and its default matrix is BT.601. Here white is
white: each value is the nearest to the exact one.

References
----------
ITU-R BT.709-6, BT.601-7, ITU-T T.871 (JFIF). A colour sample lies on the left one of two
pixels (H.264, MPEG-2) or between them (JFIF, MPEG-1), see ITU-T H.264, figure E-1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["COLOURS", "LAYOUTS", "Colours", "Frame", "Layout", "pad_to_even", "planes_of"]

Frame: TypeAlias = NDArray[Any]
"""(H, W, 3 or 4) uint8 or uint16 ndarray: RGB, or RGB and alpha not multiplied in, as displayed."""

_Floats: TypeAlias = NDArray[np.float32]

_HALF, _QUARTER = np.float32(0.5), np.float32(0.25)
_ROWS_AT_ONCE = 32  # even; small enough for the cache


@dataclass(frozen=True, slots=True)
class Colours:
    """How RGB becomes luma and colour differences.

    Attributes
    ----------
    red, blue : float
        Their weights in luma.
    full : bool
        True where luma goes from 0 to the greatest value; else from 16 to 235 of 255.
    centred : bool
        True where a colour sample lies between two pixels; else on the left one.
    codes : tuple of int
        Matrix, primaries and transfer to note in the movie (ITU-T H.273); empty for none.
    """

    red: float
    blue: float
    full: bool = False
    centred: bool = False
    codes: tuple[int, int, int] | tuple[()] = ()


COLOURS: Mapping[str, Colours] = {
    "bt709": Colours(0.2126, 0.0722, codes=(1, 1, 1)),
    "bt601": Colours(0.299, 0.114, centred=True),
    "jfif": Colours(0.299, 0.114, full=True, centred=True),
}


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the values of a frame lie.

    Attributes
    ----------
    order : str
        Channels in their order, "x" for a byte without meaning; "YUV" for luma and colour.
    bits : int
        Of each value.
    planar : bool
        True where each channel has a plane of its own.
    shared : tuple of int
        Rows and columns of pixels that share one colour sample.
    big_endian : bool
    """

    order: str
    bits: int
    planar: bool = False
    shared: tuple[int, int] = (1, 1)
    big_endian: bool = False

    @property
    def alpha(self) -> bool:
        """Whether there is transparency."""
        return self.order.endswith("A")

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of a value in a plane."""
        return np.dtype("u1" if self.bits == 8 else ">u2" if self.big_endian else "<u2")


LAYOUTS: Mapping[str, Layout] = {
    "yuv420p": Layout("YUV", 8, True, (2, 2)),
    "yuvj420p": Layout("YUV", 8, True, (2, 2)),
    "yuv420p10le": Layout("YUV", 10, True, (2, 2)),
    "yuv422p10le": Layout("YUV", 10, True, (1, 2)),
    "yuva444p10le": Layout("YUVA", 10, True),
    "bgr0": Layout("BGRx", 8),
    "bgra": Layout("BGRA", 8),
    "rgb24": Layout("RGB", 8),
    "rgba": Layout("RGBA", 8),
    "rgb48be": Layout("RGB", 16, big_endian=True),
    "rgba64be": Layout("RGBA", 16, big_endian=True),
    "gbrp16le": Layout("GBR", 16, True),
    "gbrap16le": Layout("GBRA", 16, True),
}
"""FFmpeg's name of a pixel format → what it is."""


def planes_of(frame: Frame, layout: Layout, colours: Colours | None = None) -> list[NDArray[Any]]:
    """Return the planes of a frame.

    Parameters
    ----------
    frame : (H, W, 3 or 4) uint8 or uint16 ndarray
        With alpha just where the layout has it.
    layout : Layout
    colours : Colours, optional
        Needed for luma and colour, else of no meaning.

    Returns
    -------
    planes : list of 2-D ndarrays of ``layout.dtype``
        Packed values lie side by side in a row; a plane of colour differences has
        (ceil(H / rows), ceil(W / columns)) values.

    Raises
    ------
    ValueError
        If frame and layout do not fit.

    Notes
    -----
    O(H W); a frame of 1920x1080 takes 20 ms.
    """
    if frame.ndim != 3 or frame.shape[2] != (4 if layout.alpha else 3):
        raise ValueError(f"a frame of shape {frame.shape} does not fit {layout.order}")
    if layout.order.startswith("YUV"):
        if colours is None:
            raise ValueError(f"no colours for {layout.order}")
        planes = _luma_and_colour(frame[..., :3], layout, colours)
        alpha = [_scaled(frame[..., 3], layout.bits)] if layout.alpha else []
        return [plane.astype(layout.dtype, copy=False) for plane in (*planes, *alpha)]
    values = _scaled(frame, layout.bits)
    zero = np.zeros(values.shape[:2], values.dtype)
    channels = [zero if name == "x" else values[..., "RGBA".index(name)] for name in layout.order]
    if layout.planar:
        return [channel.astype(layout.dtype) for channel in channels]
    packed = np.stack(channels, axis=2).astype(layout.dtype)
    return [packed.reshape(len(packed), -1)]


def pad_to_even(frame: Frame) -> Frame:
    """Return a frame with the last row and column repeated where their number is odd."""
    height, width = frame.shape[:2]
    return np.pad(frame, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _scaled(values: NDArray[Any], bits: int) -> NDArray[Any]:
    """Values of 8 or 16 bits at another depth, the nearest each."""
    have = 8 * values.dtype.itemsize
    if have == bits:
        return values
    top, most = 2**bits - 1, 2**have - 1
    wide = (values.astype(np.uint32) * top + most // 2) // most
    scaled: NDArray[Any] = wide.astype(np.uint8 if bits == 8 else np.uint16)
    return scaled


def _luma_and_colour(frame: Frame, layout: Layout, colours: Colours) -> list[NDArray[Any]]:
    """Three planes, some rows at a time."""
    weights, offsets = _matrix(layout.bits, colours)
    weights /= np.iinfo(frame.dtype).max
    (height, width), (rows, columns) = frame.shape[:2], layout.shared
    size = (-(-height // rows), -(-width // columns))
    planes = [np.empty(shape, layout.dtype) for shape in ((height, width), size, size)]
    for top in range(0, height, _ROWS_AT_ONCE):
        strip = frame[top : top + _ROWS_AT_ONCE].astype(np.float32)
        planes[0][top : top + len(strip)] = strip @ weights[0] + offsets[0]
        colour = _thinned(strip, layout.shared, colours.centred) @ weights[1:].T + offsets[1:]
        at = slice(top // rows, top // rows + len(colour))
        planes[1][at], planes[2][at] = colour[..., 0], colour[..., 1]
    return planes


def _matrix(bits: int, colours: Colours) -> tuple[_Floats, _Floats]:
    """Weights of RGB in 0 to 1 for each plane, and what is added, half a step to round included.

    Notes
    -----
    The sum is cut to a whole number by the caller. Pure blue or red of the full range come out
    at the greatest value plus a half, which is why their span is a little less than all.
    """
    red, blue = colours.red, colours.blue
    green = 1 - red - blue
    rows = np.array(
        [
            [red, green, blue],
            [-red / (2 * (1 - blue)), -green / (2 * (1 - blue)), 0.5],
            [0.5, -green / (2 * (1 - red)), -blue / (2 * (1 - red))],
        ]
    )
    step = 2 ** (bits - 8)
    middle, top = 128 * step, 256 * step - 1
    luma, span, black = (
        (top, top - 0.01, 0) if colours.full else (219 * step, 224 * step, 16 * step)
    )
    weights = rows * np.array([[luma], [span], [span]])
    return weights.astype(np.float32), np.array([black, middle, middle], np.float32) + 0.5


def _thinned(strip: _Floats, shared: tuple[int, int], centred: bool) -> _Floats:
    """One colour for all the pixels that share it; the last row and column stand in beyond."""
    rows, columns = shared
    if rows == 2:
        below = strip[1::2] if len(strip) % 2 == 0 else np.concatenate((strip[1::2], strip[-1:]))
        strip = (strip[0::2] + below) * _HALF
    if columns == 1:
        return strip
    even, odd = strip[:, 0::2], strip[:, 1::2]
    if strip.shape[1] % 2:
        odd = np.concatenate((odd, strip[:, -1:]), axis=1)
    if centred:
        thinned: _Floats = (even + odd) * _HALF
        return thinned
    before = np.concatenate((even[:, :1], odd[:, :-1]), axis=1)
    thinned = even * _HALF + (before + odd) * _QUARTER
    return thinned
