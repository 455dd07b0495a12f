"""What becomes of finished frames on rank 0: movies that grow with them, and a contact sheet."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from mpirender.chores import do_chore
from mpirender.errors import ErrorRecord, UsageError
from mpirender.messages import TaskDone, TilesDone
from mpirender.model import Blend, Chore, Job, MoviePart
from mpirender.paths import check_writable, make_folder
from mpirender.schedule import Schedule
from mpirender.shots import MovieOrder, Shots
from mpirender.units import Seconds

if TYPE_CHECKING:
    from mpirender.encode import Reel, Splice
    from mpirender.snapshot import Snapshot

__all__ = ["Studio"]

log = logging.getLogger(__name__)


class Studio(AbstractContextManager["Studio"]):
    """Movies and contact sheet of a run. Leave it with an exception, and movies are given up.

    Parameters
    ----------
    jobs : sequence of Job
    shots : Shots
    sheet : Path or None
        Where a contact sheet is wanted.
    schedule : Schedule
        Knows which frame is at which position.
    ranks : int
        That may do chores.
    snapshot : Path or None
        Where the picture so far is to be seen.

    Raises
    ------
    UsageError
        If a movie cannot be, or is asked of one still.
    WriteError
        If the place of a result cannot be written to.
    """

    def __init__(
        self,
        jobs: Sequence[Job],
        shots: Shots,
        sheet: Path | None,
        schedule: Schedule,
        *,
        ranks: int = 1,
        snapshot: Path | None = None,
    ) -> None:
        self._sheet = sheet
        self._snapshot = _snapshot(snapshot, jobs[0]) if snapshot else None
        self._is_still = not any(job.frames for job in jobs)
        self._ranks = ranks
        self._of_job = [job.pictures for job in jobs]
        self._blends = {part: blend for job in jobs for blend in job.blends for part in blend.parts}
        self._there: set[Path] = set()
        self._complete: deque[Blend] = deque()
        self._given: dict[Path, Chore] = {}
        self._undone: list[Chore] = []
        self._splices: list[Splice] = []
        self._pictures = [picture for pictures in self._of_job for picture in pictures]
        self._at = [self._output_at(jobs, schedule, at) for at in range(schedule.frames)]
        for folder in {frame.output.parent for job in jobs for frame in job.frames}:
            make_folder(folder)
        _check_outputs([*self._pictures, *([sheet] if sheet else [])])
        self._names = [shot.name for shot in shots.shots]
        self._reels: list[tuple[Reel | Splice, dict[Path, int]]] = []
        if shots.movies and self._is_still:
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
        from mpirender.encode import Reel, Splice, movie_of

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
        reel: Reel | Splice
        is_copy = movie.may_copy_jpeg and frames[0].suffix == ".jpg"
        if self._ranks > 1 and not is_copy and Splice.is_worth_while(movie, len(frames)):
            splice = Splice(movie, range(len(frames)), frames[0].parent)
            reel = stack.enter_context(splice)
            self._splices.append(splice)
        else:
            reel = stack.enter_context(Reel(movie, range(len(frames))))
        self._reels.append((reel, numbers))

    @property
    def results(self) -> list[Path]:
        """All that is in its place when the run is over: pictures, movies, sheet."""
        movies = [Path.cwd() / reel.movie.path for reel, _ in self._reels]
        return [*self._pictures, *movies, *([Path.cwd() / self._sheet] if self._sheet else [])]

    def see(self, message: TilesDone | TaskDone) -> None:
        """Show a piece of a still in the snapshot."""
        if self._snapshot is None or not self._is_still or message.pixels is None:
            return
        if isinstance(message, TilesDone):
            self._snapshot.take_tiles(message)
        elif message.format is not None:
            from mpirender.images import Picture

            picture = Picture(message.pixels, message.format)
            self._snapshot.take_pixels(message.result.task.tile, picture)

    def step(self, now: Seconds) -> None:
        """Refresh the snapshot, if it is time."""
        if self._snapshot:
            self._snapshot.step(now)

    def add(self, position: int) -> None:
        """Use the frame at a position of the run, whose picture is in its place."""
        picture = self._at[position]
        if blend := self._blends.get(picture):
            self._there.add(picture)
            if self._there.issuperset(blend.parts):
                self._complete.append(blend)
        else:
            self._show(picture)

    def _show(self, picture: Path) -> None:
        """Put a picture into the movies that have it."""
        if self._snapshot and not self._is_still:
            self._snapshot.take_frame(picture)
        for reel, numbers in self._reels:
            if picture in numbers:
                reel.add(numbers[picture], picture)

    # -------------------------------------------------------------------------------- chores

    def next_chore(self) -> Chore | None:
        """Return what can be made now; see `mpirender.chores.ChoreSource`."""
        chore = self._complete.popleft() if self._complete else self._next_part()
        if chore:
            self._given[chore.output] = chore
        return chore

    def _next_part(self) -> MoviePart | None:
        return next(filter(None, (splice.next_part() for splice in self._splices)), None)

    def take_chore(self, output: Path, error: ErrorRecord | None = None) -> None:
        """Use what a chore has made; what came to nothing elsewhere is done here at the end."""
        chore = self._given.pop(output)
        if error:
            log.info("%s: %s", output, error.message)
            self._undone.append(chore)
        elif isinstance(chore, Blend):
            self._there.difference_update(chore.parts)
            self._show(output)

    def _do_the_rest(self) -> None:
        """Do what nobody else has done."""
        while chore := self._undone.pop() if self._undone else self.next_chore():
            do_chore(chore)
            self._given[chore.output] = chore
            self.take_chore(chore.output)

    # ------------------------------------------------------------------------------- the end

    def finish(self) -> None:
        """Complete movies and sheet.

        Raises
        ------
        EncodeError
            If that cannot be; the pictures stay.
        """
        self._do_the_rest()
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
        """Give up what is not finished; the snapshot shows how far it came."""
        if self._snapshot:
            self._snapshot.close()
        for part in self._there:
            part.unlink(missing_ok=True)
        self._stack.__exit__(kind, error, trace)


def _snapshot(path: Path, job: Job) -> Snapshot:
    from mpirender.snapshot import Snapshot

    check_writable(path)
    return Snapshot(path, job)


def _check_outputs(paths: Sequence[Path]) -> None:
    """Refuse places that cannot be written to, and two pictures in one place."""
    seen: set[Path] = set()
    for path in paths:
        if path in seen:
            raise UsageError(f"two frames would be written to {path}", hint="use # in the name")
        seen.add(path)
    for path in {path.parent: path for path in paths}.values():
        check_writable(path)
