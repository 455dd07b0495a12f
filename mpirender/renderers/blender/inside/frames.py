"""Whole frames, as the scene's settings are.

A simulation without a cache goes on from one frame to the next, and what `blender -a` shows of it
is what Blender has made of it while it rendered the frames before: neither setting a frame nor
leaving one out does the same. So those before a wanted one are rendered too, as small as can be.
"""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Any

import bpy

from .stage import Stage, borrowed, format_set, samples_set
from .wire import Fault, Wire


def frames(stage: Stage, wire: Wire, number: int, ask: dict[str, Any]) -> list[dict[str, Any]]:
    """Render whole frames, one after the other; return what is to be said of the last."""
    scene = stage.set(ask["play"])
    left = deque(ask["frames"])
    while left:
        frame, path = left.popleft()
        if ask["play"]["played"]:
            play_to(stage, wire, ask["play"], frame)
            render_next(stage, frame, path)
        else:
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
    demand(frame, path)


def demand(frame: int, path: str) -> None:
    """Raise a fault if a picture is not there."""
    if not (Path(path).is_file() and Path(path).stat().st_size):
        raise Fault("nothing", f"frame {frame}: Blender has written no picture")


def play_to(stage: Stage, wire: Wire, play: dict[str, Any], frame: int) -> None:
    """Play simulations up to a frame; from the beginning where they are past it."""
    if frame not in stage.to_play:
        stage.forget()
    scene = stage.set(play)
    render, image = scene.render, scene.render.image_settings
    while (before := stage.to_play.popleft()) != frame:
        wire.say({"plays": True})
        path = Path(bpy.app.tempdir) / "played"
        with (
            borrowed(render, use_multiview=False),
            format_set(image, "PNG"),
            borrowed(render, resolution_x=16, resolution_y=16, resolution_percentage=100),
            borrowed(render, use_compositing=False, use_sequencer=False, use_border=False),
            samples_set(scene, 1),
        ):
            render_next(stage, before, str(path))
        path.unlink()
    wire.say({"plays": False})


def render_next(stage: Stage, frame: int, path: str) -> None:
    """Render a frame as the next one of an animation."""
    scene, render = stage.scene, stage.scene.render
    kept = {"use_overwrite": True, "use_placeholder": False}
    with borrowed(render, filepath=path, use_file_extension=False, **kept):
        try:
            with borrowed(scene, frame_start=frame, frame_end=frame):
                bpy.ops.render.render(animation=True, scene=scene.name)
            written = Path(render.frame_path(frame=frame))  # with its number
            demand(frame, str(written))
        except (Fault, RuntimeError):
            stage.forget()  # who tries again must not play it twice
            raise
    written.replace(path)
