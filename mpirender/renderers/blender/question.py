"""Blender's own account of a scene, before it renders it."""

from __future__ import annotations

import json
import logging
import math
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mpirender.backoff import Backoff
from mpirender.errors import RendererFailed, RendererNotFound, SceneError, SetupError, UsageError
from mpirender.frames import has_number
from mpirender.model import JobFrame, PictureType, Tile
from mpirender.partition import Split
from mpirender.preload import preload
from mpirender.process import clean_environment
from mpirender.renderers.base import Request, SceneInfo
from mpirender.renderers.blender.options import Options, parse_options
from mpirender.renderers.blender.play import Play, argv_of, environment_of
from mpirender.renderers.blender.watch import LEAVE_OUT_DENOISER, BlenderWatch
from mpirender.session import Session, Sitting
from mpirender.units import Seconds

__all__ = ["BlenderQuestion", "failed_scripts", "own_pattern"]

log = logging.getLogger(__name__)

_PROGRAM = "blender"
_INSTALL = (
    "install it: Debian, Ubuntu: apt-get install blender; elsewhere: https://www.blender.org;"
    " pip install 'mpirender[blender]' is Blender as a Python module; on a cluster: module avail"
    " blender; or name it with --program PATH"
)
_ASK_LIMIT: Seconds = 600.0  # a large scene may take minutes to read
_LOOK_EVERY: Seconds = 0.005  # all ranks wait for the answer
_KINDS = {
    "OPEN_EXR": "exr",
    "OPEN_EXR_MULTILAYER": "exr",
    "TARGA": "tga",
    "TARGA_RAW": "tga",
    "JPEG2000": "jp2",
}
_MOST_TOLD = 20
_ROWS_OF_BLOCKS = 50
_MOST_SHARES = 256  # of the samples of a frame
_DIGITS = "####"  # as Blender has it where a name has no place for the number


