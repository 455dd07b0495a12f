"""The table of renderers; each is imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from pathlib import PurePath
from typing import cast

from mpirender.errors import UsageError
from mpirender.renderers.base import Renderer, without_section

__all__ = ["NAMES", "renderer_for", "renderer_named"]

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
