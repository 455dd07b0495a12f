"""Picture files into a movie: all at once, or each as soon as its turn has come."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from mpirender.encode.frames import frame_at
from mpirender.encode.jpegs import JpegCopy, is_jpeg
from mpirender.encode.movie import Movie
from mpirender.encode.planes import Frame
from mpirender.encode.video import Encoder, open_encoder
from mpirender.errors import EncodeError, MpirenderError, RenderError
from mpirender.frames import compact
from mpirender.paths import atomic_replace

__all__ = ["Reel", "encode_frames", "gap_in"]

_log = logging.getLogger(__name__)
_Closable = TypeVar("_Closable", JpegCopy, Encoder)


def encode_frames(movie: Movie, frames: Iterable[Path]) -> int:
    """Make a movie of picture files.

    Parameters
    ----------
    movie : Movie
        Written beside its place, and there only when it is whole; what was there before stays
        until then, and if anything fails.
    frames : iterable of Path
        In their order, of one size. Depth and alpha are those of the first.

    Returns
    -------
    count : int
        How many frames the movie has.

    Raises
    ------
    EncodeError
        If there is no frame, a frame cannot be read or has another size, or the encoder fails.
    SetupError
        If this installation has no encoder for the codec.
    WriteError
        If the movie cannot be written.

    Notes
    -----
    One frame is in memory at a time, and those that the encoder looks ahead. Frames that are JPEG
    files are copied as they are where `Movie.may_copy_jpeg`.
    """
    begun = time.monotonic()
    paths = iter(frames)
    first = next(paths, None)
    if first is None:
        raise EncodeError(f"no frames for {movie.path}")
    with atomic_replace(movie.path) as temporary:
        take = _copied if movie.may_copy_jpeg and is_jpeg(first) else _encoded
        count = take(movie, temporary, first, paths)
    _log.info("%s: %d frames in %.1f s", movie.path, count, time.monotonic() - begun)
    return count


def _copied(movie: Movie, at: Path, first: Path, rest: Iterator[Path]) -> int:
    """Copy JPEG files into a movie and return their number."""
    with _ended(JpegCopy(movie, at=at)) as copy:
        for path in chain((first,), rest):
            copy.write_file(path)
    return copy.count


def _encoded(movie: Movie, at: Path, first: Path, rest: Iterator[Path]) -> int:
    """Encode picture files into a movie and return their number."""
    frame = _read(first)
    (height, width, channels), bits = frame.shape, 8 * frame.dtype.itemsize
    encoder = open_encoder(movie, width, height, bits=bits, alpha=channels == 4, at=at)
    with _ended(encoder):
        encoder.write(frame)
        for path in rest:
            frame = _read(path)
            if frame.shape[:2] != (height, width):
                got = f"{frame.shape[1]}x{frame.shape[0]}"
                raise EncodeError(f"{path} is {got}, the frames before it {width}x{height}")
            encoder.write(frame)
    return encoder.count


@contextmanager
def _ended(encoder: _Closable) -> Iterator[_Closable]:
    """Close at the end; what went wrong before counts more than what goes wrong then."""
    try:
        yield encoder
    except BaseException:
        with suppress(MpirenderError):
            encoder.close()
        raise
    encoder.close()


def _read(path: Path) -> Frame:
    """Frame of a picture file."""
    try:
        return frame_at(path)
    except RenderError as error:
        raise EncodeError(error.message) from error


def gap_in(movie: Movie, missing: Iterable[int]) -> EncodeError:
    """Return the error of a movie that lacks frames."""
    return EncodeError(
        f"cannot encode {movie.path}: no frame {compact(sorted(missing))}",
        hint="the frames that there are stay where they are",
    )


class Reel(AbstractContextManager["Reel"]):
    """A movie that grows while its frames are still being rendered.

    Frames are given in any order; each is read and encoded, in a thread of its own, as soon as
    all before it are there. Leave the context with an exception, and the movie is given up.

    Parameters
    ----------
    movie : Movie
    numbers : sequence of int
        The frames of the movie, in their order; a frame may come more than once.

    Notes
    -----
    Memory holds the names of frames that wait, never the frames.
    """

    def __init__(self, movie: Movie, numbers: Sequence[int]) -> None:
        self.movie = movie
        self._numbers = tuple(numbers)
        self._ready: dict[int, Path] = {}
        self._news = threading.Condition()
        self._complete = self._given_up = False
        self._error: BaseException | None = None
        self._count = 0
        self._thread = threading.Thread(target=self._run, name=f"reel {movie.path}", daemon=True)
        self._thread.start()

    @property
    def error(self) -> BaseException | None:
        """Why the movie has failed; None while it has not. What is added then is forgotten."""
        return self._error

    def add(self, number: int, path: Path) -> None:
        """Say that a frame is there; returns at once.

        Parameters
        ----------
        number : int
            One that is none of the movie's is passed over.
        path : Path
            A whole picture file that stays until the movie is finished.
        """
        with self._news:
            self._ready[number] = path
            self._news.notify()

    def finish(self) -> int:
        """Wait until all frames that are there have been encoded, and end the movie.

        Returns
        -------
        count : int
            How many frames the movie has.

        Raises
        ------
        EncodeError
            If frames are missing, which are named, or as for `encode_frames`. There is no movie
            then; what was at its place before stays.
        WriteError, SetupError
            As for `encode_frames`.
        """
        with self._news:
            self._complete = True
            self._news.notify()
        self._thread.join()
        if isinstance(self._error, MpirenderError):
            raise self._error
        if self._error is not None:
            raise RuntimeError(f"{self.movie.path}: a fault in the encoder") from self._error
        return self._count

    def give_up(self) -> None:
        """End without a movie; waits for the frame in work."""
        with self._news:
            self._given_up = True
            self._news.notify()
        self._thread.join()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give up what has not been finished."""
        self.give_up()

    def _run(self) -> None:
        """Encode; the whole life of the thread."""
        try:
            self._count = encode_frames(self.movie, self._in_order())
        except BaseException as error:
            self._error = error

    def _in_order(self) -> Iterator[Path]:
        """Each frame when its turn has come; raise at a gap that will not be filled."""
        for number in self._numbers:
            with self._news:
                while number not in self._ready and not (self._complete or self._given_up):
                    self._news.wait()
                if self._given_up:
                    raise EncodeError(f"{self.movie.path} was given up")
                if number not in self._ready:
                    raise gap_in(self.movie, set(self._numbers) - self._ready.keys())
                path = self._ready[number]
            yield path
