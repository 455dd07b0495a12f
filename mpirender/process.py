"""Child processes: the only module that starts one.

No shell, an own standard input and output, none of the launcher's variables, and dead when its
rank is: a renderer that outlives a killed job would burn the cluster's cores for nobody.
"""

from __future__ import annotations

import ctypes
import os
import re
import resource
import shutil
import signal
import subprocess
import time
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Protocol

from mpirender.backoff import Backoff
from mpirender.errors import RendererNotFound, SetupError
from mpirender.paths import working_in
from mpirender.units import Bytes, Seconds

__all__ = [
    "STALLED_AFTER",
    "Child",
    "Exit",
    "Process",
    "age_of_this_process",
    "clean_environment",
    "die_with_parent",
    "find_program",
]

STALLED_AFTER: Seconds = 600.0
"""Time without a word and without any use of a processor after which a process counts as hung."""

_PR_SET_PDEATHSIG = 1  # prctl(2)
_LAST_LINES = 20
_TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
_LOOKS_FOR_DEAD = 0.0002, 0.005  # seconds, the shortest and the longest step
_WAIT_FOR_DEAD: Seconds = 5.0
_STALL_LOOK: Seconds = 60.0  # looking through all of /proc takes a while
_PARENT = os.getppid()

# A renderer that itself uses MPI would take itself for a rank of ours, or abort, if it saw these.
_LAUNCHER_VARIABLES = re.compile(
    r"(OMPI_(COMM|UNIVERSE|FILE|APP|NUM|FIRST|ARGV|COMMAND|WORLD_)"
    r"|OMPI_MCA_(orte|ess|pmix|mpi_oversubscribe|initial_wdir)"
    r"|PMIX_|PRTE_|PMI_|PMI2_|HYDI_|MPIR_|MPI_LOCAL)"
)


@dataclass(frozen=True, slots=True)
class Exit:
    """How a process ended.

    Attributes
    ----------
    status : int
        Exit status, or minus the number of the signal that ended it.
    cpu_seconds : float
        User and system time, its own children included.
    peak_memory : int
        Largest resident set in bytes.
    """

    status: int
    cpu_seconds: Seconds
    peak_memory: Bytes

    def __str__(self) -> str:
        if self.status >= 0:
            return f"exit status {self.status}"
        try:
            return f"signal {signal.Signals(-self.status).name}"
        except ValueError:  # one of the real-time signals, which have none
            return f"signal {-self.status}"


class Child(Protocol):
    """What does one attempt at a task: a process, or the part of a longer one that is for it.

    Attributes
    ----------
    exit : Exit or None
        How it ended; None while it runs, as far as `poll` has looked.
    last_lines : deque of str
        What it has said last.
    """

    exit: Exit | None
    last_lines: deque[str]

    @property
    def pid(self) -> int:
        """Number of the process."""

    @property
    def is_waiting(self) -> bool:
        """Whether it has not begun, since the process is still at work on something else."""

    @property
    def voice(self) -> int | None:
        """The file in which it speaks, for `select`; None once it cannot say anything more."""

    def poll(self) -> Exit | None:
        """Return how it ended, or None while it runs."""

    def lines(self) -> list[str]:
        """Return what has been said since the last call."""

    def tell(self, words: str) -> None:
        """Say something to it, one line; a process that does not listen is not disturbed."""

    def kill(self) -> None:
        """End it, now; nothing is to be read any more."""

    def cpu_seconds(self) -> Seconds:
        """Return the processor time that it has used so far."""

    def is_stalled(self, now: Seconds) -> bool:
        """Return whether it hangs; see `Process.is_stalled`."""

    def memory(self) -> Bytes:
        """Return the resident set of the process, 0 where it cannot be read."""


