"""The command `mpirender check`: what would be rendered, and whether its pixels are certain."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from mpirender.cli.render import parse_arguments
from mpirender.renderers.base import Finding, SceneInfo
from mpirender.shots import ask_for_shots
from mpirender.units import plural
from mpirender.views.base import print_out

__all__ = ["main"]

_EXACT = "no pixel depends on the order of tracing: any number of ranks gives {}'s own picture"
_ORDER = "so pixels depend on the order of tracing; povray +WT2 does not repeat itself either"
_FRAMES = "the last frames are cut into rows; with --reproducible each frame is that of povray +WT1"
_TOGETHER = (
    "all ranks share the samples, so that no seam shows; with --reproducible every number of ranks"
    " gives the same pixels"
)
_CUT = (
    "every number of ranks gives other pixels there; with --reproducible all numbers give the same"
)


def main(argv: Sequence[str]) -> int:
    """Run the command.

    Parameters
    ----------
    argv : sequence of str
        What stands after `mpirender check`: all that could stand after `mpirender`.

    Returns
    -------
    status : int
        0; everything else is raised.

    Raises
    ------
    UsageError, RendererNotFound
        As for rendering.
    """
    flags = parse_arguments(argv)
    if flags is None:
        return 0
    shots = ask_for_shots(flags)
    with closing(shots):
        for shot in shots.shots:
            info = shot.question.answer()
            findings = shot.renderer.audit(info)
            lines = _account(info, findings, shot.name, shot.renderer.name)
            print_out("\n".join(lines))
    return 0


def _account(info: SceneInfo, findings: Sequence[Finding], name: str, renderer: str) -> list[str]:
    """Return what there is to say of a shot, line by line."""
    picture = info.picture
    depth = f"{picture.bits} bits" if picture.bits else "depth as it chooses"
    kind = f"{picture.kind.upper()}, {depth}{', alpha' if picture.alpha else ''}"
    lines = [
        f"{name + ': ' if name else ''}{info.scene}",
        f"  {info.width} x {info.height} pixels, {kind}, renderer {info.version}",
        f"  {_outputs(info)}",
        *(f"  {finding.place}: {finding.feature}: {finding.reason}" for finding in findings),
    ]
    if not findings:
        whole = [f"  frames are not cut: {info.whole}"] if info.whole else []
        return [*lines, *whole, f"  {_EXACT.format(renderer)}"]
    done = _FRAMES if info.frames else _TOGETHER if info.shares_samples else _CUT
    return [*lines, f"  {_ORDER}", f"  {done}"]


def _outputs(info: SceneInfo) -> str:
    if not info.frames:
        return f"to {info.output}"
    first, last = info.frames[0].output, info.frames[-1].output
    return f"{plural(len(info.frames), 'frame')}, {first} to {last.name}"
