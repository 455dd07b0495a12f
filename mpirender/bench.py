"""A bench: the same picture by 1, 2, 4 ... of the ranks of one allocation, and what that shows."""

from __future__ import annotations

import hashlib
import math
import os
import random
import time
from collections.abc import Collection, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from mpirender.app import prepare, settle
from mpirender.errors import MpirenderError, TransportError, UsageError
from mpirender.flags import BenchFlags, Flags
from mpirender.hosts import Claim, seat_of_this_process, threads_for
from mpirender.messages import Join
from mpirender.model import Job, Seat
from mpirender.paths import make_folder
from mpirender.renderers.base import SceneInfo
from mpirender.report.metrics import metrics_of
from mpirender.report.recorder import PREPARE, Recorder
from mpirender.report.records import STRONG, WEAK, Report, RunRecord
from mpirender.reporter import page_of, setting_of, write_report, write_results
from mpirender.run import Production, assemble, connect, dismiss, mpi_version, produce, work
from mpirender.shots import Shots, ask_for_shots
from mpirender.studio import Studio
from mpirender.transport.base import Transport
from mpirender.transport.recording import RecordingTransport
from mpirender.units import Seconds, format_seconds, plural
from mpirender.views.base import NoView, print_out, say

__all__ = ["Trial", "bench", "portion_of", "sizes_of", "trials_of"]

_WARM_UP = 0  # repeat of the run that counts for nothing
_PICTURES = "pictures"  # folder for those of the latest run


@dataclass(frozen=True, slots=True)
class Trial:
    """A run to be made.

    Attributes
    ----------
    ranks : int
    policy : str
    repeat : int
        From 1; 0 for the warm-up.
    """

    ranks: int
    policy: str
    repeat: int


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is rendered by some number of ranks."""

    shots: Shots
    answers: tuple[SceneInfo, ...]


def bench(order: BenchFlags, claim: Claim) -> int:
    """Measure how a scene scales; rank 0's part.

    Parameters
    ----------
    order : BenchFlags
    claim : Claim
        What the launcher says of this process.

    Returns
    -------
    status : int
        Exit status, 0.

    Raises
    ------
    MpirenderError
        Whatever went wrong; the runs before it are in the report, and the other ranks have been
        sent home.
    """
    transport: Transport | None = None
    lab: _Lab | None = None
    try:
        transport = connect(claim)
        if transport.rank > 0:  # the launcher did not say so
            return work(transport)
        lab = _Lab(order, transport, mpi=mpi_version(claim))
        lab.measure()
    except MpirenderError:
        dismiss(claim, transport, lost=lab.lost if lab else ())
        raise
    dismiss(claim, transport)
    print_out(f"{Path.cwd() / page_of(order.out)}")
    return 0


def sizes_of(wanted: Sequence[int], ranks: int) -> tuple[int, ...]:
    """Return the numbers of ranks to be measured: those wanted, or 1, 2, 4 ... and all.

    Raises
    ------
    UsageError
        If more are wanted than there are.
    """
    if wanted and max(wanted) > ranks:
        raise UsageError(
            f"--ranks {max(wanted)}: this run has {plural(ranks, 'rank')}",
            hint=f"mpirun -np {max(wanted)} mpirender bench ...",
        )
    powers = (1 << power for power in range(ranks.bit_length()))
    return tuple(sorted({*wanted} or {*powers, ranks}))


def trials_of(
    sizes: Sequence[int], policies: Sequence[str], repeats: int, seed: int
) -> list[Trial]:
    """Return all runs in their order: a warm-up of all ranks, then the repeats.

    Each repeat goes through all sizes and policies in a random order, so that what changes with
    time, such as the heat of a processor, falls on all of them alike.
    """
    order = random.Random(seed)
    pairs = [(size, policy) for size in sizes for policy in policies]
    trials = [Trial(max(sizes), policies[0], _WARM_UP)]
    for repeat in range(1, repeats + 1):
        trials += [Trial(*pair, repeat) for pair in order.sample(pairs, len(pairs))]
    return trials


def portion_of(info: SceneInfo, ranks: int, most: int) -> SceneInfo:
    """Return the frames that some of the ranks render in weak scaling, spread evenly.

    Raises
    ------
    UsageError
        If frames are made of others.
    """
    if info.blends:
        raise UsageError("--weak with --motion-blur", hint="leave out one of them")
    count = max(1, round(len(info.frames) * ranks / most))
    chosen = (info.frames[at * len(info.frames) // count] for at in range(count))
    return replace(info, frames=tuple(chosen))


class _Lab:
    """The runs of a bench, one after the other.

    Parameters
    ----------
    order : BenchFlags
    transport : Transport
        Of all ranks.
    mpi : str
        Version of the MPI library; empty where there is none.

    Raises
    ------
    MpirenderError
        If the work cannot be done by these ranks.
    """

    def __init__(self, order: BenchFlags, transport: Transport, *, mpi: str) -> None:
        self.lost: set[int] = set()
        self._order = order
        self._transport = transport
        self._sizes = sizes_of(order.ranks, transport.size)
        seats = self._assemble(range(1, transport.size))
        seats[0] = seat_of_this_process(transport.host, os.environ)
        shares = threads_for([seats[rank] for rank in sorted(seats)])
        self._asked = _ask(order, self._sizes)
        render = settle(order.render, self._asked[self._sizes[-1]].answers)
        self._threads = render.threads or min(shares)
        largest = self._prepare(self._sizes[-1], order.policies[0])
        options = {
            "policies": ", ".join(order.policies),
            "threads a rank": str(self._threads),
            "ranks": ", ".join(map(str, self._sizes)),
            "repeats": str(order.repeats),
            "seed of their order": str(order.seed),
        }
        kind = WEAK if order.weak else STRONG
        setting = setting_of(kind, largest.jobs, render, mpi=mpi, options=options)
        self._report = Report(setting, ())

    def measure(self) -> None:
        """Make all runs, and write the report of them, or of those before a failure."""
        order = self._order
        trials = trials_of(self._sizes, order.policies, order.repeats, order.seed)
        try:
            for number, trial in enumerate(trials, 1):
                run = self._try(trial)
                self._report = replace(self._report, runs=(*self._report.runs, run))
                write_results(self._report, order.out)
                self._say(trial, metrics_of(run).makespan, f"{number} of {len(trials)}")
        finally:
            if self._report.counted:
                write_report(self._report, order.out)

    def _prepare(self, ranks: int, policy: str) -> Production:
        """Return what some ranks are to make, its pictures in the bench's folder."""
        asked, flags = self._asked[ranks], replace(self._order.render, policy=policy)
        jobs, schedule = prepare(flags, asked.shots, asked.answers, ranks=ranks)
        folder = (self._order.out / _PICTURES).resolve()
        several = len(jobs) > 1
        moved = [
            _moved(job, folder / str(at) if several else folder) for at, job in enumerate(jobs)
        ]
        studio = Studio(moved, asked.shots, None, schedule, ranks=ranks)
        return Production(moved, schedule, studio, self._threads)

    def _try(self, trial: Trial) -> RunRecord:
        """Make one run.

        Raises
        ------
        TransportError
            If a rank is lost on the way.
        MpirenderError
            Whatever else goes wrong.
        """
        recorder = Recorder(time.monotonic)
        production = self._prepare(trial.ranks, trial.policy)
        recorder.end_phase(PREPARE)
        for rank in range(1, self._transport.size):
            self._transport.send(rank, Join(trial.ranks))
        part = RecordingTransport(self._transport.first(trial.ranks), recorder)
        root = produce(production, part, recorder, NoView())
        if part.has_lost:
            self.lost = root.lost_ranks
            which = f": ranks {sorted(self.lost)}" if self.lost else ""
            raise TransportError(f"lost in the bench{which}")
        self._assemble(range(1, trial.ranks))
        return recorder.run(
            trial.policy,
            sum(job.pixels for job in production.jobs),
            repeat=trial.repeat,
            pictures=_hash_of(production.studio.results),
        )

    def _assemble(self, ranks: Collection[int]) -> dict[int, Seat]:
        """Wait until ranks say that they are there, and return where they sit.

        Raises
        ------
        TransportError
            If one does not.
        """
        seats = assemble(self._transport, ranks)
        if lost := set(ranks) - seats.keys():
            self.lost = lost
            raise TransportError(f"not heard of: ranks {sorted(lost)}")
        return seats

    def _say(self, trial: Trial, seconds: Seconds, number: str) -> None:
        """Tell the user how far the bench is."""
        if not self._order.render.quiet:
            what = f"repeat {trial.repeat}" if trial.repeat else "warm-up"
            say(
                f"mpirender: run {number}: {plural(trial.ranks, 'rank')}, {trial.policy}, {what}:"
                f" {format_seconds(seconds)}"
            )