class Process:
    """A running child process whose output is read line by line as it comes.

    Parameters
    ----------
    argv : sequence of str
        Program and arguments, passed as they are.
    directory : Path
        Working directory.
    environment : mapping of str to str
        All of its variables; see `clean_environment`.
    log : Path
        File for what it says; records that end in a carriage return only, as progress does, are
        left out.
    listens : bool
        Whether it reads its standard input, which is empty otherwise.

    Raises
    ------
    RendererNotFound
        If there is no such program on this host.
    SetupError
        If it cannot be started for another reason.

    Notes
    -----
    Start it from a thread that lives as long as the rank: the kernel ends the child with the
    thread that made it.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        directory: Path,
        environment: Mapping[str, str],
        log: Path,
        listens: bool = False,
    ) -> None:
        self.argv = [find_program(argv[0], environment), *argv[1:]]
        self.exit: Exit | None = None
        self.last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._rest = b""
        self._untold = b""
        self._has_spoken = True
        self._has_hung_up = False
        self._moved: Seconds = 0.0
        self._looked: Seconds = 0.0
        self._cpu_seconds: Seconds = 0.0
        with working_in(log.parent):
            self._log = log.open("wb")
        try:
            self._child = subprocess.Popen(
                [*_tied_to_parent(), *self.argv],
                cwd=directory,
                env=dict(environment),
                stdin=subprocess.PIPE if listens else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                bufsize=0,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            self._log.close()
            raise SetupError(
                f"cannot start {argv[0]} in {directory}: {error.strerror}",
                hint="the folder must exist on every host of the run",
            ) from error
        assert self._child.stdout is not None
        self._pipe = self._child.stdout.fileno()
        os.set_blocking(self._pipe, False)
        self._ear: IO[bytes] | None = self._child.stdin
        if self._ear:
            os.set_blocking(self._ear.fileno(), False)

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._child.pid

    @property
    def is_waiting(self) -> bool:
        """False: a process works from its start on; see `Child`."""
        return False

    def poll(self) -> Exit | None:
        """Return how the process ended, or None while it runs."""
        if self.exit is None:
            pid, status, usage = os.wait4(self._child.pid, os.WNOHANG)
            if pid:
                self._note_end(status, usage)
        return self.exit

    def _note_end(self, status: int, usage: resource.struct_rusage) -> None:
        self._child.returncode = os.waitstatus_to_exitcode(status)
        cpu_seconds = usage.ru_utime + usage.ru_stime
        self.exit = Exit(self._child.returncode, cpu_seconds, usage.ru_maxrss * 1024)

    def lines(self) -> list[str]:
        """Return what has been said since the last call, a list item a line or progress record."""
        if self._log.closed:
            return []
        chunks = [self._rest]
        while chunk := self._read():
            chunks.append(chunk)
        self._go_on_telling()
        *whole, self._rest = re.split(rb"(?<=[\r\n])", b"".join(chunks))
        if self.exit is not None and self._rest:
            whole, self._rest = [*whole, self._rest], b""
        for line in whole:
            if not line.endswith(b"\r"):
                with suppress(OSError):  # a full disk: the picture is what is judged
                    self._log.write(line)
        self._has_spoken |= bool(whole)
        texts = [line.decode(errors="replace").rstrip("\r\n") for line in whole]
        self.last_lines.extend(text for text in texts if text.strip())
        return texts

    def _read(self) -> bytes:
        try:
            chunk = os.read(self._pipe, 1 << 16)
        except (BlockingIOError, OSError):
            return b""
        self._has_hung_up = not chunk
        return chunk

    @property
    def voice(self) -> int | None:
        """The file in which it speaks, for `select`; None once it cannot say anything more."""
        return None if self._has_hung_up or self._log.closed else self._pipe

    def tell(self, words: str) -> None:
        """Say a line to a process that listens; what it has no room for follows later."""
        self._untold += words.encode() + b"\n"
        self._has_spoken = True  # it had nothing to do before: its silence counts from now on
        self._go_on_telling()

    def _go_on_telling(self) -> None:
        if self._ear is None:
            self._untold = b""
            return
        with suppress(BlockingIOError, BrokenPipeError):  # it is busy, or dead, which is seen soon
            while self._untold:
                self._untold = self._untold[os.write(self._ear.fileno(), self._untold) :]

    def kill(self) -> None:
        """End the process and all of its group, now.

        One that hangs in the kernel, as on a file server that is gone, ends when it can.
        """
        if self.exit is None:
            with suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
            given_up, backoff = time.monotonic() + _WAIT_FOR_DEAD, Backoff(*_LOOKS_FOR_DEAD)
            while not self.poll():
                if time.monotonic() > given_up:
                    self._child.returncode = -signal.SIGKILL
                    self.exit = Exit(-signal.SIGKILL, 0.0, 0)
                backoff.sleep()
        self.close()

    def close(self) -> None:
        """Close the log and the pipes of a process that has ended."""
        with suppress(OSError):  # a full disk
            self._log.close()
        if self._ear:
            self._ear.close()
            self._ear = None
        assert self._child.stdout is not None
        self._child.stdout.close()

    def cpu_seconds(self) -> Seconds:
        """Return the processor time that the process and its group have used so far."""
        every = (_stat(entry.name) for entry in Path("/proc").glob("[0-9]*"))
        own = (fields for fields in every if fields and int(fields[3]) == self._child.pid)
        return sum(map(_ticks, own)) / _TICKS_A_SECOND  # of the session, the process's own

    def is_stalled(self, now: Seconds) -> bool:
        """Return whether it hangs: no word and no processor time for `STALLED_AFTER`.

        Parameters
        ----------
        now : float
            Seconds on one clock; the first call begins the watch.
        """
        if self._has_spoken:
            self._has_spoken, self._moved = False, now
        if not self._looked:  # what its start has taken is no sign of life
            self._looked, self._cpu_seconds = now, _ticks(_stat(self._child.pid)) / _TICKS_A_SECOND
        if now - self._looked > _STALL_LOOK:
            self._looked = now
            if (used := self.cpu_seconds()) > self._cpu_seconds:
                self._cpu_seconds, self._moved = used, now
        return now - self._moved > STALLED_AFTER

    def memory(self) -> Bytes:
        """Return the resident set of the process, 0 where it cannot be read."""
        try:
            pages = int(Path(f"/proc/{self._child.pid}/statm").read_text().split()[1])
        except (OSError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")


def _stat(pid: int | str) -> list[str]:
    """Return what /proc/PID/stat says after the program's name; empty where there is none."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")  # names are cut at 15 bytes
        return stat.rpartition(")")[2].split()
    except OSError:
        return []


