from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from movies.reading import decoded_rgb, probe, write_frames

from mpirender.chores import do_chore
from mpirender.encode import Splice, encode_frames, movie_of
from mpirender.errors import EncodeError

SIZE = (64, 32)
COUNT = 23


@pytest.fixture(autouse=True)
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mpirender.encode.splice._PART", 7)


@pytest.fixture
def frames(tmp_path: Path) -> list[Path]:
    return write_frames(tmp_path, size=SIZE, count=COUNT)


def left_over(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.startswith(".mpirender-")]


def test_parts_are_encoded_apart_and_joined(tmp_path: Path, frames: list[Path]) -> None:
    movie = movie_of(tmp_path / "a.mkv")
    sizes = []
    with Splice(movie, range(COUNT), tmp_path) as splice:
        for number in [*range(10, COUNT), *range(10)]:
            splice.add(number, frames[number])
            while part := splice.next_part():
                sizes.append(len(part.frames))
                do_chore(part)
        assert splice.finish() == COUNT
    assert sizes == [7, 8]  # the last part, of eight, grew by itself
    pictures = decoded_rgb(movie.path, size=SIZE)
    encode_frames(movie_of(tmp_path / "whole.mkv"), frames)
    np.testing.assert_array_equal(pictures, decoded_rgb(tmp_path / "whole.mkv", size=SIZE))
    assert not left_over(tmp_path)


def test_a_gap_is_told_with_its_numbers_and_nothing_is_left(
    tmp_path: Path, frames: list[Path]
) -> None:
    with Splice(movie_of(tmp_path / "a.mp4"), range(COUNT), tmp_path) as splice:
        for number in set(range(COUNT)) - {3, 20, 21}:
            splice.add(number, frames[number])
        with pytest.raises(EncodeError, match="no frame 3, 20, 21"):
            splice.finish()
    assert not (tmp_path / "a.mp4").exists()
    assert not left_over(tmp_path)


def test_short_movies_and_those_that_cannot_be_joined_are_left_whole(tmp_path: Path) -> None:
    assert Splice.is_worth_while(movie_of(tmp_path / "a.mp4"), 14)
    assert not Splice.is_worth_while(movie_of(tmp_path / "a.mp4"), 13)
    assert not Splice.is_worth_while(movie_of(tmp_path / "a.gif"), 1000)


def test_the_rate_and_codec_are_those_of_the_whole(tmp_path: Path, frames: list[Path]) -> None:
    movie = movie_of(tmp_path / "a.mp4", fps="24000/1001", codec="h265", quality=60)
    with Splice(movie, range(COUNT), tmp_path) as splice:
        for number, path in enumerate(frames):
            splice.add(number, path)
        while part := splice.next_part():
            do_chore(part)
        splice.finish()
    found = probe(movie.path)
    assert (found.codec, found.rate, len(found.times)) == ("hevc", Fraction(24000, 1001), COUNT)
