"""The scene that is open, with what the user has asked of it."""

from __future__ import annotations

import contextlib
import re
import tempfile
from collections import deque
from collections.abc import Iterator
from typing import Any

import bpy

from .devices import use_device
from .wire import Fault

_MOVIE_AS = "PNG"
_MEDIA = {"OPEN_EXR_MULTILAYER": "MULTI_LAYER_IMAGE", "FFMPEG": "VIDEO"}
_PLAIN_ENGINES = {
    "EEVEE": ("BLENDER_EEVEE", "BLENDER_EEVEE_NEXT"),
    "WORKBENCH": ("BLENDER_WORKBENCH",),
}


class Stage:
    """The scene that is open, with what the user has asked of it."""

    def __init__(self) -> None:
        self._play: Any = None
        self.scene: Any = None
        self.movie_format = ""
        """In which the scene itself would have written a movie, if it is one."""
        self.to_play: deque[int] = deque()
        """Frames that come next, where simulations go on from one to the next."""

    def set(self, play: dict[str, Any]) -> Any:
        """Open a file, unless it is open already; return the scene."""
        if play != self._play:
            self._play = None
            try:
                bpy.ops.wm.open_mainfile(
                    filepath=play["file"], load_ui=True, use_scripts=play["scripts"]
                )
            except RuntimeError as error:
                raise Fault("file", str(error).strip().removeprefix("Error: ")) from None
            self._prepare(play["options"])
            render = self.scene.render
            render.threads_mode, render.threads = "FIXED", play["threads"]
            self.to_play = deque(play["played"])
            if self.to_play:
                keep_fluids_apart(self.scene)
            else:
                render.use_persistent_data = True
            self._play = play
        return self.scene

    def forget(self) -> None:
        """Open the file anew the next time."""
        self._play = None

    def _prepare(self, options: dict[str, Any]) -> None:
        self.scene = bpy.context.scene
        if name := options.get("scene"):
            self.scene = _named(bpy.data.scenes, name, "--scene")
        self._choose_view(options)
        self._set_range(options)
        self._set_size(options)
        if engine := options.get("engine"):
            _set_engine(self.scene.render, engine)
        self._set_samples(options)
        if device := options.get("device"):
            use_device(self.scene, device)
        self._set_type(options)

    def _choose_view(self, options: dict[str, Any]) -> None:
        if name := options.get("view_layer"):
            wanted = _named(self.scene.view_layers, name, "--view-layer")
            for layer in self.scene.view_layers:
                layer.use = layer == wanted
        if name := options.get("camera"):
            cameras = {each.name: each for each in bpy.data.objects if each.type == "CAMERA"}
            self.scene.camera = _named(cameras, name, "--camera")
            for marker in self.scene.timeline_markers:
                marker.camera = None

    def _set_type(self, options: dict[str, Any]) -> None:
        render = self.scene.render
        if kind := options.get("format"):
            _set_format(render.image_settings, kind)
        if (extension := options.get("extension")) is not None:
            render.use_file_extension = extension
        self.movie_format = render.image_settings.file_format if render.is_movie_format else ""
        if self.movie_format:
            _set_format(render.image_settings, _MOVIE_AS)

    def _set_range(self, options: dict[str, Any]) -> None:
        """Set the first and the last frame; with a sign they count from the scene's own."""
        scene = self.scene
        start = _bound(options.get("start", "+0"), scene.frame_start)
        end = _bound(options.get("end", "+0"), scene.frame_end)
        if start > end:
            raise Fault("usage", f"no frames: the first is {start}, the last {end}; see -s and -e")
        scene.frame_start, scene.frame_end = start, end
        scene.frame_start = start  # the end may have been before it

    def _set_size(self, options: dict[str, Any]) -> None:
        render = self.scene.render
        if size := options.get("size"):
            render.resolution_x, render.resolution_y = size
            render.resolution_percentage = 100
        if percent := options.get("percent"):
            render.resolution_percentage = percent

    def _set_samples(self, options: dict[str, Any]) -> None:
        cycles, eevee = getattr(self.scene, "cycles", None), getattr(self.scene, "eevee", None)
        if samples := options.get("samples"):
            if cycles:
                cycles.samples = samples
            if eevee:
                eevee.taa_render_samples = samples
        if options.get("denoise") is False and cycles:
            cycles.use_denoising = False


def _bound(typed: str, own: int) -> int:
    return own + int(typed) if typed[0] in "+-" else int(typed)


def _named(items: Any, name: str, option: str) -> Any:
    if name not in items:
        there = ", ".join(items.keys())
        raise Fault("usage", f"{option} {name}: not in the file, which has: {there}")
    return items[name]


def _set_engine(render: Any, name: str) -> None:
    said = ""
    for engine in _PLAIN_ENGINES.get(
        name.upper().removeprefix("BLENDER_").removesuffix("_NEXT"), (name,)
    ):
        try:
            render.engine = engine
            return
        except TypeError as error:
            said = str(error)
    there = ", ".join(re.findall(r"'(\w+)'", said.partition("not found in")[2]))
    raise Fault("usage", f"no engine {name}, this Blender has: {there}")


def keep_fluids_apart(scene: Any) -> None:
    """Let this process have a folder of its own for what fluids leave on the disk."""
    for thing in scene.objects:
        for modifier in thing.modifiers:
            if replays(modifier):
                folder = tempfile.mkdtemp(dir=bpy.app.tempdir)
                modifier.domain_settings.cache_directory = folder


def replays(modifier: Any) -> bool:
    """Return whether it is a fluid that is simulated while frames are rendered."""
    domain = getattr(modifier, "domain_settings", None)
    return bool(domain and domain.cache_type == "REPLAY" and not domain.has_cache_baked_data)


@contextlib.contextmanager
def samples_set(scene: Any, samples: int) -> Iterator[None]:
    """Choose a number of samples a pixel for a while, for whichever engine."""
    with contextlib.ExitStack() as stack:
        for engine, name in (("cycles", "samples"), ("eevee", "taa_render_samples")):
            if settings := getattr(scene, engine, None):
                stack.enter_context(borrowed(settings, **{name: samples}))
        yield


@contextlib.contextmanager
def format_set(settings: Any, kind: str) -> Iterator[None]:
    """Choose another type of pictures for a while."""
    before = settings.file_format, settings.color_mode, settings.color_depth
    _set_format(settings, kind)
    try:
        yield
    finally:
        _set_format(settings, before[0])
        settings.color_mode, settings.color_depth = before[1:]


def movie_path(render: Any, kind: str) -> str:
    """Return where Blender would write a movie, by the name that is set."""
    _set_format(render.image_settings, kind)
    try:
        return str(render.frame_path())
    finally:
        _set_format(render.image_settings, _MOVIE_AS)


def _set_format(settings: Any, kind: str) -> None:
    """Choose the type of the pictures; since Blender 5 in two steps."""
    if hasattr(settings, "media_type"):
        settings.media_type = _MEDIA.get(kind, "IMAGE")
    try:
        settings.file_format = kind
    except TypeError as error:
        there = ", ".join(re.findall(r"'(\w+)'", str(error).partition("not found in")[2]))
        raise Fault("usage", f"no file type {kind}, this Blender has: {there}") from None


@contextlib.contextmanager
def borrowed(thing: Any, **values: Any) -> Iterator[None]:
    """Set attributes for a while."""
    before = {name: getattr(thing, name) for name in values}
    try:
        for name, value in values.items():
            setattr(thing, name, value)
        yield
    finally:
        for name, value in before.items():
            setattr(thing, name, value)
