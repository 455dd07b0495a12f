from __future__ import annotations

import pickle
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from mpirender.errors import OutputMismatch, OutputMissing, WriteError
from mpirender.images import (
    Picture,
    PictureFormat,
    jpeg_format,
    read_picture,
    read_region,
    write_picture,
)

LOSSLESS = [
    PictureFormat(kind, dtype, channels)
    for kind, dtypes, layouts in (
        ("png", ("uint8", "uint16"), ("L", "LA", "RGB", "RGBA")),
        ("ppm", ("uint8", "uint16"), ("L", "RGB")),
        ("bmp", ("uint8",), ("RGB", "RGBA")),
        ("tga", ("uint8",), ("RGB", "RGBA")),
        ("exr", ("float16", "float32"), ("L", "LA", "RGB", "RGBA")),
        ("hdr", ("uint8",), ("RGBE",)),
    )
    for dtype in dtypes
    for channels in layouts
]
ALL = [*LOSSLESS, PictureFormat("jpeg", "uint8", "L"), PictureFormat("jpeg", "uint8", "RGB")]


def name_of(form: PictureFormat) -> str:
    return "-".join(form.layout)


def bits(pixels: NDArray[Any]) -> NDArray[Any]:
    return pixels.view(f"u{pixels.dtype.itemsize}")


def pixels_of(form: PictureFormat, height: int, width: int, seed: int = 0) -> NDArray[Any]:
    rng = np.random.default_rng(seed)
    shape = (height, width, len(form.channels))
    if form.dtype.startswith("float"):
        return (rng.normal(0, 1, shape) * 10.0 ** rng.integers(-4, 5, shape)).astype(form.dtype)
    return rng.integers(0, np.iinfo(form.dtype).max, shape, form.dtype, endpoint=True)


@st.composite
def pictures(draw: st.DrawFn) -> Picture:
    """Any bits at all, in small pictures; or long runs of few values, in wide ones."""
    form = draw(st.sampled_from(LOSSLESS))
    kind = np.dtype(f"u{np.dtype(form.dtype).itemsize}")
    if draw(st.booleans()):
        size, values = (
            (st.integers(1, 9), st.integers(1, 12)),
            st.integers(0, 2 ** (8 * kind.itemsize) - 1),
        )
    else:
        size, values = (st.integers(1, 2), st.integers(1, 400)), st.sampled_from((0, 1, 255))
    shape = (draw(size[0]), draw(size[1]), len(form.channels))
    raw: NDArray[Any] = draw(arrays(kind, shape, elements=values))
    return Picture(raw.view(form.dtype), form)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("images") / "picture"


@settings(max_examples=3 * settings().max_examples)
@given(picture=pictures())
def test_every_bit_of_every_pixel_survives(scratch: Path, picture: Picture) -> None:
    write_picture(scratch, picture)
    again = read_picture(scratch)
    assert again.format.layout == picture.format.layout
    assert np.array_equal(bits(again.pixels), bits(picture.pixels))


@pytest.mark.parametrize("form", LOSSLESS, ids=name_of)
def test_long_lines_without_any_runs_survive(form: PictureFormat, scratch: Path) -> None:
    pixels = pixels_of(form, 3, 1000)
    write_picture(scratch, Picture(pixels, form))
    assert np.array_equal(bits(read_picture(scratch).pixels), bits(pixels))


@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_large_png_survives_where_a_row_looks_like_the_row_above(dtype: str, scratch: Path) -> None:
    form = PictureFormat("png", dtype, "RGB")
    pixels = np.repeat(pixels_of(form, 1, 500), 900, axis=0)
    pixels += np.arange(900, dtype=dtype)[:, None, None]
    write_picture(scratch, Picture(pixels, form))
    assert np.array_equal(read_picture(scratch).pixels, pixels)
    assert scratch.stat().st_size < pixels.nbytes / 20


@pytest.mark.parametrize("form", LOSSLESS, ids=name_of)
def test_a_format_read_from_a_file_writes_the_same_file(form: PictureFormat, scratch: Path) -> None:
    write_picture(scratch, Picture(pixels_of(form, 21, 33), form))
    first, picture = scratch.read_bytes(), read_picture(scratch)
    write_picture(scratch, picture)
    assert scratch.read_bytes() == first


