"""Chores: what is made of pictures that are in their places, beside rendering.

The mean of sub-frames, and parts of long movies. Any rank that sees the pictures can do one, in a
thread beside its renderer; takeovers even out what the renderer loses by it.
"""

from __future__ import annotations

import logging
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from mpirender.errors import EncodeError, ErrorRecord, MpirenderError
from mpirender.messages import ChoreDone, DoChore
from mpirender.model import Blend, Chore, MoviePart
from mpirender.paths import atomic_replace
from mpirender.schedule import LOST_AFTER
from mpirender.units import Seconds

__all__ = ["ChoreSource", "Chores", "Hand", "do_chore"]

log = logging.getLogger(__name__)


class ChoreSource(Protocol):
    """Knows what is to be done."""

    def next_chore(self) -> Chore | None:
        """Return what can be done now and nobody does; None for nothing."""

    def take_chore(self, output: Path, error: ErrorRecord | None = None) -> None:
        """Note that a chore has ended, with an error or well."""


class Chores:
    """Who does which chore; rank 0's part. Each rank does one at a time.

    Parameters
    ----------
    source : ChoreSource
    send : callable
        Takes a rank and a message for it; never waits.
    """

    def __init__(self, source: ChoreSource, send: Callable[[int, DoChore], None]) -> None:
        self._source = source
        self._send = send
        self._free: dict[int, None] = {0: None}  # that see the pictures, as rank 0 does
        self._busy: dict[int, Path] = {}
        self._heard: dict[int, Seconds] = {}

    def see(self, rank: int) -> None:
        """Note that a rank sees where the pictures are."""
        if rank not in self._busy:
            self._free.setdefault(rank)

    def hear(self, rank: int, now: Seconds) -> None:
        """Note that a rank lives."""
        self._heard[rank] = now

    def take(self, rank: int, done: ChoreDone) -> None:
        """Note that a rank has done a chore, or could not."""
        if self._busy.get(rank) == done.output:  # and not one that was taken back
            del self._busy[rank]
            self._free[rank] = None
            log.info("%s: made by rank %d", done.output, rank)
            self._source.take_chore(done.output, done.error)

    def share(self, now: Seconds) -> bool:
        """Give chores to ranks without one, rank 0 last; return whether all are done."""
        for rank in [r for r in self._busy if now - self._heard.get(r, now) > LOST_AFTER]:
            error = ErrorRecord("TransportError", f"rank {rank} was lost")
            self._source.take_chore(self._busy.pop(rank), error)
        while self._free and (chore := self._source.next_chore()):
            rank = next(filter(None, self._free), 0)
            del self._free[rank]
            self._busy[rank] = chore.output
            self._send(rank, DoChore(chore))
        return not self._busy


class Hand:
    """A thread that does one chore, on the rank that was told to.

    Parameters
    ----------
    chore : Chore

    Attributes
    ----------
    error : ErrorRecord or None
        Why it came to nothing.
    """

    def __init__(self, chore: Chore) -> None:
        self.chore = chore
        self.error: ErrorRecord | None = None
        self._thread = threading.Thread(target=self._run, name=f"{chore.output}", daemon=True)
        self._thread.start()

    @property
    def is_free(self) -> bool:
        """Whether it has ended."""
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            do_chore(self.chore)
        except MpirenderError as error:
            self.error = ErrorRecord.of(error)
        except BaseException:
            fault = f"{self.chore.output}: a fault in mpirender"
            self.error = ErrorRecord(EncodeError.__name__, fault, detail=traceback.format_exc())


def do_chore(chore: Chore) -> None:
    """Make what is wanted.

    Raises
    ------
    EncodeError, CompositionError, OutputMismatch
        If pictures cannot be read, are of several sizes, or the encoder fails.
    WriteError
        If it cannot be written.
    """
    match chore:
        case Blend():
            _average(chore)
        case MoviePart(output, frames, rate, codec, quality, bitrate):
            from mpirender.encode import Movie, encode_frames

            encode_frames(Movie(output, rate, codec, quality, bitrate), frames)


def _average(blend: Blend) -> None:
    """Make a picture of its parts, and remove them.

    Where some are gone, a rank that was lost had made it.
    """
    if blend.output.exists() and not all(part.exists() for part in blend.parts):
        return
    from mpirender.blur import average_linear
    from mpirender.images import Picture, read_picture, write_picture

    form = read_picture(blend.parts[0]).format
    pixels = average_linear((read_picture(part).pixels for part in blend.parts), form)
    with atomic_replace(blend.output) as temporary:
        write_picture(temporary, Picture(pixels, form))
    for part in blend.parts:
        part.unlink(missing_ok=True)
