"""What is remembered of runs: raw times, nothing computed; and how that is written down.

All times are seconds on rank 0's clock, counted from the beginning of their run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, replace
from typing import Any

from mpirender.errors import UsageError
from mpirender.units import Bytes, Pixels, Seconds

__all__ = [
    "COMPLETED",
    "DROPPED",
    "FAILED",
    "RENDER",
    "STRONG",
    "WEAK",
    "AttemptRecord",
    "PhaseRecord",
    "PieceRecord",
    "RankRecord",
    "Report",
    "RunRecord",
    "Setting",
    "WorkRecord",
    "from_json",
    "to_json",
]

_VERSION = 2  # of results.json; 1: the first; 2: what each piece of the work has cost
_READABLE = (1, 2)

COMPLETED, FAILED, DROPPED = "completed", "failed", "dropped"
"""Outcomes of an attempt; a dropped one was ended because nobody waited for it any more."""

RENDER, STRONG, WEAK = "render", "strong", "weak"
"""Kinds of a report: one render, or a bench in which the work stays, or grows with the ranks."""


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One attempt at a task.

    Attributes
    ----------
    task, attempt, rank : int
    what : str
        The task in words.
    pixels : int
        Of the task when it was handed out.
    outcome : str
        `COMPLETED`, `FAILED` or `DROPPED`.
    assigned, arrived : float
        When rank 0 sent the task, and when it had the outcome.
    started, first_word, first_pixel, last_pixel, ended : float
        Of the renderer; not less than the one before. What was never seen to happen has the time
        of the one before, but in attempts that were not completed `ended` is `arrived`, and
        `last_pixel` is when rank 0 last got blocks of them.
    began_setup, began_pixels : float
        When it began to parse, and to trace: from what it says of the times that this took, laid
        back from `last_pixel`, where it says so. In tasks of several frames all of their parsing
        comes before all of their tracing.
    cpu_seconds : float
        User and system time of the renderer.
    peak_memory : int
        Its largest resident set in bytes.
    """

    task: int
    attempt: int
    rank: int
    what: str
    pixels: Pixels
    outcome: str
    assigned: Seconds
    started: Seconds
    first_word: Seconds
    first_pixel: Seconds
    last_pixel: Seconds
    ended: Seconds
    arrived: Seconds
    began_setup: Seconds
    began_pixels: Seconds
    cpu_seconds: Seconds = 0.0
    peak_memory: Bytes = 0


@dataclass(frozen=True, slots=True)
class RankRecord:
    """Where a rank sat.

    Attributes
    ----------
    rank : int
    host, cpu : str
        Name of the machine, and model of its processors.
    cores : tuple of int
        Numbers of the processors that the rank could use.
    memory : int
        Of the host, in bytes; 0 where it is not known.
    threads : int
        Of each renderer.
    greeted : float
        When rank 0 first heard of it.
    """

    rank: int
    host: str
    cpu: str
    cores: tuple[int, ...]
    memory: Bytes
    threads: int
    greeted: Seconds


@dataclass(frozen=True, slots=True)
class PhaseRecord:
    """A stretch of the run as rank 0 saw it; each begins where the one before ended."""

    name: str
    began: Seconds
    ended: Seconds


@dataclass(frozen=True, slots=True)
class PieceRecord:
    """Some blocks that were finished one after the other, or a whole frame.

    Attributes
    ----------
    frame : int
        Position of the frame in the run.
    blocks : tuple of int
        In their order; empty for all of the frame.
    seconds : float
        From the first pixel of the task or the piece before; of a whole frame, with its parsing.
    """

    frame: int
    blocks: tuple[int, ...]
    seconds: Seconds


