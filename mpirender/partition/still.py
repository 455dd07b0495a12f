"""How one picture is cut: rectangles on the renderer's own grid, every pixel exactly once."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from enum import Enum

from mpirender.model import Task, Tile
from mpirender.partition.grid import Grid
from mpirender.units import Seconds

__all__ = ["Partition", "Split"]


class Split(str, Enum):
    """Along which lines the picture may be cut."""

    AUTO = "auto"
    """Rows while a share spans them, columns as well when shares get smaller."""
    ROWS = "rows"
    """Rows of the grid only."""
    TILES = "tiles"
    """Never more than one row of the grid, and columns too."""
    SAMPLES = "samples"
    """The whole picture with a part of its samples; what is cut is no picture then."""


class Partition:
    """What of an area has not been handed out yet, cut off piece by piece in reading order.

    Parameters
    ----------
    grid : Grid
    split : Split
    divides : bool
        Whether a piece that is being rendered can be divided.
    """

    def __init__(self, grid: Grid, split: Split = Split.AUTO, *, divides: bool = True) -> None:
        self.grid = grid
        self.split = split
        self.divides = divides
        """Whether a part that is being rendered can be divided."""
        self._total = grid.rows * grid.columns
        self._next_block = 0

    def task(self, task_id: int, tile: Tile) -> Task:
        """Return a task over a piece."""
        return Task(task_id, tile)

    def units_of(self, tile: Tile) -> list[int]:
        """Return the numbers of a piece's blocks; see `Grid.blocks_of`."""
        return self.grid.blocks_of(tile)

    def count(self, tile: Tile) -> int:
        """Return how many blocks a piece has."""
        block = self.grid.block
        return math.ceil(tile.height / block) * math.ceil(tile.width / block)

    def tiles_of(self, units: Iterable[int]) -> list[Tile]:
        """Return pieces that make up some blocks; see `Grid.tiles_of`."""
        return self.grid.tiles_of(units)

    def far_parts(self, tile: Tile, left: Collection[int]) -> list[tuple[Tile, int]]:
        """Return what could be taken from the end of a piece; see `Grid.far_parts`."""
        return self.grid.far_parts(tile, left) if self.divides else []

    @property
    def units(self) -> int:
        """How many blocks there are."""
        return self._total

    @property
    def stride(self) -> int:
        """From a block to the one below it."""
        return self.grid.columns

    @property
    def frames(self) -> int:
        """How many frames there are: one."""
        return 1

    def frame_at(self, frame: int) -> tuple[int, None]:
        """Return job and number of a frame: a still has no number."""
        return 0, None

    def whole(self, frame: int) -> Tile:
        """Return all of the frame."""
        return self.grid.area

    def units_of_blocks(
        self, frame: int, blocks: Sequence[int], missing: Collection[int]
    ) -> Sequence[int]:
        """Return the units that blocks make complete, which are the blocks themselves."""
        return blocks

    def size_of(self, tile: Tile) -> float:
        """Return how much of what `cut` counts a piece is."""
        return max(1.0, tile.pixels / self.grid.block**2)

    @property
    def total(self) -> int:
        """Blocks of the whole area."""
        return self._total

    @property
    def remaining(self) -> int:
        """Blocks that have not been cut off."""
        return self._total - self._next_block

    def cut(self, blocks: int, seconds: Seconds = 0.0) -> Tile:
        """Cut off the next piece.

        Parameters
        ----------
        blocks : int
            How many are wanted, >= 1. The piece is a rectangle of about as many: whole rows of
            the grid, or, where a row may be cut, an even part of what is left of one row.
        seconds : float
            What one has taken so far; see `FramePartition.cut`. It does not matter here.

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
