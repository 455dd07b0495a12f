"""POV-Ray's own account of a picture, before it renders it.

It is started with a scene that stops at its first line. By then it has written its effective
settings into a file and printed its options.
"""

from __future__ import annotations

import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mpirender.backoff import Backoff
from mpirender.errors import MpirenderError, RendererFailed, RendererNotFound, UsageError
from mpirender.frames import has_number
from mpirender.model import PictureType, Tile
from mpirender.process import Process, clean_environment
from mpirender.renderers.base import Request, SceneInfo, without_section
from mpirender.renderers.povray.animation import animation_of
from mpirender.renderers.povray.audit import has_radiosity
from mpirender.renderers.povray.switches import path_argument, remove_canvas, threads_in
from mpirender.units import Seconds

__all__ = [
    "PovrayQuestion",
    "foretold_command",
    "installed_version",
    "parse_options",
    "parse_settings",
]

_PROGRAM = "povray"
_INSTALL = (
    "install it: Debian, Ubuntu: apt-get install povray povray-includes; Fedora: dnf install"
    " povray; conda: conda install -c conda-forge povray; on a cluster: module avail povray;"
    " or name it with --program PATH"
)
_DEFAULT_BLOCK = 32  # pixels, POV-Ray's Render_Block_Size
_DIFFUSION = (
    "error-diffusion dithering runs over the edges of tiles: the picture will differ from povray's"
    " in the last bit; leave out +TH, or use an ordered dither such as +THB4"
)
_ASK_LIMIT: Seconds = 60.0
_LOOK_EVERY: Seconds = 0.005  # while all ranks wait for the answer
_BANNER = "Persistence of Vision"  # printed once the settings have been written
_PARSES = "==== [Parsing"  # printed once it begins to read the scene
_PATTERNS = {"Render_Pattern", "Render_Block_Step"}  # state files count tiles in their order
_KINDS = {
    "PNG": "png",
    "JPEG": "jpeg",
    "PPM": "ppm",
    "BMP": "bmp",
    "Targa": "tga",
    "EXR": "exr",
    "HDR": "hdr",
}
_STILL = re.compile(r"Animation off|Initial Frame: +1 +Final Frame: +1\s")
"""What POV-Ray prints for one picture; the latter where the clock has a value."""


class PovrayQuestion:
    """POV-Ray while it prints its options."""

    def __init__(self, request: Request) -> None:
        self._request = request
        self._program = request.program or _PROGRAM
        self._arguments = _arguments(request)
        self._folder = tempfile.TemporaryDirectory(prefix="mpirender-ask-")
        folder = Path(self._folder.name)
        self._settings, self._own = folder / "settings.ini", folder / "own.ini"
        stop = folder / "stop.inc"
        stop.write_text('#error "this is only a question"\n')
        self._look: Process | None = None
        try:
            self._process = self._start(self._settings, path_argument("+HI", stop))
            if request.ranks > 1:
                nothing = path_argument("+I", folder / "none.pov")
                self._look = self._start(self._own, nothing, "-F")
        except RendererNotFound as error:
            self._folder.cleanup()
            raise RendererNotFound(f"POV-Ray: {error.message}", hint=_INSTALL) from error

    def _start(self, settings: Path, *more: str) -> Process:
        """Start a POV-Ray that writes its settings down."""
        return Process(
            (
                *(self._program, *self._arguments, path_argument("+GI", settings), *more),
                *("-D", "-P", "-C", "All_Console=On"),
            ),
            directory=Path.cwd(),
            environment=clean_environment(os.environ),
            log=settings.with_suffix(".log"),
        )

    def answer(self) -> SceneInfo:
        """Return what POV-Ray says; see `Question.answer`."""
        try:
            options = parse_options(self._hear(self._process, _PARSES))
            settings = parse_settings(self._settings.read_text(errors="replace"))
        except FileNotFoundError:
            raise self._not_understood() from None
        scene = _scene_of(settings)
        streams = options.version.startswith("3.7.")  # whose state files are known
        output = _output_of(settings, options.printed_name)
        if self._request.motion_blur > 1 and options.picture.kind == "jpeg":
            raise UsageError("motion blur of JPEG pictures", hint="leave out +FJ, or use +FN")
        animation = animation_of(self._request, settings, output, animated=options.animated)
        library = (Path.cwd(), *map(Path, settings.get("Library_Path", [])))
        return SceneInfo(
            program=self._program,
            version=options.version,
            arguments=(*self._arguments, *animation.arguments, *_library_of(settings)),
            width=options.width,
            height=options.height,
            area=options.area,
            block=int(settings.get("Render_Block_Size", [str(_DEFAULT_BLOCK)])[-1]),
            picture=options.picture,
            output=output,
            scene=scene,
            streams=streams,
            frames=animation.frames,
            files=animation.files,
            blends=animation.blends,
            remarks=(
                *((_DIFFUSION,) if options.diffuses_errors and not streams else ()),
                *animation.remarks,
            ),
            library=library,
            shares_samples=has_radiosity(scene, library),
            threads=threads_in(self._arguments),
            spares=streams and not _PATTERNS & settings.keys() and self._has_no_header(),
        )

    def _has_no_header(self) -> bool:
        """Return whether the user's settings leave the header of the scene to us.

        The question itself has a header that takes the place of theirs. So another POV-Ray writes
        its settings; there is no scene for it to come to.
        """
        if self._look is None:
            return False
        try:
            self._hear(self._look, _BANNER)
            text = self._own.read_text(errors="replace")
        except (MpirenderError, OSError):  # it fails where the question itself has not
            return False
        self._look.kill()
        return "Include_Header" not in parse_settings(text)

    def close(self) -> None:
        """End POV-Ray, which has said all that is wanted; see `Question.close`."""
        for process in filter(None, (self._process, self._look)):
            process.kill()
            remove_canvas(process.pid)
        self._folder.cleanup()

    def _hear(self, process: Process, last: str) -> str:
        """Return what POV-Ray prints down to a line that begins in some way."""
        lines: list[str] = []
        backoff = Backoff(longest=_LOOK_EVERY)
        waited = 0.0
        while not any(line.startswith(last) for line in lines):
            ended = process.poll()
            new = process.lines()
            lines += new
            if ended and not new:
                raise self._not_understood()
            if not new:
                waited += backoff.sleep()
            if waited > _ASK_LIMIT:
                raise RendererFailed(f"{self._program}: no answer in {_ASK_LIMIT:.0f} s")
        return "\n".join(lines)

    def _not_understood(self) -> UsageError:
        said = [line for line in self._process.last_lines if "user configuration file" not in line]
        return UsageError(
            f"POV-Ray does not take these options: {' '.join(self._arguments)}",
            hint="they must work with povray alone; see its last lines above",
            detail="\n".join(said[-6:]),
        )


