"""The command line: arguments in, exit status out, and every error one clear line."""

from __future__ import annotations

import io
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from importlib import import_module
from pathlib import Path

from mpirender.cli.render import parse_arguments
from mpirender.errors import INTERRUPTED, LauncherMismatch, MpirenderError
from mpirender.hosts import Claim, launcher_claim
from mpirender.interrupts import catch_interrupts
from mpirender.resting import close_resting
from mpirender.shots import ask_for_shots, start_early
from mpirender.views.base import say

__all__ = ["main"]

_ALONE = ("check", "encode", "plan")
"""Commands in modules of the same name, that need no other rank."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program on this rank.

    Every rank of a run comes through here; only the one that the launcher calls rank 0 speaks to
    the user, and does what the arguments say. The others look at them for a renderer to start.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; those of the process if left out.

    Returns
    -------
    status : int
        Exit status; see `mpirender.errors`.
    """
    claim = launcher_claim(os.environ)
    catch_interrupts()
    _configure_logging(logging.WARNING)
    try:
        if claim.rank > 0:
            _start_early(list(sys.argv[1:] if argv is None else argv))
            from mpirender.run import connect, work

            return work(connect(claim))
        return _lead(list(sys.argv[1:] if argv is None else argv), claim)
    except LauncherMismatch as error:
        return _report(error) if claim.rank == 0 else error.exit_status
    except MpirenderError as error:
        return _report(error)
    except KeyboardInterrupt:
        if claim.rank == 0:
            say("mpirender: interrupted")
        return INTERRUPTED
    finally:
        close_resting()


def _start_early(argv: list[str]) -> None:
    """Start a renderer for the first task while rank 0 asks what is meant.

    Whatever is wrong, rank 0 will say it.
    """
    if argv and argv[0] in ("bench", *_ALONE):
        return
    with suppress(Exception), redirect_stdout(io.StringIO()):
        flags = parse_arguments(argv)
        if flags and not flags.dry_run:
            start_early(flags)


def _lead(argv: list[str], claim: Claim) -> int:
    """Do rank 0's part, as far as the arguments say."""
    if argv[:1] == ["bench"]:
        return _bench(argv[1:], claim)
    if argv and argv[0] in _ALONE:
        return _alone(argv, claim)
    return _render(argv, claim)


def _render(argv: list[str], claim: Claim) -> int:
    try:
        flags = parse_arguments(argv)
        if flags and flags.report:
            _check_report(flags.report)
        shots = ask_for_shots(flags) if flags else None
    except MpirenderError:
        _dismiss(claim)
        raise
    if flags is None or shots is None:  # --help and the like have been answered
        return _dismiss(claim)
    _configure_logging(flags.log_level)
    from mpirender import app  # all the rest of the program, while the renderer answers

    return app.render(flags, shots, claim)


def _alone(argv: list[str], claim: Claim) -> int:
    """Run a command that needs no other rank."""
    try:
        import_module(f"mpirender.cli.{argv[0]}").main(argv[1:])
    except MpirenderError:
        _dismiss(claim)
        raise
    return _dismiss(claim)


def _bench(argv: list[str], claim: Claim) -> int:
    from mpirender.cli import bench

    try:
        order = bench.parse_arguments(argv)
        if order:
            _check_report(order.out)
    except MpirenderError:
        _dismiss(claim)
        raise
    if order is None:
        return _dismiss(claim)
    _configure_logging(order.render.log_level)
    from mpirender.bench import bench as measure

    return measure(order, claim)


def _check_report(target: Path) -> None:
    from mpirender.reporter import check_report

    check_report(target)


def _dismiss(claim: Claim) -> int:
    """Send the other ranks home, if there are any."""
    if claim.size == 1:
        return 0
    from mpirender.run import dismiss

    return dismiss(claim)


def _report(error: MpirenderError) -> int:
    """Print an error: what is longer first, so that what counts is the last thing seen."""
    for line in error.detail.splitlines():
        say(f"  | {line}")
    say(f"mpirender: {error.message}")
    for line in error.hint.splitlines():
        say(f"  {line}")
    return error.exit_status


def _configure_logging(level: int) -> None:
    """Say what the program has to say from some level on, and of libraries only what is wrong."""
    logging.basicConfig(format="mpirender: %(message)s", level=level, force=True)
    for handler in logging.getLogger().handlers:
        handler.addFilter(_is_worth_saying)


def _is_worth_saying(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.WARNING or record.name.split(".")[0] == "mpirender"