@pytest.mark.parametrize("form", LOSSLESS, ids=name_of)
def test_a_format_read_from_a_file_serves_for_another_size(
    form: PictureFormat, scratch: Path
) -> None:
    write_picture(scratch, Picture(pixels_of(form, 21, 33), form))
    wider = pixels_of(form, 5, 70)
    write_picture(scratch, Picture(wider, read_picture(scratch).format))
    assert np.array_equal(bits(read_picture(scratch).pixels), bits(wider))


@pytest.mark.parametrize("form", ALL, ids=name_of)
@pytest.mark.parametrize("part", [0.02, 0.3, 0.7, 0.99, -1])
def test_a_torn_file_is_a_mismatch(form: PictureFormat, part: float, scratch: Path) -> None:
    write_picture(scratch, Picture(pixels_of(form, 40, 50), form))
    whole = scratch.read_bytes()
    scratch.write_bytes(whole[: int(len(whole) * part) if part > 0 else -1])
    with pytest.raises(OutputMismatch, match="picture"):
        read_picture(scratch)


@pytest.mark.parametrize("form", [f for f in LOSSLESS if f.kind in ("png", "exr")], ids=name_of)
def test_a_changed_byte_in_packed_pixels_is_a_mismatch(form: PictureFormat, scratch: Path) -> None:
    write_picture(scratch, Picture(np.zeros((40, 50, len(form.channels)), form.dtype), form))
    broken = bytearray(scratch.read_bytes())
    broken[-20] ^= 0xFF
    scratch.write_bytes(broken)
    with pytest.raises(OutputMismatch):
        read_picture(scratch)


def test_a_missing_file_an_empty_file_and_a_folder_are_missing_output(tmp_path: Path) -> None:
    (tmp_path / "empty.png").touch()
    for name in ("none.png", "empty.png", "."):
        with pytest.raises(OutputMissing):
            read_picture(tmp_path / name)


def test_an_unknown_kind_of_file_is_a_mismatch(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"GIF89a" + bytes(100))
    with pytest.raises(OutputMismatch, match="no known kind"):
        read_picture(path)


@pytest.mark.parametrize("form", [f for f in LOSSLESS if "A" in f.channels], ids=name_of)
def test_the_colour_of_transparent_pixels_survives(form: PictureFormat, scratch: Path) -> None:
    pixels = pixels_of(form, 9, 11)
    pixels[..., -1] = 0
    write_picture(scratch, Picture(pixels, form))
    assert np.array_equal(read_picture(scratch).pixels, pixels)


@pytest.mark.parametrize("kind", ["png", "ppm"])
def test_sixteen_bit_values_survive_to_the_last_bit(kind: str, scratch: Path) -> None:
    pixels = np.arange(65536, dtype=np.uint16).reshape(128, 512, 1).repeat(3, axis=2)
    pixels[..., 1] ^= 1
    write_picture(scratch, Picture(pixels, PictureFormat(kind, "uint16", "RGB")))
    assert np.array_equal(read_picture(scratch).pixels, pixels)


def test_every_half_survives_with_its_sign_and_its_kind_of_nothing(scratch: Path) -> None:
    halves = np.arange(65536, dtype=np.uint16).view(np.float16).reshape(128, 512, 1)
    write_picture(scratch, Picture(halves, PictureFormat("exr", "float16", "L")))
    assert np.array_equal(bits(read_picture(scratch).pixels), bits(halves))


def test_pixels_read_may_be_written_to(scratch: Path) -> None:
    for form in ALL:
        write_picture(scratch, Picture(pixels_of(form, 3, 4), form))
        pixels = read_picture(scratch).pixels
        assert pixels.flags.writeable and pixels.flags.c_contiguous and pixels.dtype.isnative