def _arguments(request: Request) -> tuple[str, ...]:
    """Return POV-Ray's arguments for the whole picture, the user's words last."""
    name, section = without_section(request.scene)
    is_ini = Path(name).suffix.lower() == ".ini"
    arguments = [path_argument("" if is_ini else "+I", Path(name)) + section]
    arguments += request.arguments
    if request.size:
        arguments += [f"+W{request.size[0]}", f"+H{request.size[1]}"]
    if request.output and not has_number(str(request.output)):
        arguments.append(path_argument("+O", request.output))
    return tuple(arguments)


def foretold_command(request: Request) -> tuple[str, ...]:
    """Return how POV-Ray will be started for a still, as far as that can be told without asking it.

    Returns
    -------
    command : tuple of str
        Program and the job's arguments; empty where ranks get no parts of a still, or an INI file
        names the scene.
    """
    has_frames = request.frames or request.scenes or request.curves or request.is_shot
    scene = Path(without_section(request.scene)[0])
    if has_frames or scene.suffix.lower() == ".ini":
        return ()
    return (request.program or _PROGRAM, *_arguments(request), *_library(scene))


def _library_of(settings: dict[str, list[str]]) -> tuple[str, ...]:
    """Return the scene's own folder as the last place where POV-Ray looks for files.

    POV-Ray looks in the folder where it runs and in the library, not beside the scene. It runs
    where the user typed the command, so that every name means what it means for plain `povray`.
    """
    return _library(Path(settings["Input_File_Name"][-1]))


def _library(scene: Path) -> tuple[str, ...]:
    return () if scene.parent == Path() else (path_argument("+L", scene.parent),)


def _scene_of(settings: dict[str, list[str]]) -> Path:
    """Return the scene's file, looked for where POV-Ray does."""
    names = settings.get("Input_File_Name")
    if not names:
        raise UsageError("no scene: the INI file has no Input_File_Name", hint="add it, or +I")
    folders = [Path(), *(Path(folder) for folder in settings.get("Library_Path", []))]
    for folder in folders:
        for ending in ("", ".pov", ".POV"):
            path = folder / (names[-1] + ending)
            if path.is_file():
                return path.absolute()
    raise UsageError(f"no such scene: {names[-1]}", hint=f"looked in {Path.cwd()}")


