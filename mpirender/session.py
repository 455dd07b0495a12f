"""A renderer that stays: one process, and one task after the other.

Such a process reads its standard input, a line each::

    NUMBER REQUEST            do this, when all before it is done
    NUMBER tell WORDS         something about a request that it may be at work on; "forget" is to
                              leave it out

and says, besides whatever else it says::

    @mpirender NUMBER begin
    @mpirender NUMBER end STATUS CPU_SECONDS PEAK_BYTES

where the status is 0 if all went well. It ends when its standard input does. What it says between
the two lines belongs to the request; what it says before the first one, to the first.

Who needs a session no longer can let it rest, for whoever next needs such a process on this rank.
"""

from __future__ import annotations

import re
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

from mpirender.errors import MpirenderError
from mpirender.paths import working_in
from mpirender.process import Exit, Process
from mpirender.resting import Resting
from mpirender.units import Bytes, Seconds

__all__ = ["Session", "Sitting"]

_SIGN = re.compile(r"@mpirender (\d+) (?:begin|end (-?\d+) (\d+\.\d+) (\d+))$")
_CANNOT_START = 127  # as shells have it
_LAST_LINES = 20
_GROWN = 1.5  # times what the process took after its first request


class Session:
    """A process that is started when it is first needed, and again when it has died.

    Parameters
    ----------
    argv : sequence of str
    directory : Path
    environment : mapping of str to str
    log : Path
        File for what it says, all requests together.
    most_memory : int
        Bytes above which it is started anew before the next request, provided that it has grown
        since the first one; 0 for no limit.
    folder : TemporaryDirectory, optional
        Removed when it is closed.

    See Also
    --------
    mpirender.process.Process
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str],
        log: Path,
        most_memory: Bytes = 0,
        folder: TemporaryDirectory[str] | None = None,
    ) -> None:
        self.argv = tuple(argv)
        self.starts = 0
        """How often the process has been started."""
        self._directory = directory
        self._folder = folder
        self._environment = environment
        self._log = log
        self._most_memory = most_memory
        self._first_memory: Bytes = 0
        self._process: Process | None = None
        self._numbers = count()
        self._first_wanted = 0
        self._sittings: deque[Sitting] = deque()  # in the order in which they were asked for

    @classmethod
    def rested(
        cls, argv: Sequence[str], directory: Path, *, most_memory: Bytes = 0
    ) -> Session | None:
        """Return a session that rests, and is the caller's from now on; None if there is none.

        What it has been asked for so far is answered to nobody.
        """
        session = cls._resting.take((tuple(argv), directory))
        if session is None:
            return None
        session._most_memory, session._first_memory = most_memory, 0
        session.listen()
        session._first_wanted = next(session._numbers)
        while session._sittings:
            session._sittings.popleft().end(Exit(-signal.SIGKILL, 0.0, 0))
        return session

    def rest(self) -> None:
        """Wait, with what has been asked for so far, until somebody needs such a process."""
        if self._process is None:
            self.close()
        else:
            self._resting.lay((self.argv, self._directory), self)

    def begin(self, request: str, log: Path) -> Sitting:
        """Ask for something.

        Parameters
        ----------
        request : str
            One line.
        log : Path
            File for what is said of it.

        Returns
        -------
        sitting : Sitting
            It may have to wait for those before it.

        Raises
        ------
        RendererNotFound, SetupError
            If the process cannot be started.
        """
        if not self._sittings:
            self.listen()  # it may have died since
            if self._is_too_large():
                self._stop()
        if self._process is None:
            self._start()
        sitting = Sitting(self, next(self._numbers), request, log)
        self._sittings.append(sitting)
        self._ask(sitting)
        return sitting

    def _start(self) -> None:
        self._process = Process(
            self.argv,
            directory=self._directory,
            environment=self._environment,
            log=self._log.with_stem(f"{self._log.stem}-{self.starts}"),
            listens=True,
        )
        self.starts += 1
        self._first_memory = 0

    def _stop(self) -> None:
        if self._process:
            self._process.kill()
            self._process = None

    def _ask(self, sitting: Sitting) -> None:
        assert self._process, "it has been started"
        self._process.tell(f"{sitting.number} {sitting.request}")

    def _is_too_large(self) -> bool:
        if self._process is None or not (self._most_memory and self._first_memory):
            return False
        return self._process.memory() > max(self._most_memory, _GROWN * self._first_memory)

    # ------------------------------------------------------------------ for its sittings only

    @property
    def process(self) -> Process | None:
        """What runs now."""
        return self._process

    @property
    def first(self) -> Sitting | None:
        """What the process is at work on; None where it has nothing to do."""
        return self._sittings[0] if self._sittings else None

    def listen(self) -> None:
        """Take in what the process has said, and hand it to whom it concerns."""
        process = self._process
        if process is None:
            return
        ended = process.poll()
        for line in process.lines():
            self._hear(line)
            if self._process is not process:  # a new one does what this one has said nothing of
                return
        if ended:
            self._stop()
            if self._sittings:
                self._sittings.popleft().end(ended)
            self._go_on()

    def _hear(self, line: str) -> None:
        if not (sign := _SIGN.match(line)):
            if self._sittings:
                self._sittings[0].hear(line)
            return
        number, is_begin = int(sign[1]), sign[2] is None
        sitting = next((s for s in self._sittings if s.number == number), None)
        if sitting is None:
            if is_begin and number >= self._first_wanted:  # nobody waits for it any more
                self._stop()
                self._go_on()
            return
        if is_begin:
            return
        self._sittings.remove(sitting)
        sitting.end(Exit(int(sign[2]), float(sign[3]), int(sign[4])))
        if self._process and not self._first_memory:
            self._first_memory = self._process.memory()

    def part_from(self, sitting: Sitting) -> None:
        """Let a request be; the process is ended with it, unless it has not begun with it."""
        if sitting not in self._sittings:
            return
        is_first = sitting is self.first
        self._sittings.remove(sitting)
        if is_first:
            self._stop()
            self._go_on()
        elif self._process:
            self._process.tell(f"{sitting.number} tell forget")

    def _go_on(self) -> None:
        """Begin anew with the requests that have not been answered."""
        if not self._sittings:
            return
        try:
            self._start()
        except MpirenderError:
            while self._sittings:
                self._sittings.popleft().end(Exit(_CANNOT_START, 0.0, 0))
            return
        for sitting in self._sittings:
            self._ask(sitting)

    def close(self) -> None:
        """End the process, and all requests with it."""
        self._stop()
        while self._sittings:
            self._sittings.popleft().end(Exit(-signal.SIGKILL, 0.0, 0))
        if self._folder:
            self._folder.cleanup()

    _resting: ClassVar[Resting[Session]] = Resting()


class Sitting:
    """One request to a session; see `mpirender.process.Child`."""

    def __init__(self, session: Session, number: int, request: str, log: Path) -> None:
        self.number = number
        self.request = request
        self.exit: Exit | None = None
        self.last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._session = session
        self._lines: list[str] = []
        with working_in(log.parent):
            self._log = log.open("wb")

    @property
    def pid(self) -> int:
        """Number of the process; 0 where there is none at the moment."""
        return self._session.process.pid if self._session.process else 0

    @property
    def is_waiting(self) -> bool:
        """Whether the process is at work on a request before this one."""
        return self.exit is None and self._session.first is not self

    @property
    def voice(self) -> int | None:
        """The file in which the process speaks; see `Child.voice`."""
        return self._session.process.voice if self._session.process and not self.exit else None

    def poll(self) -> Exit | None:
        """Return how the request ended, or None before."""
        if self.exit is None:
            self._session.listen()
        return self.exit

    def lines(self) -> list[str]:
        """Return what has been said since the last call."""
        if self.exit is None:
            self._session.listen()
        said, self._lines = self._lines, []
        return said

    def hear(self, line: str) -> None:
        """Take in a line that the process has said; for the session only."""
        self._lines.append(line)
        with suppress(OSError):  # a full disk
            self._log.write((line + "\n").encode(errors="replace"))
        if line.strip():
            self.last_lines.append(line)

    def end(self, how: Exit) -> None:
        """Be at the end; for the session only."""
        self.exit = how
        with suppress(OSError):  # a full disk
            self._log.close()

    def tell(self, words: str) -> None:
        """Say something about the request; see `Child.tell`."""
        if self.exit is None and self._session.process:
            self._session.process.tell(f"{self.number} tell {words}")

    def kill(self) -> None:
        """End the request and, if it is not answered yet, the process with it."""
        if self.exit is None:
            self.end(Exit(-signal.SIGKILL, 0.0, self.memory()))
            self._session.part_from(self)

    def cpu_seconds(self) -> Seconds:
        """Return the processor time of the request, as far as it is known."""
        return self.exit.cpu_seconds if self.exit else 0.0

    def is_stalled(self, now: Seconds) -> bool:
        """Return whether the process hangs; see `Child.is_stalled`."""
        process = self._session.process
        return not self.is_waiting and process is not None and process.is_stalled(now)

    def memory(self) -> Bytes:
        """Return the resident set of the process."""
        if self.exit:
            return self.exit.peak_memory
        return self._session.process.memory() if self._session.process else 0
