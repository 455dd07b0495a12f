"""Every file name of a run, and the one way in which a file of the user's comes to be."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from mpirender.errors import SetupError, WriteError

__all__ = [
    "Scratch",
    "atomic_replace",
    "check_writable",
    "make_folder",
    "shared_tokens",
    "working_in",
]


class Scratch:
    """The folder of one rank for pictures and logs of its tasks, on the host's own disk.

    Parameters
    ----------
    rank : int

    Raises
    ------
    SetupError
        If it cannot be made.
    """

    def __init__(self, rank: int) -> None:
        try:
            self.folder = Path(tempfile.mkdtemp(prefix=f"mpirender-{rank:03d}-"))
        except OSError as error:
            raise SetupError(
                f"no scratch folder on this host: {error}", hint="set TMPDIR to a folder with room"
            ) from error

    def place(self, files: Iterable[tuple[str, str]]) -> None:
        """Write files that a renderer is to find here, given by name and text.

        Raises
        ------
        SetupError
            If there is no room for them.
        """
        with working_in(self.folder):
            for name, text in files:
                (self.folder / name).write_bytes(text.encode(errors="surrogateescape"))

    def log(self, task_id: int, attempt: int) -> Path:
        """Return the file for what the renderer says in one attempt."""
        return self.folder / f"task-{task_id:06d}.{attempt}.log"

    def sweep(self, *, task_id: int, attempt: int) -> None:
        """Remove the files of an attempt that has been sent, or has failed; its log stays."""
        for path in self.folder.glob(f"task-{task_id:06d}.{attempt}.*"):
            if path.suffix != ".log":
                path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Remove the folder and all in it."""
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def working_in(folder: Path) -> Iterator[None]:
    """Tell what goes wrong with the files in a scratch folder.

    Raises
    ------
    SetupError
        Where there is no room, or the folder is gone.
    """
    try:
        yield
    except OSError as error:
        raise SetupError(
            f"cannot work in {folder}: {error.strerror or error}",
            hint="make room, or set TMPDIR to a folder with more of it",
        ) from error


def check_writable(output: Path) -> None:
    """Find out, before hours are spent, that a picture could be written.

    Raises
    ------
    WriteError
        If its folder does not exist or may not be written to, or if a folder is in its place.
    """
    folder = output.resolve().parent
    if not folder.is_dir():
        raise WriteError(f"no such folder: {folder}", hint=f"make it: mkdir -p '{folder}'")
    if output.is_dir():
        raise WriteError(f"{output} is a folder, expected a file name", hint="name a file with -o")
    try:
        with NamedTemporaryFile(dir=folder, prefix=".mpirender-"):
            pass
    except OSError as error:
        raise WriteError(
            f"cannot write to {output.parent}: {error.strerror}",
            hint="choose another place with -o",
        ) from error


def make_folder(folder: Path) -> None:
    """Make a folder for many pictures, if there is none.

    Raises
    ------
    WriteError
        If it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(
            f"cannot make the folder {folder}: {error.strerror}",
            hint="choose another place with -o",
        ) from error


@contextmanager
def shared_tokens(folders: Iterable[Path]) -> Iterator[tuple[Path, ...]]:
    """Leave a file in every folder, by which ranks find out whether they see it."""
    with ExitStack() as stack:
        yield tuple(
            Path(stack.enter_context(NamedTemporaryFile(dir=folder, prefix=".mpirender-")).name)
            for folder in folders
        )


@contextmanager
def atomic_replace(path: Path) -> Iterator[Path]:
    """Write a file under a temporary name beside its own, and rename it when it is whole.

    Parameters
    ----------
    path : Path

    Yields
    ------
    temporary : Path
        With the same suffix, to be written by the caller.

    Raises
    ------
    WriteError
        If the disk is full, or the file cannot be written for another reason; what was at `path`
        before is untouched then.
    """
    path = path.resolve()  # a link stays a link
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except (OSError, WriteError) as error:
        cause = error.__cause__ or error  # a WriteError names the temporary file
        raise WriteError(
            f"cannot write {path}: {getattr(cause, 'strerror', None) or cause}",
            hint="make room or choose another place with -o; what was there before is untouched",
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
