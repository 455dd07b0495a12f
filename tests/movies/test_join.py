"""Parts of a movie, encoded apart, become one without being encoded again."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from movies.reading import decoded_rgb, probe, write_frames

from mpirender.encode import Movie, can_join, encode_frames, join_chunks, movie_of
from mpirender.errors import EncodeError

SIZE = (96, 64)
COUNT = 24
CUTS = (0, 7, 8, COUNT)
KINDS = [
    ("a.mp4", "h264"),
    ("a.mp4", "h265"),
    ("a.mp4", "av1"),
    ("a.webm", "vp9"),
    ("a.mov", "prores"),
    ("a.mkv", "ffv1"),
    ("a.mkv", "h264"),
    ("a.avi", "mjpeg"),
    ("a.mpg", "mpeg2"),
]


@pytest.fixture(scope="module")
def frames(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return write_frames(tmp_path_factory.mktemp("frames"), size=SIZE, count=COUNT)


def parts_of(movie: Movie, frames: list[Path]) -> list[Path]:
    """Encode three parts, one of them of a single frame."""
    paths = []
    for start, stop in pairwise(CUTS):
        path = movie.path.with_name(f"part{start}{movie.path.suffix}")
        part = movie_of(path, fps=str(movie.rate), codec=movie.codec)
        encode_frames(part, frames[start:stop])
        paths.append(path)
    return paths


@pytest.mark.parametrize(("name", "codec"), KINDS)
def test_a_joined_movie_has_the_frames_and_times_of_a_whole_one(
    name: str, codec: str, tmp_path: Path, frames: list[Path]
) -> None:
    movie = movie_of(tmp_path / name, codec=codec, fps="24000/1001")
    assert can_join(movie), "tests need PyAV 18.1"
    parts = parts_of(movie, frames)
    assert join_chunks(parts, movie) == COUNT
    joined = probe(movie.path)
    pictures = decoded_rgb(movie.path, size=SIZE)
    np.testing.assert_array_equal(
        pictures, np.concatenate([decoded_rgb(part, size=SIZE) for part in parts])
    )
    whole = movie_of(tmp_path / f"whole{movie.path.suffix}", codec=codec, fps="24000/1001")
    encode_frames(whole, frames)
    wanted = probe(whole.path)
    assert joined.times == pytest.approx(wanted.times, abs=2e-5)  # a tick of 90 kHz is 1.1e-5 s
    assert (joined.rate, joined.colours, joined.pixels) == (
        wanted.rate,
        wanted.colours,
        wanted.pixels,
    )
    assert joined.seconds == pytest.approx(wanted.seconds, abs=2e-5)
    assert joined.tag == wanted.tag


def test_copied_jpeg_files_can_be_joined(tmp_path: Path) -> None:
    jpegs = write_frames(tmp_path / "jpeg", "jpeg", size=SIZE, count=COUNT)
    movie = movie_of(tmp_path / "a.mov")
    assert join_chunks(parts_of(movie, jpegs), movie) == COUNT
    assert probe(movie.path).codec == "mjpeg"


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".apng"])
def test_what_cannot_be_joined_says_so(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(EncodeError, match="cannot be joined"):
        join_chunks([tmp_path / "b"], movie_of(tmp_path / f"a{suffix}"))


def test_parts_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    movie = movie_of(tmp_path / "a.avi", codec="ffv1")
    parts = []
    for width in (64, 96):
        path = tmp_path / f"{width}.avi"
        encode_frames(
            movie_of(path, codec="ffv1"),
            write_frames(tmp_path / str(width), size=(width, 64), count=2),
        )
        parts.append(path)
    with pytest.raises(EncodeError, match=r"96\.avi was not encoded as .*64\.avi was"):
        join_chunks(parts, movie)
    assert not movie.path.exists()


def test_a_missing_or_broken_part_is_named(tmp_path: Path, frames: list[Path]) -> None:
    movie = movie_of(tmp_path / "a.avi", codec="ffv1")
    part, broken = tmp_path / "part.avi", tmp_path / "broken.avi"
    encode_frames(movie_of(part, codec="ffv1"), frames[:2])
    broken.write_bytes(b"not a movie")
    for wrong in (tmp_path / "missing.avi", broken):
        with pytest.raises(EncodeError, match=f"cannot read .*{wrong.stem}"):
            join_chunks([part, wrong], movie)
    slow = tmp_path / "slow.mp4"
    encode_frames(movie_of(slow, fps="10"), frames[:3])
    with pytest.raises(EncodeError, match=r"slow\.mp4 has frames at uneven times, expected 25"):
        join_chunks([part, slow], movie)
    with pytest.raises(EncodeError):
        join_chunks([], movie)
