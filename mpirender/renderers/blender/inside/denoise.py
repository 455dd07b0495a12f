"""The denoiser, once for the whole frame, where parts of it were rendered without.

Cycles' own is at the end of its rendering; the same denoiser is in the compositor. It gets the
same passes, and what it makes differs from Cycles' own by rounding only (7e-6 at most, measured).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy

_GUIDES = ("Denoising Normal", "Denoising Albedo")
_OTHERS = "Denoising Depth"
Pass = dict[str, Any]


def can_denoise_afterwards(scene: Any) -> bool:
    """Return whether this module knows the compositor of this Blender, and the denoiser asked for.

    Since Blender 5 a compositor is another thing.
    """
    return hasattr(bpy.types, "CompositorNodeComposite") and _layers(scene) == [
        layer for layer in _layers(scene) if scene.cycles.denoiser == "OPENIMAGEDENOISE"
    ]


def _layers(scene: Any) -> list[Any]:
    """Return view layers that are to be denoised."""
    if not scene.cycles.use_denoising:
        return []
    return [layer for layer in scene.view_layers if layer.cycles.use_denoising]


@contextmanager
def put_off(scene: Any) -> Iterator[None]:
    """Leave out the denoiser for a while, and keep what it needs."""
    layers = [(layer, layer.cycles.denoising_store_passes) for layer in _layers(scene)]
    wanted = scene.cycles.use_denoising
    try:
        for layer, _ in layers:
            layer.cycles.denoising_store_passes = True
        scene.cycles.use_denoising = False
        yield
    finally:
        scene.cycles.use_denoising = wanted
        for layer, stored in layers:
            layer.cycles.denoising_store_passes = stored


def denoised(scene: Any, passes: list[Pass]) -> list[Pass]:
    """Return the passes as they are after the denoiser; those of other layers stay as they are."""
    wanted = {layer.name: layer for layer in _layers(scene)}
    done = [one for one in passes if one["layer"] not in wanted]
    for name, layer in wanted.items():
        own = {one["pass"]: one for one in passes if one["layer"] == name}
        noisy = own["Combined"]
        clean = {**noisy, "path": noisy["path"] + ".clean"}
        _denoise(scene, own, Path(clean["path"]))
        own["Noisy Image"], own["Combined"] = {**noisy, "pass": "Noisy Image"}, clean
        if not layer.cycles.denoising_store_passes:
            for guide in (*_GUIDES, _OTHERS):
                own.pop(guide, None)
        done += own.values()
    return done


def _denoise(scene: Any, own: dict[str, Pass], path: Path) -> None:
    """Write the clean picture of a layer."""
    settings, width, height = scene.cycles, *_size(scene)
    hall = bpy.data.scenes.new("mpirender")
    images = []
    try:
        hall.use_nodes = True
        nodes, links = hall.node_tree.nodes, hall.node_tree.links
        nodes.clear()
        node = nodes.new("CompositorNodeDenoise")
        node.use_hdr, node.prefilter = True, settings.denoising_prefilter
        if hasattr(node, "quality") and hasattr(settings, "denoising_quality"):
            node.quality = settings.denoising_quality
        inputs = {"Image": "Combined"}
        if "NORMAL" in settings.denoising_input_passes:
            inputs["Normal"] = "Denoising Normal"
        if "ALBEDO" in settings.denoising_input_passes:
            inputs["Albedo"] = "Denoising Albedo"
        for socket, name in inputs.items():
            images.append(_image(own[name], width, height))
            source = nodes.new("CompositorNodeImage")
            source.image = images[-1]
            links.new(source.outputs["Image"], node.inputs[socket])
        links.new(node.outputs["Image"], nodes.new("CompositorNodeComposite").inputs["Image"])
        _composite(hall, width, height, path.with_suffix(".exr"))
        images.append(bpy.data.images.load(str(path.with_suffix(".exr"))))
        images[-1].colorspace_settings.is_data = True
        values = array("f", bytes(16 * width * height))
        images[-1].pixels.foreach_get(values)
        path.write_bytes(values.tobytes())
    finally:
        for image in images:
            bpy.data.images.remove(image)
        bpy.data.scenes.remove(hall)


def _size(scene: Any) -> tuple[int, int]:
    render = scene.render
    percent = render.resolution_percentage
    return render.resolution_x * percent // 100, render.resolution_y * percent // 100


def _composite(hall: Any, width: int, height: int, path: Path) -> None:
    """Have the compositor write a picture in single precision."""
    render, image = hall.render, hall.render.image_settings
    render.resolution_x, render.resolution_y, render.resolution_percentage = width, height, 100
    render.filepath, render.use_file_extension = str(path), False
    image.file_format, image.color_mode = "OPEN_EXR", "RGBA"
    image.color_depth, image.exr_codec = "32", "NONE"
    bpy.ops.render.render(write_still=True, scene=hall.name)


def _image(one: Pass, width: int, height: int) -> Any:
    """Return a pass as an image of four channels."""
    image = bpy.data.images.new("pass", width, height, alpha=True, float_buffer=True, is_data=True)
    image.alpha_mode = "PREMUL"
    values = array("f")
    values.frombytes(Path(one["path"]).read_bytes())
    if one["channels"] != 4:
        wide = array("f", [1.0]) * (4 * width * height)
        for channel in range(one["channels"]):
            wide[channel::4] = values[channel :: one["channels"]]
        values = wide
    image.pixels.foreach_set(values)
    return image
