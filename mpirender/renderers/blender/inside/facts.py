"""What a scene is, asked before it is rendered."""

from __future__ import annotations

import glob
import json
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

from .denoise import can_denoise_afterwards
from .stage import Stage, borrowed, movie_path, replays
from .wire import Wire

_PATTERNS_THAT_GO_ON = ("SOBOL", "PROGRESSIVE_MULTI_JITTER", "TABULATED_SOBOL")


def query(stage: Stage, wire: Wire, number: int, ask: dict[str, Any]) -> list[dict[str, Any]]:
    """Write down what the scene is."""
    scene = stage.set(ask["play"])
    render, image = scene.render, scene.render.image_settings
    facts = {
        "scene": scene.name,
        "start": scene.frame_start,
        "end": scene.frame_end,
        "step": scene.frame_step,
        "fps": [render.fps, render.fps_base],
        "size": list(full_size(render)),
        "picture": picture_size(render),
        "engine": render.engine,
        "format": image.file_format,
        "depth": image.color_depth,
        "mode": image.color_mode,
        "quality": image.quality,
        "ending": render.file_extension,
        "codec": render.ffmpeg.codec if stage.movie_format else "",
        "views": bool(render.use_multiview and image.views_format == "INDIVIDUAL"),
        "missing": missing_files(),
        "unbaked": unbaked_caches(scene),
        "camera": has_camera(scene),
        "whole": why_whole(scene),
        "not_samples": why_not_samples(scene),
        "samples": getattr(getattr(scene, "cycles", None), "samples", 0),
        "margin": int(render.engine == "CYCLES" and scene.cycles.use_adaptive_sampling),
        "denoises": denoises(scene),
        "can_denoise": can_denoise(),
    }
    write_answer(ask["answer"], facts)
    return []


def names(stage: Stage, wire: Wire, number: int, ask: dict[str, Any]) -> list[dict[str, Any]]:
    """Write down where Blender would put the pictures of some frames, and a movie of them."""
    scene = stage.set(ask["play"])
    render, kind = scene.render, stage.movie_format
    with borrowed(render, filepath=ask["pattern"] or render.filepath):
        frames = [render.frame_path(frame=number) for number in ask["frames"]]
        movie = movie_path(render, kind) if kind else ""
    write_answer(ask["answer"], {"frames": frames, "movie": movie})
    return []


def write_answer(path: str, answer: Any) -> None:
    """Write an answer into a file; it may be longer than a line should be."""
    Path(path).write_text(json.dumps(answer), encoding="utf-8")


def full_size(render: Any) -> tuple[int, int]:
    """Return width and height of the frame."""
    percent = render.resolution_percentage
    return render.resolution_x * percent // 100, render.resolution_y * percent // 100


def picture_size(render: Any) -> list[int] | None:
    """Return width and height of the picture, which may be a part of the frame; None if unknown."""
    if render.use_multiview:
        return None
    width, height = full_size(render)
    if not (render.use_border and render.use_crop_to_border):
        return [width, height]
    across = _cut(render.border_max_x, width) - _cut(render.border_min_x, width)
    down = _cut(render.border_max_y, height) - _cut(render.border_min_y, height)
    return [across, down]


def _cut(border: float, pixels: int) -> int:
    """Return where Blender cuts: it multiplies in single precision and drops what is left."""
    return int(struct.unpack("f", struct.pack("f", border * pixels))[0])


def has_camera(scene: Any) -> bool:
    """Return whether there is a camera, or may be no need of one."""
    nodes = compositor_nodes(scene)
    return bool(
        scene.camera or uses_strips(scene) or nodes or any(m.camera for m in scene.timeline_markers)
    )


def uses_strips(scene: Any) -> bool:
    """Return whether pictures come out of the sequencer."""
    editor = scene.sequence_editor
    if not (scene.render.use_sequencer and editor):
        return False
    return bool(getattr(editor, "strips", None) or getattr(editor, "sequences", None))


def missing_files() -> list[str]:
    """Return files that the scene needs and that are not there."""
    unused = {
        bpy.path.abspath(image.filepath, library=image.library)
        for image in bpy.data.images
        if not image.users
    }
    paths = bpy.utils.blend_paths(absolute=True, packed=False, local=False)
    return sorted({p for p in paths if p not in unused and not _is_there(Path(p))})


def _is_there(path: Path) -> bool:
    """Return whether a file is there; of a name with a place for numbers, whether any is."""
    if path.exists() or path.name.startswith("<"):  # the latter is built in
        return True
    parts = re.split(r"<[A-Z]+>|#+", path.name)
    return len(parts) > 1 and any(path.parent.glob("*".join(map(glob.escape, parts))))


