from __future__ import annotations

import sys
from pathlib import Path

import pytest
from unit.samples import job, tile

from mpirender.errors import RendererFailed, SceneError, UsageError
from mpirender.model import Task, Tile
from mpirender.process import Exit
from mpirender.renderers import fake as module
from mpirender.renderers.base import Request
from mpirender.renderers.fake import FAULTS, Fake, FakeScene, FakeWatch, pixel_row


def test_a_scene_needs_nothing_but_a_size() -> None:
    assert vars(FakeScene.parse("size = 64x48\n")) == vars(FakeScene(64, 48))


def test_a_scene_says_what_its_lines_say() -> None:
    scene = FakeScene.parse(
        "# a comment\n\nsize=6x4 # pixels\nbits = 16\nblock= 8\nseconds = 0.5\nsetup = .25\n"
        "costs = a.txt\nstream = yes\nspares = yes\nframes = 1-9\nfault = exit:3\nfault = hang:2@1"
    )
    assert vars(scene) == {
        **{"width": 6, "height": 4, "bits": 16, "block": 8, "frames": "1-9", "stream": True},
        **{"seconds": 0.5, "costs": "a.txt", "setup": 0.25, "spares": True},
        "faults": (("exit", 3, 0), ("hang", 2, 1)),
    }


@pytest.mark.parametrize(
    "line",
    [
        "size = 64",
        "size = 64xhigh",
        "bits = many",
        "seconds = soon",
        "fault = explode:1",
        "fault = exit:first",
        "fault = exit",
        "spares = maybe",
        "colour = red",
        "nonsense",
    ],
)
def test_a_line_that_is_not_understood_is_told(line: str, tmp_path: Path) -> None:
    (tmp_path / "a.fake").write_text(f"size = 4x4\n{line}\n")
    with pytest.raises(UsageError) as caught:
        Fake().ask(Request("", str(tmp_path / "a.fake"), ())).answer()
    assert caught.value.message == f"a line of the .fake scene is not understood: {line}"


@pytest.mark.parametrize(
    ("lines", "spares"),
    [
        ("spares = yes", False),
        ("stream = yes", False),
        ("stream = yes\nspares = yes", True),
        ("stream = yes\nspares = yes\nframes = 1-3", False),
    ],
)
def test_only_the_tasks_of_a_still_that_streams_have_spares(
    lines: str, spares: bool, tmp_path: Path
) -> None:
    (tmp_path / "a.fake").write_text(f"size = 4x4\n{lines}\n")
    info = Fake().ask(Request("", str(tmp_path / "a.fake"), ())).answer()
    assert info.spares is spares


@pytest.mark.parametrize(
    ("costs", "told"),
    [
        (None, "costs of the .fake scene: .* No such file"),
        ("1 2 soon 4", "costs of the .fake scene: could not convert string to float: 'soon'"),
        ("1 2 3", r"c\.txt: got 3 costs, expected one for each of 4 blocks"),
    ],
)
def test_costs_that_are_none_are_told(costs: str | None, told: str, tmp_path: Path) -> None:
    (tmp_path / "a.fake").write_text("size = 16x9\nblock = 8\ncosts = c.txt\n")
    if costs:
        (tmp_path / "c.txt").write_text(costs)
    with pytest.raises(UsageError, match=told):
        Fake().ask(Request("", str(tmp_path / "a.fake"), ())).answer()


def test_a_scene_without_a_size_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.fake").write_text("bits = 16\n")
    with pytest.raises(UsageError, match="has no size"):
        Fake().ask(Request("", str(tmp_path / "a.fake"), ())).answer()


def test_a_fault_strikes_every_attempt_or_only_one() -> None:
    scene = FakeScene.parse("size = 4x4\nfault = exit:3\nfault = hang:2@1\n")
    assert [scene.fault(3, attempt) for attempt in (1, 2)] == ["exit", "exit"]
    assert [scene.fault(2, attempt) for attempt in (1, 2)] == ["hang", ""]
    assert scene.fault(0, 1) == ""


