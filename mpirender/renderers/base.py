"""What a renderer must be able to say; one file a renderer implements it.

A renderer never starts a picture itself. It says which command renders a task, understands what
that command prints, and judges whether the picture counts. Starting, watching, killing and
sending are the worker's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from mpirender.model import Job, PictureFormat, PictureType, Task, Tile
from mpirender.partition import Split
from mpirender.process import Exit
from mpirender.units import Pixels, Seconds

if TYPE_CHECKING:
    from mpirender.images import Picture

__all__ = ["Command", "Question", "Renderer", "Request", "SceneInfo", "Watch", "without_section"]


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
    """

    program: str
    scene: str
    arguments: tuple[str, ...] = ()
    output: Path | None = None
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class SceneInfo:
    """What the renderer says it is going to do; see `mpirender.model.Job` for the fields.

    Attributes
    ----------
    remarks : tuple of str
        What the user should know where the picture is cut, a line each.
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
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """One start of the renderer.

    Attributes
    ----------
    argv : tuple of str
    output : Path
        The picture that it is to leave.
    environment : tuple of (str, str)
        Variables added to the rank's own.
    """

    argv: tuple[str, ...]
    output: Path
    environment: tuple[tuple[str, str], ...] = ()


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
        """Leave nothing behind, whether there was an answer or not."""


class Watch(Protocol):
    """What one attempt's output has said so far.

    Attributes
    ----------
    fraction : float
        Of the task's pixels, 0 to 1.
    version : str
        Of the renderer; empty until it has been said.
    setup_seconds, render_seconds : float
        As in `mpirender.model.Result`; known at the end.
    """

    fraction: float
    version: str
    setup_seconds: Seconds
    render_seconds: Seconds

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
    """

    name: ClassVar[str]
    variables: ClassVar[tuple[str, ...]]
    splits: ClassVar[frozenset[Split]]
    start_latency: ClassVar[Seconds]

    def ask(self, request: Request) -> Question:
        """Begin to find out what a request means.

        Raises
        ------
        UsageError, RendererNotFound
            Where that can be told at once.
        """

    def command(
        self, job: Job, task: Task, *, attempt: int, threads: int, scratch: Path
    ) -> Command:
        """Return the command that renders a task, its files in a scratch folder; pure."""

    def watch(self, job: Job, task: Task) -> Watch:
        """Return a listener for one attempt."""

    def read(self, job: Job, task: Task, output: Path) -> Picture:
        """Read the task's pixels, and nothing but them, from the picture it left.

        Raises
        ------
        OutputMissing, OutputMismatch
            If there is none, or it has not the size, depth and channels that were asked for.
        """

    def final_format(self, job: Job, tile_format: PictureFormat) -> PictureFormat:
        """Return the format of the user's picture, given that of the tiles."""


def without_section(scene: str) -> tuple[str, str]:
    """Return a scene's file name and the section that may stand behind it, ``[HD]`` or nothing."""
    found = re.fullmatch(r"(.+\.ini)(\[[^\]/]*\])", scene, re.IGNORECASE)
    return (found[1], found[2]) if found else (scene, "")