@dataclass(frozen=True, slots=True)
class WorkRecord:
    """How a run could be cut.

    Attributes
    ----------
    rows, columns : int
        Blocks of every frame.
    frames : int
        0 in a still.
    streams : bool
        Whether blocks were known to be finished while a renderer worked.
    """

    rows: int
    columns: int
    frames: int
    streams: bool


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run.

    Attributes
    ----------
    policy : str
        Name of the rule by which work was shared out.
    pixels : int
        In all of its frames.
    ranks : tuple of RankRecord
    attempts : tuple of AttemptRecord
        In the order in which they ended.
    phases : tuple of PhaseRecord
    repeat : int
        From 1; 0 for a warm-up, which counts for nothing.
    pictures : str
        Hash of the pixels of all pictures; empty where it was not taken.
    work : WorkRecord or None
        None where it was not one scene, and in old records.
    pieces : tuple of PieceRecord
        As they arrived.
    """

    policy: str
    pixels: Pixels
    ranks: tuple[RankRecord, ...]
    attempts: tuple[AttemptRecord, ...]
    phases: tuple[PhaseRecord, ...]
    repeat: int = 1
    pictures: str = ""
    work: WorkRecord | None = None
    pieces: tuple[PieceRecord, ...] = ()

    @property
    def size(self) -> int:
        """How many ranks there were."""
        return len(self.ranks)


@dataclass(frozen=True, slots=True)
class Setting:
    """What all runs of a report have in common.

    Attributes
    ----------
    kind : str
        `RENDER`, `STRONG` or `WEAK`.
    date : str
        Of the beginning, in ISO 8601.
    argv : tuple of str
        As typed.
    directory : str
    versions : mapping of str to str
        Of everything that takes part.
    scene, scene_hash : str
        File, and its SHA-256; the latter is empty where there is no one file.
    width, height, frames : int
        Of the largest run; no frames in a still.
    options : mapping of str to str
        What was typed or stands for it, a word an option.
    """

    kind: str
    date: str
    argv: tuple[str, ...]
    directory: str
    versions: Mapping[str, str]
    scene: str
    scene_hash: str
    width: Pixels
    height: Pixels
    frames: int
    options: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Report:
    """All that is known of some runs.

    Attributes
    ----------
    setting : Setting
    runs : tuple of RunRecord
        In their order in time, warm-ups included.
    """

    setting: Setting
    runs: tuple[RunRecord, ...]

    @property
    def counted(self) -> tuple[RunRecord, ...]:
        """The runs without warm-ups."""
        return tuple(run for run in self.runs if run.repeat)


def to_json(report: Report) -> str:
    """Return a report as the text of ``results.json``."""
    runs = [
        {**asdict(replace(run, pieces=())), "pieces": [astuple(piece) for piece in run.pieces]}
        for run in report.runs
    ]
    setting = asdict(report.setting)
    return json.dumps({"version": _VERSION, "setting": setting, "runs": runs}, indent=1) + "\n"


def from_json(text: str) -> Report:
    """Return the report that a text describes.

    Raises
    ------
    UsageError
        If it is none, or one of a newer version.
    """
    try:
        read = json.loads(text)
        version = read["version"]
        if version in _READABLE:
            setting = {**read["setting"], "argv": tuple(read["setting"]["argv"])}
            return Report(Setting(**setting), tuple(_run(run) for run in read["runs"]))
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"not the results of a bench or a report: {error!r}") from error
    raise UsageError(
        f"results of version {version}, expected {_VERSION}", hint="use a newer mpirender"
    )


def _run(read: dict[str, Any]) -> RunRecord:
    parts = {
        "ranks": tuple(RankRecord(**{**r, "cores": tuple(r["cores"])}) for r in read["ranks"]),
        "attempts": tuple(AttemptRecord(**attempt) for attempt in read["attempts"]),
        "phases": tuple(PhaseRecord(**phase) for phase in read["phases"]),
        "work": WorkRecord(**read["work"]) if read.get("work") else None,
        "pieces": tuple(PieceRecord(f, tuple(b), s) for f, b, s in read.get("pieces", ())),
    }
    return RunRecord(**{**read, **parts})
