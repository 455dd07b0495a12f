from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from mpirender.blur import average_linear, decode_srgb, encode_srgb
from mpirender.errors import CompositionError, UsageError
from mpirender.frames import subframe_times
from mpirender.model import PictureFormat

RGB8 = PictureFormat("png", "uint8", "RGB")
RGBA8 = PictureFormat("png", "uint8", "RGBA")
L16 = PictureFormat("png", "uint16", "L")
EXR = PictureFormat("exr", "float32", "RGBA")
HDR = PictureFormat("hdr", "uint8", "RGBE")


def pixel(*values: float, dtype: str = "uint8") -> NDArray[np.generic]:
    return np.array([[values]], dtype)


def test_one_sub_frame_is_the_frame_itself() -> None:
    assert subframe_times(7, 1) == (7,)


@pytest.mark.parametrize(
    ("count", "shutter", "times"),
    [
        (2, 0.5, (6.875, 7.125)),
        (4, 1.0, (6.625, 6.875, 7.125, 7.375)),
        (5, 0.5, (6.8, 6.9, 7.0, 7.1, 7.2)),
        (3, 0.0, (7.0, 7.0, 7.0)),
    ],
)
def test_the_shutter_is_centred_on_the_frame(
    count: int, shutter: float, times: tuple[float, ...]
) -> None:
    assert subframe_times(7, count, shutter) == pytest.approx(times)


@given(st.integers(-1000, 1000), st.integers(1, 64), st.floats(0, 2))
def test_sub_frames_are_even_and_within_the_time_of_the_shutter(
    frame: int, count: int, shutter: float
) -> None:
    times = subframe_times(frame, count, shutter)
    assert len(times) == count
    assert np.mean(times) == pytest.approx(frame, abs=1e-9)
    assert np.diff(times) == pytest.approx(shutter / count, abs=1e-9)
    assert max(times) - min(times) <= shutter + 1e-9


@pytest.mark.parametrize(("count", "shutter"), [(0, 0.5), (-1, 0.5), (4, -0.1), (4, float("nan"))])
def test_a_shutter_that_cannot_be_is_refused(count: int, shutter: float) -> None:
    with pytest.raises(UsageError, match="motion blur: got"):
        subframe_times(1, count, shutter)


@pytest.mark.parametrize("gamma", [None, 1.0, 1.8, 2.2])
@pytest.mark.parametrize("count", [1, 2, 3, 7, 16, 49])
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_equal_frames_give_the_same_frame_for_every_value(
    dtype: str, count: int, gamma: float | None
) -> None:
    every = np.arange(np.iinfo(dtype).max + 1).astype(dtype).reshape(1, -1, 1)
    mean = average_linear([every] * count, PictureFormat("png", dtype, "L"), gamma=gamma)
    assert mean.dtype == every.dtype
    assert (mean == every).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_equal_frames_with_alpha_give_the_same_frame(dtype: str) -> None:
    random = np.random.default_rng(1)
    largest = np.iinfo(dtype).max
    frame = random.integers(0, largest, (64, 64, 4), dtype, endpoint=True)
    frame[:8, :, 3], frame[8:16, :, 3], frame[16:24, :, 3] = 0, 1, largest
    for count in (1, 3, 10):
        mean = average_linear([frame] * count, PictureFormat("png", dtype, "RGBA"))
        assert (mean == frame).all()


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_equal_float_frames_give_the_same_frame(dtype: str) -> None:
    frame = np.random.default_rng(2).normal(1, 3, (32, 32, 4)).astype(dtype)
    for count in (1, 3, 10):
        mean = average_linear([frame] * count, PictureFormat("exr", dtype, "RGBA"))
        assert mean.dtype == frame.dtype
        assert (mean == frame).all()


def test_equal_rgbe_frames_give_the_same_frame() -> None:
    random = np.random.default_rng(3)
    frame = random.integers(0, 255, (64, 64, 4), "uint8", endpoint=True)
    frame[..., 0] |= 128
    frame[..., 3] = np.maximum(frame[..., 3], 1)
    frame[0] = 0
    for count in (1, 3, 10):
        assert (average_linear([frame] * count, HDR) == frame).all()


def test_a_mantissa_that_is_rounded_up_takes_the_next_exponent() -> None:
    frames = [pixel(255, 10, 0, 128), pixel(128, 5, 0, 129)]
    assert average_linear(frames, HDR).tolist() == [[[128, 5, 0, 129]]]


def test_black_and_white_make_the_grey_of_half_the_light() -> None:
    assert average_linear([pixel(0, 0, 0), pixel(255, 255, 255)], RGB8).tolist() == [[[188] * 3]]
    half = average_linear([pixel(0, dtype="uint16"), pixel(65535, dtype="uint16")], L16)
    assert half.tolist() == [[[48192]]]


def test_values_of_another_gamma_are_averaged_by_it() -> None:
    frames = [pixel(0, 0, 0), pixel(255, 255, 255)]
    assert average_linear(frames, RGB8, gamma=1.0).tolist() == [[[128] * 3]]
    assert average_linear(frames, RGB8, gamma=2.0).tolist() == [[[180] * 3]]


def test_what_is_transparent_gives_no_colour() -> None:
    mean = average_linear([pixel(255, 0, 0, 255), pixel(0, 255, 0, 0)], RGBA8)
    assert mean.tolist() == [[[255, 0, 0, 128]]]


def test_alpha_of_floats_is_in_the_colours_already() -> None:
    frames = [pixel(1, 0, 0, 1, dtype="float32"), pixel(0, 0, 0, 0, dtype="float32")]
    assert average_linear(frames, EXR).tolist() == [[[0.5, 0, 0, 0.5]]]


def test_frames_are_taken_one_by_one() -> None:
    frames = (pixel(value, 0, 0) for value in (10, 10, 10))
    assert average_linear(frames, RGB8).tolist() == [[[10, 0, 0]]]


def test_a_frame_that_is_averaged_is_left_as_it_was() -> None:
    frames = [pixel(0.25, 0, 0, 1, dtype="float32"), pixel(0.75, 0, 0, 1, dtype="float32")]
    average_linear(frames, EXR)
    assert [frame[0, 0, 0] for frame in frames] == [0.25, 0.75]


@pytest.mark.parametrize(
    ("frames", "told"),
    [
        ([], "no sub-frames"),
        ([pixel(0, 0, 0), np.zeros((2, 1, 3), "uint8")], r"sub-frames of \(1, 1, 3\) and \(2, 1"),
        ([pixel(0, 0, 0, dtype="uint16")], "sub-frame of uint16, 3 channels, expected uint8, 3"),
        ([pixel(0, 0, 0, 0)], "sub-frame of uint8, 4 channels, expected uint8, 3"),
    ],
)
def test_frames_that_do_not_fit_are_told(frames: list[NDArray[np.generic]], told: str) -> None:
    with pytest.raises(CompositionError, match=told):
        average_linear(frames, RGB8)


@pytest.mark.parametrize(
    ("convert", "given", "expected"),
    [
        (decode_srgb, 0.04045, 0.0031308049535603713),
        (decode_srgb, 0.5, 0.21404114048223255),
        (encode_srgb, 0.0031308, 0.040449936),
        (encode_srgb, 0.18, 0.46135612950044164),
        (encode_srgb, 1.0, 1.0),
    ],
)
def test_srgb_is_that_of_the_standard(
    convert: Callable[[NDArray[np.float64]], NDArray[np.float64]], given: float, expected: float
) -> None:
    assert convert(np.array([given]))[0] == pytest.approx(expected, rel=1e-12)
