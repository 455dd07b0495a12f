"""A run of one rank: messages go round in this process."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Collection

from mpirender.errors import TransportError
from mpirender.messages import Message

__all__ = ["LocalTransport"]


class LocalTransport:
    """The transport of a single rank; see `mpirender.transport.base.Transport`."""

    rank = 0
    size = 1
    has_lost = False

    def __init__(self) -> None:
        self.host = socket.gethostname()
        self._inbox: deque[Message] = deque()

    def send(self, to: int, message: Message) -> None:
        """Put a message into the own inbox."""
        if to != self.rank:
            raise TransportError(f"no rank {to}: this run has one rank, number 0")
        self._inbox.append(message)

    def poll(self) -> tuple[int, Message] | None:
        """Return the oldest message."""
        return (self.rank, self._inbox.popleft()) if self._inbox else None

    def first(self, ranks: int) -> LocalTransport:
        """Return another one of one rank; see `Transport.first`."""
        if ranks != self.size:
            raise TransportError(f"no {ranks} ranks: this run has one")
        return LocalTransport()

    def abort(self, status: int) -> None:
        """End this process."""
        raise SystemExit(status)

    def close(self, lost: Collection[int] = ()) -> None:
        """Leave; there is nothing to finish."""
