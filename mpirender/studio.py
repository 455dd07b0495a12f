"""What becomes of finished frames on rank 0: movies that grow with them, and a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from mpirender.errors import UsageError
from mpirender.model import Blend, Job
from mpirender.paths import atomic_replace, check_writable, make_folder
from mpirender.schedule import Schedule
from mpirender.shots import MovieOrder, Shots

if TYPE_CHECKING:
    from mpirender.encode import Reel

__all__ = ["Studio"]


class Studio(AbstractContextManager["Studio"]):
    """Movies and contact sheet of a run. Leave it with an exception, and movies are given up.

    Parameters
    ----------
    jobs : sequence of Job
    shots : Shots
    sheet : Path or None
    schedule : Schedule
        Knows which frame is at which position.

    Raises
    ------
    UsageError
        If a movie cannot be, or is asked of one still.
    WriteError
        If the place of a result cannot be written to.
    """

    def __init__(
        self, jobs: Sequence[Job], shots: Shots, sheet: Path | None, schedule: Schedule
    ) -> None:
        self._sheet = sheet
        self._of_job = [job.pictures for job in jobs]
        self._blends = {part: blend for job in jobs for blend in job.blends for part in blend.parts}
        self._there: set[Path] = set()
        self._pictures = [picture for pictures in self._of_job for picture in pictures]
        self._at = [self._output_at(jobs, schedule, at) for at in range(schedule.frames)]
        for folder in {frame.output.parent for job in jobs for frame in job.frames}:
            make_folder(folder)
        _check_outputs([*self._pictures, *([sheet] if sheet else [])])
        self._names = [shot.name for shot in shots.shots]
        self._reels: list[tuple[Reel, dict[Path, int]]] = []
        if shots.movies and not any(job.frames for job in jobs):
            raise UsageError("a movie of one still", hint="say which frames: --frames 1-240")
        with ExitStack() as stack:
            for order in shots.movies:
                self._begin(order, stack)
            self._stack = stack.pop_all()

    @staticmethod
    def _output_at(jobs: Sequence[Job], schedule: Schedule, position: int) -> Path:
        job, number = schedule.frame_at(position)
        return jobs[job].output if number is None else jobs[job].frame(number).output

    def _begin(self, order: MovieOrder, stack: ExitStack) -> None:
        """Open a movie."""
        from mpirender.encode import Reel, movie_of

        typed = order.movie
        movie = movie_of(
            typed.path,
            fps=typed.fps or "25",
            codec=typed.codec,
            quality=typed.quality,
            bitrate=typed.bitrate,
        )
        check_writable(movie.path)
        wanted = order.shots or self._names
        frames = [
            picture
            for name in wanted
            for shot, pictures in zip(self._names, self._of_job, strict=True)
            if shot == name
            for picture in pictures
        ]
        numbers = {picture: at for at, picture in enumerate(frames)}
        reel = stack.enter_context(Reel(movie, range(len(frames))))
        self._reels.append((reel, numbers))

    @property
    def results(self) -> list[Path]:
        """All that is in its place when the run is over: pictures, movies, sheet."""
        movies = [Path.cwd() / reel.movie.path for reel, _ in self._reels]
        return [*self._pictures, *movies, *([Path.cwd() / self._sheet] if self._sheet else [])]

    def add(self, position: int) -> None:
        """Use the frame at a position of the run, whose picture is in its place."""
        picture = self._at[position]
        if blend := self._blends.get(picture):
            self._there.add(picture)
            if not self._there.issuperset(blend.parts):
                return
            _average(blend)
            self._there.difference_update(blend.parts)
            picture = blend.output
        for reel, numbers in self._reels:
            if picture in numbers:
                reel.add(numbers[picture], picture)

    def finish(self) -> None:
        """Complete movies and sheet.

        Raises
        ------
        EncodeError
            If that cannot be; the pictures stay.
        """
        for reel, _ in self._reels:
            reel.finish()
        if self._sheet:
            from mpirender.encode import write_sheet

            write_sheet(self._pictures, self._sheet)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give up what is not finished."""
        for part in self._there:
            part.unlink(missing_ok=True)
        self._stack.__exit__(kind, error, trace)


def _average(blend: Blend) -> None:
    """Make a picture of its parts, and remove them."""
    from mpirender.blur import average_linear
    from mpirender.images import Picture, read_picture, write_picture

    form = read_picture(blend.parts[0]).format
    pixels = average_linear((read_picture(part).pixels for part in blend.parts), form)
    with atomic_replace(blend.output) as temporary:
        write_picture(temporary, Picture(pixels, form))
    for part in blend.parts:
        part.unlink()


def _check_outputs(paths: Sequence[Path]) -> None:
    """Refuse places that cannot be written to, and two pictures in one place."""
    seen: set[Path] = set()
    for path in paths:
        if path in seen:
            raise UsageError(f"two frames would be written to {path}", hint="use # in the name")
        seen.add(path)
    for path in {path.parent: path for path in paths}.values():
        check_writable(path)
