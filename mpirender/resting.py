"""What has been started before anybody needs it, and rests until somebody does or all are done."""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar, Generic, Protocol, TypeVar

__all__ = ["Resting", "close_resting"]


class _Closable(Protocol):
    def close(self) -> None:
        """Leave nothing behind."""


T = TypeVar("T", bound=_Closable)


class Resting(Generic[T]):
    """Things of one kind, each under a key that says what it is good for."""

    _kinds: ClassVar[list[Resting[_Closable]]] = []

    def __init__(self) -> None:
        self._things: dict[Hashable, T] = {}
        self._kinds.append(self)  # type: ignore[arg-type]

    def lay(self, key: Hashable, thing: T) -> None:
        """Keep a thing; it is closed where there is another one under its key."""
        if self._things.setdefault(key, thing) is not thing:
            thing.close()

    def take(self, key: Hashable) -> T | None:
        """Return what rests under a key and is the caller's from now on; None if nothing does."""
        return self._things.pop(key, None)

    def close(self) -> None:
        """Close all of them."""
        while self._things:
            self._things.popitem()[1].close()


def close_resting() -> None:
    """Close all that rests: nobody on this rank needs any of it."""
    for kind in Resting._kinds:
        kind.close()
