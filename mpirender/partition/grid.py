"""The renderer's own blocks over an area, along which pictures may be cut."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from mpirender.model import Tile
from mpirender.units import Pixels

__all__ = ["Grid"]


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

    def block_at(self, row: int, column: int) -> int:
        """Return the number of the block, in reading order, that a pixel of the area lies in."""
        down, along = row - self.area.start, column - self.area.left
        return down // self.block * self.columns + along // self.block

    def tile_of(self, block: int) -> Tile:
        """Return the rectangle of one block."""
        row, column = divmod(block, self.columns)
        return self.tile(row=row, rows=1, column=column, columns=1)

    def blocks_of(self, tile: Tile) -> list[int]:
        """Return the blocks of a rectangle that was cut along the grid, in reading order."""
        first, last = (
            self.block_at(tile.start, tile.left),
            self.block_at(tile.stop - 1, tile.right - 1),
        )
        width = (last - first) % self.columns + 1
        return [
            block
            for row in range(first, last + 1, self.columns)
            for block in range(row, row + width)
        ]

    def tiles_of(self, blocks: Iterable[int]) -> list[Tile]:
        """Return as few rectangles as are easily found that cover some blocks and no others.

        Parameters
        ----------
        blocks : iterable of int
            In any order.

        Returns
        -------
        tiles : list of Tile
            In reading order of their first blocks.
        """
        runs: list[list[int]] = []  # row, rows, column, columns
        for block in sorted(blocks):
            row, column = divmod(block, self.columns)
            last = runs[-1] if runs else None
            if last and last[0] == row and last[2] + last[3] == column:
                last[3] += 1
            else:
                runs.append([row, 1, column, 1])
        tiles: dict[tuple[int, int, int], list[int]] = {}  # next row, columns → run
        for run in runs:
            row, _, column, columns = run
            above = tiles.pop((row, column, columns), None)
            if above:
                above[1] += 1
            tiles[row + 1, column, columns] = above or run
        found = sorted(tiles.values(), key=lambda run: (run[0], run[2]))
        return [self.tile(row=r, rows=n, column=c, columns=m) for r, n, c, m in found]

    def far_parts(self, tile: Tile, left: Collection[int]) -> list[tuple[Tile, int]]:
        """Return the rectangles that could be taken from the end of a tile that is being rendered.

        Parameters
        ----------
        tile : Tile
            Rendered in reading order.
        left : collection of int
            Blocks of it that are not finished; the first of them stays where it is.

        Returns
        -------
        parts : list of (Tile, int)
            Whole rows of blocks, or blocks of the last row alone; each with how many of `left` it
            has.
        """
        blocks = sorted(left)
        if len(blocks) < 2:
            return []
        columns = self.columns
        last_row = blocks[-1] // columns
        first_column = self.block_at(tile.start, tile.left) % columns
        width = self.block_at(tile.start, tile.right - 1) % columns - first_column + 1
        parts: list[tuple[Tile, int]] = []
        for row in range(blocks[0] // columns + 1, last_row + 1):
            rest = self.tile(row=row, rows=last_row - row + 1, column=first_column, columns=width)
            parts.append((rest, len(blocks) - bisect_left(blocks, row * columns)))
        in_last_row = blocks[max(1, bisect_left(blocks, last_row * columns)) :]
        for index, block in enumerate(in_last_row):
            wide = blocks[-1] - block + 1
            rest = self.tile(row=last_row, rows=1, column=block % columns, columns=wide)
            parts.append((rest, len(in_last_row) - index))
        return parts
