"""What a rank sends of an attempt: blocks, frames, a witness, and what it has cost."""

from __future__ import annotations

import logging
import shutil
import zlib
from pathlib import Path

from mpirender.attempt import Attempt
from mpirender.messages import FrameDone, TilesDone, Witness
from mpirender.model import Job, Result, TileRecord
from mpirender.paths import atomic_replace
from mpirender.renderers.base import Renderer
from mpirender.units import Bytes, Seconds

__all__ = ["frame_done", "output_of", "result_of", "tiles_done", "witness_of"]

log = logging.getLogger(__name__)

_FAST = 1  # level of zlib: most of the picture is black


def output_of(attempt: Attempt, renderer: Renderer, job: Job) -> Path:
    """Return the picture that a task leaves, that of its first frame where it has several."""
    output, numbers = attempt.command.output, attempt.task.numbers
    return renderer.frame_output(job, output, numbers[0]) if numbers else output


def tiles_done(attempt: Attempt, records: list[TileRecord]) -> TilesDone:
    """Return the message with some finished blocks."""
    assert attempt.stream is not None, "blocks come from a stream"
    return TilesDone(
        attempt.task.id,
        attempt.frame,
        blocks=tuple(record.block for record in records),
        sizes=tuple(len(record.data) for record in records),
        header=attempt.stream.header,
        setup_seconds=attempt.setup_seconds,
        pretrace_seconds=attempt.pretrace_seconds,
        pixels=b"".join(record.data for record in records),
    )


def frame_done(attempt: Attempt, job: Job, frame: int, now: Seconds, *, puts: bool) -> FrameDone:
    """Return the message with a whole frame, and take it off the attempt's list.

    Parameters
    ----------
    attempt : Attempt
    job : Job
    frame : int
        Its position; its picture has been checked.
    now : float
    puts : bool
        Whether this rank puts the picture in its place itself.
    """
    path = attempt.pictures[frame]
    seconds = attempt.part_with(frame, now)
    data: bytes | None = None
    if puts:
        number = attempt.task.numbers[frame - attempt.task.tile.frame]
        with atomic_replace(job.frame(number).output) as temporary:
            shutil.copyfile(path, temporary)
    else:
        data = path.read_bytes()
    path.unlink()
    return FrameDone(attempt.task.id, frame, seconds, pixels=data)


def witness_of(attempt: Attempt, renderer: Renderer, job: Job) -> Witness | None:
    """Return the picture that a renderer has left at its end; None where it has not."""
    try:
        file = output_of(attempt, renderer, job).read_bytes()
    except OSError as error:
        log.debug("no witness: %s", error)
        return None
    return Witness(attempt.task, zlib.compress(file, _FAST))


def result_of(
    attempt: Attempt, rank: int, host: str, now: Seconds, cpu_seconds: Seconds, memory: Bytes
) -> Result:
    """Return what an attempt has cost; of one that was ended early, as far as it was watched."""
    seconds, watch = now - attempt.started, attempt.watch
    return Result(
        task=attempt.task,
        attempt=attempt.number,
        rank=rank,
        host=host,
        seconds=seconds,
        setup_seconds=attempt.setup_seconds if attempt.is_done else watch.setup_seconds,
        render_seconds=(
            seconds - attempt.setup_seconds if attempt.is_done else watch.render_seconds
        ),
        cpu_seconds=cpu_seconds,
        peak_memory=memory,
        first_word=attempt.first_word,
        first_pixel=attempt.first_pixel,
        last_pixel=attempt.last_pixel,
    )
