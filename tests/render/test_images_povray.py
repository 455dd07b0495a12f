from __future__ import annotations

import re
import struct
import subprocess
import zlib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from mpirender.images import (
    Picture,
    PictureFormat,
    jpeg_format,
    read_picture,
    read_region,
    write_picture,
)

WIDTH, HEIGHT = 47, 80  # odd, so that BMP rows are padded
BLOCKS = ((1, 32), (33, HEIGHT))  # first and last row, as POV-Ray counts

# Opaque, half and fully transparent pixels; values above 1; a flat part for run-length packing.
SCENE = """#version 3.7;
global_settings { assumed_gamma 1.0 }
camera { location <0,1,-4> look_at <0,0.4,0> angle 50 right x*image_width/image_height }
background { rgbt <0.9,0.5,0.1,0.7> }
light_source { <3,5,-4> rgb 1.6 }
sphere { <0,0.5,0>, 0.9
  pigment { bozo color_map { [0 rgb <1,0.1,0.05>] [0.5 rgb <0.1,0.9,0.3>] [1 rgbt <0.2,0.3,1,0.6>] }
            scale 0.2 }
  finish { specular 0.9 reflection 0.1 } }
plane { y,-0.4 pigment { checker rgb <0.9,0.8,0.2>, rgbt <0.05,0.1,0.2,0.5> } }
"""


class Output(NamedTuple):
    options: str
    suffix: str
    layout: tuple[str, str, str]


OUTPUTS = [
    Output("+FN8", "png", ("png", "uint8", "RGB")),
    Output("+FN8 +UA", "png", ("png", "uint8", "RGBA")),
    Output("+FN16", "png", ("png", "uint16", "RGB")),
    Output("+FN16 +UA", "png", ("png", "uint16", "RGBA")),
    Output("+FN4", "png", ("png", "uint8", "RGB")),
    Output("+FN12", "png", ("png", "uint16", "RGB")),
    Output("+FNg", "png", ("png", "uint16", "L")),
    Output("+FNg +UA Bits_Per_Color=16", "png", ("png", "uint16", "LA")),
    Output("+FN8 File_Gamma=1.7", "png", ("png", "uint8", "RGB")),
    Output("+FP8", "ppm", ("ppm", "uint8", "RGB")),
    Output("+FP8 +UA", "ppm", ("ppm", "uint8", "RGB")),
    Output("+FP16", "ppm", ("ppm", "uint16", "RGB")),
    Output("+FPg", "ppm", ("ppm", "uint16", "L")),
    Output("+FP16 Grayscale_Output=on", "ppm", ("ppm", "uint16", "L")),
    Output("+FC", "tga", ("tga", "uint8", "RGB")),
    Output("+FC +UA", "tga", ("tga", "uint8", "RGBA")),
    Output("+FT", "tga", ("tga", "uint8", "RGB")),
    Output("+FT +UA", "tga", ("tga", "uint8", "RGBA")),
    Output("+FB", "bmp", ("bmp", "uint8", "RGB")),
    Output("+FB +UA", "bmp", ("bmp", "uint8", "RGBA")),
    Output("+FE", "exr", ("exr", "float16", "RGB")),
    Output("+FE +UA", "exr", ("exr", "float16", "RGBA")),
    Output("+FH", "hdr", ("hdr", "uint8", "RGBE")),
    Output("+FH +UA", "hdr", ("hdr", "uint8", "RGBE")),
]
every_output = pytest.mark.parametrize("output", OUTPUTS, ids=lambda output: output.options)


class Renders(NamedTuple):
    full: Path
    blocks: list[Path]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("povray")
    (folder / "scene.pov").write_text(SCENE)
    return folder


