"""How animations are cut: whole frames, and rows of the last ones."""

from __future__ import annotations

import dataclasses
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, groupby, repeat

from mpirender.model import Task, Tile
from mpirender.partition.grid import Grid
from mpirender.units import Seconds

__all__ = ["FramePartition", "Section"]

_WORTH_CUTTING: Seconds = 4.0  # parts of a frame have to be put together by another process
_FIRST_PART, _LATER_PART = 0.6, 0.2  # of an even share


@dataclass(frozen=True, slots=True)
class Section:
    """Frames of one job, in the order in which they are to be rendered.

    Attributes
    ----------
    job : int
        Which of the run's jobs.
    grid : Grid
        Of every frame.
    numbers : tuple of int
        Of the frames, as the renderer counts.
    step : int
        From one frame to the next within one process of the renderer; 0 where each frame needs
        its own.
    in_parts : bool
        Whether a frame may be cut into rows before it is begun.
    """

    job: int
    grid: Grid
    numbers: tuple[int, ...]
    step: int = 1
    in_parts: bool = False


class FramePartition:
    """Frames that have not been handed out yet, cut off one after the other.

    What is handed out is counted in frames. What is finished is counted in units, the rows of
    blocks of each frame: frames are cut into them when fewer frames than ranks are left.

    Parameters
    ----------
    sections : sequence of Section
        Each a job's frames, or a part of them; the next begins while the last frames of the one
        before are being finished.
    rows : bool
        Whether a frame that is being rendered can be divided into rows.
    ranks : int
        Among which the last frames are shared out, those that are fewer than the ranks. Where they
        cannot be divided later, they are cut into rows beforehand: large parts, and then small
        ones, so that all ranks end together.
    """

    def __init__(self, sections: Sequence[Section], *, rows: bool = True, ranks: int = 1) -> None:
        self.divides = rows
        """Whether a frame that is being rendered can be divided."""
        self._ranks = ranks
        self._sections = [section for section in sections for _ in section.numbers]
        self._numbers = [number for section in sections for number in section.numbers]
        self._firsts = [0, *accumulate(section.grid.rows for section in self._sections)]
        self._next_frame = 0
        self._tail: deque[Tile] | None = None  # parts of the last frames, once it is their turn

    @property
    def total(self) -> int:
        """Frames of the run."""
        return len(self._numbers)

    @property
    def remaining(self) -> int:
        """Frames that have not been cut off."""
        return self.total - self._next_frame

    def cut(self, frames: int, seconds: Seconds = 0.0) -> Tile:
        """Cut off the next frames, as many of them as one process of the renderer can do.

        Parameters
        ----------
        frames : int
            How many are wanted, >= 1; a part of one where the last ones are cut.
        seconds : float
            What a frame has taken so far; 0 where nothing is known. Those that take little are
            not cut.

        Raises
        ------
        ValueError
            If nothing remains, or less than one frame is asked for.
        """
        if frames < 1 or not self.remaining:
            raise ValueError(f"cannot cut {frames} of {self.remaining} frames")
        first, last_ones = self._next_frame, self.total - self.total % self._ranks
        if first >= last_ones:
            if self._tail is None:
                is_worth_while = not 0 < seconds < _WORTH_CUTTING
                self._tail = deque(self._parts(first) if is_worth_while else ())
            if self._tail:
                part = self._tail.popleft()
                self._next_frame = self._tail[0].frame if self._tail else self.total
                return part
        most = min(first + frames, self.total if first >= last_ones else last_ones)
        stop = first + 1
        while stop < most and self._follow(stop):
            stop += 1
        self._next_frame = stop
        return self._whole(first, stop)

    def _parts(self, first: int) -> Iterator[Tile]:
        """Yield the parts of all frames from one on."""
        even = (self._firsts[-1] - self._firsts[first]) / self._ranks
        sizes = chain(repeat(even * _FIRST_PART, self._ranks), repeat(even * _LATER_PART))
        for frame in range(first, self.total):
            section, row = self._sections[frame], 0
            grid = section.grid
            while row < grid.rows:
                rows = max(1, round(next(sizes))) if section.in_parts else grid.rows
                part = grid.tile(row=row, rows=rows, column=0, columns=grid.columns)
                yield dataclasses.replace(part, frame=frame)
                row += rows

    def _follow(self, frame: int) -> bool:
        """Return whether one process can do a frame after the one before."""
        section, step = self._sections[frame], self._sections[frame].step
        is_next = self._numbers[frame] - self._numbers[frame - 1] == step
        return section is self._sections[frame - 1] and step > 0 and is_next

    def _whole(self, first: int, stop: int) -> Tile:
        return dataclasses.replace(
            self._sections[first].grid.area, frame=first, frames=stop - first
        )

    def task(self, task_id: int, tile: Tile) -> Task:
        """Return a task over a piece."""
        numbers = self._numbers[tile.frame : tile.frame + tile.frames]
        return Task(task_id, tile, self._sections[tile.frame].job, tuple(numbers))

    def units_of(self, tile: Tile) -> list[int]:
        """Return the numbers of a piece's units, in the order in which they are rendered."""
        first = self._firsts[tile.frame]
        grid = self._sections[tile.frame].grid
        if tile.height == grid.area.height:
            return list(range(first, self._firsts[tile.frame + tile.frames]))
        start, last = ((row - grid.area.start) // grid.block for row in (tile.start, tile.stop - 1))
        return list(range(first + start, first + last + 1))

    def count(self, tile: Tile) -> int:
        """Return how many units a piece has."""
        rows = -(-tile.height // self._sections[tile.frame].grid.block)
        return rows * tile.frames

    def tiles_of(self, units: Iterable[int]) -> list[Tile]:
        """Return pieces that make up some units: whole frames, and runs of rows of others."""
        tiles: list[Tile] = []
        for frame, of_frame in groupby(sorted(units), self._frame_of):
            rows = [unit - self._firsts[frame] for unit in of_frame]
            grid = self._sections[frame].grid
            before = tiles[-1] if tiles and tiles[-1].height == grid.area.height else None
            if len(rows) < grid.rows:
                columns = grid.columns
                blocks = [row * columns + column for row in rows for column in range(columns)]
                tiles += (dataclasses.replace(t, frame=frame) for t in grid.tiles_of(blocks))
            elif before and before.frame + before.frames == frame and self._follow(frame):
                tiles[-1] = self._whole(before.frame, frame + 1)
            else:
                tiles.append(self._whole(frame, frame + 1))
        return tiles

    def far_parts(self, tile: Tile, left: Collection[int]) -> list[tuple[Tile, int]]:
        """Return what could be taken from the end of a piece that is being rendered.

        Whole frames where more than the present one is left, otherwise rows of that one.
        """
        units = sorted(left)
        if len(units) < 2:
            return []
        now, last = self._frame_of(units[0]), self._frame_of(units[-1])
        if last > now:
            return [
                (self._whole(frame, last + 1), len(units) - bisect_left(units, self._firsts[frame]))
                for frame in range(now + 1, last + 1)
            ]
        if not self.divides:
            return []
        grid, first = self._sections[now].grid, self._firsts[now]
        rows = [unit - first for unit in units]
        return [
            (
                dataclasses.replace(
                    grid.tile(row=row, rows=rows[-1] - row + 1, column=0, columns=grid.columns),
                    frame=now,
                ),
                len(rows) - index,
            )
            for index, row in enumerate(rows[1:], start=1)
        ]

    @property
    def units(self) -> int:
        """How many units there are."""
        return self._firsts[-1]

    @property
    def stride(self) -> int:
        """From a row of blocks to the same one in the next frame, in the first section."""
        return self._sections[0].grid.rows

    @property
    def frames(self) -> int:
        """How many frames there are."""
        return self.total

    def frame_at(self, frame: int) -> tuple[int, int]:
        """Return the job and the number of the frame at a position."""
        return self._sections[frame].job, self._numbers[frame]

    def whole(self, frame: int) -> Tile:
        """Return all of one frame."""
        return self._whole(frame, frame + 1)

    def units_of_blocks(
        self, frame: int, blocks: Sequence[int], missing: Collection[int]
    ) -> Sequence[int]:
        """Return the rows of blocks that some blocks make complete."""
        columns = self._sections[frame].grid.columns
        rows = {block // columns for block in blocks} - {block // columns for block in missing}
        return [self._firsts[frame] + row for row in sorted(rows)]

    def size_of(self, tile: Tile) -> float:
        """Return how many frames a piece is."""
        return tile.pixels / self._sections[tile.frame].grid.area.pixels

    def _frame_of(self, unit: int) -> int:
        return bisect_right(self._firsts, unit) - 1
