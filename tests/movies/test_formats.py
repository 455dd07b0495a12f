"""Every kind of movie, made of the same short animation, and read back by another FFmpeg."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from movies.reading import (
    COUNT,
    HEIGHT,
    NTSC,
    WIDTH,
    Probe,
    decoded,
    decoded_rgb,
    drawing,
    ffmpeg,
    probe,
    write_frames,
)
from numpy.typing import NDArray
from PIL import Image

from mpirender.encode import CODECS, display_frame, encode_frames, movie_of, open_encoder
from mpirender.errors import EncodeError, SetupError, WriteError
from mpirender.images import Picture, PictureFormat, read_picture, write_picture

BT709 = ("tv", "bt709", "bt709", "bt709")
JFIF = ("pc", "bt470bg", "", "")
EVEN = (WIDTH + 1, HEIGHT + 1)
ODD = (WIDTH, HEIGHT)


@dataclass(frozen=True)
class Case:
    """A movie asked for, and what it must be.

    Attributes
    ----------
    name : str
        Of the movie.
    frames : str
        Name in `KINDS`.
    codec : str
        As ffprobe has it.
    pixels : str
    size : tuple of int
    colours : tuple of str
    asked : str
        What `--codec` takes.
    exact_s : float
        To what time the file can say how long it lasts.
    """

    name: str
    frames: str
    codec: str
    pixels: str
    size: tuple[int, int] = ODD
    colours: tuple[str, str, str, str] = ("", "", "", "")
    asked: str = ""
    exact_s: float = 1e-6


KINDS = {
    "rgb8": ("png", "uint8", "RGB"),
    "rgb16": ("png", "uint16", "RGB"),
    "rgba8": ("png", "uint8", "RGBA"),
    "rgba16": ("png", "uint16", "RGBA"),
    "jpeg": ("jpeg", "uint8", "RGB"),
}
MS = 1e-3
CASES = [
    Case("h264.mp4", "rgb8", "h264", "yuv420p", EVEN, BT709),
    Case("high10.mp4", "rgb16", "h264", "yuv420p10le", EVEN, BT709),
    Case("h265.mp4", "rgb16", "hevc", "yuv420p10le", EVEN, BT709, "h265"),
    Case("av1.mp4", "rgb8", "av1", "yuv420p", ODD, BT709, "av1"),
    Case("vp9.webm", "rgb8", "vp9", "yuv420p", ODD, BT709, exact_s=MS),
    Case("av1.webm", "rgb16", "av1", "yuv420p10le", ODD, BT709, "av1", exact_s=MS),
    Case("prores.mov", "rgb16", "prores", "yuv422p10le", ODD, BT709),
    Case("prores4444.mov", "rgba16", "prores", "yuva444p12le", ODD, BT709),
    Case("ffv1.mkv", "rgb8", "ffv1", "bgr0", exact_s=MS),
    Case("ffv1-16.mkv", "rgb16", "ffv1", "gbrp16le", exact_s=MS),
    Case("ffv1-alpha.mkv", "rgba16", "ffv1", "gbrap16le", exact_s=MS),
    Case("mjpeg.avi", "rgb8", "mjpeg", "yuvj420p", colours=JFIF),
    Case("copy.avi", "jpeg", "mjpeg", "yuvj420p", colours=JFIF),
    Case("mpeg2.mpg", "rgb8", "mpeg2video", "yuv420p", ODD, BT709),
    Case("mpeg1.mpg", "rgb8", "mpeg1video", "yuv420p", colours=("tv", "", "", ""), asked="mpeg1"),
    Case("gif.gif", "rgb8", "gif", "bgra", exact_s=1e-2),
    Case("apng.apng", "rgba16", "apng", "rgba64be", colours=("pc", "", "", "")),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("formats")


@pytest.fixture(scope="module")
def frames(folder: Path) -> dict[str, list[Path]]:
    return {name: write_frames(folder / name, *kind) for name, kind in KINDS.items()}


@pytest.fixture(scope="module")
def movies(folder: Path, frames: dict[str, list[Path]]) -> dict[str, Probe]:
    """All movies of the table, at 30000/1001 frames a second."""
    for case in CASES:
        movie = movie_of(folder / case.name, fps="29.97", codec=case.asked)
        assert encode_frames(movie, frames[case.frames]) == COUNT
    return {case.name: probe(folder / case.name) for case in CASES}


def pictures(paths: list[Path]) -> NDArray[Any]:
    return np.stack([read_picture(path).pixels for path in paths])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_movie_is_what_was_asked_for(case: Case, movies: dict[str, Probe]) -> None:
    seen = movies[case.name]
    assert (seen.codec, seen.pixels, seen.size) == (case.codec, case.pixels, case.size)
    assert tuple(each.replace("unknown", "") for each in seen.colours) == case.colours
    assert len(seen.times) == COUNT


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_rate_and_duration_are_exact(case: Case, movies: dict[str, Probe]) -> None:
    seen = movies[case.name]
    assert seen.rate == NTSC or case.codec == "gif"
    if case.codec != "apng":  # which says it nowhere; its delays are looked at below
        assert abs(seen.seconds - COUNT / NTSC) <= case.exact_s * 1.001
    wanted = [seen.times[0] + n / NTSC for n in range(COUNT)]
    tick = max(case.exact_s, 1e-4) * 1.001  # an MPEG clock has 90 kHz
    assert max(abs(time - at) for time, at in zip(seen.times, wanted, strict=True)) <= tick


def test_the_delays_of_an_apng_are_fractions(movies: dict[str, Probe], folder: Path) -> None:
    data = (folder / "apng.apng").read_bytes()
    delays = []
    while (at := data.find(b"fcTL")) >= 0:
        delays.append(
            Fraction(*(int.from_bytes(data[at + k : at + k + 2], "big") for k in (24, 26)))
        )
        data = data[at + 4 :]
    assert delays == [1 / NTSC] * COUNT


@pytest.mark.parametrize(
    ("name", "pixels"),
    [
        ("ffv1.mkv", "rgb24"),
        ("ffv1-16.mkv", "rgb48le"),
        ("ffv1-alpha.mkv", "rgba64le"),
        ("apng.apng", "rgba64le"),
    ],
)
def test_lossless_movies_decode_to_the_frames(
    name: str, pixels: str, folder: Path, frames: dict[str, list[Path]], movies: dict[str, Probe]
) -> None:
    (kind,) = (case.frames for case in CASES if case.name == name)
    np.testing.assert_array_equal(decoded_rgb(folder / name, pixels), pictures(frames[kind]))


@pytest.mark.parametrize("kind", ["rgb8", "rgba8"])
def test_a_webp_of_full_quality_is_lossless(
    kind: str, folder: Path, frames: dict[str, list[Path]]
) -> None:
    """Debian's FFmpeg cannot read an animated WebP, Pillow can."""
    path = folder / f"{kind}.webp"
    encode_frames(movie_of(path, fps="29.97", quality=100), frames[kind])
    wanted = pictures(frames[kind])
    with Image.open(path) as image:
        assert (image.size, image.n_frames, image.info["loop"]) == (ODD, COUNT, 0)
        times = []
        for number in range(COUNT):
            image.seek(number)
            got = np.asarray(image.convert("RGB" if kind == "rgb8" else "RGBA"))
            if kind == "rgba8":  # what cannot be seen need not be kept
                np.testing.assert_array_equal(got[..., 3], wanted[number][..., 3])
                got, wanted[number] = got * (got[..., 3:] > 0), wanted[number] * (got[..., 3:] > 0)
            np.testing.assert_array_equal(got, wanted[number])
            times.append(image.info["duration"])
        assert abs(sum(times) - 1000 * COUNT / NTSC) <= 1


