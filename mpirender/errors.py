"""Every error this program raises on purpose, and the exit status of each branch.

::

    MpirenderError                                             exit
    ├── UsageError         bad option, size or file name          2
    ├── SetupError         the run cannot start                   3
    │   ├── RendererNotFound    no such program on a host
    │   ├── LauncherMismatch    N runs of one rank, not one of N
    │   └── VersionMismatch     hosts have different renderers
    ├── RenderError        the renderer could not do a task       4
    │   ├── SceneError          the scene itself is at fault
    │   ├── RendererFailed      exit status, signal, own report
    │   ├── RendererTimeout     over the time limit, or hung
    │   ├── OutputMissing       no picture, or an empty file
    │   ├── OutputMismatch      not the size, depth, type asked
    │   └── IncompletePicture   written, but with rows missing
    ├── TransportError     ranks cannot reach each other          5
    ├── CompositionError   a pixel twice, or none                 6
    ├── WriteError         the picture cannot be written          7
    └── EncodeError        the movie cannot be encoded            8

    interrupted by the user                                     130
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

__all__ = [
    "INTERRUPTED",
    "CompositionError",
    "EncodeError",
    "ErrorRecord",
    "IncompletePicture",
    "LauncherMismatch",
    "MpirenderError",
    "OutputMismatch",
    "OutputMissing",
    "RenderError",
    "RendererFailed",
    "RendererNotFound",
    "RendererTimeout",
    "SceneError",
    "SetupError",
    "TransportError",
    "UsageError",
    "VersionMismatch",
    "WriteError",
    "error_from",
]

INTERRUPTED = 130
"""Exit status of a run that the user ended, as shells have it (128 + SIGINT)."""


class MpirenderError(Exception):
    """Base of all errors of the program; never raised itself.

    Parameters
    ----------
    message : str
        One line: what, where, got and expected.
    hint : str
        What to do next; one line or several.
    detail : str
        Anything longer, such as the renderer's last lines.
    """

    exit_status: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str = "", detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.detail = detail


class UsageError(MpirenderError):
    """The command line asks for something that cannot be."""

    exit_status = 2


class SetupError(MpirenderError):
    """The run cannot start on these machines."""

    exit_status = 3


class RendererNotFound(SetupError):
    """A host has no such renderer."""


class LauncherMismatch(SetupError):
    """The launcher started N ranks, and MPI shows each of them a world of one."""


class VersionMismatch(SetupError):
    """Two hosts have different versions of the renderer."""


class RenderError(MpirenderError):
    """A renderer did not do a task."""

    exit_status = 4


class SceneError(RenderError):
    """The scene is at fault: it would fail on every rank alike."""


class RendererFailed(RenderError):
    """The renderer ended with an error, by a signal, or without having rendered all."""


class RendererTimeout(RenderError):
    """The renderer ran over its time limit, or hung."""


class OutputMissing(RenderError):
    """The renderer left no picture, or an empty file."""


class OutputMismatch(RenderError):
    """The renderer's picture has not the size, depth or type that was asked for."""


class IncompletePicture(RenderError):
    """The picture was written, but some of its rows could not be rendered."""


class TransportError(MpirenderError):
    """Ranks cannot reach each other."""

    exit_status = 5


class CompositionError(MpirenderError):
    """Blocks overlap, or do not fit the frame they were made for."""

    exit_status = 6


class WriteError(MpirenderError):
    """The picture cannot be written: no space, no right, no folder."""

    exit_status = 7


class EncodeError(MpirenderError):
    """A movie cannot be made: frames are missing or differ, or the encoder fails."""

    exit_status = 8


@dataclass(frozen=True, slots=True)
class ErrorRecord:
    """An error as it travels between ranks: plain text, never a pickled exception.

    Attributes
    ----------
    kind : str
        Name of the class in this module.
    message, hint, detail : str
        As in `MpirenderError`.
    """

    kind: str
    message: str
    hint: str = ""
    detail: str = ""

    @classmethod
    def of(cls, error: MpirenderError) -> ErrorRecord:
        """Return the record of an error."""
        return cls(type(error).__name__, error.message, error.hint, error.detail)

    @property
    def is_fatal(self) -> bool:
        """True where no other rank could do better, so that the run must end."""
        return self.kind in (SceneError.__name__, VersionMismatch.__name__)

    @property
    def condemns_rank(self) -> bool:
        """True where the rank, not the task, is at fault: it can do no task at all."""
        return self.kind == RendererNotFound.__name__


def error_from(record: ErrorRecord) -> MpirenderError:
    """Return the error that a record describes.

    Parameters
    ----------
    record : ErrorRecord

    Returns
    -------
    error : MpirenderError
        Of the class named, or a `RenderError` where the name is not one of this module.
    """
    named = globals().get(record.kind, RenderError)
    return named(record.message, hint=record.hint, detail=record.detail)  # type: ignore[no-any-return]
