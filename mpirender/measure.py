"""What the parts of a job cost, from a small render of it that is watched block by block."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace

from mpirender.attempt import Attempt, streams_of
from mpirender.backoff import Backoff
from mpirender.errors import RendererTimeout
from mpirender.model import Job, Task
from mpirender.partition import Grid
from mpirender.paths import Scratch
from mpirender.planning import CostModel, Sample
from mpirender.process import Exit, Process, clean_environment
from mpirender.renderers.base import Renderer
from mpirender.simulate import Overheads
from mpirender.units import Seconds

__all__ = ["Look", "look", "measure"]

_FRAMES = 5  # of an animation that are looked at
_LOOK_EVERY: Seconds = 0.004


@dataclass(frozen=True, slots=True)
class Look:
    """What one small picture has cost.

    Attributes
    ----------
    seconds_per_pixel : dict of int to float
        By block.
    latency, setup, pretrace_per_pixel : float
        Seconds asleep and at work before the first pixel, and of a first pass.
    """

    seconds_per_pixel: dict[int, Seconds]
    latency: Seconds
    setup: Seconds
    pretrace_per_pixel: Seconds


def measure(renderer: Renderer, small: Job, grid: Grid, *, threads: int) -> CostModel:
    """Render a small picture, or a few small frames, and scale their costs up.

    Parameters
    ----------
    renderer : Renderer
    small : Job
        The job with a smaller size.
    grid : Grid
        Of the whole picture, whose blocks' costs are wanted.
    threads : int

    Returns
    -------
    model : CostModel

    Raises
    ------
    RenderError
        If the small picture cannot be rendered.

    Notes
    -----
    A pixel is taken to cost the same in both sizes, a start of the renderer too.
    """
    frames = len(small.frames)
    last = max(0, frames - 1)
    positions = sorted({round(look * last / (_FRAMES - 1)) for look in range(_FRAMES)})
    looks = {at: look(renderer, small, at, threads=threads)[0] for at in positions}
    first = next(iter(looks.values()))
    block_pixels = grid.area.pixels / (grid.rows * grid.columns)
    return CostModel(
        rows=grid.rows,
        columns=grid.columns,
        frames=frames,
        samples=tuple(Sample(at, _scaled(look, small, grid)) for at, look in looks.items()),
        overheads=Overheads(
            latency=first.latency,
            setup=first.setup,
            pretrace=first.pretrace_per_pixel * block_pixels,
        ),
        streams=small.streams,
    )


def look(
    renderer: Renderer, job: Job, frame: int, *, threads: int, processes: int = 1
) -> list[Look]:
    """Render one small picture, several times at once where more than one process is wanted.

    Parameters
    ----------
    renderer : Renderer
    job : Job
    frame : int
        Position of the frame; 0 in a still.
    threads, processes : int
        Threads of each process.

    Returns
    -------
    looks : list of Look
        One a process.

    Raises
    ------
    RenderError
        If the picture cannot be rendered.
    """
    backoff = Backoff(_LOOK_EVERY, _LOOK_EVERY)
    with ExitStack() as stack:
        watchers = []
        for number in range(processes):
            scratch = Scratch(number)
            stack.callback(scratch.remove)
            attempt = _begin(renderer, job, frame, threads, scratch)
            watchers.append(_Watcher(stack.enter_context(closing(attempt))))
        while not all([watcher.step(time.monotonic()) for watcher in watchers]):
            backoff.sleep()
        return [watcher.look() for watcher in watchers]


def _begin(renderer: Renderer, job: Job, frame: int, threads: int, scratch: Scratch) -> Attempt:
    """Start a process for one small picture."""
    scratch.place(job.files)
    numbers = (job.frames[frame].number,) if job.frames else ()
    task = Task(0, replace(job.area, frame=frame), numbers=numbers)
    command = renderer.command(job, task, attempt=1, threads=threads, scratch=scratch.folder)
    streams = streams_of(renderer, job, task, command.output)
    process = Process(
        command.argv,
        directory=job.directory,
        environment=clean_environment(os.environ) | dict(command.environment),
        log=scratch.log(task.id, 1),
    )
    watch, grid = renderer.watch(job, task), Grid(job.area, job.block)
    return Attempt(task, 1, command, process, watch, grid, time.monotonic(), streams=streams)


class _Watcher:
    """Sees when each block of a small picture is finished."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self._since: Seconds | None = None
        self._end: Exit | None = None
        self._seconds_per_pixel: dict[int, Seconds] = {}

    def step(self, now: Seconds) -> bool:
        """Take in what is new; return whether the process has ended."""
        attempt = self._attempt
        if self._end is not None:
            return True
        self._end = attempt.process.poll()
        attempt.listen(now)
        tiles = [(r.block, attempt.grid.tile_of(r.block)) for r in attempt.finished_tiles(now)]
        if tiles:
            if self._since is None:
                self._since = attempt.started + attempt.setup_seconds + attempt.pretrace_seconds
            each = max(0.0, now - self._since) / sum(tile.pixels for _, tile in tiles)
            self._seconds_per_pixel |= dict.fromkeys((block for block, _ in tiles), each)
            self._since = now
        elif attempt.process.is_stalled(now):
            raise RendererTimeout("hung: no word and no processor time for ten minutes")
        return self._end is not None

    def look(self) -> Look:
        """Return what it has cost."""
        attempt, watch = self._attempt, self._attempt.watch
        assert self._end is not None, "it has ended"
        watch.judge(self._end)
        pixels = attempt.task.tile.pixels
        blocks = range(attempt.grid.rows * attempt.grid.columns)
        return Look(
            self._seconds_per_pixel or dict.fromkeys(blocks, watch.render_seconds / pixels),
            latency=max(0.0, attempt.setup_seconds - watch.setup_seconds),
            setup=watch.setup_seconds,
            pretrace_per_pixel=attempt.pretrace_seconds / pixels,
        )


def _scaled(look: Look, small: Job, grid: Grid) -> tuple[Seconds, ...]:
    """Return what the blocks of the whole picture cost, each by the small one at its centre."""
    small_grid = Grid(small.area, small.block)
    down, along = small.height / grid.area.height, small.width / grid.area.width
    costs = []
    for block in range(grid.rows * grid.columns):
        tile = grid.tile_of(block)
        row, column = (tile.start + tile.stop) / 2 * down, (tile.left + tile.right) / 2 * along
        there = small_grid.block_at(
            min(int(row), small.height - 1), min(int(column), small.width - 1)
        )
        costs.append(look.seconds_per_pixel.get(there, 0.0) * tile.pixels)
    return tuple(costs)
