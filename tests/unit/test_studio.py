from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from unit.samples import job

from mpirender.blur import average_linear
from mpirender.chores import do_chore
from mpirender.errors import EncodeError, ErrorRecord, UsageError, WriteError
from mpirender.flags import MovieFlags
from mpirender.images import Picture, read_picture, write_picture
from mpirender.model import Blend, Job, JobFrame, PictureFormat
from mpirender.partition import Grid, Partition
from mpirender.partition.frames import FramePartition, Section
from mpirender.policy import Halving, WholeFrames
from mpirender.renderers import renderer_named
from mpirender.renderers.base import Request
from mpirender.schedule import Schedule
from mpirender.shots import AskedShot, MovieOrder, Shots
from mpirender.studio import Studio

PPM = PictureFormat("ppm", "uint8", "RGB")


class FakeReel:
    """A movie that only notes what it is given."""

    all: list[FakeReel]
    fails = False

    def __init__(self, movie: Any, wanted: Iterable[int]) -> None:
        self.movie, self.wanted = movie, list(wanted)
        self.added: list[tuple[int, str]] = []
        self.ends: list[str] = []
        FakeReel.all.append(self)

    def __enter__(self) -> FakeReel:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.ends.append("given up" if kind else "left")

    def add(self, number: int, picture: Path) -> None:
        self.added.append((number, picture.name))

    def finish(self) -> None:
        if self.fails:
            raise EncodeError("frames are missing")
        self.ends.append("finished")


