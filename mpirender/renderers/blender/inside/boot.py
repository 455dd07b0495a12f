"""Where Blender's Python begins: find the other modules here, and nothing else in their place."""

import sys
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:] = [path for path in sys.path if Path(path or ".").resolve() != HERE]
sys.path.append(str(HERE.parent))
main = import_module("inside.main")
sys.path.remove(str(HERE.parent))
main.main()