def _ticks(stat: Sequence[str]) -> int:
    """Return the processor time of a process and of its children that have ended, in ticks."""
    return sum(int(value) for value in stat[11:15])


def find_program(name: str, environment: Mapping[str, str]) -> str:
    """Return the path of a program.

    Raises
    ------
    RendererNotFound
        If there is none of that name on this host's PATH.
    """
    found = shutil.which(name, path=environment.get("PATH"))
    if found is None:
        raise RendererNotFound(f"no program {name!r} on the PATH")
    return found


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the launcher's variables.

    Parameters
    ----------
    environ : mapping of str to str
        Such as ``os.environ`` of a rank.

    Returns
    -------
    environment : dict of str to str
    """
    return {k: v for k, v in environ.items() if not _LAUNCHER_VARIABLES.match(k)}


def age_of_this_process() -> Seconds:
    """Return how long ago this process began, to 0.01 s; 0 where the kernel does not say."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        began = int(fields[19]) / os.sysconf("SC_CLK_TCK")  # starttime, proc(5): since the boot
        return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - began)
    except (OSError, IndexError, AttributeError):  # not Linux
        return 0.0


def die_with_parent() -> None:
    """Have the kernel end this process when the one that started it is gone.

    A launcher that is killed outright would otherwise leave its ranks, and they their renderers.
    """
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    except (OSError, AttributeError):  # not Linux
        return
    if os.getppid() != _PARENT:  # it was gone before the kernel knew of our wish
        os._exit(1)


@cache
def _tied_to_parent() -> tuple[str, ...]:
    """Return the prefix that ends a child with its parent; empty where there is no setpriv."""
    found = shutil.which("setpriv")
    return (found, "--pdeathsig", "KILL", "--") if found else ()
