"""A fake renderer that has been started before anybody knows what it is to render."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from mpirender.errors import SetupError
from mpirender.model import Task
from mpirender.process import Process, clean_environment
from mpirender.renderers.base import TileStream
from mpirender.renderers.fake.child import WAIT
from mpirender.resting import Resting

__all__ = ["FakeSpare", "task_arguments"]


class FakeSpare(Process):
    """See `mpirender.renderers.base.Spare`.

    Parameters
    ----------
    argv : sequence of str
        Program and arguments for the whole picture.
    """

    _resting: ClassVar[Resting[FakeSpare]] = Resting()

    def __init__(self, argv: Sequence[str]) -> None:
        self._key = tuple(argv)
        try:
            self._temporary = tempfile.TemporaryDirectory(prefix="mpirender-spare-")
        except OSError as error:
            raise SetupError(f"nothing can be prepared: {error}") from error
        self._said = Path(self._temporary.name, "said.log")
        super().__init__(
            [*argv, WAIT],
            directory=Path(self._temporary.name),
            environment=clean_environment(os.environ),
            log=self._said,
            listens=True,
        )

    @classmethod
    def rested(cls, argv: Sequence[str]) -> FakeSpare:
        """Return one that rests, or else a new one."""
        return cls._resting.take(tuple(argv)) or cls(argv)

    def rest(self) -> None:
        """Wait until somebody on this rank has a task for it."""
        self._resting.lay(self._key, self)

    def take_up(self, task: Task, stream: TileStream, output: Path, log: Path) -> bool:
        """Begin with a task; see `Spare.take_up`."""
        if self.poll():
            return False
        try:
            self._said.replace(log)
        except OSError:  # another file system, or one without room
            return False
        attempt = int(output.name.split(".")[1])
        self.tell("\t".join(task_arguments(task, attempt, output)))
        return True

    def close(self) -> None:
        """Leave nothing behind; a process that still waits is ended."""
        if self.exit is None:
            self.kill()  # which comes back here
            return
        super().close()
        self._temporary.cleanup()


def task_arguments(task: Task, attempt: int, output: Path) -> tuple[str, ...]:
    """Return what the child is told of a task."""
    tile = task.tile
    numbers = ",".join(str(number) for number in task.numbers)
    rectangle = f"{tile.start},{tile.stop},{tile.left},{tile.right}"
    return str(task.id), str(attempt), numbers, rectangle, str(output)
