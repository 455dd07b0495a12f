"""What runs inside Blender: opens a scene once, and renders of it what it is asked for.

Blender has a Python of its own, without mpirender and maybe without numpy, so that these modules
import nothing but the standard library, `bpy`, and each other. They are started by ``blender
--python boot.py`` or, with the module `bpy`, by ``python boot.py``, and then talk as
`mpirender.session` says. Besides that they say, a line each, ``@blender`` and an object in JSON:
`version`; `saved`, the number of a frame whose picture is written; `plays`, whether what follows is
a frame that nobody wants; `fault` and `kind`, why a request came to nothing.
"""
