"""How many processes with how many threads each a host renders best with, by trying them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from mpirender.measure import look
from mpirender.model import Job, Seat
from mpirender.renderers.base import Renderer
from mpirender.units import Seconds, format_seconds, plural

__all__ = ["Trial", "best_of", "layouts_of", "tune"]

_MUCH_BETTER = 0.97  # of the time of the usual layout, which stays where it is nearly as good


@dataclass(frozen=True, slots=True)
class Trial:
    """One layout of the ranks that share a host's cores, and what came of it.

    Attributes
    ----------
    processes, threads : int
        Ranks that work, and threads of each.
    seconds : float
        That the host should need for its part of the job.
    """

    processes: int
    threads: int
    seconds: Seconds

    def __str__(self) -> str:
        return (
            f"{self.processes} x {plural(self.threads, 'thread')}: {format_seconds(self.seconds)}"
        )


def layouts_of(ranks: int, cores: int) -> list[tuple[int, int]]:
    """Return processes and threads of each that are worth a trial; the last is the usual one.

    Parameters
    ----------
    ranks : int
        That share some cores.
    cores : int
    """
    powers = (1 << power for power in range(ranks.bit_length()))
    counts = sorted({*(count for count in powers if count < ranks), ranks})
    return [(count, max(1, cores // count)) for count in counts]


def tune(renderer: Renderer, small: Job, job: Job, seats: Sequence[Seat]) -> list[Trial]:
    """Render a small picture in every layout of rank 0's host.

    Parameters
    ----------
    renderer : Renderer
    small : Job
        The job with a smaller size.
    job : Job
    seats : sequence of Seat
        Of all ranks, rank 0's first.

    Returns
    -------
    trials : list of Trial
        The usual layout last. Only that one where rank 0 has its cores for itself.

    Raises
    ------
    RenderError
        If the small picture cannot be rendered.

    Notes
    -----
    In each layout all its processes render the same small picture at the same time, so that they
    are in each other's way as in the run. A pixel is taken to cost the same in both sizes, and a
    start too: once a process of a still, once a frame of an animation.
    """
    here = sum(seat == seats[0] for seat in seats)
    share = here / len(seats)
    trials = []
    for processes, threads in layouts_of(here, len(seats[0].cores)):
        frame = len(small.frames) // 2
        looks = look(renderer, small, frame, threads=threads, processes=processes)
        start = fmean(each.latency + each.setup for each in looks)
        pixel = fmean(
            fmean(each.seconds_per_pixel.values()) + each.pretrace_per_pixel for each in looks
        )
        starts = max(1.0, len(job.frames) * share / processes)
        seconds = starts * start + job.pixels * share * pixel / processes
        trials.append(Trial(processes, threads, seconds))
    return trials


def best_of(trials: Sequence[Trial]) -> Trial:
    """Return the fastest layout; the usual one, the last, where it is nearly as fast."""
    best = min(trials, key=lambda trial: trial.seconds)
    return best if best.seconds < _MUCH_BETTER * trials[-1].seconds else trials[-1]
