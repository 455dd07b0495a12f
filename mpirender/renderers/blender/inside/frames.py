"""Whole frames, as the scene's settings are."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

import bpy

from .stage import Stage, borrowed
from .wire import Fault, Wire


def frames(stage: Stage, wire: Wire, number: int, ask: dict[str, Any]) -> list[dict[str, Any]]:
    """Render whole frames, one after the other; return what is to be said of the last."""
    scene = stage.set(ask["play"])
    left = deque(ask["frames"])
    while left:
        frame, path = left.popleft()
        render_to(scene, frame, path)
        for words in wire.told(number):
            given = int(words.rpartition(" ")[2])
            if words.startswith("leave frame"):
                left = deque(one for one in left if one[0] != given)
        if left:
            wire.say({"saved": frame})
    return [{"saved": frame}]


def render_to(scene: Any, frame: int, path: str) -> None:
    """Render a frame as the scene's settings are, into a file of exactly this name."""
    with borrowed(scene.render, filepath=path, use_file_extension=False):
        scene.frame_set(frame)
        bpy.ops.render.render(write_still=True, scene=scene.name)
    if not (Path(path).is_file() and Path(path).stat().st_size):
        raise Fault("render", f"frame {frame}: Blender has written no picture, without a word")