@pytest.mark.parametrize("suffix", [".avi", ".mov", ".mkv"])
def test_jpeg_frames_are_copied_byte_for_byte(
    suffix: str, tmp_path: Path, frames: dict[str, list[Path]]
) -> None:
    movie = tmp_path / f"copy{suffix}"
    encode_frames(movie_of(movie, fps="29.97"), frames["jpeg"])
    seen = probe(movie)
    assert (seen.codec, seen.rate, seen.size) == ("mjpeg", NTSC, ODD)
    assert abs(seen.seconds - COUNT / NTSC) <= MS
    ffmpeg("-i", movie, "-c", "copy", "-f", "image2", tmp_path / "%02d.jpg")
    packets = [path.read_bytes() for path in sorted(tmp_path.glob("*.jpg"))]
    assert packets == [path.read_bytes() for path in frames["jpeg"]]


def test_jpeg_frames_are_encoded_where_a_quality_is_asked_for(
    tmp_path: Path, frames: dict[str, list[Path]]
) -> None:
    packets = []
    for quality in (None, 95):
        movie = movie_of(tmp_path / "a.avi", quality=quality)
        encode_frames(movie, frames["jpeg"][:1])
        packets.append(frames["jpeg"][0].read_bytes() in movie.path.read_bytes())
    assert packets == [True, False]


