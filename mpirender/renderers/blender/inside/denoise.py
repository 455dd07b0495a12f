"""The denoiser, once for the whole frame, where parts of it were rendered without.

Cycles' own is at the end of its rendering; the same denoiser is in the compositor. It gets the
same passes and makes the same of them.
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
    """Return whether the compositor has the denoiser that is asked for, if one is."""
    return not _layers(scene) or scene.cycles.denoiser == "OPENIMAGEDENOISE"


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
        tree, last = _compositor_of(hall)
        nodes, links = tree.nodes, tree.links
        node = nodes.new("CompositorNodeDenoise")
        _choose(node, "Prefilter", settings.denoising_prefilter)
        if hasattr(settings, "denoising_quality"):
            _choose(node, "Quality", settings.denoising_quality)
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
        links.new(node.outputs["Image"], last.inputs["Image"])
        _composite(hall, width, height, path.with_suffix(".exr"))
        images.append(bpy.data.images.load(str(path.with_suffix(".exr"))))
        images[-1].colorspace_settings.is_data = True
        values = array("f", bytes(16 * width * height))
        images[-1].pixels.foreach_get(values)
        path.write_bytes(values.tobytes())
    finally:
        for image in images:
            bpy.data.images.remove(image)
        group = getattr(hall, "compositing_node_group", None)
        bpy.data.scenes.remove(hall)
        if group:
            bpy.data.node_groups.remove(group)


def _compositor_of(hall: Any) -> tuple[Any, Any]:
    """Return the empty compositor of a scene, and its last node; Blender 5 makes both anew."""
    if not hasattr(hall, "compositing_node_group"):
        hall.use_nodes = True
        hall.node_tree.nodes.clear()
        return hall.node_tree, hall.node_tree.nodes.new("CompositorNodeComposite")
    tree = bpy.data.node_groups.new("mpirender", "CompositorNodeTree")
    tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    hall.compositing_node_group = tree
    return tree, tree.nodes.new("NodeGroupOutput")


def _choose(node: Any, name: str, value: str) -> None:
    """Set one of several values of a node, which Blender 5 has among the inputs and for people."""
    if hasattr(node, name.lower()):
        setattr(node, name.lower(), value)
    elif name in node.inputs:
        node.inputs[name].default_value = value.title()


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
