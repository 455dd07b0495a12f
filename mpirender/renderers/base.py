"""What a renderer must be able to say; one file a renderer implements it.

A renderer never starts a picture itself. It says which command renders a task, understands what
that command prints, and judges whether the picture counts. Starting, watching, killing and
sending are the worker's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from mpirender.frames import FrameList
from mpirender.model import Blend, Job, JobFrame, PictureFormat, PictureType, Task, Tile, TileRecord
from mpirender.partition import Split
from mpirender.process import Child, Exit
from mpirender.tracks import Curve
from mpirender.units import Pixels, Seconds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mpirender.compose import Excerpt
    from mpirender.images import Picture

__all__ = [
    "PLACE",
    "Command",
    "LastPass",
    "Question",
    "Renderer",
    "Request",
    "SceneInfo",
    "Spare",
    "TileStream",
    "Watch",
    "variables_of",
    "without_section",
]


PLACE = "MPIRENDER_PLACE"
"""Variable that tells a renderer which of the ranks of its host it works for, from 0."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the user typed, for the renderer to understand.

    Attributes
    ----------
    program : str
        The renderer's program; empty for its usual name.
    scene : str
    arguments : tuple of str
        The renderer's own, as typed.
    output : Path or None
    size : (int, int) or None
        Width and height in pixels.
    frames : FrameList or None
        Which frames; None for those of the scene itself.
    clock : (float, float) or None
        Its values at the first and the last frame.
    curves : tuple of (str, Curve)
        Variables of the scene that change from frame to frame.
    scenes : tuple of str
        Several scenes that have all but their content in common, a frame each; `scene` is the
        first of them then.
    motion_blur : int
        Sub-frames a frame, >= 1.
    shutter : float
        How long it is open, in frames.
    is_shot : bool
        Whether it is one of several, so that a still is a frame among others.
    split : Split
        Along which lines pictures are to be cut.
    threads : int
        That a rank will have, as far as it can be foretold.
    ranks : int
        As the launcher claims.
    """

    program: str
    scene: str
    arguments: tuple[str, ...] = ()
    output: Path | None = None
    size: tuple[int, int] | None = None
    frames: FrameList | None = None
    clock: tuple[float, float] | None = None
    curves: tuple[tuple[str, Curve], ...] = ()
    scenes: tuple[str, ...] = ()
    motion_blur: int = 1
    shutter: float = 0.5
    is_shot: bool = False
    split: Split = Split.AUTO
    threads: int = 1
    ranks: int = 1


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a scene that makes pixels depend on the order of tracing.

    Attributes
    ----------
    feature : str
    place : str
        File and line.
    reason : str
    """

    feature: str
    place: str
    reason: str