class BlenderQuestion:
    """Blender while it opens the scene."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._options = options = parse_options(request.arguments)
        if options.frames and request.frames:
            raise UsageError("-f beside --frames", hint="say the frames in one way")
        settings = dict(options.overrides)
        if request.size:
            settings["size"] = request.size
        scene = Path(request.scene).absolute()
        self._play = Play(str(scene), options.allows_scripts, settings)
        self._program = request.program or _usual_program()
        self._threads = options.threads or request.threads
        temporary = tempfile.TemporaryDirectory(prefix="mpirender-ask-")
        self._folder = folder = Path(temporary.name)
        self._answer = folder / "answer.json"
        self._said: list[str] = []
        self._session = Session(
            argv_of(self._program, threads=self._threads, scripts=options.allows_scripts),
            directory=Path.cwd(),
            environment=clean_environment(os.environ)
            | {"OMP_NUM_THREADS": str(self._threads)}
            | dict(environment_of(folder)),
            log=folder / "ask.log",
            folder=temporary,
        )
        try:
            self._sitting = self._ask({"do": "query"})
        except RendererNotFound as error:
            self._session.close()
            raise RendererNotFound(f"Blender: {error.message}", hint=_INSTALL) from error

    def _ask(self, what: dict[str, Any]) -> Sitting:
        play = self._play.for_blender(self._threads)
        request = {**what, "play": play, "answer": str(self._answer)}
        return self._session.begin(json.dumps(request), self._folder / "said.log")

    def answer(self) -> SceneInfo:
        """Return what Blender says; see `Question.answer`."""
        preload()  # it takes longer to open the scene
        facts, version = self._listen()
        for remark in failed_scripts(self._said):
            log.warning("%s: %s", self._play.file, remark)
        _refuse(facts, self._play.file, self._options)
        frames, movie = self._frames(facts)
        play = replace(
            self._play,
            engine=facts["engine"],
            ending=facts["ending"],
            picture=facts["picture"],
            margin=facts["margin"],
            played=[frame.number for frame in frames] if facts["unbaked"] else [],
        )
        width, height = facts["size"]
        area, block, whole = Tile(0, height, 0, width), _block_of(height), facts["whole"]
        if self._request.split is Split.SAMPLES and not whole:
            if facts["not_samples"]:
                raise UsageError(
                    f"--split samples: not exact: {facts['not_samples']}",
                    hint="leave it out: rows are exact",
                )
            play = replace(play, samples=facts["samples"])
            area, block = Tile(0, min(facts["samples"], height, _MOST_SHARES), 0, 1), 1
        return SceneInfo(
            program=self._program,
            version=version,
            arguments=(play.argument(),),
            width=width,
            height=height,
            area=area,
            block=block,
            streams=not whole,
            whole=whole,
            picture=_picture_type(facts),
            output=frames[0].output,
            scene=Path(play.file),
            frames=frames,
            remarks=_remarks(facts),
            threads=self._options.threads,
            rate=_rate(*facts["fps"]),
            movie=Path.cwd() / movie if movie else None,
            codec=facts["codec"].lower(),
        )

    def close(self) -> None:
        """Leave Blender to this rank's tasks, with the scene open; see `Question.close`.

        But for graphics cards: which one is this rank's is not known yet.
        """
        if "device" in self._play.options:
            self._session.close()
        else:
            self._session.rest()

    def _listen(self) -> tuple[Any, str]:
        """Return what Blender has written down, and its version."""
        watch, backoff, waited = BlenderWatch(frames=0), Backoff(longest=_LOOK_EVERY), 0.0
        while (end := self._sitting.poll()) is None:
            waited += backoff.sleep()
            if waited > _ASK_LIMIT:
                raise RendererFailed(f"{self._program}: no answer in {_ASK_LIMIT:.0f} s")
        self._said = self._sitting.lines()
        for line in self._said:
            watch.see(line)
        self._sitting.kill()
        watch.judge(end)
        return json.loads(self._answer.read_text()), watch.version

    def _frames(self, facts: dict[str, Any]) -> tuple[tuple[JobFrame, ...], str]:
        """Return the frames that are meant, and where Blender would put them and their movie."""
        typed = self._request.frames
        if typed:
            numbers = typed.resolve(last=facts["end"] if typed.needs_last else None)
        else:
            numbers = self._options.numbers(facts["start"], facts["end"], facts["step"])
        pattern = own_pattern(self._request.output, facts["ending"], numbers)
        if isinstance(pattern, Path):
            return (JobFrame(numbers[0], pattern),), ""
        self._sitting = self._ask({"do": "names", "frames": numbers, "pattern": pattern})
        names, _ = self._listen()
        pairs = zip(numbers, names["frames"], strict=True)
        return tuple(JobFrame(number, Path.cwd() / name) for number, name in pairs), names["movie"]


def _block_of(height: int) -> int:
    """Return by how many rows the parts of a frame may differ: about a fiftieth of it."""
    return 8 * math.ceil(height / (8 * _ROWS_OF_BLOCKS))


def _usual_program() -> str:
    """Return Blender or, where there is none but the module, this very Python."""
    if shutil.which(_PROGRAM) is None and find_spec("bpy"):
        return sys.executable
    return _PROGRAM


def own_pattern(output: Path | None, ending: str, numbers: Sequence[int]) -> str | Path:
    """Return the user's name for the pictures as Blender is to understand it.

    A name with the pictures' own ending and without a place for the number is that of a still, and
    gets the number before its ending where there are several.

    Returns
    -------
    pattern : str or Path
        Empty for the scene's own; a path if it is that of the only picture.
    """
    if output is None:
        return ""
    name = str(output)
    if output.is_dir():
        name += "/"
    if not has_number(name) and output.suffix.lower() in {ending, *_ALIKE.get(ending, ())}:
        if len(numbers) == 1 and not name.startswith("//"):
            return Path.cwd() / output
        name = str(output.with_stem(output.stem + _DIGITS))
    return name if name.startswith("/") else f"{Path.cwd()}/{name}"


_ALIKE = {".jpg": (".jpeg",), ".tif": (".tiff",)}


def _refuse(facts: dict[str, Any], scene: str, options: Options) -> None:
    """Refuse what Blender would render wrongly without a word, or not at all.

    Raises
    ------
    SceneError, SetupError, UsageError
    """
    missing = facts["missing"]
    if missing and not options.allows_missing:
        rest = [f"and {len(missing) - _MOST_TOLD} more"] if len(missing) > _MOST_TOLD else []
        raise SceneError(
            f"{scene}: files are missing ({len(missing)}), such as {missing[0]}",
            hint="put them there (in Blender: File, External Data, Find Missing Files, or pack"
            " them); --allow-missing renders all the same",
            detail="\n".join([*missing[:_MOST_TOLD], *rest]),
        )
    if not facts["camera"]:
        raise SceneError(
            f"{scene}: scene {facts['scene']} has no camera",
            hint="name one with --camera, or another scene with --scene",
        )
    if facts["denoises"] and not facts["can_denoise"]:
        raise SetupError(
            f"{scene} asks for the denoiser, but this Blender was built without it",
            hint=LEAVE_OUT_DENOISER,
        )
    if facts["views"]:
        raise UsageError(
            f"{scene}: a file for each eye is not supported",
            hint="in Blender: Output, Views Format: Stereo 3D",
        )


def failed_scripts(said: Iterable[str]) -> list[str]:
    """Return a remark for each traceback among lines of Blender's, which goes on without a word."""
    remarks, where = [], None
    for line in said:
        if line.endswith("Traceback (most recent call last):"):
            where = ""
        elif where is not None and line[:1].isspace():
            if place := re.match(r'\s+File "(.+)", line (\d+)', line):
                where = f" ({place[1]}, line {place[2]})"
        elif where is not None and line:
            remarks.append(
                f"a script in the file failed: {line}{where}; Blender renders all the same"
            )
            where = None
    return remarks


def _picture_type(facts: dict[str, Any]) -> PictureType:
    kind = _KINDS.get(facts["format"], facts["format"].lower())
    bits = int(facts["depth"]) if kind in ("png", "tiff", "jpeg", "bmp", "tga") else 0
    quality = facts["quality"] if kind == "jpeg" else 0
    return PictureType(kind, bits if bits in (8, 16) else 0, facts["mode"] == "RGBA", quality)


def _remarks(facts: dict[str, Any]) -> tuple[str, ...]:
    if not facts["unbaked"]:
        return ()
    listed = ", ".join(facts["unbaked"][:_MOST_TOLD])
    return (
        f"simulations without a cache of all frames: {listed}; each rank plays the frames before"
        " its own: bake them, to save that time and to be sure of the same pictures",
    )


def _rate(fps: int, base: float) -> str:
    """Return frames a second as a fraction: 24 over 1.001 is 24000/1001."""
    return str(Fraction(fps) / Fraction(base).limit_denominator(1001))
