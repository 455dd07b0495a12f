"""`blender -b FILE -o OUT -s FIRST -e LAST -a` for a Python that has Blender as a module.

    python alone.py -- FILE OUT FIRST LAST [--scene NAME] [--threads N]

Nothing else of the file is changed: what it writes is what Blender alone writes.
"""

from __future__ import annotations

import argparse
import sys

import bpy


def main() -> None:
    """Render the frames."""
    parser = argparse.ArgumentParser()
    parser.add_argument("file")
    parser.add_argument("out")
    parser.add_argument("first", type=int)
    parser.add_argument("last", type=int)
    parser.add_argument("--scene")
    parser.add_argument("--threads", type=int)
    options = parser.parse_args(sys.argv[sys.argv.index("--") + 1 :])
    bpy.ops.wm.open_mainfile(filepath=options.file)
    scene = bpy.data.scenes[options.scene] if options.scene else bpy.context.scene
    scene.render.filepath = options.out
    scene.frame_start, scene.frame_end = options.first, options.last
    if options.threads:
        scene.render.threads_mode, scene.render.threads = "FIXED", options.threads
    bpy.ops.render.render(animation=True, scene=scene.name)


if __name__ == "__main__":
    main()
