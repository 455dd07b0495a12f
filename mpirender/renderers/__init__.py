"""The table of renderers; each is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from pathlib import PurePath
from typing import cast

from mpirender.errors import UsageError
from mpirender.renderers.base import Question, Renderer, Request, without_section

__all__ = ["NAMES", "ask", "renderer_for", "renderer_named"]

_TABLE = {
    # name: (module:class, endings of its scenes)
    "povray": ("mpirender.renderers.povray:Povray", (".pov", ".ini")),
    "fake": ("mpirender.renderers.fake:Fake", (".fake",)),
}

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


def renderer_for(scene: str) -> Renderer:
    """Return the renderer for a scene, by the ending of its name; POV-Ray where none fits."""
    ending = PurePath(without_section(scene)[0]).suffix.lower()
    fitting = (name for name, (_, endings) in _TABLE.items() if ending in endings)
    return renderer_named(next(fitting, "povray"))


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
    renderer = renderer_named(name) if name else renderer_for(request.scene)
    return renderer, renderer.ask(request)
