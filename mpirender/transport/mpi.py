"""Messages over MPI; the only module that imports mpi4py.

Two tags: small pickles, and the pixels that one of them has announced. Every call is of the kind
that returns at once. Pixels are received only a few tiles at a time, so that a crowd of ranks
cannot fill rank 0's memory: the others wait in their senders' memory until there is room.
"""

from __future__ import annotations

import dataclasses
import logging
import math
import sys
import time
import warnings
from collections import deque
from collections.abc import Callable, Collection
from contextlib import suppress
from typing import Any

import mpi4py

from mpirender.backoff import Backoff
from mpirender.errors import TransportError
from mpirender.messages import WITH_PIXELS, Message
from mpirender.process import die_with_parent
from mpirender.units import Bytes, Seconds

__all__ = ["PATIENCE", "MpiTransport", "library_version"]

PATIENCE: Seconds = 60.0
"""For which rank 0 waits for the others to leave."""

log = logging.getLogger(__name__)

_CONTROL, _PIXELS = 1, 2
_LARGEST_PIECE: Bytes = 1 << 30  # counts are 32 bits wide before MPI 4
_ARRIVALS_AT_ONCE = 4
_LAST_LOOK: Seconds = 0.01  # while all ranks wait for each other at the end


@dataclasses.dataclass(slots=True)
class _Arrival:
    """A message that is not delivered yet; the announcement is shape and type of its pixels."""

    source: int
    message: Any
    announcement: Any
    requests: list[Any] = dataclasses.field(default_factory=list)


