"""Parts of a frame as they come from Cycles, and a frame of such parts as if it came from Cycles.

A part is rendered with a border and cropped. It is written with all layers and passes in single
precision, before anything that looks at the whole frame: compositor, view transform, dither. All
that is done at the end by Blender itself, of which only Cycles is replaced: it hands over what the
parts were put together to.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .denoise import denoised, put_off
from .facts import full_size
from .frames import render_to
from .stage import Stage, borrowed, format_set
from .wire import Wire


def block(stage: Stage, wire: Wire, number: int, ask: dict[str, Any]) -> list[dict[str, Any]]:
    """Render a rectangle of a frame, or some of its samples; return what is to be said of it."""
    scene = stage.set(ask["play"])
    render, image = scene.render, scene.render.image_settings
    path = Path(ask["output"])
    unfinished = path.with_suffix(".part")
    with (
        put_off(scene),
        format_set(image, "OPEN_EXR_MULTILAYER"),
        borrowed(image, color_mode="RGBA", color_depth="32", exr_codec="NONE"),
        borrowed(render, use_compositing=False, use_sequencer=False, use_stamp=False),
        part_set(scene, **ask["part"]),
    ):
        render_to(scene, ask["frame"], str(unfinished))
    unfinished.replace(path)  # whoever waits for it finds it whole
    return [{"saved": ask["frame"]}]


@contextmanager
def part_set(
    scene: Any, tile: list[int] | None = None, samples: list[int] | None = None
) -> Iterator[None]:
    """Choose a part for a while: a rectangle, or the first sample and how many."""
    render, cycles = scene.render, scene.cycles
    if tile:
        with borrowed(render, **border_of(tile, *full_size(render))):
            yield
        return
    offset, count = samples or (0, 0)
    subset: dict[str, Any] = {"samples": count, "sample_offset": offset}
    if hasattr(cycles, "use_sample_subset"):  # since Blender 4.5
        subset = {"sample_offset": offset, "sample_subset_length": count, "use_sample_subset": True}
    with borrowed(cycles, **subset):
        yield


def border_of(tile: list[int], width: int, height: int) -> dict[str, Any]:
    """Return the settings for a rectangle: first and one past the last row, and columns.

    Rows count from the top, borders from the bottom. Blender multiplies in single precision and
    drops what is behind the point, so that a border half a pixel too far is right, and a border
    without it is not always.
    """
    top, stop, left, right = tile

    def at(edge: int, extent: int) -> float:
        return (edge + 0.5) / extent if 0 < edge < extent else float(edge > 0)

    return {
        "use_border": True,
        "use_crop_to_border": True,
        "border_min_x": at(left, width),
        "border_max_x": at(right, width),
        "border_min_y": at(height - stop, height),
        "border_max_y": at(height - top, height),
    }


def finish(stage: Stage, wire: Wire, number: int, ask: dict[str, Any]) -> list[dict[str, Any]]:
    """Write the picture of a frame whose passes have been rendered elsewhere."""
    import cycles

    scene = stage.set(ask["play"])
    passes = denoised(scene, ask["passes"])
    engine = cycles.CyclesRender
    before = engine.update, engine.render
    engine.update, engine.render = _no_update, _handing_over(passes, ask["notes"])
    try:
        render_to(scene, ask["frame"], ask["output"])
    finally:
        engine.update, engine.render = before
    return [{"saved": ask["frame"]}]


def opened(stage: Stage, wire: Wire, number: int, ask: dict[str, Any]) -> list[dict[str, Any]]:
    """Open the scene, so that it is open when it is needed."""
    stage.set(ask["play"])
    return []


def _no_update(engine: Any, data: Any, depsgraph: Any) -> None:
    """Prepare nothing."""


def _handing_over(passes: list[dict[str, Any]], notes: dict[str, str]) -> Any:
    """Return what takes the place of Cycles' own `render`."""

    def render(engine: Any, depsgraph: Any) -> None:
        name = depsgraph.view_layer_eval.name
        own = {one["pass"]: one for one in passes if one["layer"] == name}
        result = engine.begin_result(0, 0, engine.resolution_x, engine.resolution_y, layer=name)
        layer = result.layers[0]
        there = {one.name for one in layer.passes}
        for one in own.values():
            if one["pass"] not in there:
                engine.add_pass(one["pass"], one["channels"], one["ids"], layer=name)
        for place in layer.passes:
            if place.name in own:
                _fill(place, own[place.name]["path"])
        engine.end_result(result)
        for field, value in notes.items():
            engine.get_result().stamp_data_add_field(field, value)

    return render


def _fill(place: Any, path: str) -> None:
    """Set a pass to the numbers in a file."""
    values = array("f")
    values.frombytes(Path(path).read_bytes())
    try:
        place.rect.foreach_set(values)
    except TypeError:  # Blender 3 takes a list of pixels only
        size = place.channels
        place.rect = [values[at : at + size] for at in range(0, len(values), size)]
