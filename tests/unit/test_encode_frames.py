from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from mpirender.encode import display_frame
from mpirender.encode.frames import flat, with_alpha
from mpirender.images import Picture, PictureFormat

HALF_OF_LIGHT = 0.7353569  # what sRGB makes of 0.5


def frame_of(
    values: Any, kind: str, dtype: str, channels: str, *metadata: tuple[str, bytes]
) -> NDArray[Any]:
    pixels = np.array(values, dtype).reshape(1, -1, len(channels))
    return display_frame(Picture(pixels, PictureFormat(kind, dtype, channels, metadata)))


@pytest.mark.parametrize("kind", ["png", "bmp", "tga", "jpeg", "ppm"])
def test_eight_bits_are_taken_as_they_are(kind: str) -> None:
    frame = frame_of([1, 2, 3, 253, 254, 255], kind, "uint8", "RGB")
    assert frame.dtype == np.uint8
    assert frame.tolist() == [[[1, 2, 3], [253, 254, 255]]]


def test_sixteen_bits_and_alpha_are_taken_as_they_are() -> None:
    frame = frame_of([1, 2, 3, 40000, 5, 6, 7, 65535], "png", "uint16", "RGBA")
    assert frame.dtype == np.uint16
    assert frame.tolist() == [[[1, 2, 3, 40000], [5, 6, 7, 65535]]]


def test_grey_is_repeated_and_keeps_its_alpha() -> None:
    assert frame_of([7, 9], "png", "uint8", "L").tolist() == [[[7] * 3, [9] * 3]]
    assert frame_of([7, 100], "png", "uint8", "LA").tolist() == [[[7, 7, 7, 100]]]


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_light_of_an_exr_gets_the_curve_of_srgb(dtype: str) -> None:
    frame = frame_of([0, 0.5, 1, -1, 7, np.nan, np.inf, 0.001, 1], "exr", dtype, "RGB")
    assert frame.dtype == np.uint16
    half, dark = round(HALF_OF_LIGHT * 65535), round(0.001 * 12.92 * 65535)
    assert frame[0, 0].tolist() == [0, half, 65535]
    assert frame[0, 1].tolist() == [0, 65535, 0]
    assert frame[0, 2, [0, 2]].tolist() == [65535, 65535]
    assert abs(int(frame[0, 2, 1]) - dark) <= 1  # a half float is not quite 0.001


def test_alpha_of_an_exr_is_divided_out() -> None:
    frame = frame_of([0.25, 0.5, 0, 0.5, 0, 0, 0, 0], "exr", "float32", "RGBA")
    assert frame[0, 0].tolist() == [round(HALF_OF_LIGHT * 65535), 65535, 0, 32768]
    assert frame[0, 1].tolist() == [0, 0, 0, 0]
    grey = frame_of([0.25, 0.5], "exr", "float16", "LA")
    assert grey[0, 0].tolist() == [round(HALF_OF_LIGHT * 65535)] * 3 + [32768]


def test_mantissas_of_an_hdr_become_light_and_get_the_curve() -> None:
    frame = frame_of([128, 64, 0, 128, 255, 255, 255, 140, 9, 9, 9, 0], "hdr", "uint8", "RGBE")
    assert frame.dtype == np.uint16
    assert frame[0, 0, [0, 2]].tolist() == [round(HALF_OF_LIGHT * 65535), 0]
    assert frame[0, 1].tolist() == [65535] * 3
    assert frame[0, 2].tolist() == [0] * 3


def test_a_ppm_of_another_greatest_value_is_stretched() -> None:
    ten = frame_of([0, 512, 1023], "ppm", "uint16", "RGB", ("maximum", b"1023"))
    assert ten.tolist() == [[[0, round(512 * 65535 / 1023), 65535]]]
    wide_grey = frame_of([0, 255], "ppm", "uint16", "L", ("maximum", b"255"))
    assert wide_grey.dtype == np.uint8
    assert wide_grey[0, :, 0].tolist() == [0, 255]


def test_a_png_that_says_it_is_linear_is_believed() -> None:
    linear = ("gAMA", (100_000).to_bytes(4, "big"))
    frame = frame_of([0, 32768, 65535, 1000], "png", "uint16", "RGBA", linear)
    assert frame[0, 0, [0, 2, 3]].tolist() == [0, 65535, 1000]
    assert abs(int(frame[0, 0, 1]) - HALF_OF_LIGHT * 65535) < 2
    usual = ("gAMA", (45_455).to_bytes(4, "big"))
    assert frame_of([9, 8, 7], "png", "uint8", "RGB", usual).tolist() == [[[9, 8, 7]]]
    both = frame_of([9, 8, 7], "png", "uint8", "RGB", linear, ("sRGB", b"\0"))
    assert both.tolist() == [[[9, 8, 7]]]


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_over_black_opaque_pixels_keep_their_values_and_light_is_dimmed(dtype: str) -> None:
    top = np.iinfo(dtype).max
    every = np.arange(0, top + 1, 5)
    opaque = np.stack([every, every, every, np.full_like(every, top)], -1)[None].astype(dtype)
    np.testing.assert_array_equal(flat(opaque), opaque[..., :3])
    white = np.array([[[top, top, top, 0], [top, top, top, top // 2 + 1]]], dtype)
    assert flat(white)[0, 0].tolist() == [0, 0, 0]
    assert abs(int(flat(white)[0, 1, 0]) - HALF_OF_LIGHT * top) < top / 255
    assert flat(opaque[..., :3]) is not None


def test_alpha_is_added_once() -> None:
    frame = np.zeros((2, 3, 3), np.uint16)
    assert with_alpha(frame)[..., 3].tolist() == [[65535] * 3] * 2
    assert with_alpha(with_alpha(frame)).shape == (2, 3, 4)