@pytest.fixture(autouse=True)
def reels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[FakeReel]:
    """All movies that are begun, in a folder to be in."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("mpirender.encode.Reel", FakeReel)
    FakeReel.all = []
    return FakeReel.all


def frame(folder: Path, number: int, stem: str = "w") -> JobFrame:
    return JobFrame(number, folder / f"{stem}{number}.ppm", str(number))


def animation(folder: Path, numbers: Sequence[int], stem: str = "w") -> Job:
    return replace(job(), frames=tuple(frame(folder, n, stem) for n in numbers))


def studio_of(
    *jobs: Job,
    names: Sequence[str] = ("",),
    movies: Sequence[MovieOrder] = (),
    order: Sequence[tuple[int, tuple[int, ...]]] = (),
    sheet: Path | None = None,
) -> Studio:
    """A studio for jobs whose frames are rendered in some order of job and numbers."""
    order = order or [(at, tuple(f.number for f in one.frames)) for at, one in enumerate(jobs)]
    sections = [Section(at, Grid(jobs[at].area, 8), numbers) for at, numbers in order]
    schedule = Schedule(FramePartition(sections), WholeFrames(), ranks=2, retries=0)
    renderer = renderer_named("fake")
    asked = [AskedShot(n, renderer, renderer.ask(Request("", "a.fake"))) for n in names]
    return Studio(jobs, Shots(tuple(asked), tuple(movies)), sheet, schedule)


def movie(name: str, *shots: str) -> MovieOrder:
    return MovieOrder(MovieFlags(Path(name)), shots)


def picture(path: Path, value: int) -> None:
    write_picture(path, Picture(np.full((24, 16, 3), value, np.uint8), PPM))


def test_movies_get_frames_by_their_place_in_the_movie(
    tmp_path: Path, reels: list[FakeReel]
) -> None:
    one = animation(tmp_path, [3, 5, 7])
    with studio_of(one, movies=[movie("a.mp4"), movie("b.gif")], order=[(0, (7, 3, 5))]) as studio:
        for position in (0, 2, 1):
            studio.add(position)
        studio.finish()
    for reel in reels:
        assert reel.wanted == [0, 1, 2]
        assert reel.added == [(2, "w7.ppm"), (1, "w5.ppm"), (0, "w3.ppm")]
        assert reel.ends == ["finished", "left"]


def test_a_movie_of_some_shots_has_them_in_its_own_order(
    tmp_path: Path, reels: list[FakeReel]
) -> None:
    jobs = [animation(tmp_path, [1, 2], stem) for stem in "abc"]
    movies = [movie("all.mp4"), movie("some.mp4", "c", "a"), movie("twice.mp4", "b")]
    with studio_of(*jobs, names=["a", "b", "c"], movies=movies) as studio:
        for position in range(6):
            studio.add(position)
    whole, some, one = reels
    assert [name[0] for _, name in whole.added] == ["a", "a", "b", "b", "c", "c"]
    assert sorted(some.added) == [(0, "c1.ppm"), (1, "c2.ppm"), (2, "a1.ppm"), (3, "a2.ppm")]
    assert one.added == [(0, "b1.ppm"), (1, "b2.ppm")]


def test_a_movie_is_given_up_where_the_run_fails(tmp_path: Path, reels: list[FakeReel]) -> None:
    with (
        pytest.raises(KeyboardInterrupt),
        studio_of(animation(tmp_path, [1, 2]), movies=[movie("a.mp4")]),
    ):
        raise KeyboardInterrupt
    assert reels[0].ends == ["given up"]


def test_a_gap_is_told_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeReel, "fails", True)
    studio = studio_of(animation(tmp_path, [1, 2]), movies=[movie("a.mp4")])
    with pytest.raises(EncodeError), studio:
        studio.finish()


def blurred(folder: Path, frames: int, count: int) -> Job:
    """A job of sub-frames, numbered through."""
    parts = [
        [folder / f".w{at}.{part}.ppm" for part in range(count)] for at in range(1, frames + 1)
    ]
    return replace(
        job(),
        frames=tuple(JobFrame(n, path) for n, path in enumerate(chain(*parts))),
        blends=tuple(
            Blend(folder / f"w{at}.ppm", tuple(of)) for at, of in enumerate(parts, start=1)
        ),
    )


def test_a_blend_is_made_when_its_last_part_is_there(tmp_path: Path, reels: list[FakeReel]) -> None:
    one = blurred(tmp_path, 2, 3)
    with studio_of(one, movies=[movie("a.mp4")]) as studio:
        for position, value in ((2, 0), (3, 9), (0, 100), (1, 250)):
            picture(one.frames[position].output, value)
            assert studio.next_chore() is None
            studio.add(position)
        blend = studio.next_chore()
        assert blend == one.blends[0]
        do_chore(blend)
        assert not reels[0].added
        studio.take_chore(blend.output)
        assert studio.next_chore() is None
        made = read_picture(tmp_path / "w1.ppm").pixels
        values = (np.full((24, 16, 3), value, np.uint8) for value in (100, 250, 0))
        np.testing.assert_array_equal(made, average_linear(values, PPM))
        assert not any(part.exists() for part in one.blends[0].parts)
        assert one.frames[3].output.exists()
        assert reels[0].added == [(0, "w1.ppm")]
        assert reels[0].wanted == [0, 1]
    assert not one.frames[3].output.exists()  # nobody would ever need it


def test_a_blend_that_came_to_nothing_elsewhere_is_made_at_the_end(
    tmp_path: Path, reels: list[FakeReel]
) -> None:
    one = blurred(tmp_path, 1, 2)
    with studio_of(one, movies=[movie("a.mp4")]) as studio:
        for position in (0, 1):
            picture(one.frames[position].output, 7)
            studio.add(position)
        blend = studio.next_chore()
        assert blend
        studio.take_chore(blend.output, ErrorRecord("TransportError", "rank 1 was lost"))
        assert studio.next_chore() is None
        studio.finish()
    assert (tmp_path / "w1.ppm").exists()
    assert reels[0].added == [(0, "w1.ppm")]


def test_the_results_are_blends_and_movies_and_the_sheet(tmp_path: Path) -> None:
    studio = studio_of(blurred(tmp_path, 2, 2), movies=[movie("a.mp4")], sheet=Path("s.png"))
    assert [path.name for path in studio.results] == ["w1.ppm", "w2.ppm", "a.mp4", "s.png"]
    assert all(path.is_absolute() for path in studio.results)


def test_a_sheet_is_made_of_all_pictures(tmp_path: Path) -> None:
    one = animation(tmp_path, [1, 2, 3])
    with studio_of(one, sheet=Path("sheet.png")) as studio:
        for position in range(3):
            picture(one.frames[position].output, 80 * position)
            studio.add(position)
        assert not Path("sheet.png").exists()
        studio.finish()
    assert Path("sheet.png").stat().st_size > 0


def test_folders_of_frames_are_made(tmp_path: Path) -> None:
    studio_of(animation(tmp_path / "new" / "frames", [1]))
    assert (tmp_path / "new" / "frames").is_dir()


def test_two_pictures_in_one_place_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"two frames would be written to .*w1.ppm"):
        studio_of(animation(tmp_path, [1]), animation(tmp_path, [1]), names=["a", "b"])


def test_a_sheet_in_the_place_of_a_frame_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two frames"):
        studio_of(animation(tmp_path, [1]), sheet=tmp_path / "w1.ppm")


def test_a_movie_of_a_still_is_refused(tmp_path: Path) -> None:
    still = replace(job(), output=tmp_path / "still.ppm")
    with pytest.raises(UsageError, match="a movie of one still"):
        Studio(
            [still],
            Shots((), (movie("a.mp4"),)),
            None,
            Schedule(Partition(Grid(still.area, 8)), Halving(), ranks=1, retries=0),
        )


def test_a_movie_without_a_folder_is_refused_before_anything_is_rendered(tmp_path: Path) -> None:
    with pytest.raises(WriteError):
        studio_of(animation(tmp_path, [1, 2]), movies=[movie("nowhere/a.mp4")])
