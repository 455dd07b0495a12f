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
import time
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mpirender.errors import MpirenderError, TransportError, UsageError
from mpirender.events import SendTask, TaskCompleted, WorkerReady
from mpirender.firstpass import needs_first_pass, run_first_pass
from mpirender.flags import Flags
from mpirender.hosts import Claim, seat_of_this_process
from mpirender.messages import Join
from mpirender.model import Job, Result, Seat
from mpirender.partition import FramePartition, Grid, Partition
from mpirender.policy import Policy, automatic, policy_named
from mpirender.process import age_of_this_process
from mpirender.renderers import renderer_named
from mpirender.renderers.base import SceneInfo
from mpirender.report.recorder import ASK, PREPARE, START, TUNE, Recorder
from mpirender.report.records import RENDER, Report
from mpirender.root import Root
from mpirender.run import Production, assemble, connect, dismiss, mpi_version, produce, work
from mpirender.schedule import Schedule
from mpirender.shots import Shots, in_order, job_of, smaller, with_movies
from mpirender.studio import Studio
from mpirender.transport.base import Transport
from mpirender.transport.recording import RecordingTransport
from mpirender.units import format_percent, format_seconds, plural
from mpirender.views.base import print_out, say
from mpirender.views.progress import view_for

if TYPE_CHECKING:
    from mpirender.tune import Trial

__all__ = ["prepare", "render", "settle"]

log = logging.getLogger(__name__)

_SMALLER = 8  # times in width and height is a picture that layouts are tried on


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
    recorder = Recorder(time.monotonic, age_of_this_process())
    try:
        with closing(shots):  # answered while MPI starts
            transport = connect(claim)
            recorder.end_phase(START)
            answers = [shot.question.answer() for shot in shots.shots if transport.rank == 0]
            recorder.end_phase(ASK)
        if not answers:  # the launcher did not say that this is another rank
            return work(transport)
        flags, shots = settle(flags, answers), with_movies(shots, answers)
        jobs, schedule = prepare(flags, shots, answers, ranks=transport.size)
        _remark(jobs, answers, ranks=transport.size)
        first = needs_first_pass(jobs, flags, claim, ranks=transport.size)
        if flags.dry_run:
            print_out(_plan(jobs, schedule, flags, ranks=transport.size, first=first))
            return dismiss(claim, transport)
        if first:
            jobs = [run_first_pass(jobs[0], flags, claim, transport, recorder)]
            schedule = _schedule(jobs, shots, flags, ranks=transport.size)
        studio = Studio(
            jobs, shots, flags.sheet, schedule, ranks=transport.size, snapshot=flags.snapshot
        )
        recorder.end_phase(PREPARE)
    except MpirenderError:
        dismiss(claim, transport)
        raise
    production = Production(jobs, schedule, studio, flags.threads)
    if flags.tune and _can_be_tuned(jobs):
        return _tune_and_coordinate(production, flags, transport, recorder, claim)
    return _coordinate(production, flags, transport, recorder, claim)


def _remark(jobs: Sequence[Job], answers: Sequence[SceneInfo], *, ranks: int) -> None:
    """Tell the user what ranks cannot share."""
    if ranks == 1:
        return
    for remark in {remark: None for answer in answers for remark in answer.remarks}:
        log.warning("%s", remark)
    idle = ranks - sum(len(job.frames) for job in jobs)
    for job in (job for job in jobs if job.whole):
        level = logging.WARNING if idle > 0 else logging.INFO
        left = f", so that {plural(idle, 'rank')} will have nothing to do" if idle > 0 else ""
        log.log(level, "%s: frames are not cut%s: %s", job.scene.name, left, job.whole)


# ------------------------------------------------------------------------------------ the run


def _tune_and_coordinate(
    production: Production,
    flags: Flags,
    transport: Transport,
    recorder: Recorder,
    claim: Claim,
) -> int:
    """Try layouts of processes and threads while all other ranks wait, and go on with the best."""
    from mpirender.tune import best_of

    lost: Collection[int] = ()
    try:
        others = range(1, transport.size)
        seats = assemble(transport, others)
        if lost := set(others) - seats.keys():
            raise TransportError(f"not heard of: ranks {sorted(lost)}")
        here = seat_of_this_process(transport.host, os.environ)
        trials = _tune(production, flags, [here, *seats.values()])
        recorder.end_phase(TUNE)
        for rank in others:
            transport.send(rank, Join(transport.size))
        production = replace(production, processes=best_of(trials).processes)
        part = transport.first(transport.size)
        status = _coordinate(production, flags, part, recorder, claim, trials=trials)
    except MpirenderError:
        dismiss(claim, transport, lost=lost)
        raise
    return dismiss(claim, transport) or status


def _can_be_tuned(jobs: Sequence[Job]) -> bool:
    """Return whether there is a choice of layouts; say why not where there is none."""
    if jobs[0].shares_samples:
        log.warning("nothing to be tuned: %s", _TOGETHER)
    return not jobs[0].shares_samples


def _tune(production: Production, flags: Flags, seats: Sequence[Seat]) -> list[Trial]:
    """Return how the layouts of this host's ranks have done; the log says it too.

    Raises
    ------
    UsageError
        If there are several shots, or only a part of a picture is wanted.
    """
    from mpirender.tune import best_of, tune

    if len(production.jobs) != 1:
        raise UsageError("--tune with several shots", hint="leave it out, or render one scene")
    job = production.jobs[0]
    renderer = renderer_named(job.renderer)
    whole = job.width, job.height
    small = smaller(flags, renderer, size=whole, area=job.area, scale=_SMALLER)
    trials = tune(renderer, small, job, seats)
    log.warning("tuned: %s; best: %s", "; ".join(map(str, trials)), best_of(trials))
    return trials


