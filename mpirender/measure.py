"""What the parts of a job cost, from a small render of it that is watched block by block."""

from __future__ import annotations

import os
import time
from contextlib import closing
from dataclasses import dataclass, replace

from mpirender.attempt import Attempt, streams_of
from mpirender.backoff import Backoff
from mpirender.errors import RendererTimeout
from mpirender.model import Job, Task
from mpirender.partition import Grid
from mpirender.paths import Scratch
from mpirender.planning import CostModel, Sample
from mpirender.process import Process, clean_environment
from mpirender.renderers.base import Renderer
from mpirender.simulate import Overheads
from mpirender.units import Seconds

__all__ = ["measure"]

_FRAMES = 5  # of an animation that are looked at
_LOOK_EVERY: Seconds = 0.004


@dataclass(frozen=True, slots=True)
class _Look:
    """What one small picture has cost."""

    seconds_per_pixel: dict[int, Seconds]  # by block
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
    looks = {at: _look(renderer, small, at, threads) for at in positions}
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


def _look(renderer: Renderer, job: Job, frame: int, threads: int) -> _Look:
    """Render one small picture, in a scratch folder that does not stay."""
    scratch = Scratch(0)
    try:
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
        attempt = Attempt(task, 1, command, process, watch, grid, time.monotonic(), streams=streams)
        with closing(attempt):
            return _watch(attempt)
    finally:
        scratch.remove()


def _watch(attempt: Attempt) -> _Look:
    """See to the end when each block is finished."""
    seconds_per_pixel: dict[int, Seconds] = {}
    since: Seconds | None = None
    end = None
    backoff = Backoff(_LOOK_EVERY, _LOOK_EVERY)
    while end is None:
        end = attempt.process.poll()
        now = time.monotonic()
        attempt.listen(now)
        tiles = [(r.block, attempt.grid.tile_of(r.block)) for r in attempt.finished_tiles(now)]
        if tiles:
            if since is None:
                since = attempt.started + attempt.setup_seconds + attempt.pretrace_seconds
            each = max(0.0, now - since) / sum(tile.pixels for _, tile in tiles)
            seconds_per_pixel |= dict.fromkeys((block for block, _ in tiles), each)
            since = now
        elif attempt.process.is_stalled(now):
            raise RendererTimeout("hung: no word and no processor time for ten minutes")
        elif end is None:
            backoff.sleep()
    attempt.watch.judge(end)
    pixels, watch = attempt.task.tile.pixels, attempt.watch
    blocks = range(attempt.grid.rows * attempt.grid.columns)
    return _Look(
        seconds_per_pixel or dict.fromkeys(blocks, watch.render_seconds / pixels),
        latency=max(0.0, attempt.setup_seconds - watch.setup_seconds),
        setup=watch.setup_seconds,
        pretrace_per_pixel=attempt.pretrace_seconds / pixels,
    )


def _scaled(look: _Look, small: Job, grid: Grid) -> tuple[Seconds, ...]:
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
