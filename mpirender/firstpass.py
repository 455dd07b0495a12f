"""A pass before the picture: what all tasks of a still are to share, such as radiosity samples."""

from __future__ import annotations

import logging
import tempfile
import time
from pathlib import Path

from mpirender.errors import IncompletePicture, TransportError
from mpirender.flags import Flags
from mpirender.hosts import Claim, is_bound
from mpirender.messages import Join
from mpirender.model import Job
from mpirender.partition import Grid, Partition
from mpirender.policy import policy_named
from mpirender.renderers import renderer_named
from mpirender.report.recorder import FIRST, Recorder
from mpirender.run import Production, produce
from mpirender.schedule import Schedule
from mpirender.shots import Shots
from mpirender.studio import Studio
from mpirender.transport.base import Transport
from mpirender.views.progress import view_for

__all__ = ["needs_first_pass", "run_first_pass"]

log = logging.getLogger(__name__)

_BAND = 2  # rows of blocks


def needs_first_pass(jobs: list[Job], flags: Flags, claim: Claim, *, ranks: int) -> bool:
    """Return whether ranks would find each for itself what they could share.

    Ranks that may use the same cores render such a picture in one process. Where they are on
    several hosts, bound to cores, or told how many threads they have, they cannot; and where the
    picture is not to depend on their number, they must not.
    """
    if not jobs[0].shares_samples:
        return False
    is_one_process = flags.threads is None and claim.neighbours == ranks and not is_bound()
    return flags.reproducible or not (ranks == 1 or is_one_process)


def run_first_pass(
    job: Job, flags: Flags, claim: Claim, transport: Transport, recorder: Recorder
) -> Job:
    """Have all ranks find what they are to share, and return the job that has it.

    Collective over all ranks of the transport; this is rank 0.

    Parameters
    ----------
    job : Job
        One still.
    flags : Flags
    claim : Claim
    transport : Transport
    recorder : Recorder
        Told when the pass ends.

    Raises
    ------
    TransportError
        If a rank is lost: those that are left wait for it.
    MpirenderError
        Whatever else went wrong, but for single tasks.
    """
    renderer = renderer_named(job.renderer)
    with tempfile.TemporaryDirectory(prefix="mpirender-first-") as folder:
        first = renderer.first_pass(job, Path(folder) / "found")
        if first is None:
            return job
        for rank in range(1, transport.size):
            transport.send(rank, Join(transport.size))
        grid = Grid(first.area, first.block)
        policy = policy_named("ss", blocks=_BAND * grid.columns)
        schedule = Schedule(
            Partition(grid), policy, ranks=transport.size, retries=flags.limits.retries
        )
        studio = Studio([first], Shots((), ()), None, schedule)
        production = Production([first], schedule, studio, flags.threads)
        view = view_for(flags.progress, launched=bool(claim.launcher))
        log.info("first pass: %s finds what all ranks are to share", job.renderer)
        part = transport.first(transport.size)
        try:
            own = Recorder(time.monotonic)  # its phases are one phase of the run
            produce(production, part, own, view)
        except IncompletePicture as error:
            log.warning("seams may show, since not all of the first pass succeeded: %s", error)
        if part.has_lost:
            raise TransportError(
                "ranks were lost in the first pass", hint="the same command tries again"
            )
        recorder.end_phase(FIRST)
        return renderer.after_first_pass(job, first.output)
