"""What Blender and our script inside it say, and whether their word counts."""

from __future__ import annotations

import json
import re
from collections import deque
from dataclasses import dataclass, field

from mpirender.errors import (
    MpirenderError,
    RendererFailed,
    RendererNotFound,
    SceneError,
    SetupError,
    UsageError,
)
from mpirender.process import Exit
from mpirender.units import Pixels, Seconds

__all__ = ["BlenderWatch", "Fault", "error_of"]

_SAMPLES = re.compile(r"Fra:.*\| (?:Sample|Rendering) (\d+) ?/ ?(\d+)")
_CHATTER = re.compile(r"Fra:|\s*$|@|\s*Time: |Saved: |Read blend: |Blender [\d.]+|Info: ")
_NO_DENOISER = "OpenImageDenoise"
_NOTHING_TO_DRAW_ON = re.compile(
    r"GLX or EGL context|No OpenGL vendor|open a display"
    r"|(fail|cannot|unable).*\b(GPU|OpenGL|Vulkan)|\b(GPU|OpenGL|Vulkan).*not supported",
    re.I,
)
_DRAWS = ("BLENDER_EEVEE", "BLENDER_EEVEE_NEXT", "BLENDER_WORKBENCH")

LEAVE_OUT_DENOISER = (
    "add --no-denoise, or use a Blender that has it: pip install 'mpirender[blender]'"
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a request came to nothing, in the script's words."""

    kind: str
    text: str


def error_of(fault: Fault, detail: str = "") -> MpirenderError:
    """Return the error for what the script says."""
    text = fault.text.replace("\n", "; ")
    if fault.kind == "nothing":
        text += f": {detail.splitlines()[-1].strip() if detail else 'without a word'}"
    if fault.kind == "usage":
        return UsageError(text)
    if fault.kind == "host":
        return RendererNotFound(text)
    if fault.kind == "file":
        return SceneError(
            f"Blender cannot open it: {text}",
            hint="is it whole, and not of a newer Blender? All hosts must see it at this place",
        )
    if _NO_DENOISER in text:
        return SetupError(f"this Blender has no denoiser: {text}", hint=LEAVE_OUT_DENOISER)
    if "no camera" in text:
        return SceneError(f"Blender: {text}", detail=detail)
    return RendererFailed(f"Blender: {text}", detail=detail)


def _object_in(line: str) -> dict[str, object]:
    """Return what the script says in a line; nothing where the line is torn, or not its own."""
    try:
        said = json.loads(line.removeprefix("@blender "))
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


@dataclass(slots=True)
class BlenderWatch:
    """What one request's output has said so far; see `mpirender.renderers.base.Watch`.

    Attributes
    ----------
    engine : str
        That the scene is rendered by.
    frames : int
        Of the task.
    fault : Fault or None
        Why it came to nothing.
    is_playing : bool
        Whether it is at work on a frame that is not of the task, for the sake of simulations.
    """

    engine: str = ""
    frames: int = 1
    frames_done: int = 0
    fraction: float = 0.0
    version: str = ""
    size: tuple[Pixels, Pixels] = (0, 0)  # its files are looked at
    is_setting_up: bool = True
    is_pretracing: bool = False
    has_pretraced: bool = False
    setup_seconds: Seconds = 0.0
    render_seconds: Seconds = 0.0
    fault: Fault | None = None
    is_playing: bool = False
    _tail: deque[str] = field(default_factory=lambda: deque(maxlen=20))

    def see(self, line: str) -> None:
        """Take in one line; see `Watch.see`."""
        if line.startswith("@blender ") and (said := _object_in(line)):
            self._learn(said)
        elif not self.is_playing and (samples := _SAMPLES.match(line)):
            self.is_setting_up = False
            part = int(samples[1]) / max(1, int(samples[2]))
            done = (self.frames_done + min(1.0, part)) / self.frames
            self.fraction = max(self.fraction, done)
        elif not _CHATTER.match(line):
            self._tail.append(line)

    def _learn(self, said: dict[str, object]) -> None:
        self.is_playing = bool(said.get("plays", self.is_playing))
        if "version" in said:
            self.version = str(said["version"])
        if "saved" in said:
            self.is_setting_up = False
            self.frames_done += 1
            self.fraction = min(1.0, self.frames_done / self.frames)
        if "fault" in said:
            self.fault = Fault(str(said["kind"]), str(said["fault"]))

    def judge(self, end: Exit) -> None:
        """Decide whether all frames were rendered; see `Watch.judge`."""
        said = "\n".join(self._tail)
        if self.fault:
            raise error_of(self.fault, said)
        if end.status != 0:
            if self.engine in _DRAWS and _NOTHING_TO_DRAW_ON.search(said):
                raise RendererNotFound(
                    f"{self.engine} has nothing to draw on: it tried a display"
                    " and, without one, EGL",
                    hint="install Mesa's EGL (Debian: libegl1 libgl1-mesa-dri), start an X server"
                    " and set DISPLAY, or render with --engine CYCLES",
                    detail=said,
                )
            last = self._tail[-1].strip() if self._tail else "without a word"
            raise RendererFailed(f"Blender ended with {end}: {last}", detail=said)
        if self.frames_done < self.frames:
            raise RendererFailed(
                f"Blender has saved {self.frames_done} of {self.frames} frames", detail=said
            )