@dataclass(frozen=True, slots=True)
class SceneInfo:
    """What the renderer says it is going to do; see `mpirender.model.Job` for the fields.

    Attributes
    ----------
    remarks : tuple of str
        What the user should know where the picture is cut, a line each.
    library : tuple of Path
        Folders in which the renderer looks for files.
    shares_samples : bool
        Whether threads of one process share what processes find out each for itself.
    threads : int or None
        That the user has asked of the renderer in its own words.
    spares : bool
        Whether a process for a task may be started before the task is known.
    whole : str
        Why frames are not cut; empty where they may be.
    rate : str
        Frames a second that the scene says, such as ``30000/1001``; empty where it does not.
    movie : Path or None
        Where the scene itself would have a movie written.
    codec : str
        Of that movie, in the scene's words.
    """

    program: str
    version: str
    arguments: tuple[str, ...]
    width: Pixels
    height: Pixels
    area: Tile
    block: Pixels
    picture: PictureType
    output: Path
    scene: Path = Path()
    streams: bool = False
    frames: tuple[JobFrame, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    blends: tuple[Blend, ...] = ()
    remarks: tuple[str, ...] = ()
    library: tuple[Path, ...] = ()
    shares_samples: bool = False
    threads: int | None = None
    spares: bool = False
    whole: str = ""
    rate: str = ""
    movie: Path | None = None
    codec: str = ""


@dataclass(frozen=True, slots=True)
class Command:
    """One start of the renderer, or one request to a renderer that stays.

    Attributes
    ----------
    argv : tuple of str
    output : Path
        The picture that it is to leave.
    environment : tuple of (str, str)
        Variables added to the rank's own.
    request : str
        What a process of this `argv` is asked that may have been started before, in one line; see
        `mpirender.session`. Empty where each task has a process of its own.
    """

    argv: tuple[str, ...]
    output: Path
    environment: tuple[tuple[str, str], ...] = ()
    request: str = ""


class Question(Protocol):
    """A renderer that is being asked what it is going to do."""

    def answer(self) -> SceneInfo:
        """Wait for the answer.

        Raises
        ------
        UsageError
            If the renderer does not understand its arguments, or there is no such scene.
        RendererNotFound
            If it is not installed here.
        """

    def close(self) -> None:
        """Leave nothing behind, whether there was an answer or not; but see `Session.rest`."""


class Watch(Protocol):
    """What one attempt's output has said so far.

    Attributes
    ----------
    fraction : float
        Of the task's pixels, 0 to 1.
    version : str
        Of the renderer; empty until it has been said.
    size : tuple of (int, int)
        Width and height in pixels of the frame that it renders, or a part of; zeros until they
        have been said, if ever.
    frames_done : int
        Frames of the task whose pictures have been written.
    is_setting_up, is_pretracing, has_pretraced : bool
        Whether no pixel has been begun yet; whether the task is gone through a first time to
        prepare all of it, as far as that can be told meanwhile; and whether that is over.
    setup_seconds, render_seconds : float
        As in `mpirender.model.Result`; known at the end.
    """

    fraction: float
    version: str
    size: tuple[Pixels, Pixels]
    frames_done: int
    is_setting_up: bool
    has_pretraced: bool
    setup_seconds: Seconds
    render_seconds: Seconds

    @property
    def is_pretracing(self) -> bool:
        """See the class."""

    def see(self, line: str) -> None:
        """Take in one line or progress record."""

    def judge(self, end: Exit) -> None:
        """Decide whether the attempt did what it was to do, from its output and its exit.

        Raises
        ------
        SceneError
            If the scene is at fault.
        RendererFailed
            If it failed otherwise, or ended without an error but not with all pixels.
        """


class TileStream(Protocol):
    """Blocks that a renderer has finished, while it goes on with the others.

    Attributes
    ----------
    header : bytes
        What stands before the first record; empty until it is known.
    """

    header: bytes

    def read(self, *, ended: bool = False) -> list[TileRecord]:
        """Return the blocks that were finished since the last call.

        Parameters
        ----------
        ended : bool
            Whether the renderer has ended well, so that nothing more will come.

        Raises
        ------
        OutputMismatch
            If the renderer does not write what was expected.
        """

    def close(self) -> None:
        """Read no more, and leave nothing behind."""


class Spare(Child, Protocol):
    """A renderer that has been started without a task, and waits for one."""

    def take_up(self, task: Task, stream: TileStream, output: Path, log: Path) -> bool:
        """Begin with a task, as a process that was started for it would.

        Parameters
        ----------
        task : Task
        stream : TileStream
            Where its blocks are expected.
        output, log : Path
            Where its picture and its words are.

        Returns
        -------
        taken : bool
            False where it cannot, since it has died, or never could on this host.
        """


class LastPass(Protocol):
    """The renderer makes the picture of what has been rendered block by block.

    It may have been started before it is needed.
    """

    def begin(self, tiles: Path, missing: Sequence[int], witness: Excerpt | None) -> None:
        """Let it begin.

        Parameters
        ----------
        tiles : Path
            File of a header and records; may be added to.
        missing : sequence of int
            Blocks of the area without a record: they are to be black.
        witness : Excerpt or None
            What the picture must agree with, as far as it is known.
        """

    def poll(self) -> Path | None:
        """Return the picture's file once it is there as a whole, None before.

        Raises
        ------
        RendererFailed
            If there will be none.
        """

    def close(self) -> None:
        """End what still runs."""


class Renderer(Protocol):
    """A program that makes pictures.

    Attributes
    ----------
    name : str
    variables : tuple of str
        Environment variables of rank 0 that it reads, so that all ranks must have the same.
    splits : frozenset of Split
        Ways in which its pictures may be cut.
    start_latency : float
        Seconds that it sleeps when it starts; the next task begins that much before the end of
        the one before, so that the core is never without work.
    small_blocks : tuple of str
        Arguments by which its blocks are small, so that a small picture shows what the parts of a
        large one cost.
    divides : bool
        Whether another rank may take over a part of a picture that is being rendered. Otherwise
        parts are cut beforehand.
    """

    name: ClassVar[str]
    variables: ClassVar[tuple[str, ...]]
    splits: ClassVar[frozenset[Split]]
    start_latency: ClassVar[Seconds]
    small_blocks: ClassVar[tuple[str, ...]]
    divides: ClassVar[bool]

    def ask(self, request: Request) -> Question:
        """Begin to find out what a request means.

        Raises
        ------
        UsageError, RendererNotFound
            Where that can be told at once.
        """

    def audit(self, info: SceneInfo) -> list[Finding]:
        """Return what in a scene makes pixels depend on the order of tracing, as its files say."""

    def command(
        self, job: Job, task: Task, *, attempt: int, threads: int, scratch: Path
    ) -> Command:
        """Return the command that renders a task, its files in a scratch folder; pure."""

    def start_early(self, request: Request) -> None:
        """Start on this rank, while rank 0 asks, what tasks are likely to need, and let it rest.

        See Also
        --------
        mpirender.resting
        """

    def spare(self, job: Job, *, threads: int) -> Spare | None:
        """Return a process for the next task, whichever it is.

        One that was started early will do. None where each task needs its own.

        Raises
        ------
        RendererNotFound, SetupError
            If it cannot be started.
        """

    def watch(self, job: Job, task: Task) -> Watch:
        """Return a listener for one attempt."""

    def frame_output(self, job: Job, output: Path, number: int) -> Path:
        """Return where a frame's picture is written, given what `Command.output` says; pure."""

    def read(self, job: Job, task: Task, output: Path) -> Picture:
        """Read the task's pixels, and nothing but them, from the picture it left.

        Raises
        ------
        OutputMissing, OutputMismatch
            If there is none, or it has not the size, depth and channels that were asked for.
        """

    def check(self, job: Job, task: Task, output: Path) -> None:
        """Make sure that a frame's picture is whole and what it should be; raises as `read`."""

    def first_pass(self, job: Job, output: Path) -> Job | None:
        """Return the job of a pass that finds what all tasks of a job are to share.

        Parameters
        ----------
        job : Job
            One still that `shares_samples`.
        output : Path
            Where the outcome, no picture, is to be.

        Returns
        -------
        first : Job or None
            It streams, and its parts do not depend on the number of ranks; None where there is
            nothing to find.
        """

    def after_first_pass(self, job: Job, output: Path) -> Job:
        """Return the job whose tasks have all of what the first pass has found."""

    def stream(self, job: Job, task: Task, output: Path) -> TileStream:
        """Prepare to read finished blocks of an attempt that is about to start.

        Only for jobs that stream.
        """

    def preview(self, record: bytes, tile: Tile) -> NDArray[np.uint8]:
        """Return a block's pixels for the eye.

        Parameters
        ----------
        record : bytes
            See `mpirender.model.TileRecord`.
        tile : Tile
            Where the block lies.

        Returns
        -------
        pixels : (tile.height, tile.width, 3) uint8 ndarray
        """

    def last_pass(self, job: Job, frame: JobFrame | None, scratch: Path) -> LastPass:
        """Prepare to make a picture from such blocks, in a scratch folder; only on rank 0."""

    def clear_up(self, pid: int) -> None:
        """Remove what a renderer that was killed has left outside of its folder."""

    def final_format(self, job: Job, tile_format: PictureFormat) -> PictureFormat:
        """Return the format of the user's picture, given that of the tiles."""


def variables_of(names: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """Return those of some variables that this rank has, with their values."""
    return tuple((name, os.environ[name]) for name in names if name in os.environ)


def without_section(scene: str) -> tuple[str, str]:
    """Return a scene's file name and the section that may stand behind it, ``[HD]`` or nothing."""
    found = re.fullmatch(r"(.+\.ini)(\[[^\]/]*\])", scene, re.IGNORECASE)
    return (found[1], found[2]) if found else (scene, "")