class MpiTransport:
    """The ranks of ``MPI.COMM_WORLD``; see `mpirender.transport.base.Transport`.

    Making one starts MPI and is collective.

    Parameters
    ----------
    part : mpi4py.MPI.Intracomm or None
        Some of the ranks, when MPI has been started; see `first`.
    """

    def __init__(self, part: Any = None) -> None:
        mpi4py.rc.initialize = False
        mpi4py.rc.finalize = False
        from mpi4py import MPI

        if not MPI.Is_initialized():
            # mpi4py guesses at a mismatch of launcher and library; we know, and refuse
            warnings.filterwarnings("ignore", "suspicious MPI", RuntimeWarning)
            MPI.Init_thread(MPI.THREAD_FUNNELED)
        self._mpi = MPI
        self._is_part = part is not None
        self._world = part or MPI.COMM_WORLD.Dup()
        self.rank = self._world.rank
        self.size = self._world.size
        self.host = MPI.Get_processor_name()
        if self.size > 1 and not self._is_part:
            die_with_parent()
        self._parts: list[MpiTransport] = []
        self.has_lost = False
        self._own: deque[Message] = deque()
        self._leaving: list[tuple[list[Any], object]] = []
        self._arrivals: list[_Arrival] = []  # what waits for pixels, its own or those before it

    # ---------------------------------------------------------------------------------- send

    def send(self, to: int, message: Message) -> None:
        """Begin to send a message; see `Transport.send`."""
        if to == self.rank:
            self._own.append(message)
            return
        pixels, announcement = None, None
        if isinstance(message, WITH_PIXELS) and message.pixels is not None:
            pixels, announcement = _ready_to_travel(message.pixels)
            message = dataclasses.replace(message, pixels=None)
        try:
            requests = [self._world.isend((message, announcement), dest=to, tag=_CONTROL)]
            if pixels is not None:
                requests += [
                    self._world.Isend([piece, self._mpi.BYTE], dest=to, tag=_PIXELS)
                    for piece in _pieces(pixels)
                ]
        except self._mpi.Exception as error:
            raise TransportError(f"rank {self.rank} cannot reach rank {to}: {error}") from error
        self._leaving.append((requests, pixels))

    # ------------------------------------------------------------------------------- receive

    def poll(self) -> tuple[int, Message] | None:
        """Return the next message that is there as a whole; see `Transport.poll`."""
        self._leaving = [out for out in self._leaving if not self._all_done(out[0])]
        if self._own:
            return self.rank, self._own.popleft()
        return self._control() or self._arrival()

    def _control(self) -> tuple[int, Message] | None:
        """Take in one small message; one whose pixels are still to come is noted."""
        status = self._mpi.Status()
        while self._world.iprobe(tag=_CONTROL, status=status):
            source = status.source
            message, announcement = self._world.recv(source=source, tag=_CONTROL)
            if announcement is None and all(source != other.source for other in self._arrivals):
                return source, message
            self._arrivals.append(_Arrival(source, message, announcement))
        return None

    def _arrival(self) -> tuple[int, Message] | None:
        """Receive pixels where there is room, and return a message that is there as a whole.

        The messages of one rank keep their order.
        """
        room = _ARRIVALS_AT_ONCE - sum(bool(arrival.requests) for arrival in self._arrivals)
        waiting = set()
        for index, arrival in enumerate(self._arrivals):
            if arrival.announcement and not arrival.requests and room > 0:
                self._receive(arrival)
                room -= 1
            if arrival.source not in waiting and self._is_whole(arrival):
                del self._arrivals[index]
                return arrival.source, arrival.message
            waiting.add(arrival.source)
        return None

    def _receive(self, arrival: _Arrival) -> None:
        """Begin to receive the pixels of a message."""
        pixels = _room_for(arrival.announcement)
        arrival.message = dataclasses.replace(arrival.message, pixels=pixels)
        arrival.requests = [
            self._world.Irecv([piece, self._mpi.BYTE], source=arrival.source, tag=_PIXELS)
            for piece in _pieces(pixels)
        ]

    def _is_whole(self, arrival: _Arrival) -> bool:
        return not arrival.announcement or (
            bool(arrival.requests) and self._all_done(arrival.requests)
        )

    def _all_done(self, requests: list[Any]) -> bool:
        return bool(self._mpi.Request.Testall(requests))

    # --------------------------------------------------------------------------------- leave

    def first(self, ranks: int) -> MpiTransport:
        """Return a transport of some ranks; see `Transport.first`.

        What MPI keeps of it stays until the end, as a message may still be on its way in it.
        """
        group = self._world.group.Incl(list(range(ranks)))
        part = MpiTransport(self._world.Create_group(group))
        self._parts.append(part)
        return part

    def abort(self, status: int) -> None:
        """End all ranks; see `Transport.abort`."""
        with suppress(OSError):  # nobody reads it any more
            sys.stdout.flush()
            sys.stderr.flush()
        self._world.Abort(status)

    def close(self, lost: Collection[int] = ()) -> None:
        """Meet all ranks and leave MPI, asleep while others are late; see `Transport.close`.

        What still arrives is taken in and thrown away: a run that was ended early has senders
        that would otherwise wait for ever. MPI's own end would wait for dead ranks, and for those
        that wait for one in a part, so that where there are some it is left out, and the launcher
        ends what is left of the run.
        """
        self.has_lost |= bool(lost) or any(part.has_lost for part in self._parts)
        if not self.has_lost:
            self.has_lost = not self._meet()
        if not (self.has_lost or self._is_part):
            self._mpi.Finalize()

    def _meet(self) -> bool:
        """Wait until all ranks are here; return False where rank 0 has waited for long enough."""
        until = time.monotonic() + PATIENCE if self.rank == 0 else math.inf
        if self._drain_until(lambda: not self._leaving, until):
            meeting = self._world.Ibarrier()
            if self._drain_until(meeting.Test, until):
                return True
        log.warning("some ranks do not come to the end of the run: left to the launcher")
        return False

    def _drain_until(self, done: Callable[[], bool], until: Seconds) -> bool:
        """Throw away what arrives until something holds; return whether it does in time."""
        backoff = Backoff(longest=_LAST_LOOK)
        while not done():
            if time.monotonic() > until:
                return False
            if self.poll() is None:
                backoff.sleep()
        return True


def library_version() -> str:
    """Return the name and version of the MPI library, without starting it."""
    mpi4py.rc.initialize = False
    try:
        from mpi4py import MPI
    except ImportError as error:
        return f"not found ({error})"
    return MPI.Get_library_version().split("\n")[0].strip()


def _ready_to_travel(pixels: Any) -> tuple[Any, object]:
    """Return pixels as one run of memory, and what a rank must know to make room for them."""
    if isinstance(pixels, bytes | bytearray):
        return pixels, (len(pixels), "")
    import numpy as np  # only now: a rank that sends blocks as they are needs none

    pixels = np.ascontiguousarray(pixels)
    return pixels, (pixels.shape, pixels.dtype.str)


def _room_for(announcement: Any) -> Any:
    """Return memory for pixels that have been announced."""
    shape, dtype = announcement
    if not dtype:
        return bytearray(shape)
    import numpy as np

    return np.empty(shape, dtype)


def _pieces(pixels: Any) -> list[Any]:
    """Return views of the bytes of pixels, each small enough for one MPI call."""
    view = memoryview(pixels)
    flat = view.cast("B") if view.nbytes else memoryview(bytearray())
    starts = range(0, max(1, len(flat)), _LARGEST_PIECE)
    return [flat[at : at + _LARGEST_PIECE] for at in starts]
