"""Movies that grow while their frames are still being rendered, and the command for the rest."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from movies.reading import decoded_rgb, probe, write_frames

from mpirender.cli.encode import main
from mpirender.encode import Reel, movie_of, write_sheet
from mpirender.errors import EncodeError, UsageError, WriteError
from mpirender.images import Picture, PictureFormat, read_picture, write_picture

SIZE = (64, 48)
COUNT = 12
NUMBERS = range(1, COUNT + 1)


@pytest.fixture
def frames(tmp_path: Path) -> dict[int, Path]:
    paths = write_frames(tmp_path / "frames", size=SIZE, count=COUNT)
    return dict(zip(NUMBERS, paths, strict=True))


def left_over(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.is_file()]


def test_frames_in_any_order_become_a_movie_in_the_right_one(
    tmp_path: Path, frames: dict[int, Path]
) -> None:
    order = list(NUMBERS)
    random.Random(5).shuffle(order)
    with Reel(movie_of(tmp_path / "a.mkv"), NUMBERS) as reel:
        for number in order:
            reel.add(number, frames[number])
        assert reel.finish() == COUNT
    wanted = np.stack([read_picture(frames[number]).pixels for number in NUMBERS])
    np.testing.assert_array_equal(decoded_rgb(tmp_path / "a.mkv", size=SIZE), wanted)
    assert left_over(tmp_path) == ["a.mkv", "a.mkv.raw"] or len(left_over(tmp_path)) == 2


def test_the_movie_is_ready_soon_after_the_last_frame(
    tmp_path: Path, frames: dict[int, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mpirender.paths.os.fsync", lambda file: None)  # that is the disk's time
    with Reel(movie_of(tmp_path / "a.mp4"), NUMBERS) as reel:
        for number in NUMBERS[:-1]:
            reel.add(number, frames[number])
            time.sleep(0.02)
        reel.add(NUMBERS[-1], frames[NUMBERS[-1]])
        begun = time.monotonic()
        reel.finish()
        assert time.monotonic() - begun < 1
    assert len(probe(tmp_path / "a.mp4").times) == COUNT


def test_a_frame_may_come_more_than_once(tmp_path: Path, frames: dict[int, Path]) -> None:
    there_and_back = [*NUMBERS, *reversed(NUMBERS)]
    with Reel(movie_of(tmp_path / "a.mkv"), there_and_back) as reel:
        for number, path in frames.items():
            reel.add(number, path)
        assert reel.finish() == 2 * COUNT


def test_a_gap_names_the_missing_frames_and_leaves_no_movie(
    tmp_path: Path, frames: dict[int, Path]
) -> None:
    with Reel(movie_of(tmp_path / "a.mp4"), NUMBERS) as reel:
        for number in set(NUMBERS) - {3, 4, 5, 9}:
            reel.add(number, frames[number])
        with pytest.raises(EncodeError, match=r"a\.mp4: no frame 3-5, 9$"):
            reel.finish()
    assert left_over(tmp_path) == []
    assert all(path.exists() for path in frames.values())


def test_no_frame_at_all_is_a_gap_too(tmp_path: Path) -> None:
    with (
        Reel(movie_of(tmp_path / "a.mp4"), NUMBERS) as reel,
        pytest.raises(EncodeError, match="no frame 1-12"),
    ):
        reel.finish()


def test_giving_up_leaves_nothing(tmp_path: Path, frames: dict[int, Path]) -> None:
    with pytest.raises(KeyboardInterrupt), Reel(movie_of(tmp_path / "a.mp4"), NUMBERS) as reel:
        reel.add(1, frames[1])
        raise KeyboardInterrupt
    assert left_over(tmp_path) == []


def test_adding_never_waits_and_a_failure_is_told_at_the_end(
    tmp_path: Path, frames: dict[int, Path]
) -> None:
    movie = movie_of(tmp_path / "missing" / "a.mp4")
    with Reel(movie, NUMBERS) as reel:
        begun = time.monotonic()
        for number, path in frames.items():
            reel.add(number, path)
        assert time.monotonic() - begun < 0.1
        with pytest.raises(WriteError, match=r"missing/a\.mp4"):
            reel.finish()
        assert isinstance(reel.error, WriteError)


def test_a_frame_that_cannot_be_read_is_named(tmp_path: Path, frames: dict[int, Path]) -> None:
    frames[4].write_bytes(frames[4].read_bytes()[:50])
    with Reel(movie_of(tmp_path / "a.mp4"), NUMBERS) as reel:
        for number, path in frames.items():
            reel.add(number, path)
        with pytest.raises(EncodeError, match=r"walk04\.png is torn"):
            reel.finish()
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_full_disk_is_a_write_error(suffix: str, tmp_path: Path, frames: dict[int, Path]) -> None:
    """A limit on the size of files stands for the disk."""
    code = """