def _output_of(settings: dict[str, list[str]], printed: str) -> Path:
    """Return the picture's name; POV-Ray breaks long ones into lines as it prints them."""
    scene = settings["Input_File_Name"][-1]
    name = settings.get("Output_File_Name", [""])[-1]
    number = re.search(r"(\d+)\.\w+$", printed)
    for at in range(number.start(1), number.end(1)) if number else ():  # of an animation's frame
        plain = printed[:at] + printed[number.end(1) :] if number else ""
        if re.sub(r"\s", "", plain) == re.sub(r"\s", "", name):
            printed = plain
            break
    stem = re.sub(r"\.[^./]*$", "", scene)
    ending = Path(printed).suffix
    if not name:
        name = stem + ending
    elif name.endswith("/"):
        name += Path(stem).name + ending
    elif re.sub(r"\s", "", printed) != re.sub(r"\s", "", name):
        name += ending
    return Path.cwd() / name


@dataclass(frozen=True, slots=True)
class Options:
    """What POV-Ray prints about itself and the picture."""

    version: str
    width: int
    height: int
    area: Tile
    picture: PictureType
    printed_name: str
    animated: bool
    diffuses_errors: bool


def parse_options(text: str) -> Options:
    """Understand the options that POV-Ray prints before it parses a scene.

    Parameters
    ----------
    text : str
        Its output down to ``==== [Parsing...]``; long lines are broken at 80 columns.

    Returns
    -------
    options : Options

    Raises
    ------
    UsageError
        If no picture file is to be written.
    RendererFailed
        If this is not what POV-Ray 3.7 prints.
    """
    version = re.search(r"Ray Tracer Version (\S+)", text)
    size = re.search(
        r"Image resolution\.* ?(\d+) by (\d+) \(rows (\d+) to (\d+), columns (\d+) to (\d+)\)",
        re.sub(r"\s+", " ", text),
    )
    if not (version and size):
        raise RendererFailed("this does not talk like POV-Ray 3.7", detail=text[-500:])
    width, height, first_row, last_row, first_column, last_column = map(int, size.groups())
    if not (1 <= first_row <= last_row <= height and 1 <= first_column <= last_column <= width):
        raise UsageError(
            f"nothing to render: {width} x {height} pixels, rows {first_row} to {last_row},"
            f" columns {first_column} to {last_column}",
            hint="see +W +H +SR +ER +SC +EC, and the INI file",
        )
    if re.search(r"Output file: Disabled|Output file\.+stdout", text):
        raise UsageError(
            "the options send the picture nowhere, or to stdout, expected a file",
            hint="leave out -F, +O- and Output_To_File=Off, or name a file with -o",
        )
    joined = text.replace("\n", "")
    output = re.search(r"Output file\.+(.+?), (\d+ bpp|grayscale)(.*?) (?:Dither|Graphic)", joined)
    kind = output and re.search("|".join(_KINDS), output[3])
    if not (output and kind):
        raise UsageError(
            "the options ask for a file type that is not known here",
            hint=f"known: {', '.join(_KINDS)}; POV-Ray's switches are +FN +FJ +FP +FB +FT +FE +FH",
        )
    return Options(
        version=version[1],
        width=width,
        height=height,
        area=Tile(first_row - 1, last_row, first_column - 1, last_column),
        picture=_picture_type(_KINDS[kind[0]], output[2], output[3]),
        printed_name=output[1],
        animated=not _STILL.search(text),
        diffuses_errors="error diffusion" in text,
    )


def _picture_type(kind: str, depth: str, rest: str) -> PictureType:
    alpha = "with alpha" in rest
    quality = re.search(r"quality (\d+)%", rest)
    per_pixel = re.match(r"\d+", depth)
    per_channel = int(per_pixel[0]) // (4 if alpha else 3) if per_pixel else 0
    return PictureType(
        kind=kind,
        bits=(16 if per_channel > 8 else 8) if per_channel else 0,
        alpha=alpha,
        quality=int(quality[1]) if quality else 0,
    )


def parse_settings(text: str) -> dict[str, list[str]]:
    """Understand the INI file of effective settings that ``+GI`` writes.

    Parameters
    ----------
    text : str
        Lines ``Key=value`` or ``Key="value"``.

    Returns
    -------
    settings : dict of str to list of str
        All values of a key, in order.
    """
    settings: dict[str, list[str]] = {}
    for line in text.splitlines():
        key, equals, value = line.partition("=")
        if equals:
            settings.setdefault(key.strip(), []).append(value.strip().strip('"'))
    return settings


def installed_version() -> str:
    """Return the version of the `povray` on the PATH, as `mpirender --version` shows it."""
    with tempfile.TemporaryDirectory(prefix="mpirender-") as folder:
        process = Process(
            [_PROGRAM, "--version"],
            directory=Path.cwd(),
            environment=clean_environment(os.environ),
            log=Path(folder) / "version.log",
        )
        backoff, waited = Backoff(), 0.0
        while process.poll() is None and waited < _ASK_LIMIT:
            waited += backoff.sleep()
        lines = process.lines()
        process.kill()
    return next((x.removeprefix("POV-Ray ") for x in lines if x.startswith("POV-Ray ")), "unknown")
