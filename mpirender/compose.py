"""Tiles become a frame: numpy only, at the picture's own depth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mpirender.errors import CompositionError
from mpirender.model import Tile

__all__ = ["Excerpt", "Frame", "telling_block"]


class Frame:
    """One frame while its tiles arrive.

    What has not arrived is as the renderer leaves what it was not asked for: black and opaque.

    Parameters
    ----------
    height, width, channels : int
        H, W and C.
    dtype : str
        Type of the pixels in numpy's words.
    opaque : bool
        Whether the last channel is alpha.
    """

    def __init__(
        self, height: int, width: int, channels: int, *, dtype: str, opaque: bool = False
    ) -> None:
        self.pixels: NDArray[np.generic] = np.zeros((height, width, channels), dtype)
        if opaque:
            kind = np.dtype(dtype)
            self.pixels[..., -1] = np.iinfo(kind).max if kind.kind == "u" else 1
        self._arrived: NDArray[np.bool_] = np.zeros((height, width), bool)
        self._tiles: list[Tile] = []

    def put(self, tile: Tile, pixels: NDArray[np.generic]) -> None:
        """Lay a tile into the frame.

        Parameters
        ----------
        tile : Tile
            Where it belongs.
        pixels : (tile.height, tile.width, C) ndarray
            Of the frame's dtype.

        Raises
        ------
        CompositionError
            If the pixels have another shape or type than the place they are for, or if the tile
            overlaps one that is there already.

        Notes
        -----
        Costs one look at each pixel, besides the copy, however many tiles there are.
        """
        place = self.pixels[tile.start : tile.stop, tile.left : tile.right]
        if place.shape != pixels.shape or place.dtype != pixels.dtype:
            raise CompositionError(
                f"{tile}: got {pixels.shape} {pixels.dtype}, expected {place.shape} {place.dtype}"
            )
        arrived = self._arrived[tile.start : tile.stop, tile.left : tile.right]
        if arrived.any():
            other = next(other for other in self._tiles if _overlap(tile, other))
            raise CompositionError(f"{tile}: overlaps {other}, which is there already")
        place[...] = pixels
        arrived[...] = True
        self._tiles.append(tile)

    @property
    def tiles(self) -> list[Tile]:
        """What has arrived."""
        return list(self._tiles)

    def lay_over(self, pixels: NDArray[np.generic]) -> None:
        """Take another frame's pixels where nothing has arrived.

        Raises
        ------
        CompositionError
            If they have another shape or type.
        """
        if pixels.shape != self.pixels.shape or pixels.dtype != self.pixels.dtype:
            raise CompositionError(f"a picture of {pixels.shape} {pixels.dtype} does not fit")
        np.copyto(self.pixels, pixels, where=~self._arrived[..., None])


@dataclass(frozen=True, slots=True, eq=False)
class Excerpt:
    """A block of a picture.

    Attributes
    ----------
    tile : Tile
    pixels : (tile.height, tile.width, C) ndarray
    """

    tile: Tile
    pixels: NDArray[np.generic]


def telling_block(pixels: NDArray[np.generic], tile: Tile, blocks: list[Tile]) -> Excerpt | None:
    """Return the block with most different values, by which two pictures are best told apart.

    Parameters
    ----------
    pixels : (tile.height, tile.width, C) ndarray
    tile : Tile
        Where they lie.
    blocks : list of Tile
        Within it; some hundred of them are looked at.

    Returns
    -------
    excerpt : Excerpt or None
        None where no block has at least 16 values.
    """

    def part(block: Tile) -> NDArray[np.generic]:
        top, left = block.start - tile.start, block.left - tile.left
        return pixels[top : top + block.height, left : left + block.width]

    looked_at = blocks[:: max(1, len(blocks) // 200)]
    best = max(looked_at, key=lambda block: _values(part(block)))
    return Excerpt(best, part(best)) if _values(part(best)) >= 16 else None


def _values(pixels: NDArray[np.generic]) -> int:
    """Return how many different values there are; np.unique would load masked arrays for that."""
    values = np.sort(pixels, axis=None)
    return 1 + int(np.count_nonzero(values[1:] != values[:-1]))


def _overlap(one: Tile, other: Tile) -> bool:
    return (
        one.start < other.stop
        and other.start < one.stop
        and one.left < other.right
        and other.left < one.right
    )
