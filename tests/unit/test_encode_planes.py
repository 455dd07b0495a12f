from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mpirender.encode.planes import COLOURS, LAYOUTS, pad_to_even, planes_of
from mpirender.encode.video import _layout_name

RNG = np.random.default_rng(3)


def noise(height: int, width: int, dtype: str = "uint8", channels: int = 3) -> NDArray[Any]:
    return RNG.integers(0, np.iinfo(dtype).max, (height, width, channels), dtype, endpoint=True)


def exact(pixel: tuple[float, float, float], bits: int, colours: str) -> list[float]:
    """Luma and colour differences of a colour in 0 to 1, straight from the standards' formulas."""
    red, green, blue = pixel
    kr, kb = {"bt709": (0.2126, 0.0722)}.get(colours, (0.299, 0.114))
    luma = kr * red + (1 - kr - kb) * green + kb * blue
    cb, cr = (blue - luma) / (2 * (1 - kb)), (red - luma) / (2 * (1 - kr))
    if colours == "jfif":
        return [255 * luma, 128 + 255 * cb, 128 + 255 * cr]
    step = 2 ** (bits - 8)
    return [step * (16 + 219 * luma), step * (128 + 224 * cb), step * (128 + 224 * cr)]


@settings(deadline=None)
@given(
    st.tuples(*(st.integers(0, 65535) for _ in range(3))),
    st.sampled_from(("uint8", "uint16")),
    st.sampled_from((("yuv420p", "bt709"), ("yuv420p10le", "bt709"), ("yuvj420p", "jfif"))),
)
def test_an_even_area_gets_the_nearest_values(
    colour: tuple[int, int, int], dtype: str, way: tuple[str, str]
) -> None:
    top = np.iinfo(dtype).max
    pixel = np.array(colour, np.uint32) * top // 65535
    frame = np.broadcast_to(pixel.astype(dtype), (5, 7, 3))
    layout = LAYOUTS[way[0]]
    planes = planes_of(frame, layout, COLOURS[way[1]])
    red, green, blue = pixel / top
    wanted = exact((red, green, blue), layout.bits, way[1])
    assert [len(np.unique(plane)) for plane in planes] == [1, 1, 1]
    for plane, value in zip(planes, wanted, strict=True):
        assert abs(int(plane[0, 0]) - min(value, 2**layout.bits - 1)) <= 0.52


@pytest.mark.parametrize(
    ("colour", "planes"),
    [
        ((255, 255, 255), (235, 128, 128)),
        ((0, 0, 0), (16, 128, 128)),
        ((255, 0, 0), (63, 102, 240)),
        ((0, 255, 0), (173, 42, 26)),
        ((0, 0, 255), (32, 240, 118)),
    ],
)
def test_the_known_values_of_bt709(
    colour: tuple[int, int, int], planes: tuple[int, int, int]
) -> None:
    frame = np.full((2, 2, 3), colour, np.uint8)
    got = planes_of(frame, LAYOUTS["yuv420p"], COLOURS["bt709"])
    assert tuple(int(plane[0, 0]) for plane in got) == planes


def test_white_of_16_bits_is_the_white_of_10_bits() -> None:
    frame = np.full((2, 2, 3), 65535, np.uint16)
    luma, *colour = planes_of(frame, LAYOUTS["yuv420p10le"], COLOURS["bt709"])
    assert int(luma[0, 0]) == 940
    assert {int(plane[0, 0]) for plane in colour} == {512}


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (33, 65), (64, 32), (121, 161)])
@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "yuvj420p"])
def test_colour_planes_of_odd_sizes_are_rounded_up(height: int, width: int, name: str) -> None:
    layout = LAYOUTS[name]
    rows, columns = layout.shared
    planes = planes_of(noise(height, width), layout, COLOURS["bt709"])
    size = (-(-height // rows), -(-width // columns))
    assert [plane.shape for plane in planes] == [(height, width), size, size]


def test_strips_leave_no_seam() -> None:
    frame = noise(100, 9)
    whole = planes_of(frame, LAYOUTS["yuv420p"], COLOURS["bt709"])
    lower = planes_of(frame[2:], LAYOUTS["yuv420p"], COLOURS["bt709"])
    for a, b in zip(whole, lower, strict=True):
        np.testing.assert_array_equal(a[len(a) - len(b) :], b)


def test_colour_lies_on_the_left_pixel_or_between_two() -> None:
    frame = np.zeros((2, 8, 3), np.uint8)
    frame[:, 4:] = (255, 0, 0)  # the edge is between two pairs
    left = planes_of(frame, LAYOUTS["yuv420p"], COLOURS["bt709"])[2][0]
    between = planes_of(frame, LAYOUTS["yuvj420p"], COLOURS["jfif"])[2][0]
    assert left.tolist() == [128, 128, 212, 240]  # 3/4 of the way: 1, 2 and 1 parts
    assert between.tolist() == [128, 128, 255, 255]


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize(
    "name", [name for name, each in LAYOUTS.items() if "YUV" not in each.order]
)
def test_rgb_of_the_same_depth_keeps_every_value(name: str, dtype: str) -> None:
    layout = LAYOUTS[name]
    frame = noise(3, 5, dtype, 4 if layout.alpha else 3)
    planes = planes_of(frame, layout)
    again = np.dstack(planes) if layout.planar else planes[0].reshape(3, 5, len(layout.order))
    order = [layout.order.index(channel) for channel in "RGBA"[: frame.shape[2]]]
    scale = {("uint8", 16): 257, ("uint16", 8): 1 / 257}.get((dtype, layout.bits), 1)
    np.testing.assert_array_equal(again[..., order], np.rint(frame * np.float64(scale)))
    assert planes[0].dtype == layout.dtype


def test_padding_repeats_the_last_row_and_column() -> None:
    frame = noise(3, 5)
    padded = pad_to_even(frame)
    assert padded.shape == (4, 6, 3)
    np.testing.assert_array_equal(padded[:3, :5], frame)
    np.testing.assert_array_equal(padded[3, :5], frame[2])
    np.testing.assert_array_equal(padded[:, 5], padded[:, 4])
    assert pad_to_even(padded).shape == padded.shape


def test_a_frame_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        planes_of(noise(2, 2, channels=4), LAYOUTS["rgb24"])
    with pytest.raises(ValueError, match="no colours"):
        planes_of(noise(2, 2), LAYOUTS["yuv420p"])


@pytest.mark.parametrize(
    ("names", "bits", "most", "alpha", "chosen"),
    [
        ("yuv420p yuv420p10le", 8, 8, False, "yuv420p"),
        ("yuv420p yuv420p10le", 16, 16, False, "yuv420p10le"),
        ("yuv420p yuv420p10le", 16, 8, True, "yuv420p"),
        ("yuv420p", 16, 16, False, "yuv420p"),
        ("yuv422p10le yuva444p10le", 8, 8, False, "yuv422p10le"),
        ("yuv422p10le yuva444p10le", 8, 8, True, "yuva444p10le"),
        ("bgr0 bgra gbrp16le gbrap16le", 8, 8, False, "bgr0"),
        ("bgr0 bgra gbrp16le gbrap16le", 16, 16, True, "gbrap16le"),
        ("bgr0 bgra gbrp16le gbrap16le", 16, 12, False, "bgr0"),
        ("bgra", 16, 16, False, "bgra"),
    ],
)
def test_the_format_that_loses_least_is_chosen(
    names: str, bits: int, most: int, alpha: bool, chosen: str
) -> None:
    assert _layout_name(names.split(), bits=bits, most=most, alpha=alpha) == chosen
