"""Run-length packets, as TGA and Radiance HDR share them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["PacketRules", "pack"]

_COPY_LONGEST = 128


@dataclass(frozen=True, slots=True)
class PacketRules:
    """How a kind of file writes its packets.

    Parameters
    ----------
    run_longest, run_shortest : int
        Items in a packet that repeats one item.
    run_code, copy_code : int
        What is added to the number of items to get the first byte of the packet.
    """

    run_longest: int
    run_shortest: int
    run_code: int
    copy_code: int


def pack(items: NDArray[np.uint8], rules: PacketRules) -> bytes:
    """Packets for one line of items.

    Parameters
    ----------
    items : (N, K) uint8 ndarray
        N items of K bytes; N > 0.
    rules : PacketRules

    Returns
    -------
    packets : bytes

    Notes
    -----
    O(N) array operations, no Python loop over items. Items that belong to no run are copied; a
    lone stretch of equal items between two runs is a run too, however short.
    """
    first, length, is_run = _packets(items, rules)
    stored = np.where(is_run, 1, length)
    at = np.cumsum(1 + stored * items.shape[1]) - (1 + stored * items.shape[1])
    packed = np.empty(len(first) + int(stored.sum()) * items.shape[1], np.uint8)
    payload = np.ones(len(packed), bool)
    payload[at] = False
    packed[at] = length + np.where(is_run, rules.run_code, rules.copy_code)
    packed[payload] = items[_spread(first, stored, 1)].reshape(-1)
    return packed.tobytes()


def _packets(
    items: NDArray[np.uint8], rules: PacketRules
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """First item, length and whether it is a run, of each packet."""
    changes = np.flatnonzero((items[1:] != items[:-1]).any(axis=1)) + 1
    first, length = _split(*_stretches(changes, len(items)), rules.run_longest)
    is_run = length >= rules.run_shortest
    # Neighbours that are no runs make one stretch to copy.
    begins = np.concatenate(([True], is_run[1:] | is_run[:-1]))
    heads = np.flatnonzero(begins)
    alone = np.diff(np.append(heads, len(first))) == 1
    total = np.diff(np.append(first[heads], len(items)))
    run = is_run[heads] | (alone & (total > 1))
    pieces = np.where(run, 1, -(-total // _COPY_LONGEST))
    starts, sizes = _split(first[heads], total, _COPY_LONGEST)
    return starts, sizes, np.repeat(run, pieces)


def _stretches(changes: NDArray[np.intp], count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """First item and length of each stretch of equal items."""
    first = np.concatenate(([0], changes)).astype(np.intp)
    return first, np.diff(np.append(first, count))


def _split(
    first: NDArray[np.intp], length: NDArray[np.intp], longest: int
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Cut stretches so that none of them is longer than this."""
    pieces = -(-length // longest)
    starts = _spread(first, pieces, longest)
    return starts, np.minimum(np.repeat(first + length, pieces) - starts, longest)


def _spread(first: NDArray[np.intp], count: NDArray[np.intp], step: int) -> NDArray[np.intp]:
    """``first + step * (0, 1, .. count - 1)``, one such series after the other."""
    ends = np.cumsum(count)
    return np.repeat(first - step * (ends - count), count) + step * np.arange(int(ends[-1]))
