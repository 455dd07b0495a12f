from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.samples import job

from mpirender.cli.render import parse_arguments
from mpirender.errors import UsageError
from mpirender.flags import Flags
from mpirender.frames import parse_frames
from mpirender.model import Job, JobFrame
from mpirender.partition import Grid
from mpirender.partition.frames import Section
from mpirender.renderers import renderer_named
from mpirender.renderers.base import Question, Renderer, Request
from mpirender.shots import Shots, ask_for_shots, in_order


def shot(numbers: Sequence[int], *, arguments: tuple[str, ...] = ()) -> Job:
    frames = tuple(JobFrame(n, Path(f"/out/{n}.ppm"), str(n), arguments) for n in numbers)
    return replace(job(), frames=frames)


def order(
    *jobs: Job, priorities: Sequence[int] = (), preview: int | None = None
) -> list[tuple[int, tuple[int, ...], int]]:
    """Job, frames and step of every section."""
    grids = [Grid(one.area, one.block) for one in jobs]
    sections = in_order(jobs, grids, priorities or [0] * len(jobs), preview=preview)
    return [(section.job, section.numbers, section.step) for section in sections]


def test_frames_come_in_their_order_with_their_step() -> None:
    assert order(shot([1, 2, 3])) == [(0, (1, 2, 3), 1)]
    assert order(shot([2, 6, 10])) == [(0, (2, 6, 10), 4)]
    assert order(shot([5])) == [(0, (5,), 1)]


def test_shots_come_by_their_priority_and_then_as_they_stand() -> None:
    jobs = [shot([1]), shot([2]), shot([3]), shot([4])]
    assert [n for _, n, _ in order(*jobs, priorities=[0, 5, 0, 9])] == [(4,), (2,), (1,), (3,)]


def test_every_nth_frame_of_all_shots_comes_first() -> None:
    assert order(shot(range(1, 8)), shot([1, 3, 5]), preview=3) == [
        (0, (1, 4, 7), 3),
        (1, (1,), 6),
        (0, (2, 3, 5, 6), 1),
        (1, (3, 5), 2),
    ]


def test_a_preview_of_every_frame_is_none() -> None:
    assert order(shot([1, 2, 3]), preview=1) == [(0, (1, 2, 3), 1)]


@pytest.mark.parametrize("preview", [None, 2])
def test_frames_with_arguments_of_their_own_are_never_joined(preview: int | None) -> None:
    sections = order(shot([1, 2, 3, 4], arguments=("+Ia.pov",)), preview=preview)
    assert {step for _, _, step in sections} == {0}


@given(
    st.lists(st.lists(st.integers(0, 50), unique=True, min_size=1), min_size=1, max_size=3),
    st.one_of(st.none(), st.integers(1, 7)),
)
def test_no_frame_is_lost_or_doubled(shots: list[list[int]], preview: int | None) -> None:
    ordered = order(*map(shot, shots), preview=preview)
    told = [(at, number) for at, numbers, _ in ordered for number in numbers]
    assert sorted(told) == sorted((at, n) for at, numbers in enumerate(shots) for n in numbers)


def test_sections_have_the_grid_of_their_job() -> None:
    jobs = [shot([1]), replace(shot([1]), block=4)]
    grids = [Grid(one.area, one.block) for one in jobs]
    sections = in_order(jobs, grids, [0, 1])
    assert sections == [Section(1, grids[1], (1,)), Section(0, grids[0], (1,))]


# --------------------------------------------------------------------------- what was typed


@dataclass
class Asking:
    """What stands in for asking a renderer: it keeps the requests."""

    requests: list[Request] = field(default_factory=list)

    def ask(self, request: Request, name: str = "") -> tuple[Renderer, Question]:
        self.requests.append(request)
        renderer = renderer_named(name or "fake")
        return renderer, renderer.ask(request)


@pytest.fixture
def asking(monkeypatch: pytest.MonkeyPatch) -> Asking:
    asking = Asking()
    monkeypatch.setattr("mpirender.shots.ask", asking.ask)
    return asking


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to be in, with three numbered scenes in one below."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    for name in ("f10.pov", "f2.pov", "f1.pov"):
        (tmp_path / "data" / name).touch()
    return tmp_path


NATURAL = ("data/f1.pov", "data/f2.pov", "data/f10.pov")


def flags(*argv: str) -> Flags:
    typed = parse_arguments(argv)
    assert typed is not None
    return typed


def shots_of(*argv: str) -> Shots:
    return ask_for_shots(flags(*argv))


def test_one_scene_is_one_shot_without_a_name(folder: Path, asking: Asking) -> None:
    (one,) = shots_of("no_such.pov", "+W8").shots
    (request,) = asking.requests
    assert (one.name, one.priority) == ("", 0)
    assert (request.scene, request.scenes, request.arguments) == ("no_such.pov", (), ("+W8",))
    assert (request.frames, request.clock, request.motion_blur) == (None, None, 1)