def test_the_docstring_lists_every_fault() -> None:
    assert all(f"``{fault}``" in (module.__doc__ or "") for fault in FAULTS)


def test_the_command_is_a_program_beside_the_module(tmp_path: Path) -> None:
    task = Task(3, Tile(8, 16, 0, 4))
    command = Fake().command(
        job(arguments=("s.fake", "16x24")), task, attempt=2, threads=1, scratch=tmp_path
    )
    output = tmp_path / "task-000003.2.ppm"
    assert command.argv[:4] == (sys.executable, "-I", "-S", "-c")
    assert str(Path(module.__file__).parent) in command.argv[4]
    assert command.argv[5:] == ("s.fake", "16x24", "3", "2", "", "8,16,0,4", str(output))
    assert command.output == output


def test_the_answer_is_what_the_scene_says(
    weird_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(weird_folder)
    Path("it's.fake").write_text("size = 6x4\nbits = 16\nblock = 2\n")
    info = Fake().ask(Request("", "it's.fake", ("-x",))).answer()
    assert (info.width, info.height, info.area, info.block) == (6, 4, Tile(0, 4, 0, 6), 2)
    assert (info.picture.kind, info.picture.bits) == ("ppm", 16)
    assert info.output == weird_folder / "it's.ppm"
    assert info.arguments == (str(weird_folder / "it's.fake"), "6x4", "-x")


def test_size_and_output_of_the_user_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.fake").write_text("size = 6x4\n")
    info = Fake().ask(Request("", "a.fake", (), Path("/elsewhere/b.ppm"), (9, 7))).answer()
    assert (info.width, info.height, info.output) == (9, 7, Path("/elsewhere/b.ppm"))


@pytest.mark.parametrize(("name", "told"), [("none.fake", "no such scene"), (".", "is a folder")])
def test_a_missing_scene_is_told(name: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        Fake().ask(Request("", name)).answer()


def watch(*lines: str) -> FakeWatch:
    watch = Fake().watch(job(), Task(0, tile()))
    for line in lines:
        watch.see(line)
    return watch


def test_a_watch_knows_how_far_and_how_long() -> None:
    seen = watch("version 1.0", "done 0.5", "set-up-in 0.5", "rendered-in 0.25", "what")
    assert (seen.version, seen.fraction) == ("1.0", 0.5)
    assert (seen.setup_seconds, seen.render_seconds) == (0.5, 0.25)


def test_a_whole_picture_is_accepted() -> None:
    watch("done 1.0").judge(Exit(0, 0, 0))


@pytest.mark.parametrize(
    ("lines", "status", "kind", "told"),
    [
        (("scene-error line 3: no such colour",), 1, SceneError, "line 3: no such colour"),
        (("done 1.0",), 1, RendererFailed, "fake ended with exit status 1"),
        (("done 1.0",), -9, RendererFailed, "fake ended with signal SIGKILL"),
        (("done 0.8",), 0, RendererFailed, "said 80% of its pixels, expected all"),
    ],
)
def test_whatever_went_wrong_is_told(
    lines: tuple[str, ...], status: int, kind: type[Exception], told: str
) -> None:
    with pytest.raises(kind, match=told):
        watch(*lines).judge(Exit(status, 0, 0))


@pytest.mark.parametrize("bits", [8, 16])
def test_every_pixel_tells_where_it_is(bits: int) -> None:
    size = bits // 8
    row = pixel_row(6, 3, bits, range(1, 3))
    values = [int.from_bytes(row[i : i + size], "big") for i in range(0, len(row), size)]
    assert values == [0, 0, 0, 7, 2, 56, 7, 3, 69]


@pytest.mark.parametrize("bits", [8, 16])
def test_no_pixel_that_was_rendered_is_black(bits: int) -> None:
    row = pixel_row(5000, 700, bits, range(700))
    assert len(row) == 700 * 3 * bits // 8
    assert bits == 16 or 0 not in row
