"""Frames to make movies of, and movies read back by Debian's FFmpeg, which is not PyAV's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from launchers import run
from numpy.typing import NDArray

from mpirender.images import Picture, PictureFormat, write_picture

WIDTH, HEIGHT, COUNT = 161, 121, 13
NTSC = Fraction(30000, 1001)


def drawing(number: int, *, size: tuple[int, int] = (WIDTH, HEIGHT), form: PictureFormat) -> Any:
    """A frame: shades, a moving square, and some noise, so that packets are not too small."""
    width, height = size
    y, x = np.mgrid[:height, :width]
    picture = np.stack([x / width, y / height, np.full(x.shape, number / 30)], -1)
    picture += np.random.default_rng(number).normal(0, 0.02, picture.shape)
    picture[20:40, 10 + 5 * number : 30 + 5 * number] = 1
    if form.has_alpha:
        picture = np.concatenate([picture, x[..., None] / (width - 1)], -1)
    top = np.iinfo(form.dtype).max
    return (np.clip(picture, 0, 1) * top + 0.5).astype(form.dtype)


def write_frames(
    folder: Path,
    kind: str = "png",
    dtype: str = "uint8",
    channels: str = "RGB",
    *,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    count: int = COUNT,
) -> list[Path]:
    """Write the frames of a short animation and return their files."""
    folder.mkdir(exist_ok=True)
    form = PictureFormat(kind, dtype, channels)
    suffix = "jpg" if kind == "jpeg" else kind
    paths = [folder / f"walk{number:02d}.{suffix}" for number in range(1, count + 1)]
    for number, path in enumerate(paths, 1):
        write_picture(path, Picture(drawing(number, size=size, form=form), form))
    return paths


def ffmpeg(*arguments: str | Path) -> None:
    """Run FFmpeg, which must have nothing to complain of."""
    done = run(["ffmpeg", "-v", "error", "-y", *arguments])
    assert (done.returncode, done.stderr) == (0, "")


@dataclass(frozen=True)
class Probe:
    """What ffprobe says of a movie."""

    codec: str
    profile: str
    size: tuple[int, int]
    pixels: str
    rate: Fraction
    colours: tuple[str, str, str, str]
    seconds: float
    times: tuple[float, ...]
    tag: str


def rate_of(text: str) -> Fraction:
    """What ffprobe calls 0/0 is 0: a movie of one frame."""
    return Fraction(0) if text == "0/0" else Fraction(text)


def probe(path: Path) -> Probe:
    """Look at a movie, every frame of it."""
    argv = ["ffprobe", "-v", "error", "-of", "json", "-show_streams", "-show_format"]
    done = run([*argv, "-show_frames", path])
    assert (done.returncode, done.stderr) == (0, "")
    told = json.loads(done.stdout)
    (stream,), frames = told["streams"], told["frames"]
    names = ("color_range", "color_space", "color_primaries", "color_transfer")
    return Probe(
        codec=stream["codec_name"],
        profile=stream.get("profile", ""),
        size=(stream["width"], stream["height"]),
        pixels=stream["pix_fmt"],
        rate=rate_of(stream["avg_frame_rate"]),
        colours=tuple(stream.get(name, "") for name in names),
        seconds=float(stream.get("duration") or told["format"].get("duration", "nan")),
        times=tuple(float(frame.get("best_effort_timestamp_time", "nan")) for frame in frames),
        tag=stream["codec_tag_string"],
    )


def decoded(path: Path, pixels: str, planes: Sequence[tuple[int, int]]) -> NDArray[Any]:
    """Decode a movie to raw values.

    Parameters
    ----------
    path : Path
    pixels : str
        FFmpeg's name of a pixel format.
    planes : sequence of (int, int)
        Rows and values in a row of each plane.

    Returns
    -------
    frames : (N, sum of rows times values) ndarray
    """
    raw = path.with_name(f"{path.name}.raw")
    ffmpeg("-i", path, "-fps_mode", "passthrough", "-pix_fmt", pixels, "-f", "rawvideo", raw)
    dtype = "<u2" if pixels.endswith("le") else ">u2" if pixels.endswith("be") else "u1"
    return np.fromfile(raw, dtype).reshape(-1, sum(rows * values for rows, values in planes))


def decoded_rgb(
    path: Path, pixels: str = "rgb24", size: tuple[int, int] = (WIDTH, HEIGHT)
) -> NDArray[Any]:
    """Decode a movie to (N, H, W, C) packed values."""
    channels = 4 if "a" in pixels else 3
    width, height = size
    raw = decoded(path, pixels, [(height, channels * width)])
    return raw.reshape(-1, height, width, channels)
