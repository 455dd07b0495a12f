from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from mpirender.encode import check_gaps, frames_named, number_of
from mpirender.errors import EncodeError, UsageError


@pytest.fixture
def touch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Make empty files in a fresh working directory."""
    monkeypatch.chdir(tmp_path)

    def make(*names: str) -> None:
        for name in names:
            Path(name).parent.mkdir(exist_ok=True)
            Path(name).touch()

    return make


def named(*arguments: str) -> list[str]:
    return [str(path) for path in frames_named(arguments)]


def gaps(*names: str) -> str:
    with pytest.raises(EncodeError) as found:
        check_gaps([Path(name) for name in names])
    return found.value.message


def test_frames_come_in_the_order_of_their_numbers(touch: Callable[..., None]) -> None:
    touch("a10.png", "a9.png", "a1.png")
    wanted = ["a1.png", "a9.png", "a10.png"]
    assert named("*.png") == named("a10.png", "a1.png", "a9.png") == named(".") == wanted


def test_a_frame_that_is_named_twice_comes_once(touch: Callable[..., None]) -> None:
    touch("a1.png", "a2.png")
    assert named("a1.png", "*.png") == ["a1.png", "a2.png"]


def test_a_number_sign_stands_for_a_digit(touch: Callable[..., None]) -> None:
    touch("f/a_0001.png", "f/a_0002.png", "f/a_10000.png", "f/a_x.png", "f/a_0001_small.png")
    assert named("f/a_####.png") == ["f/a_0001.png", "f/a_0002.png", "f/a_10000.png"]


def test_a_file_that_is_there_is_no_pattern(touch: Callable[..., None]) -> None:
    touch("a[1].png", "a1.png")
    assert named("a[1].png") == ["a[1].png"]


def test_a_folder_holds_one_series_of_pictures(touch: Callable[..., None]) -> None:
    touch("f/a1.png", "f/a2.png", "f/notes.txt", "f/.a3.123.png")
    assert named("f") == ["f/a1.png", "f/a2.png"]
    touch("f/b1.png")
    with pytest.raises(UsageError, match="more than one series") as refused:
        frames_named(["f"])
    assert refused.value.hint == "name one: 'f/a*.png', 'f/b*.png'"


@pytest.mark.parametrize("argument", ["missing.png", "missing*.png", "missing", "empty"])
def test_what_names_nothing_is_refused(argument: str, touch: Callable[..., None]) -> None:
    touch("empty/notes.txt")
    with pytest.raises(UsageError, match=argument.rstrip("*.png")):
        frames_named([argument])


@pytest.mark.parametrize(
    ("name", "number"),
    [("a007.png", 7), ("7.png", 7), ("take2_0013.exr", 13), ("a.png", None), ("v2/a.png", None)],
)
def test_the_last_number_in_a_name_is_the_frame(name: str, number: int | None) -> None:
    assert number_of(Path(name)) == number


def test_gaps_are_named_as_ranges() -> None:
    assert gaps(*(f"a{n}.png" for n in (1, 2, 6, 7, 9))) == "a#.png: no frame 3-5, 8"


def test_steps_are_no_gaps_but_have_some() -> None:
    check_gaps([Path(f"a{n}.png") for n in (10, 20, 30)])
    check_gaps([Path("a3.png")])
    check_gaps([Path("title.png"), Path("end.png")])
    check_gaps([Path("a1.png"), Path("b7.png"), Path("a2.png")])
    assert "no frame 20" in gaps("a10.png", "a30.png", "a40.png")


def test_two_files_of_one_number_are_refused() -> None:
    assert gaps("a1.png", "a01.png", "a2.png") == "a#.png: more than one file for frame 1"