@pytest.mark.parametrize("typed", ["data", "data/", "data/*.pov", "data/f[12]*.pov", "data/f?*"])
def test_patterns_and_folders_are_scenes_in_natural_order(
    typed: str, folder: Path, asking: Asking
) -> None:
    shots_of(typed)
    assert asking.requests[0].scenes == NATURAL
    assert asking.requests[0].scene == NATURAL[0]


def test_scenes_that_are_typed_keep_their_order_and_count_once(
    folder: Path, asking: Asking
) -> None:
    shots_of("data/f10.pov", "data/f1.pov", "data/*.pov")
    assert asking.requests[0].scenes == ("data/f10.pov", "data/f1.pov", "data/f2.pov")


def test_a_pattern_with_one_scene_is_one_scene(folder: Path, asking: Asking) -> None:
    shots_of("data/f10*")
    assert (asking.requests[0].scene, asking.requests[0].scenes) == ("data/f10.pov", ())


def test_a_name_with_brackets_is_a_name_where_there_is_such_a_file(
    folder: Path, asking: Asking
) -> None:
    (folder / "a[1].pov").touch()
    shots_of("a[1].pov")
    assert asking.requests[0].scene == "a[1].pov"


def test_a_section_of_an_ini_file_is_no_pattern(folder: Path, asking: Asking) -> None:
    shots_of("walk.ini[small]")
    assert asking.requests[0].scene == "walk.ini[small]"


@pytest.mark.parametrize("typed", ["none*.pov", "data/*.ini"])
def test_a_pattern_without_scenes_is_refused(typed: str, folder: Path, asking: Asking) -> None:
    with pytest.raises(UsageError, match="no scenes"):
        shots_of(typed)


def test_a_folder_without_scenes_is_refused(folder: Path, asking: Asking) -> None:
    (folder / "empty").mkdir()
    with pytest.raises(UsageError, match="empty is a folder"):
        shots_of("empty")


def test_what_was_typed_of_frames_is_asked(folder: Path, asking: Asking) -> None:
    typed = ["--frames", "4-9", "--clock", "1:2", "--motion-blur", "3", "--shutter", "1"]
    shots = shots_of("a.pov", *typed, "--movie", "a.mp4", "--movie", "b.gif", "--fps", "10")
    (request,) = asking.requests
    assert request.frames == parse_frames("4-9")
    assert (request.clock, request.motion_blur, request.shutter) == ((1, 2), 3, 1)
    assert [(str(o.movie.path), o.shots) for o in shots.movies] == [("a.mp4", ()), ("b.gif", ())]


def test_seconds_of_a_track_begin_with_the_first_frame(folder: Path, asking: Asking) -> None:
    typed = ["--frames", "11-40", "--track", "A=0s:0, 1s:10", "--movie", "a.mp4", "--fps", "10"]
    shots_of("a.pov", *typed)
    ((name, curve),) = asking.requests[0].curves
    assert name == "A"
    assert [curve.value(frame) for frame in (11, 12, 21, 30)] == pytest.approx([0, 1, 10, 10])


FILM = """\
[film]
fps = 24
size = "32x24"
options = ["+A0.3"]
output = "out/{shot}_##.png"
[[shot]]
name = "one"
scene = "data/f1.pov"
frames = "1-3"
[[shot]]
name = "two"
scene = "data/f2.pov"
frames = "5-6"
priority = 3
options = ["+R2"]
[[movie]]
file = "film.mp4"
[[movie]]
file = "part.gif"
shots = ["two"]
"""


@pytest.fixture
def film(folder: Path) -> str:
    (folder / "film.toml").write_text(FILM)
    return "film.toml"


def test_a_job_file_is_a_shot_after_the_other(film: str, asking: Asking) -> None:
    shots = shots_of(film)
    assert [(shot.name, shot.priority) for shot in shots.shots] == [("one", 0), ("two", 3)]
    one, two = asking.requests
    assert [Path(r.scene).name for r in (one, two)] == ["f1.pov", "f2.pov"]
    assert (one.arguments, two.arguments) == (("+A0.3",), ("+A0.3", "+R2"))
    assert (one.size, one.frames) == ((32, 24), parse_frames("1-3"))
    assert str(two.output).endswith("out/two_##.png")
    movies = [(order.movie.path.name, order.shots) for order in shots.movies]
    assert movies[1] == ("part.gif", ("two",))
    assert movies[0][0] == "film.mp4" and movies[0][1] in ((), ("one", "two"))
    assert {order.movie.fps for order in shots.movies} == {"24"}


def test_what_is_typed_counts_more_than_the_job_file(film: str, asking: Asking) -> None:
    shots = shots_of(
        *(film, "+W9", "--frames", "2", "--size", "8x6", "--motion-blur", "4", "--clock", "0:9"),
        *("--shutter", "0.25", "--movie", "more.webm"),
    )
    for request in asking.requests:
        assert request.arguments[-1] == "+W9"
        assert (request.frames, request.size) == (parse_frames("2"), (8, 6))
        assert (request.motion_blur, request.clock, request.shutter) == (4, (0, 9), 0.25)
    assert shots.movies[-1].movie.path == Path("more.webm")
    assert shots.movies[-1].shots == ()