@pytest.mark.parametrize("form", ALL, ids=name_of)
def test_a_region_is_the_crop_of_the_picture(form: PictureFormat, scratch: Path) -> None:
    write_picture(scratch, Picture(pixels_of(form, 21, 33), form))
    whole = read_picture(scratch)
    part = read_region(scratch, rows=(5, 9), columns=(2, 33), canvas=(21, 33))
    assert part.format == whole.format
    assert np.array_equal(bits(part.pixels), bits(np.ascontiguousarray(whole.pixels[5:9, 2:33])))
    assert part.pixels.base is None


@pytest.mark.parametrize(
    ("rows", "columns", "canvas"),
    [
        ((0, 22), (0, 33), None),
        ((0, 21), (0, 34), None),
        ((-1, 21), (0, 33), None),
        ((7, 7), (0, 33), None),
        ((0, 21), (0, 33), (33, 21)),
    ],
)
def test_a_region_that_is_not_in_the_picture_is_a_mismatch(
    rows: tuple[int, int],
    columns: tuple[int, int],
    canvas: tuple[int, int] | None,
    scratch: Path,
) -> None:
    form = PictureFormat("ppm", "uint8", "L")
    write_picture(scratch, Picture(pixels_of(form, 21, 33), form))
    with pytest.raises(OutputMismatch, match="33x21"):
        read_region(scratch, rows=rows, columns=columns, canvas=canvas)


def test_pixels_that_are_not_what_the_format_says_are_a_mismatch() -> None:
    form = PictureFormat("png", "uint8", "RGB")
    bad: list[NDArray[Any]] = [
        np.zeros((2, 2, 3), np.uint16),
        np.zeros((2, 2, 4), np.uint8),
        np.zeros((2, 2), np.uint8),
        np.zeros((0, 2, 3), np.uint8),
    ]
    for pixels in bad:
        with pytest.raises(OutputMismatch):
            Picture(pixels, form)


def test_a_place_that_cannot_be_written_is_a_write_error(tmp_path: Path) -> None:
    form = PictureFormat("png", "uint8", "RGB")
    with pytest.raises(WriteError, match="nowhere"):
        write_picture(tmp_path / "nowhere" / "a.png", Picture(pixels_of(form, 2, 2), form))


def test_a_picture_too_large_for_its_kind_of_file_is_a_write_error(tmp_path: Path) -> None:
    for kind in ("jpeg", "tga"):
        form = PictureFormat(kind, "uint8", "RGB")
        with pytest.raises(WriteError):
            write_picture(tmp_path / "a", Picture(np.zeros((1, 65536, 3), np.uint8), form))


def test_a_format_travels_as_a_small_pickle(scratch: Path) -> None:
    for form in ALL:
        write_picture(scratch, Picture(pixels_of(form, 30, 40), form))
        read = read_picture(scratch).format
        assert pickle.loads(pickle.dumps(read)) == read
        assert len(pickle.dumps(read)) < 1000


@pytest.mark.parametrize(
    "form",
    [
        PictureFormat("png", "uint16", "RGB", (("gAMA", b"\0\0\xb1\x8f"), ("tEXt", b"a\0b"))),
        PictureFormat("ppm", "uint16", "L", (("comments", b"# a\n# b\n"), ("maximum", b"4095"))),
        PictureFormat("ppm", "uint16", "L", (("comments", b""), ("maximum", b"255"))),
        PictureFormat("hdr", "uint8", "RGBE", (("header", b"#?RADIANCE\nSOFTWARE=a\n"),)),
    ],
    ids=name_of,
)
def test_what_is_not_a_pixel_survives(form: PictureFormat, scratch: Path) -> None:
    pixels = np.minimum(pixels_of(form, 5, 9), 255)
    write_picture(scratch, Picture(pixels, form))
    again = read_picture(scratch)
    assert again.format == form
    assert np.array_equal(again.pixels, pixels)


def test_exr_attributes_of_any_name_survive(scratch: Path) -> None:
    form = PictureFormat(
        "exr", "float16", "RGB", (("owner", b"string\0me"), ("x", b"int\0\1\0\0\0"))
    )
    write_picture(scratch, Picture(pixels_of(form, 5, 9), form))
    read = read_picture(scratch).format
    assert (read.get("owner"), read.get("x")) == (b"string\0me", b"int\0\1\0\0\0")