import resource, sys
from pathlib import Path
from mpirender.encode import encode_frames, movie_of
from mpirender.errors import WriteError
resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
try:
    encode_frames(movie_of(Path(sys.argv[1])), [Path(name) for name in sys.argv[2:]])
except WriteError as error:
    print(error)
"""
    argv = [sys.executable, "-c", code, str(tmp_path / f"a{suffix}"), *map(str, frames.values())]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout.startswith("cannot write"), done.stderr
    assert left_over(tmp_path) == []


def test_the_command_makes_movies_and_a_sheet_and_prints_their_names(
    tmp_path: Path,
    frames: dict[int, Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    argv = ["frames/*.png", "a.mp4", "b.gif", "--fps", "23.976", "--sheet", "sheet.png"]
    assert main(argv) == 0
    assert capsys.readouterr().out.split() == ["a.mp4", "b.gif", "sheet.png"]
    assert str(probe(Path("a.mp4")).rate) == "24000/1001"
    assert len(probe(Path("b.gif")).times) == COUNT


def test_the_command_takes_frames_that_a_shell_has_listed(
    tmp_path: Path, frames: dict[int, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    movie = str(tmp_path / "a.mkv")
    listed = [str(frames[number]) for number in (10, 1, 2, 12)]
    with pytest.raises(EncodeError, match="no frame 3-9, 11"):
        main([*listed, movie])
    assert main([*listed, movie, "--allow-gaps"]) == 0
    wanted = np.stack([read_picture(frames[number]).pixels for number in (1, 2, 10, 12)])
    np.testing.assert_array_equal(decoded_rgb(Path(movie), size=SIZE), wanted)


def test_a_sheet_shows_every_frame_in_its_place(tmp_path: Path) -> None:
    form = PictureFormat("png", "uint16", "RGB")
    paths = []
    for number in range(5):
        path = tmp_path / f"a{number}.png"
        write_picture(path, Picture(np.full((60, 80, 3), 10000 * number, np.uint16), form))
        paths.append(path)
    write_sheet(paths, tmp_path / "sheet.png", columns=3)
    sheet = read_picture(tmp_path / "sheet.png").pixels
    assert sheet.shape == (8 + 2 * (60 + 24), 8 + 3 * (80 + 8), 3)
    for number in range(5):
        top, left = 8 + number // 3 * 84, 8 + number % 3 * 88
        cell = sheet[top : top + 60, left : left + 80]
        assert np.unique(cell).tolist() == [10000 * number >> 8]


def test_a_sheet_of_many_frames_shows_some_of_them(tmp_path: Path) -> None:
    paths = write_frames(tmp_path / "frames", size=(16, 12), count=30)
    write_sheet(paths, tmp_path / "sheet.jpg", columns=3, at_most=9)
    assert read_picture(tmp_path / "sheet.jpg").pixels.shape == (8 + 3 * 36, 8 + 3 * 24, 3)
    with pytest.raises(UsageError):
        write_sheet(paths, tmp_path / "sheet.mp4")
    with pytest.raises(EncodeError):
        write_sheet([], tmp_path / "sheet.png")
