"""Progress on standard error: one live line on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from mpirender.units import Seconds, format_percent, format_seconds
from mpirender.views.base import NoView, Status, View

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["MODES", "BarView", "PlainView", "terminal_behind", "view_for"]

MODES = ("auto", "bar", "plain", "none")

_REDRAW_EVERY: Seconds = 0.2
_PLAIN_EVERY: Seconds = 10.0
_LAUNCHERS = ("mpirun", "mpiexec", "mpiexec.hydra", "orterun", "prterun", "srun")
_USUAL_WIDTH = 80


def view_for(mode: str, *, launched: bool) -> View:
    """Return the view for a mode.

    Parameters
    ----------
    mode : str
        One of `MODES`; ``auto`` looks for a terminal.
    launched : bool
        Whether a launcher stands between this process and the user.
    """
    if mode == "none":
        return NoView()
    terminal = terminal_behind(launched=launched)
    if mode == "plain" or (mode == "auto" and terminal is None):
        return PlainView(sys.stderr)
    return BarView(sys.stderr, width=_width(terminal))


class PlainView:
    """A line every ten seconds, for log files.

    Parameters
    ----------
    stream : text file
    every : float
        Seconds between two lines.
    """

    def __init__(self, stream: TextIO, every: Seconds = _PLAIN_EVERY) -> None:
        self._stream = stream
        self._every = every
        self._said: Seconds = 0.0

    def show(self, status: Status) -> None:
        """Say how far the run is, if the last time is long ago."""
        if status.seconds - self._said >= self._every:
            self._said = status.seconds
            with suppress(OSError):  # nobody reads it any more
                print(f"mpirender: {_sentence(status)}", file=self._stream, flush=True)

    def close(self) -> None:
        """Nothing is left open."""


class BarView:
    """One line that is drawn over and over.

    Parameters
    ----------
    stream : text file
        Need not be a terminal itself: a launcher passes on to one what is written here.
    width : int
        Columns of the terminal.
    """

    def __init__(self, stream: TextIO, width: int = _USUAL_WIDTH) -> None:
        self._bar, self._row = _rich_bar(stream, width)
        self._drawn: Seconds = float("-inf")
        self._is_gone = False
        self._draw(self._bar.start)

    def show(self, status: Status) -> None:
        """Draw the line anew."""
        if status.seconds - self._drawn < _REDRAW_EVERY:
            return
        self._drawn = status.seconds
        left = status.seconds_left
        self._bar.update(
            self._row,
            completed=status.fraction,
            busy=f"{status.busy}/{status.ranks} ranks busy",
            eta=f"ETA {format_seconds(left)}" if left is not None else "",
        )
        self._draw(self._bar.refresh)

    def close(self) -> None:
        """Leave the last line and the cursor as they should be."""
        self._draw(self._bar.stop)

    def _draw(self, action: Callable[[], None]) -> None:
        """Draw something, unless the terminal or pipe is gone: a render goes on without."""
        if not self._is_gone:
            try:
                action()
            except OSError:
                self._is_gone = True


def _rich_bar(stream: TextIO, width: int) -> tuple[Progress, TaskID]:
    import rich.console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    class Console(rich.console.Console):
        def on_broken_pipe(self) -> None:
            raise  # it would end the process, and silence standard output

    console = Console(file=stream, force_terminal=True, width=width, legacy_windows=False)
    bar = Progress(
        TextColumn("mpirender"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[busy]}"),
        TextColumn("{task.fields[eta]}"),
        console=console,
        auto_refresh=False,
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    return bar, bar.add_task("", total=1.0, busy="", eta="")


def _sentence(status: Status) -> str:
    left = status.seconds_left
    eta = f", about {format_seconds(left)} left" if left is not None else ""
    return (
        f"{format_percent(status.fraction)} after {format_seconds(status.seconds)}{eta},"
        f" {status.busy} of {status.ranks} ranks busy"
    )


# ---------------------------------------------------------------------------------- terminals


def terminal_behind(*, launched: bool) -> Path | None:
    """Return the terminal that standard error ends up on, or None.

    Under a launcher a rank's own streams prove nothing: standard error is always a pipe, and some
    give it a terminal of 0 columns as standard output. So the launcher is looked at: it is an
    ancestor of rank 0, and the kernel tells where its standard error goes.

    Parameters
    ----------
    launched : bool
        Whether there is a launcher.
    """
    if not launched:
        return _terminal_of(os.getpid()) if sys.stderr.isatty() else None
    for pid, name in _ancestors():
        if name in _LAUNCHERS:
            return _terminal_of(pid)
    return None


def _ancestors() -> Iterator[tuple[int, str]]:
    """Yield process numbers and names, from the parent upwards."""
    pid = os.getppid()
    while pid > 1:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except OSError:
            return
        name, _, rest = stat.partition("(")[2].rpartition(")")
        yield pid, name
        pid = int(rest.split()[1])


def _terminal_of(pid: int) -> Path | None:
    try:
        target = Path(f"/proc/{pid}/fd/2").readlink()
    except OSError:
        return None
    return target if str(target).startswith(("/dev/pts/", "/dev/tty")) else None


def _width(terminal: Path | None) -> int:
    if terminal is not None:
        try:
            descriptor = os.open(terminal, os.O_RDONLY | os.O_NOCTTY)
            try:
                return os.get_terminal_size(descriptor).columns or _USUAL_WIDTH
            finally:
                os.close(descriptor)
        except OSError:
            pass
    return _USUAL_WIDTH