PATCHES = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (200, 120, 40)]


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "h264"),
        ("a.mp4", "h265"),
        ("a.webm", "vp9"),
        ("a.webm", "av1"),
        ("a.mov", "prores"),
        ("a.mpg", "mpeg2"),
        ("a.mpg", "mpeg1"),
        ("a.avi", "mjpeg"),
    ],
)
def test_colours_come_back(name: str, codec: str, dtype: str, tmp_path: Path) -> None:
    side = 32
    strip = np.repeat(np.array(PATCHES), side, axis=0)
    frame = np.broadcast_to(strip, (64, len(strip), 3)).astype(dtype)
    frame = frame * np.array(np.iinfo(dtype).max // 255, dtype)
    path = tmp_path / name
    encoder = open_encoder(
        movie_of(path, codec=codec, quality=100), len(strip), 64, bits=8 * frame.dtype.itemsize
    )
    for _ in range(3):
        encoder.write(frame)
    encoder.close()
    got = rgb_of(path, (64, len(strip)))
    for place, patch in enumerate(PATCHES):
        middle = got[24:40, place * side + 8 : place * side + 24].mean(axis=(0, 1))
        assert np.abs(middle - patch).max() <= 2, (patch, middle)
    if dtype == "uint8" and codec != "prores":  # libswscale darkens what has 10 bits
        (theirs, *_) = decoded_rgb(path, "rgb24", (len(strip), 64)).astype(int)
        assert np.abs(theirs[28:36] - got[28:36]).mean() < 1


def rgb_of(path: Path, size: tuple[int, int]) -> NDArray[Any]:
    """The first frame, 0 to 255, by the formulas of what the movie says of its colours."""
    seen, (height, width) = probe(path), size
    bits = 10 if "10" in seen.pixels else 8
    rows = 1 if "422" in seen.pixels else 2
    half = (height // rows, width // 2)
    (raw, *_) = decoded(path, seen.pixels, [size, half, half]).astype(float)
    cut = [height * width, height * width + half[0] * half[1]]
    luma, cb, cr = np.split(raw / 2 ** (bits - 8), cut)
    luma = luma.reshape(size)
    cb, cr = (each.reshape(half).repeat(rows, 0).repeat(2, 1) - 128 for each in (cb, cr))
    kr, kb = (0.2126, 0.0722) if seen.colours[1] == "bt709" else (0.299, 0.114)
    if seen.colours[0] != "pc":
        luma, cb, cr = (luma - 16) * 255 / 219, cb * 255 / 224, cr * 255 / 224
    red, blue = luma + 2 * (1 - kr) * cr, luma + 2 * (1 - kb) * cb
    green = (luma - kr * red - kb * blue) / (1 - kr - kb)
    return np.clip(np.stack([red, green, blue], -1), 0, 255)


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
@pytest.mark.parametrize("name", ["high10.mp4", "h265.mp4", "av1.webm", "prores.mov"])
def test_sixteen_bits_give_ten(name: str, dtype: str, tmp_path: Path) -> None:
    (case,) = (case for case in CASES if case.name == name)
    width, height = 1024, 64
    ramp = np.linspace(0, np.iinfo(dtype).max, width).astype(dtype)
    frame = np.broadcast_to(ramp[None, :, None], (height, width, 3))
    movie = movie_of(tmp_path / name, codec=case.asked, quality=100)
    encoder = open_encoder(movie, width, height, bits=8 * frame.dtype.itemsize)
    for _ in range(2):
        encoder.write(frame)
    encoder.close()
    pixels = case.pixels
    chroma = (height, width) if "422" in pixels else (height // 2, width)
    raw = decoded(movie.path, pixels, [(height, width), chroma])
    luma = raw[0, : height * width].reshape(height, width)[height // 2]
    levels = len(np.unique(luma))
    assert levels > 600 if dtype == "uint16" else levels <= 300
    exact = 64 + 876 * (ramp / np.iinfo(dtype).max)
    assert np.abs(luma[8:-8] - exact[8:-8]).max() <= 5  # of 1023: encoders lose some
    assert abs((luma - exact).mean()) < 0.75


def test_fewer_bits_can_be_asked_for(tmp_path: Path, frames: dict[str, list[Path]]) -> None:
    movie = movie_of(tmp_path / "a.mp4", bits=8)
    encode_frames(movie, frames["rgb16"][:3])
    assert probe(movie.path).pixels == "yuv420p"


def test_a_movie_without_alpha_is_over_black(tmp_path: Path, frames: dict[str, list[Path]]) -> None:
    encode_frames(movie_of(tmp_path / "a.mp4", quality=100), frames["rgba8"][:2])
    (first, *_) = decoded_rgb(tmp_path / "a.mp4", "rgb24", EVEN)
    assert first[:, 0].mean() < 8  # transparent there, opaque on the other side
    assert (
        np.abs(first[:HEIGHT, 160] - pictures(frames["rgba8"][:1])[0, :, 160, :3] / 1.0).mean() < 9
    )


def test_prores_keeps_alpha(folder: Path, movies: dict[str, Probe]) -> None:
    planes = decoded(folder / "prores4444.mov", "yuva444p12le", [(HEIGHT, WIDTH)] * 4)
    alpha = planes.reshape(COUNT, 4, HEIGHT, WIDTH)[:, 3] / 4095
    assert np.abs(alpha - np.arange(WIDTH) / (WIDTH - 1)).max() < 1 / 255


def test_a_gif_keeps_whether_alpha_is_more_than_a_half(
    tmp_path: Path, frames: dict[str, list[Path]]
) -> None:
    encode_frames(movie_of(tmp_path / "a.gif"), frames["rgba8"])
    with Image.open(tmp_path / "a.gif") as image:
        image.seek(COUNT - 1)
        alpha = np.asarray(image.convert("RGBA"))[..., 3]
    assert np.unique(alpha[:, : WIDTH // 2 - 1]).tolist() == [0]
    assert np.unique(alpha[:, WIDTH // 2 + 1 :]).tolist() == [255]


def test_padding_repeats_the_edge_and_is_said(
    tmp_path: Path, frames: dict[str, list[Path]], caplog: pytest.LogCaptureFixture
) -> None:
    movie = movie_of(tmp_path / "a.mp4", quality=100)
    with caplog.at_level(logging.WARNING):
        encode_frames(movie, frames["rgb8"][:2])
    assert "a.mp4: H.264 needs even sizes, 161x121 is padded to 162x122" in caplog.text
    (luma, *_) = decoded(movie.path, "gray", [(EVEN[1], EVEN[0])]).reshape(-1, EVEN[1], EVEN[0])
    assert np.abs(luma[:, -1].astype(int) - luma[:, -2]).mean() < 3
    assert np.abs(luma[-1].astype(int) - luma[-2]).mean() < 3


def test_even_sizes_are_not_spoken_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    frames = write_frames(tmp_path, size=(64, 48), count=2)
    with caplog.at_level(logging.WARNING):
        encode_frames(movie_of(tmp_path / "a.mp4"), frames)
        encode_frames(movie_of(tmp_path / "a.webm"), frames)
    assert caplog.text == ""


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_one_frame_is_a_movie_too(name: str, tmp_path: Path, frames: dict[str, list[Path]]) -> None:
    (case,) = (case for case in CASES if case.name == name)
    movie = movie_of(tmp_path / name, codec=case.asked)
    assert encode_frames(movie, frames[case.frames][:1]) == 1
    assert len(probe(movie.path).times) == 1


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_no_encoder_raises_its_priority(
    name: str, tmp_path: Path, frames: dict[str, list[Path]]
) -> None:
    (case,) = (case for case in CASES if case.name == name)
    first = display_frame(read_picture(frames[case.frames][0]))
    height, width = first.shape[:2]
    encoder = open_encoder(movie_of(tmp_path / name, codec=case.asked), width, height)
    encoder.write(first[:, :, :3])
    threads = [int(entry.name) for entry in Path("/proc/self/task").iterdir()]
    assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_OTHER}
    encoder.close()


def test_h265_in_mp4_is_tagged_as_apple_wants_it(movies: dict[str, Probe]) -> None:
    assert movies["h265.mp4"].tag == "hvc1"


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("a.mp4", "h264"),
        ("a.mp4", "h265"),
        ("a.mp4", "av1"),
        ("a.webm", "vp9"),
        ("a.mov", "prores"),
        ("a.avi", "mjpeg"),
        ("a.mpg", "mpeg1"),
        ("a.mpg", "mpeg2"),
        ("a.webp", "webp"),
    ],
)
def test_quality_and_bit_rate_change_the_size(
    name: str, codec: str, tmp_path: Path, frames: dict[str, list[Path]]
) -> None:
    def size(**asked: Any) -> int:
        movie = movie_of(tmp_path / name, codec=codec, **asked)
        encode_frames(movie, frames["rgb8"])
        return movie.path.stat().st_size

    assert size(quality=10) < size() <= size(quality=98)  # ProRes has four steps only
    if CODECS[codec].bitrate:
        assert size(bitrate="100k") < size(bitrate="3M")


def test_frames_of_light_become_a_movie(tmp_path: Path) -> None:
    """An EXR and the PNG of its display values make the same lossless movie."""
    light = PictureFormat("exr", "float16", "RGB")
    display = PictureFormat("png", "uint16", "RGB")
    pixels = np.linspace(0, 1.2, 64 * 48 * 3).reshape(48, 64, 3).astype(np.float16)
    exr = Picture(pixels, light)
    write_picture(tmp_path / "a1.exr", exr)
    write_picture(tmp_path / "a1.png", Picture(display_frame(exr), display))
    for suffix in ("exr", "png"):
        encode_frames(movie_of(tmp_path / f"{suffix}.mkv"), [tmp_path / f"a1.{suffix}"])
    a, b = (decoded_rgb(tmp_path / f"{kind}.mkv", "rgb48le", (64, 48)) for kind in ("exr", "png"))
    np.testing.assert_array_equal(a, b)
    assert len(np.unique(a)) > 2000


def test_a_frame_of_another_size_is_named_and_no_movie_left(
    tmp_path: Path, frames: dict[str, list[Path]]
) -> None:
    (other,) = write_frames(tmp_path / "other", size=(64, 48), count=1)
    for name, kind in (("a.mp4", "rgb8"), ("a.avi", "jpeg")):
        (odd,) = write_frames(tmp_path / kind, KINDS[kind][0], size=(64, 48), count=1)
        with pytest.raises(EncodeError) as found:
            encode_frames(movie_of(tmp_path / name), [*frames[kind][:2], odd, *frames[kind][2:]])
        assert found.value.message == f"{odd} is 64x48, the frames before it 161x121"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == []
    assert other.exists()


def test_a_movie_that_is_there_stays_if_its_successor_fails(
    tmp_path: Path, frames: dict[str, list[Path]]
) -> None:
    movie = movie_of(tmp_path / "a.mkv")
    movie.path.write_text("the old one")
    with pytest.raises(EncodeError, match="no picture file"):
        encode_frames(movie, [*frames["rgb8"][:2], tmp_path / "missing.png"])
    assert movie.path.read_text() == "the old one"


def test_depth_that_this_encoder_has_not_is_spoken_of(
    tmp_path: Path, frames: dict[str, list[Path]], caplog: pytest.LogCaptureFixture
) -> None:
    """The VP9 of PyAV's wheels is built for 8 bits."""
    with caplog.at_level(logging.WARNING):
        encode_frames(movie_of(tmp_path / "a.webm"), frames["rgb16"][:2])
    if probe(tmp_path / "a.webm").pixels == "yuv420p":
        assert "VP9 keeps 8 bits of 16" in caplog.text


def test_a_missing_encoder_is_an_error_of_the_set_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(CODECS, "vp9", replace(CODECS["vp9"], encoders=("no-such-encoder",)))
    with pytest.raises(SetupError, match="no encoder for VP9"):
        open_encoder(movie_of(tmp_path / "a.webm"), 16, 16)


@pytest.mark.parametrize("suffix", [".mp4", ".avi", ".gif", ".webp"])
def test_a_place_that_cannot_be_written_is_a_write_error(
    suffix: str, tmp_path: Path, frames: dict[str, list[Path]]
) -> None:
    for kind in ("rgb8", "jpeg"):
        with pytest.raises(WriteError, match="cannot write"):
            encode_frames(movie_of(tmp_path / "missing" / f"a{suffix}"), frames[kind])


def test_an_encoder_refuses_other_sizes_and_no_frames_at_all(tmp_path: Path) -> None:
    encoder = open_encoder(movie_of(tmp_path / "a.mkv"), 16, 8)
    form = PictureFormat("png", "uint8", "RGB")
    with pytest.raises(EncodeError, match="8x16, the movie 16x8"):
        encoder.write(drawing(1, size=(8, 16), form=form))
    with pytest.raises(EncodeError, match="no frames"):
        encoder.close()
    encoder.close()
    with pytest.raises(EncodeError, match="no frames"):
        encode_frames(movie_of(tmp_path / "b.mkv"), [])


def test_pictures_on_which_an_encoder_fails_are_refused(tmp_path: Path) -> None:
    movie = movie_of(tmp_path / "a.mp4", codec="h265")
    with pytest.raises(EncodeError, match=r"48x32 is too small for H\.265"):
        encode_frames(movie, write_frames(tmp_path, size=(48, 32), count=1))
    assert encode_frames(movie, write_frames(tmp_path, size=(64, 32), count=9)) == 9


@pytest.mark.parametrize("count", [1, 2, 3])
def test_short_h265_has_the_times_of_its_frames(
    count: int, tmp_path: Path, frames: dict[str, list[Path]]
) -> None:
    for at in range(8):  # x265 may leave times unset, which is bad luck or good
        movie = movie_of(tmp_path / f"{at}.mp4", codec="h265")
        encode_frames(movie, frames["rgb8"][:count])
        assert probe(movie.path).times == pytest.approx([n / 25 for n in range(count)])