def _coordinate(
    production: Production,
    flags: Flags,
    transport: Transport,
    recorder: Recorder,
    claim: Claim,
    *,
    trials: Sequence[Trial] = (),
) -> int:
    """Make all, and say what has been made."""
    started = time.monotonic()
    door = RecordingTransport(transport, recorder) if flags.report else transport
    root = produce(
        production, door, recorder, view_for(flags.progress, launched=bool(claim.launcher))
    )
    if not flags.quiet:
        say(_summary(root, transport.size, time.monotonic() - started))
    for path in production.studio.results:
        print_out(str(path))
    if flags.report:
        options = {"tuned": "; ".join(map(str, trials))} if trials else {}
        _report(production, flags, recorder, mpi=mpi_version(claim), options=options)
    return 0


def _report(
    production: Production,
    flags: Flags,
    recorder: Recorder,
    *,
    mpi: str,
    options: dict[str, str],
) -> None:
    """Write the report of the run."""
    from mpirender.reporter import page_of, setting_of, write_report

    assert flags.report, "a report is wanted"
    jobs, policy = production.jobs, production.schedule.policy
    setting = setting_of(RENDER, jobs, flags, mpi=mpi, options=options)
    run = recorder.run(policy, sum(job.pixels for job in jobs))
    write_report(Report(setting, (run,)), flags.report)
    print_out(f"{Path.cwd() / page_of(flags.report)}")


# ------------------------------------------------------------------------------ what is meant

_FIRST = "radiosity: all ranks find samples first, in bands, and each of them loads those of all"
_TOGETHER = "radiosity: ranks of one host render in one process, with the threads of all of them"


def settle(flags: Flags, answers: Sequence[SceneInfo]) -> Flags:
    """Return the flags with the threads that are asked for in any way, or needed.

    Raises
    ------
    UsageError
        If these are several in a reproducible run.
    """
    asked = {flags.threads, *(answer.threads for answer in answers)} - {None}
    if flags.reproducible:
        if several := asked - {1}:
            raise UsageError(
                f"--reproducible with {several.pop()} threads, expected 1",
                hint="threads trace in an order of their own; leave out --threads and +WT",
            )
        return replace(flags, threads=1)
    if flags.threads is None and len(answers) == 1:
        return replace(flags, threads=answers[0].threads)
    return flags


def prepare(
    flags: Flags, shots: Shots, answers: Sequence[SceneInfo], *, ranks: int
) -> tuple[list[Job], Schedule]:
    """Return what is to be done, and by which rule it is shared out.

    Raises
    ------
    UsageError
        If a shot of several has no frames.
    """
    jobs = [
        job_of(flags, shot.renderer, info, streams=info.streams and ranks > 1)
        for shot, info in zip(shots.shots, answers, strict=True)
    ]
    return jobs, _schedule(jobs, shots, flags, ranks=ranks)


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
        divides = all(shot.renderer.divides for shot in shots.shots)
        partition = FramePartition(
            sections,
            rows=divides and all(job.streams for job in jobs),
            ranks=1 if divides else ranks,
        )
    policy = _policy(flags, jobs[0], grids[0])
    return Schedule(partition, policy, ranks=ranks, retries=flags.limits.retries)


def _policy(flags: Flags, job: Job, grid: Grid) -> Policy:
    """Return the rule by which a run is shared out: the one that was named, or ours."""
    name, blocks = flags.policy, 1
    if flags.rows_per_task is not None and not job.frames:
        name = "ss" if name == "auto" else name
        blocks = grid.columns * math.ceil(flags.rows_per_task / job.block)
    elif flags.reproducible and not job.frames:  # pieces for any number of ranks
        name, blocks = "ss", grid.columns
    if name == "auto":
        return automatic(streams=job.streams, frames=bool(job.frames))
    return policy_named(name, blocks=blocks)


def _plan(jobs: list[Job], schedule: Schedule, flags: Flags, *, ranks: int, first: bool) -> str:
    """Return tasks and command lines as they would be if ranks came for them in turn."""
    lines = []
    for job in jobs:
        frames = f" {plural(len(job.frames), 'frame')}," if job.frames else ""
        size = f"{job.width} x {job.height} pixels"
        whole = f"; frames are not cut: {job.whole}" if job.whole else ""
        lines.append(f"{job.output}: {size},{frames} {plural(ranks, 'rank')}{whole}")
        if first or (job.shares_samples and ranks > 1):
            lines.append(_FIRST if first else _TOGETHER)
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
                lines += [f"  {command.request}"] if command.request else []
                schedule.handle(TaskCompleted(Result(task, 1, rank, "", 0, 0, 0, 0, 0)), now=0.0)
    return "\n".join(lines)


def _summary(root: Root, ranks: int, seconds: float) -> str:
    """Return the line that closes a run."""
    return (
        f"mpirender: {plural(len(root.results), 'task')} on {plural(ranks, 'rank')} in"
        f" {format_seconds(seconds)}, ranks busy {format_percent(root.busy)} of the time"
    )