def unbaked_caches(scene: Any) -> list[str]:
    """Return simulations whose frames depend on those that were rendered before."""
    found = [f"{o.name}: {what}" for o in scene.objects for what in _unbaked_of(o)]
    world = scene.rigidbody_world
    if world and world.enabled and not world.point_cache.is_baked:
        found.append("rigid bodies")
    return sorted(found)


def _unbaked_of(thing: Any) -> Iterator[str]:
    for modifier in (modifier for modifier in thing.modifiers if modifier.show_render):
        caches = [getattr(modifier, "point_cache", None)]
        canvas = getattr(modifier, "canvas_settings", None)
        caches += [s.point_cache for s in canvas.canvas_surfaces] if canvas else []
        unbaked = any(cache is not None and not cache.is_baked for cache in caches)
        nodes = getattr(modifier, "node_group", None)
        if unbaked or replays(modifier) or _has_simulation(nodes):
            yield modifier.name
    for system in thing.particle_systems:
        moves = system.settings.type != "HAIR" or system.use_hair_dynamics
        if moves and not system.point_cache.is_baked:
            yield system.name


def _has_simulation(tree: Any) -> bool:
    """Return whether geometry nodes have a zone of simulation, baked or not."""
    nodes = tree.nodes if tree else ()
    return any(
        node.bl_idname == "GeometryNodeSimulationOutput"
        or _has_simulation(getattr(node, "node_tree", None))
        for node in nodes
    )


def why_whole(scene: Any) -> str:
    """Return why parts of a frame are not what they are in the whole one; empty if they are."""
    render, cycles = scene.render, getattr(scene, "cycles", None)
    if render.engine != "CYCLES" or cycles is None:
        return f"{render.engine} looks at what else is on the screen"
    reasons = {
        "the scene has a render region of its own": render.use_border,
        "strips of the sequencer are shown": uses_strips(scene),
        "there is a picture for each eye": render.use_multiview,
        "simulations go on from frame to frame": bool(unbaked_caches(scene)),
        "Freestyle draws lines over the whole frame": render.use_freestyle,
        "the denoiser looks at the whole frame": not can_denoise_afterwards(scene),
        "path guiding learns from the whole frame": getattr(cycles, "use_guiding", False),
        "a compositor shows other scenes": any(
            node.type == "R_LAYERS" and node.scene not in (None, scene)
            for node in compositor_nodes(scene)
        ),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def why_not_samples(scene: Any) -> str:
    """Return why parts of the samples do not add up to all of them; empty if they do."""
    cycles = getattr(scene, "cycles", None)
    if scene.render.engine != "CYCLES" or cycles is None:
        return f"{scene.render.engine} has no samples that can be told apart"
    pattern = getattr(cycles, "sampling_pattern", "")
    passes = (
        getattr(layer, f"use_pass_{kind}", False)
        for layer in scene.view_layers
        for kind in ("vector", *(f"cryptomatte_{of}" for of in ("object", "material", "asset")))
    )
    reasons = {
        "adaptive sampling gives each pixel a number of its own": cycles.use_adaptive_sampling,
        "there is a time limit": cycles.time_limit > 0,
        "a view layer has a number of its own": any(layer.samples for layer in scene.view_layers),
        f"the pattern {pattern} depends on their number": not (
            hasattr(cycles, "use_sample_subset") or pattern in _PATTERNS_THAT_GO_ON
        ),
        "the pass Vector or Cryptomatte is no mean of them": any(passes),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")


def compositor_nodes(scene: Any) -> list[Any]:
    """Return the nodes that are gone through for each picture."""
    if hasattr(scene, "compositing_node_group"):  # since Blender 5
        tree = scene.compositing_node_group
    else:
        tree = scene.node_tree if scene.use_nodes else None
    return list(tree.nodes) if tree and scene.render.use_compositing else []


def denoises(scene: Any) -> bool:
    """Return whether pictures are to be denoised."""
    if scene.render.engine != "CYCLES" or not scene.cycles.use_denoising:
        return False
    return any(getattr(layer.cycles, "use_denoising", True) for layer in scene.view_layers)


def can_denoise() -> bool:
    """Return whether Blender was built with a denoiser for every machine."""
    try:
        import _cycles
    except ImportError:
        return False
    return bool(getattr(_cycles, "with_openimagedenoise", True))
