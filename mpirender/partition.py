"""How a picture is cut: rectangles on the renderer's own block grid, every pixel exactly once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from mpirender.model import Tile
from mpirender.units import Pixels

__all__ = ["Grid", "Partition", "Split"]


class Split(str, Enum):
    """Along which lines the picture may be cut."""

    AUTO = "auto"
    """Rows while a share spans them, columns as well when shares get smaller."""
    ROWS = "rows"
    """Rows of the grid only."""
    TILES = "tiles"
    """Never more than one row of the grid, and columns too."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The renderer's blocks over an area of the frame.

    A renderer that looks at neighbouring pixels (POV-Ray's antialiasing method 1 does) looks
    within its own block only. So cuts along this grid, which begins where the area does, leave
    every pixel as it is in the whole picture.

    Attributes
    ----------
    area : Tile
    block : int
        Edge of a block in pixels, >= 1.
    """

    area: Tile
    block: Pixels

    @property
    def rows(self) -> int:
        """Blocks from top to bottom; the last may be lower."""
        return math.ceil(self.area.height / self.block)

    @property
    def columns(self) -> int:
        """Blocks from left to right; the last may be narrower."""
        return math.ceil(self.area.width / self.block)

    def tile(self, *, row: int, rows: int, column: int, columns: int) -> Tile:
        """Return the rectangle of some blocks.

        Parameters
        ----------
        row, column : int
            The first block.
        rows, columns : int
            How many, >= 1; what goes over the edge is cut off.

        Returns
        -------
        tile : Tile
        """
        area, block = self.area, self.block
        return Tile(
            start=area.start + row * block,
            stop=min(area.start + (row + rows) * block, area.stop),
            left=area.left + column * block,
            right=min(area.left + (column + columns) * block, area.right),
            frame=area.frame,
        )


class Partition:
    """What of an area has not been handed out yet, cut off piece by piece in reading order.

    Parameters
    ----------
    grid : Grid
    split : Split
    """

    def __init__(self, grid: Grid, split: Split = Split.AUTO) -> None:
        self.grid = grid
        self.split = split
        self._next_block = 0

    @property
    def total(self) -> int:
        """Blocks of the whole area."""
        return self.grid.rows * self.grid.columns

    @property
    def remaining(self) -> int:
        """Blocks that have not been cut off."""
        return self.total - self._next_block

    def cut(self, blocks: int) -> Tile:
        """Cut off the next piece.

        Parameters
        ----------
        blocks : int
            How many are wanted, >= 1. The piece is a rectangle of about as many: whole rows of
            the grid, or, where a row may be cut, an even part of what is left of one row.

        Returns
        -------
        tile : Tile

        Raises
        ------
        ValueError
            If nothing remains, or less than one block is asked for.
        """
        if blocks < 1 or not self.remaining:
            raise ValueError(f"cannot cut {blocks} of {self.remaining} blocks")
        columns = self.grid.columns
        row, column = divmod(self._next_block, columns)
        left_in_row = columns - column
        spans_rows = self.split is Split.AUTO and column == 0 and blocks >= columns
        if spans_rows or self.split is Split.ROWS:
            rows = max(1, (blocks + columns // 2) // columns)
            rows = min(rows, self.grid.rows - row)
            self._next_block += rows * columns
            return self.grid.tile(row=row, rows=rows, column=0, columns=columns)
        pieces = math.ceil(left_in_row / blocks)
        width = math.ceil(left_in_row / pieces)
        self._next_block += width
        return self.grid.tile(row=row, rows=1, column=column, columns=width)

    def pieces(self, blocks: int) -> Iterator[Tile]:
        """Cut off all that remains in pieces of one size."""
        while self.remaining:
            yield self.cut(blocks)
