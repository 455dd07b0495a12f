from __future__ import annotations

from mpirender.resting import Resting, close_resting


class Thing:
    def __init__(self) -> None:
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


def test_what_rests_is_taken_once_under_its_own_key() -> None:
    things: Resting[Thing] = Resting()
    thing = Thing()
    things.lay("a", thing)
    assert things.take("b") is None
    assert things.take("a") is thing
    assert things.take("a") is None
    assert not thing.is_closed


def test_one_of_a_key_is_enough() -> None:
    things: Resting[Thing] = Resting()
    first, second = Thing(), Thing()
    things.lay("a", first)
    things.lay("a", second)
    assert second.is_closed
    assert things.take("a") is first


def test_what_nobody_needs_is_closed_whatever_it_is() -> None:
    kinds: list[Resting[Thing]] = [Resting(), Resting()]
    things = [Thing(), Thing()]
    for kind, thing in zip(kinds, things, strict=True):
        kind.lay("a", thing)
    close_resting()
    assert all(thing.is_closed for thing in things)
    assert all(kind.take("a") is None for kind in kinds)
