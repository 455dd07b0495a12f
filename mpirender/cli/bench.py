"""The arguments of the command `mpirender bench`: those of a render, and a few more."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path

from mpirender.cli.parser import Answered, positive, whole_number
from mpirender.cli.render import divide, flags_of, render_parser
from mpirender.errors import UsageError
from mpirender.flags import BenchFlags, Flags
from mpirender.policy import NAMES

__all__ = ["parse_arguments"]

_EPILOG = """\
The folder gets results.json (raw, and complete after each run), table.csv, table.tex, plots as SVG
and PNG, trace.json (for ui.perfetto.dev) and report.html, in which all of it is put together.

  mpirun -np 16 mpirender bench scene.pov +W1920 +H1080 +A0.3
  mpirun -np 16 mpirender bench scene.pov --policy auto,static,gss,fac
  mpirun -np 16 mpirender bench walk.ini --weak --ranks 1,4,16 --repeats 5 --out weak/
"""


def parse_arguments(argv: Sequence[str]) -> BenchFlags | None:
    """Understand what stands after `mpirender bench`.

    Returns
    -------
    flags : BenchFlags or None
        None where all that was asked for has been printed.

    Raises
    ------
    UsageError
        If it is not understood, or asks for what a bench does not make.
    """
    own, passed_on = divide(argv)
    try:
        typed = _parser().parse_args(own)
    except Answered:
        return None
    policies = tuple(dict.fromkeys(typed.policy))
    of_each = [
        flags_of(argparse.Namespace(**{**vars(typed), "policy": policy}), passed_on)
        for policy in policies
    ]
    _refuse(of_each[0])
    return BenchFlags(
        of_each[0], policies, typed.ranks, typed.repeats, typed.weak, typed.seed, typed.out
    )


def _refuse(flags: Flags) -> None:
    """Refuse options that have no meaning in a bench."""
    for option, typed in (
        ("--output", flags.output),
        ("--movie", flags.movies),
        ("--sheet", flags.sheet),
        ("--report", flags.report),
        ("--dry-run", flags.dry_run),
        ("--tune", flags.tune),
    ):
        if typed:
            raise UsageError(
                f"{option} in a bench", hint="all it makes goes to the folder of --out"
            )


def _parser() -> argparse.ArgumentParser:
    parser = render_parser()
    parser.prog = "mpirender bench"
    parser.usage = "mpirun -np N mpirender bench SCENE [options] [+POV-Ray switches]"
    parser.description = "Measure how a scene scales over the ranks of one MPI job."
    parser.epilog = _EPILOG
    parser.conflict_handler = "resolve"  # here several policies can be named
    add = parser.add_argument_group("of the bench").add_argument
    add(
        "--policy",
        type=_policies,
        default=("auto",),
        metavar="LIST",
        help=f"rules to be compared, such as auto,gss,fac (auto); there are: {', '.join(NAMES)}",
    )
    add("--ranks", type=_ranks, default=(), metavar="LIST", help="1,2,4 (default: 1,2,4 ... N)")
    add(
        "--repeats", type=positive, default=3, metavar="R", help="runs of each, in random order (3)"
    )
    add("--seed", type=whole_number, default=0, help="of that order (0)")
    add("--weak", action="store_true", help="n of N ranks render n/N of the pixels, or the frames")
    add(
        "--out",
        type=_folder,
        default=Path("bench"),
        metavar="FOLDER",
        help="of the results (bench)",
    )
    return parser


def _policies(text: str) -> tuple[str, ...]:
    for name in (names := tuple(text.split(","))):
        if name not in NAMES:
            raise argparse.ArgumentTypeError(
                f"got {name!r}, expected one or more of {', '.join(NAMES)}"
            )
    return names


def _ranks(text: str) -> tuple[int, ...]:
    if not re.fullmatch(r"\d+(,\d+)*", text) or 0 in (ranks := [int(n) for n in text.split(",")]):
        raise argparse.ArgumentTypeError(f"got {text!r}, expected such as 1,2,4")
    return tuple(ranks)


def _folder(text: str) -> Path:
    if text.lower().endswith((".html", ".htm")):
        raise argparse.ArgumentTypeError(f"got {text!r}, expected a folder")
    return Path(text)
