from __future__ import annotations

from pathlib import Path

import pytest

from mpirender.cli.encode import main
from mpirender.encode import CONTAINERS
from mpirender.errors import EncodeError, UsageError


@pytest.fixture(autouse=True)
def frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work where there are three empty frames."""
    monkeypatch.chdir(tmp_path)
    for number in (1, 2, 3):
        Path(f"a{number}.png").touch()


def refusal(*argv: str) -> str:
    with pytest.raises(UsageError) as refused:
        main(argv)
    return f"{refused.value.message}: {refused.value.hint}"


def test_the_help_names_every_suffix(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    told = capsys.readouterr().out
    assert all(suffix in told for suffix in CONTAINERS if suffix != ".mpeg")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["*.png"], "no movie named"),
        (["a1.png", "a2.png", "a3.png"], "no movie named"),
        (["a.mp4"], "no frames named"),
        (["*.png", "a.mp4", "a.mp4"], "named twice"),
        (["*.png", "out.png"], ".apng"),
        (["*.png", "out.xyz"], ".mp4 .webm"),
        (["b*.png", "a.mp4"], "no file matches"),
        (["*.png", "a.mp4", "--codec", "vp9"], "h264 h265 av1"),
        (["*.png", "a.mp4", "--fps", "fast"], "30000/1001"),
        (["*.png", "a.mp4", "--quality", "best"], "expected a whole number"),
        (["*.png", "a.mp4", "--nope"], "see mpirender encode --help"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_written(argv: list[str], said: str) -> None:
    assert said in refusal(*argv)
    assert sorted(path.name for path in Path().iterdir()) == ["a1.png", "a2.png", "a3.png"]


def test_a_gap_is_an_error_of_its_own() -> None:
    Path("a2.png").unlink()
    Path("a4.png").touch()
    with pytest.raises(EncodeError, match="no frame 2") as found:
        main(["*.png", "a.mp4"])
    assert "--allow-gaps" in found.value.hint


def test_frames_that_are_no_pictures_leave_no_movie() -> None:
    with pytest.raises(EncodeError, match=r"a1\.png is empty"):
        main(["*.png", "a.mp4"])
    assert not list(Path().glob("*.mp4")) + list(Path().glob(".*"))
