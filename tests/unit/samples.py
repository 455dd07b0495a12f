"""What the unit tests are about: small jobs, tasks, results, and what a renderer has said."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from mpirender.model import Job, Limits, PictureType, Result, Task, Tile

PACKAGE = Path(__file__).resolve().parents[2] / "mpirender"
RECORDED = Path(__file__).resolve().parents[1] / "data" / "povray"

PPM, LIMITS, OUTPUT = PictureType("ppm"), Limits(), Path("/nowhere/out.ppm")

MODULES = {
    ".".join(("mpirender", *path.relative_to(PACKAGE).with_suffix("").parts)).removesuffix(
        ".__init__"
    ): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
"""Name of every module of the package → its file."""

TREES = {name: ast.parse(path.read_text()) for name, path in MODULES.items()}
"""Name of every module of the package → its syntax tree."""


def tile(start: int = 0, stop: int = 8, left: int = 0, right: int = 16) -> Tile:
    return Tile(start, stop, left, right)


def job(
    *,
    renderer: str = "fake",
    arguments: tuple[str, ...] = (),
    directory: Path = PACKAGE,
    width: int = 16,
    height: int = 24,
    area: Tile | None = None,
    picture: PictureType = PPM,
    output: Path = OUTPUT,
    limits: Limits = LIMITS,
    version: str = "1.0",
    keep: bool = False,
) -> Job:
    return Job(
        renderer=renderer,
        program=renderer,
        version=version,
        arguments=arguments,
        directory=directory,
        environment=(),
        width=width,
        height=height,
        area=area or Tile(0, height, 0, width),
        block=8,
        picture=picture,
        output=output,
        limits=limits,
        keep=keep,
    )


def result(task: Task, *, rank: int = 0, attempt: int = 1, seconds: float = 1.0) -> Result:
    setup, render = seconds / 4, seconds / 2
    return Result(task, attempt, rank, f"host-{rank}", seconds, setup, render, seconds, 1 << 20)


def recorded(name: str) -> str:
    """What POV-Ray 3.7.0.10 once wrote, without the banner of its authors."""
    return (RECORDED / f"{name}.txt").read_bytes().decode()


def records(text: str) -> list[str]:
    """The lines and progress records of a text."""
    return [part.rstrip("\r\n") for part in re.split(r"(?<=[\r\n])", text) if part]
