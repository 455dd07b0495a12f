"""A long movie, of which several ranks encode parts while later frames are still rendered."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

from mpirender.encode.join import can_join, join_chunks
from mpirender.encode.movie import Movie
from mpirender.encode.reel import Reel, gap_in
from mpirender.model import MoviePart

__all__ = ["Splice"]

_PART = 240  # frames at least; each part begins with a key frame, as encoders set every 250 anyway


@dataclass(slots=True)
class _Part:
    """Frames of the movie that are encoded together, and those of them that are there."""

    path: Path
    count: int
    there: dict[int, Path] = field(default_factory=dict)
    is_given: bool = False


class Splice(AbstractContextManager["Splice"]):
    """A movie in parts; used as a `mpirender.encode.Reel` is.

    The last part grows here with its frames, so that the movie is complete soon after the last of
    them; the others can be encoded elsewhere as soon as all of their frames are there.

    Parameters
    ----------
    movie : Movie
    numbers : sequence of int
        The frames of the movie, from 0, in their order.
    folder : Path
        Seen by all who encode; the parts are in a new folder in it until the end.
    """

    def __init__(self, movie: Movie, numbers: Sequence[int], folder: Path) -> None:
        self.movie = movie
        count = len(numbers)
        parts = max(1, count // _PART)
        *self._starts, first = (count * part // parts for part in range(parts))
        self._count = count
        self._there: set[int] = set()
        self._folder = TemporaryDirectory(
            dir=folder,
            prefix=".mpirender-",
            ignore_cleanup_errors=True,  # a rank may still write
        )
        at = Path(self._folder.name)
        self._parts = [
            _Part(at / f"part{index:06d}{movie.path.suffix}", stop - start)
            for index, (start, stop) in enumerate(
                zip(self._starts, [*self._starts[1:], first], strict=True)
            )
        ]
        self._first = first
        last = replace(movie, path=at / f"last{movie.path.suffix}")
        self._last = Reel(last, range(first, count))

    @staticmethod
    def is_worth_while(movie: Movie, count: int) -> bool:
        """Return whether a movie of so many frames can and should be made in parts."""
        return count >= 2 * _PART and can_join(movie)

    def add(self, number: int, path: Path) -> None:
        """Say that a frame is there; see `Reel.add`."""
        self._there.add(number)
        if number >= self._first:
            self._last.add(number, path)
        else:
            self._parts[bisect_right(self._starts, number) - 1].there[number] = path

    def next_part(self) -> MoviePart | None:
        """Return the next part whose frames are all there; None where there is none now."""
        for part in self._parts:
            if not part.is_given and len(part.there) == part.count:
                part.is_given = True
                frames = tuple(part.there[number] for number in sorted(part.there))
                movie = self.movie
                return MoviePart(
                    part.path, frames, movie.rate, movie.codec, movie.quality, movie.bitrate
                )
        return None

    def finish(self) -> int:
        """Join the parts, which have all been encoded; see `Reel.finish`."""
        missing = set(range(self._count)) - self._there
        if missing:
            raise gap_in(self.movie, missing)
        self._last.finish()
        parts = [*(part.path for part in self._parts), self._last.movie.path]
        return join_chunks(parts, self.movie)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give up what has not been finished, and remove the parts."""
        self._last.give_up()
        self._folder.cleanup()
