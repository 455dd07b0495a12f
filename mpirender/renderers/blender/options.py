"""What the user may say about a .blend scene: Blender's own short flags, and some of ours.

========================  ====================================================================
``-s N -e N -j N``        first frame, last frame, step; ``+N`` and ``-N`` count from the scene's
                          own first and last one, as in Blender
``-a``                    all of the scene's frames, which is what happens anyway
``-f LIST``               these frames: ``1,3,5..6`` as Blender writes it, or ``1-250`` as we do
``-S NAME -E NAME``       scene and engine, also ``--scene`` and ``--engine``
``-F FORMAT -x 0|1``      file type in Blender's words; whether names get its ending
``-t N``                  threads of each rank, 0 for all of its cores
``--camera NAME``         instead of the scene's own
``--view-layer NAME``     this one only
``--samples N``           a pixel
``--percent N``           of the scene's size
``--device KIND``         ``cpu``, ``cuda``, ``optix``, ``hip``, or ``auto`` for the best there is;
                          each rank of a host uses another card
``--no-denoise``          leave out the denoiser
``--allow-scripts``       run Python scripts that lie in the file
``--allow-missing``       render though files are missing: Blender shows them pink, or not at all
========================  ====================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mpirender.errors import UsageError
from mpirender.frames import parse_frames

__all__ = ["SWITCHES", "Options", "parse_options"]

_SAME = {"-S": "--scene", "-E": "--engine"}
_FORMATS = {
    "TGA": "TARGA",
    "RAWTGA": "TARGA_RAW",
    "EXR": "OPEN_EXR",
    "MULTILAYER": "OPEN_EXR_MULTILAYER",
}

_DEVICES = ("cpu", "cuda", "optix", "hip", "metal", "oneapi", "auto")

SWITCHES: Mapping[str, bool] = {
    **dict.fromkeys(("-s", "-e", "-j", "-f", "-S", "-E", "-F", "-x", "-t"), True),
    **dict.fromkeys(("--scene", "--engine", "--camera", "--view-layer"), True),
    **dict.fromkeys(("--samples", "--percent", "--device"), True),
    **dict.fromkeys(("-a", "--no-denoise", "--allow-scripts", "--allow-missing"), False),
}
"""All of them, and whether a value follows."""


@dataclass(frozen=True, slots=True)
class Options:
    """What was said.

    Attributes
    ----------
    step : int or None
    frames : str
        A list of them, empty for those of the range.
    overrides : tuple of (str, object)
        Of the scene, as `inside.stage` names them.
    threads : int or None
        None for the rank's cores.
    allows_scripts, allows_missing : bool
    """

    step: int | None = None
    frames: str = ""
    overrides: tuple[tuple[str, Any], ...] = ()
    threads: int | None = None
    allows_scripts: bool = False
    allows_missing: bool = False

    def numbers(self, start: int, end: int, step: int) -> tuple[int, ...]:
        """Return the frames, given the range of the scene as the overrides have it."""
        if self.frames:
            return parse_frames(_in_our_words(self.frames, start, end)).resolve()
        return tuple(range(start, end + 1, self.step or step))


def parse_options(arguments: Sequence[str]) -> Options:
    """Understand arguments.

    Raises
    ------
    UsageError
        If one is not known or has not the value that it needs.
    """
    typed: dict[str, str] = {}
    left = list(arguments)
    while left:
        name, equals, value = left.pop(0).partition("=")
        if name not in SWITCHES or (equals and not name.startswith("--")):
            raise UsageError(
                f"{name}: not known of a .blend scene", hint=f"there are: {' '.join(SWITCHES)}"
            )
        if SWITCHES[name] and not equals:
            if not left:
                raise UsageError(f"{name}: no value", hint=f"such as {name} {_EXAMPLES[name]}")
            value = left.pop(0)
        typed[_SAME.get(name, name)] = value
    if "-f" in typed and typed.keys() & {"-s", "-e", "-j", "-a"}:
        raise UsageError("-f beside -s, -e, -j or -a", hint="say the frames in one way")
    return _options(typed)


def _options(typed: Mapping[str, str]) -> Options:
    def read(name: str, kind: Callable[[str], Any], expected: str) -> Any:
        if name not in typed:
            return None
        try:
            return kind(typed[name])
        except ValueError:
            raise UsageError(f"{name}: got {typed[name]!r}, expected {expected}") from None

    overrides = {
        "start": read("-s", _signed, "a frame, such as 1 or +10"),
        "end": read("-e", _signed, "a frame, such as 250 or -10"),
        "scene": typed.get("--scene"),
        "engine": typed.get("--engine"),
        "camera": typed.get("--camera"),
        "view_layer": typed.get("--view-layer"),
        "samples": read("--samples", _positive, "a number from 1"),
        "percent": read("--percent", _positive, "a number from 1"),
        "format": read("-F", lambda text: _FORMATS.get(text.upper(), text.upper()), "a file type"),
        "extension": read("-x", lambda text: bool(("0", "1").index(text)), "0 or 1"),
        "device": read("--device", _device, "one of " + ", ".join(_DEVICES)),
        "denoise": False if "--no-denoise" in typed else None,
    }
    return Options(
        step=read("-j", _positive, "a number from 1"),
        frames=typed.get("-f", ""),
        overrides=tuple((key, value) for key, value in overrides.items() if value is not None),
        threads=read("-t", int, "a number") or None,
        allows_scripts="--allow-scripts" in typed,
        allows_missing="--allow-missing" in typed,
    )


_EXAMPLES = {
    **{"-s": "1", "-e": "250", "-j": "2", "-f": "1,3,5..6", "-F": "PNG", "-x": "1", "-t": "4"},
    **{"-S": "Scene", "--scene": "Scene", "-E": "CYCLES", "--engine": "CYCLES"},
    **{"--camera": "Camera", "--view-layer": "ViewLayer", "--samples": "64", "--percent": "50"},
    "--device": "cuda",
}


def _in_our_words(frames: str, start: int, end: int) -> str:
    """Return a list of frames as `mpirender.frames` has it.

    With Blender ``+N`` counts from the first frame, and ``-N`` from the one after the last.
    """

    def absolute(found: re.Match[str]) -> str:
        count = int(found[2])
        return str(start + count if found[1] == "+" else end + 1 - count)

    frames = re.sub(r"(?<![\d+-])([+-])(\d+)", absolute, frames)
    return frames.replace("..", "-")


def _signed(text: str) -> str:
    if not re.fullmatch(r"[+-]?\d{1,7}", text):
        raise ValueError(text)
    return text


def _device(text: str) -> str:
    return _DEVICES[_DEVICES.index(text.lower())].upper()


def _positive(text: str) -> int:
    if int(text) < 1:
        raise ValueError(text)
    return int(text)
