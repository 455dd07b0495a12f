"""One renderer at work on one task: what it has said, what is finished, how long it may take."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from mpirender.errors import OutputMismatch
from mpirender.model import Job, Task, Tile, TileRecord
from mpirender.partition import Grid
from mpirender.process import Child
from mpirender.renderers.base import Command, Renderer, TileStream, Watch
from mpirender.units import Bytes, Seconds, plural

__all__ = ["Attempt", "pictures_of", "streams_of"]

_NEARLY = 0.25  # of a task; before that nothing is said of its end
_PACE_STEP: Seconds = 0.25


@dataclass(slots=True)
class Attempt:
    """A running renderer.

    Attributes
    ----------
    task : Task
    number : int
        Of the attempt, from 1.
    command : Command
    process : Child
    watch : Watch
    grid : Grid
        Of the whole area.
    started : float
        When it was; all times are seconds on one clock.
    pictures : dict of int to Path
        Position of each whole frame that this rank has to do, and where its picture will be; empty
        where the task is a part of one.
    streams : dict of int to TileStream
        Position of each frame, and where its finished blocks come from.
    stream : TileStream or None
        The one of them that is read; None where pictures are awaited.
    todo : set of int
        Blocks of a frame that is done in parts, which nobody else does and which are not finished.
    frame : int
        Position of that frame.
    is_shortened : bool
        Whether another rank does a part of the task.
    streamed : int
        Blocks that have come.
    """

    task: Task
    number: int
    command: Command
    process: Child
    watch: Watch
    grid: Grid
    started: Seconds
    pictures: dict[int, Path] = field(default_factory=dict)
    streams: dict[int, TileStream] = field(default_factory=dict)
    stream: TileStream | None = None
    todo: set[int] = field(default_factory=set)
    frame: int = 0
    is_shortened: bool = False
    streamed: int = 0
    has_frames: bool = False
    began_frame: Seconds = 0.0
    frame_seconds: Seconds = 0.0
    setup_seconds: Seconds = 0.0
    pretrace_seconds: Seconds = 0.0
    first_word: Seconds = 0.0
    first_pixel: Seconds = 0.0
    last_pixel: Seconds = 0.0
    _pace: deque[tuple[Seconds, float]] = field(default_factory=lambda: deque(maxlen=4))

    def __post_init__(self) -> None:
        self.began_frame = self.started
        self.frame, self.has_frames = self.task.tile.frame, bool(self.pictures)
        if self.streams and not self.pictures:
            self.stream = self.streams[self.frame]
            self.todo = set(self.grid.blocks_of(self.task.tile))

    @property
    def is_done(self) -> bool:
        """Whether all frames and blocks are there, though the renderer may still run."""
        return self._is_followed and not (self.pictures or self.todo)

    @property
    def has_streamed(self) -> bool:
        """Whether any block has come."""
        return self.streamed > 0

    @property
    def _is_followed(self) -> bool:
        """Whether frames or blocks are taken in as they come, and not one picture at the end."""
        return self.stream is not None or self.has_frames

    @property
    def left(self) -> str:
        """What is not finished, for people."""
        left = plural(len(self.pictures), "frame") if self.pictures else ""
        return left or plural(len(self.todo), "block")

    def written_frames(self) -> list[tuple[int, Path]]:
        """Return positions and pictures of the frames that the renderer says it has written."""
        first = self.task.tile.frame
        stop = first + self.watch.frames_done
        return [(at, path) for at, path in self.pictures.items() if at < stop]

    def part_with(self, frame: int, now: Seconds) -> Seconds:
        """Count a frame as done; return how long it took."""
        del self.pictures[frame]
        if stream := self.streams.pop(frame, None):
            stream.close()
        self.frame_seconds, self.began_frame = now - self.began_frame, now
        return self.frame_seconds

    def pace(self, now: Seconds) -> Seconds | None:
        """Return what a pixel of the last frame took, where the task is done; None if unknown."""
        tile = self.task.tile
        seconds = self.frame_seconds if self.has_frames else now - self.started
        return seconds / (tile.height * tile.width) if seconds else None

    @property
    def fraction(self) -> float:
        """How much of the task is done, 0 to 1.

        Where blocks come, the renderer's word counts as far as they bear it out: it may speak of a
        first pass, without any block.
        """
        if self.stream is None or self.has_frames or self.command.request:
            return self.watch.fraction
        return min(self.watch.fraction, (self.streamed + 1) / self._blocks)

    def listen(self, now: Seconds) -> None:
        """Take in what the renderer has said."""
        if self.process.is_waiting:
            self.started = self.began_frame = now
        had_pretraced = self.watch.has_pretraced
        fraction = self.watch.fraction
        for line in self.process.lines():
            self.first_word = self.first_word or now - self.started
            was_setting_up = self.watch.is_setting_up
            self.watch.see(line)
            if was_setting_up or self.watch.is_setting_up:
                self.setup_seconds = now - self.started
        if self.watch.is_pretracing or self.watch.has_pretraced > had_pretraced:
            self.pretrace_seconds = now - self.started - self.setup_seconds
        elif self.watch.fraction > fraction:
            self._note_pixels(now)
        if not self._pace or now - self._pace[-1][0] >= _PACE_STEP:
            self._pace.append((now, self.fraction))

    def _note_pixels(self, now: Seconds) -> None:
        """Remember when pixels were finished."""
        self.last_pixel = now - self.started
        self.first_pixel = self.first_pixel or self.last_pixel

    def finished_tiles(self, now: Seconds, *, ended: bool = False) -> list[TileRecord]:
        """Return the blocks that have been finished since the last call.

        Raises
        ------
        OutputMismatch
            If the renderer's file goes on in an unknown way. Where it begins in one, the picture
            is awaited instead.
        """
        if self.stream is None:
            return []
        try:
            records = self.stream.read(ended=ended)
        except OutputMismatch:
            if self.has_streamed:
                raise
            self.stream.close()
            self.stream = None
            if self.has_frames:  # another rank has begun with the rest of the frame
                raise
            return []
        if records:
            self.listen(now)  # to all that was said before them
            self.streamed += len(records)
            self._note_pixels(now)
            self.todo.difference_update(record.block for record in records)
        return records

    def leave(self, part: Tile) -> None:
        """Do no more than what lies outside a part of the task.

        Parameters
        ----------
        part : Tile
            Whole frames, or some blocks of one.
        """
        self.is_shortened = True
        if self.has_frames and part.spans(self.grid.area):
            first = self.task.tile.frame
            for frame in range(part.frame, part.frame + part.frames):
                self.pictures.pop(frame, None)
                self.process.tell(f"leave frame {self.task.numbers[frame - first]}")
            return
        if part.frame in self.pictures:
            del self.pictures[part.frame]
            self.frame = part.frame
            self.stream = self.streams[part.frame]
            self.todo = set(self.grid.blocks_of(self.grid.area))
        if part.frame == self.frame:
            self.todo.difference_update(self.grid.blocks_of(part))

    def seconds_left(self, now: Seconds) -> Seconds:
        """Return the expected time to the last pixel, infinite while that is a guess.

        Of the pace since the start and that of the last second the slower one counts: pictures
        often begin with an empty sky. The block that is at work counts as far as it is not done,
        as the time since the last one tells.
        """
        done = self.fraction
        if done < _NEARLY and not self.is_shortened:
            return float("inf")
        left = min(1.0 - done, self._share_left) if self.is_shortened else 1.0 - done
        since, before = self._pace[0]
        average = (now - self.started) / done if done else float("inf")
        recent = (now - since) / (done - before) if done > before else float("inf")
        if left <= 0:
            return 0.0
        pace = max(average, recent)
        since_block = now - self.started - self.last_pixel if self.has_streamed else 0.0
        return max(0.0, left * pace - min(pace / self._blocks, since_block))

    def seconds_left_at(self, pace: Seconds, now: Seconds) -> Seconds:
        """Return the expected time to the last pixel where each takes as long as it did before.

        For a renderer that says little while it is at work on a frame. It is infinite once it
        should have come to its end: this frame is another than those before.
        """
        tile = self.task.tile
        frames = len(self.pictures) if self.has_frames else 1
        left = frames * tile.height * tile.width * pace - (now - self.began_frame)
        return left if left >= 0 else float("inf")

    @property
    def _share_left(self) -> float:
        """How much of the whole task is this rank's and not finished, 0 to 1."""
        frames = len(self.pictures) / self.task.tile.frames
        return frames + len(self.todo) / self._blocks

    @property
    def _blocks(self) -> float:
        """How many blocks the task has, about."""
        return max(1.0, self.task.tile.pixels / self.grid.block**2)

    def memory(self) -> Bytes:
        """Return the resident set of the renderer."""
        return self.process.memory()

    def close(self) -> None:
        """End the renderer and read no more of its blocks."""
        self.process.kill()
        for stream in self.streams.values():
            stream.close()


def pictures_of(renderer: Renderer, job: Job, task: Task, output: Path) -> dict[int, Path]:
    """Return where the pictures of a task of whole frames will be, by their positions.

    Empty for all other tasks.
    """
    tile = task.tile
    if not task.numbers or not tile.spans(job.area):
        return {}
    return {
        tile.frame + index: renderer.frame_output(job, output, number)
        for index, number in enumerate(task.numbers)
    }


def streams_of(renderer: Renderer, job: Job, task: Task, output: Path) -> dict[int, TileStream]:
    """Return where finished blocks of each frame of a task will come from, by its position."""
    if not job.streams:
        return {}
    first = task.tile.frame
    if not task.numbers:
        return {first: renderer.stream(job, task, output)}
    return {
        first + index: renderer.stream(job, task, renderer.frame_output(job, output, number))
        for index, number in enumerate(task.numbers)
    }