def test_exr_of_a_compression_that_is_only_read_is_written_as_zip(scratch: Path) -> None:
    import OpenImageIO as oiio

    pixels = pixels_of(PictureFormat("exr", "float16", "RGB"), 40, 50)
    spec = oiio.ImageSpec(50, 40, 3, "half")
    spec.attribute("compression", "piz")
    file = oiio.ImageOutput.create("a.exr")
    assert file is not None
    assert file.open(str(scratch), spec) and file.write_image(pixels) and file.close()
    picture = read_picture(scratch)
    assert picture.format.get("compression") == b"compression\0\4"
    write_picture(scratch, picture)
    assert read_picture(scratch).format.get("compression") == b"compression\0\3"
    assert np.array_equal(read_picture(scratch).pixels, pixels)


def png_with(header: tuple[int, ...], extra: bytes = b"") -> bytes:
    def chunk(name: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        )

    image = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", *header, 0, 0, 0))
    image += chunk(b"tRNS", extra) if extra else b""
    return image + chunk(b"IDAT", zlib.compress(bytes(4))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    "data",
    [
        png_with((1, 1, 8, 3)),
        png_with((1, 1, 4, 0)),
        png_with((1, 1, 8, 2), bytes(6)),
        b"BM" + struct.pack("<I4xIIiiHHII16x", 70, 54, 40, 1, 1, 1, 8, 0, 4) + bytes(4),
        b"BM" + struct.pack("<I4xIIiiHHII16x", 58, 54, 40, 1, -1, 1, 24, 0, 4) + bytes(4),
        b"v/1\x01" + struct.pack("<I", 0x202) + bytes(40),
        b"P6\n1 1\n70000\n" + bytes(3),
        b"#?RADIANCE\n\n+Y 1 +X 1\n" + bytes(4),
        bytes((0, 0, 3)) + bytes(9) + b"\1\0\1\0\x08\x20" + bytes(9) + b"TRUEVISION-XFILE.\0",
    ],
    ids=[
        "palette",
        "4 bits",
        "tRNS",
        "bmp 8",
        "bmp top",
        "tiles",
        "no pixels",
        "bottom",
        "grey tga",
    ],
)
def test_a_layout_that_could_not_be_written_again_is_a_mismatch(data: bytes, scratch: Path) -> None:
    scratch.write_bytes(data)
    with pytest.raises(OutputMismatch):
        read_picture(scratch)


@pytest.mark.parametrize(
    ("compression", "quality"),
    [(-1, 85), (0, 85), (1, 85), (2, 2), (50, 50), (100, 100), (200, 100)],
)
def test_jpeg_quality_is_what_povray_makes_of_compression(compression: int, quality: int) -> None:
    form = jpeg_format(compression, PictureFormat("ppm", "uint8", "RGB"))
    assert form.layout == ("jpeg", "uint8", "RGB")
    assert form.get("quality") == b"%d" % quality


def test_jpeg_comment_is_made_of_the_comments_of_the_row_blocks() -> None:
    comments = b"# Software: P\n# Render Date: D\n# Platform: X\n"
    like = PictureFormat("ppm", "uint8", "RGB", (("comments", comments), ("maximum", b"255")))
    assert jpeg_format(85, like).get("comment") == b"Render Date: D\nSoftware: P\nPlatform: X\n"


def test_only_eight_bit_opaque_pixels_become_a_jpeg() -> None:
    for form in (PictureFormat("png", "uint8", "RGBA"), PictureFormat("ppm", "uint16", "RGB")):
        with pytest.raises(OutputMismatch):
            jpeg_format(85, form)


@pytest.mark.parametrize("channels", ["L", "RGB"])
def test_jpeg_is_written_again_with_the_same_tables(channels: str, scratch: Path) -> None:
    like = PictureFormat("ppm", "uint8", channels, (("comments", b"# Software: P\n"),))
    flat = np.full((16, 16, len(channels)), 100, np.uint8)
    write_picture(scratch, Picture(flat, jpeg_format(33, like)))
    first, picture = scratch.read_bytes(), read_picture(scratch)
    write_picture(scratch, picture)
    assert picture.format.get("comment") == b"Software: P\n"
    assert scratch.read_bytes() == first