def _ask(order: BenchFlags, sizes: Sequence[int]) -> dict[int, _Asked]:
    """Return what every number of ranks is to render: the same, or in weak scaling its part."""
    whole = _answers(order.render)
    if not order.weak:
        return dict.fromkeys(sizes, whole)
    most = sizes[-1]
    if all(info.frames for info in whole.answers):
        return {
            size: replace(whole, answers=tuple(portion_of(i, size, most) for i in whole.answers))
            for size in sizes
        }
    info = whole.answers[0]
    asked = {most: whole}
    for size in sizes[:-1]:
        edge = math.sqrt(size / most)
        width, height = max(1, round(info.width * edge)), max(1, round(info.height * edge))
        asked[size] = _answers(replace(order.render, size=(width, height)))
    return asked


def _answers(flags: Flags) -> _Asked:
    """Ask the renderers what is meant."""
    shots = ask_for_shots(flags)
    with closing(shots):
        return _Asked(shots, tuple(shot.question.answer() for shot in shots.shots))


def _moved(job: Job, folder: Path) -> Job:
    """Return a job whose pictures lie in another folder, which is made."""
    make_folder(folder)
    return replace(
        job,
        output=folder / job.output.name,
        frames=tuple(replace(f, output=folder / f.output.name) for f in job.frames),
        blends=tuple(
            replace(b, output=folder / b.output.name, parts=tuple(folder / p.name for p in b.parts))
            for b in job.blends
        ),
    )


def _hash_of(pictures: Iterable[Path]) -> str:
    """Return the SHA-256 of the pixels of pictures; dates and the like in the files differ."""
    from mpirender.images import read_picture

    total = hashlib.sha256()
    for path in pictures:
        pixels = read_picture(path).pixels
        total.update(f"{pixels.shape} {pixels.dtype}".encode())
        total.update(pixels.tobytes())
    return total.hexdigest()
