"""A POV-Ray that has been started before anybody knows what it is to render.

POV-Ray takes 0.3 s to start, asleep for the most part: longer than many a task takes. So the next
one is started while the one before is at work, and even before the picture is known, since all of
a picture's tasks have the same arguments but for their part of it. It is told that part by the
state file that it is to continue: all else is in it already. Until then it waits, in a header that
is read before the scene, for somebody at the other end of a pipe.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from resource import struct_rusage
from typing import ClassVar

from mpirender.errors import SetupError
from mpirender.model import Task
from mpirender.process import Process, clean_environment
from mpirender.renderers.base import TileStream
from mpirender.renderers.povray.state import StateFile
from mpirender.renderers.povray.switches import WAIT, path_argument, remove_canvas
from mpirender.resting import Resting

__all__ = ["PovraySpare"]

_NAME, _PIPE = "spare", "go"


class PovraySpare(Process):
    """See `mpirender.renderers.base.Spare`.

    Parameters
    ----------
    argv : sequence of str
        Program and arguments for the whole picture; without a header, and without an output.
    directory : Path
        Where it runs.
    variables : sequence of (str, str)
        Added to the rank's own.
    """

    _resting: ClassVar[Resting[PovraySpare]] = Resting()

    def __init__(
        self, argv: Sequence[str], directory: Path, variables: Sequence[tuple[str, str]]
    ) -> None:
        self._key = tuple(argv), directory, tuple(variables)
        self._gate: int | None = None
        self._output: Path | None = None
        with ExitStack() as stack:
            try:
                self._temporary = tempfile.TemporaryDirectory(prefix="mpirender-spare-")
                stack.callback(self._temporary.cleanup)
                self._folder = Path(self._temporary.name)
                self._write_header()
                super().__init__(
                    [
                        *argv,
                        path_argument("+HI", self._folder / WAIT),
                        path_argument("+O", self._folder / _NAME),
                        *("-D", "+V", "-P", "+C", "All_Console=On"),
                    ],
                    directory=directory,
                    environment=clean_environment(os.environ) | dict(variables),
                    log=self._folder / "said.log",
                )
            except OSError as error:
                raise SetupError(f"nothing can be prepared: {error}") from error
            stack.pop_all()  # it is removed at the end of the process

    def _write_header(self) -> None:
        """Write the header, and make the pipe that it waits for."""
        pipe = self._folder / _PIPE
        if '"' in str(pipe):  # which POV-Ray's strings do not have
            raise SetupError(f"{pipe}: no name for a pipe in a scene")
        os.mkfifo(pipe)
        text = f'#fopen Mpirender_Go "{pipe}" write\n#fclose Mpirender_Go\n'
        (self._folder / WAIT).write_text(text)

    @classmethod
    def rested(
        cls, argv: Sequence[str], directory: Path, variables: Sequence[tuple[str, str]]
    ) -> PovraySpare | None:
        """Return one that rests, and is the caller's from now on; None if there is none."""
        return cls._resting.take((tuple(argv), directory, tuple(variables)))

    def rest(self) -> None:
        """Wait until somebody on this rank has a task for it."""
        self._resting.lay(self._key, self)

    def take_up(self, task: Task, stream: TileStream, output: Path, log: Path) -> bool:
        """Begin with a task; see `Spare.take_up`."""
        assert isinstance(stream, StateFile), "only a state file tells it what to render"
        if self.poll() or self._gate is not None:
            return False
        try:
            stream.link(self._folder / f"{_NAME}.pov-state")
            (self._folder / "said.log").replace(log)
            stream.confine(task.tile)
            self._gate = os.open(self._folder / _PIPE, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:  # a file system without links, or without room
            return False
        self._output = output
        return True

    def lines(self) -> list[str]:
        """Return what has been said since the last call, maybe of the picture; see `Child`."""
        if said := super().lines():
            self._hand_over()
        return said

    def _note_end(self, status: int, usage: struct_rusage) -> None:
        super()._note_end(status, usage)
        self._hand_over()

    def _hand_over(self) -> None:
        """Put the picture in its place, if it is there."""
        if self._output:
            with suppress(FileNotFoundError):
                (self._folder / _NAME).with_suffix(self._output.suffix).replace(self._output)

    def close(self) -> None:
        """Leave nothing behind; a process that still waits is ended."""
        if self.exit is None:
            self.kill()  # which comes back here
            return
        super().close()
        remove_canvas(self.pid)
        if self._gate is not None:
            os.close(self._gate)
            self._gate = None
        self._temporary.cleanup()
