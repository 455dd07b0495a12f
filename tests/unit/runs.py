"""Records of runs that have not been made: whole numbers of seconds, so that sums are exact."""

from __future__ import annotations

from collections.abc import Sequence

from mpirender.report.records import (
    COMPLETED,
    STRONG,
    AttemptRecord,
    PhaseRecord,
    RankRecord,
    Report,
    RunRecord,
    Setting,
)


def attempt(
    rank: int,
    began: float,
    ended: float,
    *,
    task: int = 0,
    outcome: str = COMPLETED,
    cpu_seconds: float | None = None,
    peak_memory: int = 1 << 20,
) -> AttemptRecord:
    """An attempt of which a quarter each is launch, parse, render and finish; travel takes none."""
    quarter = (ended - began) / 4
    moments = (began + quarter * step for step in range(1, 4))
    first_word, first_pixel, last_pixel = moments if outcome == COMPLETED else (began,) * 3
    return AttemptRecord(
        *(task, 1, rank, f"rows {task}", 100, outcome, began, began),
        *(first_word, first_pixel, last_pixel, ended, ended, first_word, first_pixel),
        cpu_seconds=ended - began if cpu_seconds is None else cpu_seconds,
        peak_memory=peak_memory,
    )


def run(
    *attempts: AttemptRecord,
    ranks: int = 1,
    end: float | None = None,
    threads: int = 1,
    cores: int = 64,
    pixels: int = 100,
    repeat: int = 1,
    pictures: str = "same",
    policy: str = "halving",
) -> RunRecord:
    """A run on one host with 1 GiB, whose last picture is there at the end."""
    last = max(a.arrived for a in attempts) if end is None else end
    seats = tuple(
        RankRecord(rank, "here", "a processor", tuple(range(cores)), 1 << 30, threads, 0.0)
        for rank in range(ranks)
    )
    phases = (PhaseRecord("meet", 0.0, 0.0), PhaseRecord("share out", 0.0, last))
    return RunRecord(policy, pixels, seats, attempts, phases, repeat, pictures)


def run_of(
    ranks: int,
    seconds: float,
    *,
    repeat: int = 1,
    pixels: int = 100,
    pictures: str = "same",
    threads: int = 1,
) -> RunRecord:
    """A run in which all ranks are busy all the time."""
    attempts = [attempt(rank, 0, seconds, task=rank) for rank in range(ranks)]
    return run(
        *attempts, ranks=ranks, repeat=repeat, pixels=pixels, pictures=pictures, threads=threads
    )


def report(runs: Sequence[RunRecord], kind: str = STRONG) -> Report:
    return Report(
        Setting(
            kind=kind,
            date="2026-01-02T03:04:05+00:00",
            argv=("mpirender", "bench", "a <b> & c.pov"),
            directory="/somewhere",
            versions={"mpirender": "0.1.0", "povray": "3.7.0.10"},
            scene="a <b> & c.pov",
            scene_hash="0123",
            width=10,
            height=10,
            frames=0,
            options={"seed": "1"},
        ),
        tuple(runs),
    )
