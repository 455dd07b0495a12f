"""A transport that has somebody take down what goes by."""

from __future__ import annotations

from collections.abc import Collection

from mpirender.messages import Message
from mpirender.report.recorder import Recorder
from mpirender.transport.base import Transport

__all__ = ["RecordingTransport"]


class RecordingTransport:
    """Another transport with a recorder at its door; see `mpirender.transport.base.Transport`.

    Parameters
    ----------
    transport : Transport
    recorder : Recorder
    """

    def __init__(self, transport: Transport, recorder: Recorder) -> None:
        self.rank, self.size, self.host = transport.rank, transport.size, transport.host
        self._transport = transport
        self._recorder = recorder

    def send(self, to: int, message: Message) -> None:
        """Pass a message on; see `Transport.send`."""
        self._recorder.sent(to, message)
        self._transport.send(to, message)

    def poll(self) -> tuple[int, Message] | None:
        """Return the next message; see `Transport.poll`."""
        arrived = self._transport.poll()
        if arrived is not None:
            self._recorder.arrived(*arrived)
        return arrived

    def first(self, ranks: int) -> Transport:
        """Return a transport of some ranks, without the recorder; see `Transport.first`."""
        return self._transport.first(ranks)

    def abort(self, status: int) -> None:
        """End all ranks; see `Transport.abort`."""
        self._transport.abort(status)

    @property
    def has_lost(self) -> bool:
        """Whether ranks did not come when this one left; see `Transport`."""
        return self._transport.has_lost

    def close(self, lost: Collection[int] = ()) -> None:
        """Leave; see `Transport.close`."""
        self._transport.close(lost)