@cache
def renders(folder: Path, options: str, suffix: str, block_options: str = "") -> Renders:
    """Plain render and row blocks, at the same time as POV-Ray mostly sleeps in such short runs."""
    base = re.sub(r"\W", "_", f"{options}-{block_options}")
    parts: list[tuple[str, str, str]] = [(f"{base}full", "", options)]
    for first, last in BLOCKS:
        parts.append((f"{base}{first}", f"+SR{first} +ER{last}", block_options or options))
    size = ["+Iscene.pov", f"+W{WIDTH}", f"+H{HEIGHT}", "+WT1", "-A", "-D"]
    running = [
        subprocess.Popen(
            ["povray", *size, f"+O{name}", *rows.split(), *given.split()],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name, rows, given in parts
    ]
    for process in running:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors[-2000:]
    block_suffix = "ppm" if "+FP" in block_options else suffix
    names = [folder / f"{name}.{block_suffix}" for name, _, _ in parts[1:]]
    return Renders(folder / f"{base}full.{suffix}", names)


def composed(blocks: list[Path]) -> Picture:
    parts = [
        read_region(path, rows=(first - 1, last), columns=(0, WIDTH), canvas=(HEIGHT, WIDTH))
        for path, (first, last) in zip(blocks, BLOCKS, strict=True)
    ]
    return Picture(np.concatenate([part.pixels for part in parts]), parts[0].format)


def png_chunks(data: bytes) -> list[tuple[bytes, bytes]]:
    chunks, position = [], 8
    while position < len(data):
        (length,) = struct.unpack_from(">I", data, position)
        chunks.append(
            (data[position + 4 : position + 8], data[position + 8 : position + 8 + length])
        )
        position += 12 + length
    return chunks


def slow_png(data: bytes) -> NDArray[Any]:
    """Undo the filters of PNG byte by byte, as the standard tells it."""
    chunks = png_chunks(data)
    width, height, depth, colour = struct.unpack_from(">IIBB", chunks[0][1])
    step = {0: 1, 2: 3, 4: 2, 6: 4}[colour] * depth // 8
    raw = zlib.decompress(b"".join(body for name, body in chunks if name == b"IDAT"))
    above, rows, length = bytearray(width * step), [], width * step
    for y in range(height):
        start = y * (length + 1)
        row = bytearray(raw[start + 1 : start + 1 + length])
        for x in range(length):
            left, corner = (row[x - step], above[x - step]) if x >= step else (0, 0)
            row[x] = (row[x] + guess(raw[start], left, above[x], corner)) & 255
        rows.append(bytes(row))
        above = row
    values = np.frombuffer(b"".join(rows), "u1" if depth == 8 else ">u2")
    return values.reshape(height, width, -1)


def guess(number: int, left: int, up: int, corner: int) -> int:
    near = min((left, up, corner), key=lambda value: abs(left + up - corner - value))
    return (0, left, up, (left + up) // 2, near)[number]


def bytes_at_the_end(data: bytes) -> NDArray[Any]:
    """Rows of a file that ends with its pixels, as bytes."""
    row = (len(data) - data.rindex(b"\n", 0, 200) - 1) // HEIGHT
    return np.frombuffer(data[-row * HEIGHT :], np.uint8).reshape(HEIGHT, row)


def decoded(path: Path) -> NDArray[Any]:
    """Pixels by a decoder that shares nothing with the package but, for EXR, OpenImageIO."""
    import OpenImageIO as oiio

    data = path.read_bytes()
    if path.suffix == ".png":
        return slow_png(data)
    if path.suffix == ".ppm":
        return bytes_at_the_end(data)
    if path.suffix == ".bmp":  # readers differ in what they do with alpha
        return np.frombuffer(data[54:], np.uint8).reshape(HEIGHT, -1)
    wanted = oiio.ImageSpec()
    wanted.attribute("oiio:UnassociatedAlpha", 1)
    file = oiio.ImageInput.open(str(path), wanted)
    assert file is not None, oiio.geterror()
    spec = file.spec()
    pixels = file.read_image(0, 0, 0, spec.nchannels, spec.format)
    assert pixels is not None, file.geterror()
    return pixels


def without_dates(form: PictureFormat) -> list[tuple[str, bytes]]:
    """The metadata, less the seconds that lie between two runs and the length of packed data."""
    kept = []
    for name, value in form.metadata:
        if name == "tail":  # TGA: date, and where the extension area begins
            value = value[:367] + value[379:-26] + value[-22:]
        if name != "tIME":
            kept.append((name, re.sub(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", b"", value)))
    return kept


@every_output
def test_a_file_of_povray_is_written_again_just_as_it_was(
    output: Output, folder: Path, tmp_path: Path
) -> None:
    full = renders(folder, output.options, output.suffix).full
    again = tmp_path / full.name
    picture = read_picture(full)
    write_picture(again, picture)
    assert picture.format.layout == output.layout
    assert picture.pixels.shape == (HEIGHT, WIDTH, len(output.layout[2]))
    assert np.array_equal(decoded(again), decoded(full))
    assert without_dates(read_picture(again).format) == without_dates(picture.format)
    if "+FC" not in output.options:  # whose footer tells the length of the packed pixels
        assert read_picture(again).format == picture.format


@every_output
def test_two_row_blocks_make_the_file_that_povray_writes_alone(
    output: Output, folder: Path, tmp_path: Path
) -> None:
    full, blocks = renders(folder, output.options, output.suffix)
    path = tmp_path / full.name
    write_picture(path, composed(blocks))
    assert np.array_equal(decoded(path), decoded(full))
    assert without_dates(read_picture(path).format) == without_dates(read_picture(full).format)


@every_output
def test_pixels_are_the_numbers_in_the_file(output: Output, folder: Path) -> None:
    full = renders(folder, output.options, output.suffix).full
    pixels, stored = read_picture(full).pixels, decoded(full)
    if output.suffix == "hdr":
        exponent = pixels[..., 3:].astype(int) - 136
        assert np.array_equal(np.ldexp(pixels[..., :3].astype(np.float32), exponent), stored)
    elif output.suffix == "ppm":
        big_endian = pixels.astype(pixels.dtype.newbyteorder(">")).reshape(HEIGHT, -1)
        assert np.array_equal(big_endian.view(np.uint8), stored)
    elif output.suffix == "bmp":
        channels = pixels.shape[2]
        bgr = pixels[::-1, :, [2, 1, 0, 3][:channels]].reshape(HEIGHT, -1)
        assert np.array_equal(bgr, stored[:, : WIDTH * channels])
    else:
        assert np.array_equal(pixels, stored)


@pytest.mark.parametrize("options", ["+FN8", "+FN16 +UA", "+FNg"])
def test_a_written_png_has_the_chunks_of_povray_in_their_order(
    options: str, folder: Path, tmp_path: Path
) -> None:
    full = renders(folder, options, "png").full
    write_picture(tmp_path / "a.png", read_picture(full))

    def chunks(path: Path) -> list[tuple[bytes, bytes]]:
        return [chunk for chunk in png_chunks(path.read_bytes()) if chunk[0] != b"IDAT"]

    assert chunks(tmp_path / "a.png") == chunks(full)
    assert [name for name, _ in chunks(full)][1:5] == [b"gAMA", b"sRGB", b"sBIT", b"oFFs"]


def test_dithered_pixels_are_kept_as_povray_has_dithered_them(folder: Path, tmp_path: Path) -> None:
    full = renders(folder, "+FN8 +THFS", "png").full
    write_picture(tmp_path / "a.png", read_picture(full))
    assert np.array_equal(decoded(tmp_path / "a.png"), decoded(full))


@pytest.mark.parametrize(
    ("options", "compression"),
    [
        ("", 0),
        ("Compression=40", 40),
        ("Compression=100", 100),
        ("Compression=1", 1),
        ("+UA", 0),
        ("File_Gamma=1.5", 0),
        ("+THFS", 0),
    ],
)
def test_row_blocks_in_ppm_make_the_jpeg_that_povray_writes_alone(
    options: str, compression: int, folder: Path, tmp_path: Path
) -> None:
    from PIL import Image

    full, blocks = renders(folder, f"{options} +FJ", "jpg", f"{options} +FP8 -TH")
    path = tmp_path / "a.jpg"
    frame = composed(blocks)
    write_picture(path, Picture(frame.pixels, jpeg_format(compression, frame.format)))
    with Image.open(path) as ours, Image.open(full) as theirs:
        assert np.array_equal(np.asarray(ours), np.asarray(theirs))
    ours_read, theirs_read = read_picture(path), read_picture(full)
    assert without_dates(ours_read.format) == without_dates(theirs_read.format)
    assert len(path.read_bytes()) == len(full.read_bytes())
