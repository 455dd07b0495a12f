"""The table of renderers; each is imported when it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import PurePath
from typing import cast

from mpirender.errors import UsageError
from mpirender.renderers.base import Question, Renderer, Request, without_section

__all__ = ["NAMES", "ask", "name_for", "renderer_named", "switches_of"]

_TABLE = {
    # name: (module:class, endings of its scenes)
    "povray": ("mpirender.renderers.povray:Povray", (".pov", ".ini")),
    "blender": ("mpirender.renderers.blender:Blender", (".blend",)),
    "fake": ("mpirender.renderers.fake:Fake", (".fake",)),
}

_SWITCHES = {"blender": "mpirender.renderers.blender.options"}
"""Modules with a table `SWITCHES`; the arguments of others need ``+`` or ``--`` before them."""

NAMES = tuple(sorted(_TABLE))


def renderer_named(name: str) -> Renderer:
    """Return a renderer by its name in the table.

    Raises
    ------
    UsageError
        If there is none of that name.
    """
    if name not in _TABLE:
        raise UsageError(f"no renderer {name!r}", hint=f"there are: {', '.join(NAMES)}")
    module, _, attribute = _TABLE[name][0].partition(":")
    return cast(Renderer, getattr(import_module(module), attribute)())


def name_for(scenes: Iterable[str]) -> str:
    """Return the name of the renderer for scenes, by the ending of their names.

    The first one with a known ending counts; it is POV-Ray where none has one.
    """
    of_ending = {ending: name for name, (_, endings) in _TABLE.items() for ending in endings}
    known = (of_ending.get(PurePath(without_section(s)[0]).suffix.lower()) for s in scenes)
    return next(filter(None, known), "povray")


def switches_of(name: str) -> Mapping[str, bool]:
    """Return a renderer's own arguments that need nothing before them to be known as such.

    Returns
    -------
    switches : mapping of str to bool
        Whether a value follows.
    """
    if name not in _SWITCHES:
        return {}
    return cast("Mapping[str, bool]", import_module(_SWITCHES[name]).SWITCHES)


def ask(request: Request, name: str = "") -> tuple[Renderer, Question]:
    """Choose the renderer and begin to ask it what the user means.

    Parameters
    ----------
    request : Request
    name : str
        In the table; empty to go by the ending of the scene's name.

    Raises
    ------
    UsageError, RendererNotFound
        Where that can be told at once.
    """
    renderer = renderer_named(name or name_for([request.scene]))
    if request.split not in renderer.splits:
        known = ", ".join(sorted(split.value for split in renderer.splits))
        raise UsageError(
            f"--split {request.split.value}: not with {renderer.name}", hint=f"there are: {known}"
        )
    return renderer, renderer.ask(request)
