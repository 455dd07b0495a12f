"""POV-Ray 3.7 and its kin.

Everything about a picture (size, area, type, depth, block size, name) is asked of POV-Ray itself,
which writes its effective settings and prints its options before it reads the scene. Its rows and
columns count from 1 and include the end; they are converted here and nowhere else.

References
----------
POV-Ray 3.7 reference, section 1.2 "Command-Line and INI-File Options".
"""

from __future__ import annotations

from mpirender.renderers.povray.question import installed_version, parse_options, parse_settings
from mpirender.renderers.povray.renderer import Povray
from mpirender.renderers.povray.switches import area_arguments, path_argument
from mpirender.renderers.povray.watch import PovrayWatch

__all__ = [
    "Povray",
    "PovrayWatch",
    "area_arguments",
    "installed_version",
    "parse_options",
    "parse_settings",
    "path_argument",
]
