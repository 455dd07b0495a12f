"""Blender, as a program or as the Python module `bpy`.

Everything about a picture (range, size, type, name) is asked of Blender itself, which opens the
scene for that. Each rank then has one Blender that stays and renders what it is asked for, by
the modules in `inside`.

References
----------
Blender Manual, "Command Line Arguments"; Blender Python API.
"""

from __future__ import annotations

from mpirender.renderers.blender.options import SWITCHES, Options, parse_options
from mpirender.renderers.blender.renderer import Blender
from mpirender.renderers.blender.watch import BlenderWatch

__all__ = ["SWITCHES", "Blender", "BlenderWatch", "Options", "parse_options"]
