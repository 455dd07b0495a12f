"""The protocol of a transport."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from mpirender.messages import Message

__all__ = ["Transport"]


class Transport(Protocol):
    """A way for ranks to send each other messages; nothing in it ever blocks.

    Attributes
    ----------
    rank, size : int
        Of this process, and of the run.
    host : str
        Name of this machine.
    has_lost : bool
        Whether any rank had not come when this one left, so that nobody must wait for all of them
        any more: a part that has lost ranks has left others waiting for those.
    """

    rank: int
    size: int
    host: str

    @property
    def has_lost(self) -> bool:
        """See the class."""

    def send(self, to: int, message: Message) -> None:
        """Begin to send a message; pixels that it holds must not be changed afterwards.

        Raises
        ------
        TransportError
            If the other rank cannot be reached.
        """

    def poll(self) -> tuple[int, Message] | None:
        """Return the next message and its source, or None where none has arrived whole."""

    def first(self, ranks: int) -> Transport:
        """Return a transport of the first so many ranks, of which this is one.

        Collective over these. Leave it, with its own `close`, before this one.
        """

    def abort(self, status: int) -> None:
        """End all ranks at once with an exit status; does not return."""

    def close(self, lost: Collection[int] = ()) -> None:
        """Finish what is being sent and leave. Collective over all ranks but the lost ones.

        Rank 0 waits a minute for the others, which have nothing to do any more; see `has_lost`.
        """
