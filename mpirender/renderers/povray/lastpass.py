"""POV-Ray writes the picture from the tiles: nothing is traced, and every byte is its own.

It needs a scene for that, though of all the scene only the gamma counts. So it is given a stub
that has the scene's own `assumed_gamma` and waits, started, parsed and asleep, until the tiles are
there. A wrong gamma changes nearly every pixel: the stub's picture counts only where it agrees with
pixels that POV-Ray has written with the scene itself. Otherwise the scene is parsed once more.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mpirender.errors import OutputMismatch, OutputMissing, RendererFailed
from mpirender.model import Job, JobFrame
from mpirender.partition import Grid
from mpirender.preload import preload
from mpirender.process import Process, clean_environment
from mpirender.renderers.povray.state import black_tile
from mpirender.renderers.povray.switches import (
    ending_of,
    file_arguments,
    frame_arguments,
    path_argument,
    remove_canvas,
)

if TYPE_CHECKING:
    from mpirender.compose import Excerpt

__all__ = ["PovrayLastPass", "stub_of"]

log = logging.getLogger(__name__)

_NUMBER = r"\d*\.?\d+(?:[eE][+-]?\d+)?"
_ALONE = r"(?![\w.]|\s*[-+*/])"  # and not the beginning of an expression
_GAMMA = re.compile(rf"\bassumed_gamma\s+(srgb\b|{_NUMBER}(?:\s*/\s*{_NUMBER})?{_ALONE})?")
_VERSION = re.compile(rf"\s*#\s*version\s+({_NUMBER})\s*;?")
_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_WRITTEN = "Trace Time:"  # POV-Ray says how long it took when the file is there


class PovrayLastPass:
    """The last pass over one frame; see `mpirender.renderers.base.LastPass`.

    Parameters
    ----------
    job : Job
    frame : JobFrame or None
        None in a job of one still.
    scratch : Path
        Folder for its files.
    """

    def __init__(self, job: Job, frame: JobFrame | None, scratch: Path) -> None:
        self._job = job
        self._folder = scratch
        self._named = scratch / f"picture.{ending_of(job.picture.kind)}"
        self._numbers = (frame.number,) if frame else ()
        label = frame.label if frame else ""
        self._output = self._named.with_stem(self._named.stem + label)
        self._process: Process | None = None
        self._gate: int | None = None
        self._is_stub = False
        self._tiles = scratch / "none"
        self._said: list[str] = []
        self._hold()

    def _hold(self) -> None:
        """Start POV-Ray on a stub of the scene that waits for a pipe to be opened."""
        pipe = self._folder / "go"
        stub = stub_of(_text_of(self._job.scene)) if self._job.scene.name else ""
        if not stub or not self._job.bears_witness or '"' in str(pipe):
            return
        pipe.unlink(missing_ok=True)  # of another try
        os.mkfifo(pipe)
        path = self._folder / "stub.pov"
        path.write_text(f'{stub}#fopen Go "{pipe}" write\n#fclose Go\n')
        self._is_stub = True
        self._start("Include_Header=", path_argument("+I", path))

    def begin(self, tiles: Path, missing: Sequence[int], witness: Excerpt | None) -> None:
        """Let POV-Ray write the picture; see `LastPass.begin`."""
        grid = Grid(self._job.area, self._job.block)
        with tiles.open("ab") as file:
            for block in missing:
                file.write(black_tile(block, grid.tile_of(block)))
        self._tiles = tiles
        self._witness = witness
        if self._is_stub and witness:
            self._link()
            self._gate = os.open(self._folder / "go", os.O_RDONLY | os.O_NONBLOCK)
        else:
            if self._is_stub:
                log.info("the picture is written with the scene itself: nothing to compare with")
            self._begin_with_scene()
        preload()  # what will read the picture

    def _begin_with_scene(self) -> None:
        self.close()
        self._is_stub = False
        self._link()
        self._start(*file_arguments(self._job, self._numbers, self._folder))

    def _link(self) -> None:
        """Give the tiles the name under which POV-Ray looks for them, and make room."""
        self._output.unlink(missing_ok=True)
        state = self._output.with_suffix(".pov-state")
        state.unlink(missing_ok=True)
        try:
            os.link(self._tiles, state)
        except OSError:  # a file system without links
            shutil.copyfile(self._tiles, state)

    def _start(self, *more: str) -> None:
        self._said = []
        self._process = Process(
            (
                *(self._job.program, *self._job.arguments),
                *(*frame_arguments(self._job, self._numbers), *more),
                path_argument("+O", self._named),
                *("-D", "+V", "-P", "+C", "+WT1", "+Q8", "All_Console=On"),  # +Q8: no photons
            ),
            directory=self._job.directory,
            environment=clean_environment(os.environ) | dict(self._job.environment),
            log=self._folder / "picture.log",
        )

    def poll(self) -> Path | None:
        """Return the picture's file once it is whole and right; see `LastPass.poll`."""
        assert self._process is not None, "poll comes after begin"
        ended = self._process.poll()
        self._said += self._process.lines()
        hangs = self._process.is_stalled(time.monotonic())
        if not (ended or hangs or any(_WRITTEN in line for line in self._said)):
            return None
        fault = "it hangs" if hangs else self._fault()
        if not fault:
            self.close()
            return self._output
        if self._is_stub:
            log.info("the picture is written with the scene itself: %s", fault)
            self._begin_with_scene()
        elif ended or hangs:
            raise RendererFailed(
                f"POV-Ray could not write the picture from its tiles: {fault} ({ended})",
                detail="\n".join(self._process.last_lines),
            )
        return None

    def _fault(self) -> str:
        """Return what is wrong with the picture, empty for nothing."""
        import numpy as np

        from mpirender.images import read_picture

        if not any(re.match(r"Pixels: +0 ", line) for line in self._said):
            return "it did not take the tiles as they are"
        try:
            picture = read_picture(self._output)
        except (OutputMismatch, OutputMissing) as error:
            return error.message
        if self._is_stub and self._witness:
            tile = self._witness.tile
            pixels = picture.pixels[tile.start : tile.stop, tile.left : tile.right]
            if not np.array_equal(pixels, self._witness.pixels):
                return f"another gamma than the scene's at {tile}"
        return ""

    def close(self) -> None:
        """End POV-Ray; see `LastPass.close`."""
        if self._process is not None:
            self._process.kill()
            remove_canvas(self._process.pid)
        if self._gate is not None:
            with suppress(OSError):
                os.close(self._gate)
            self._gate = None


def _text_of(scene: Path) -> str:
    try:
        return scene.read_text(errors="replace")
    except OSError:
        return ""


def stub_of(scene: str) -> str:
    """Return a scene without anything in it, of the same version and gamma as far as can be seen.

    Parameters
    ----------
    scene : str
        Text of the scene's main file.

    Returns
    -------
    stub : str
        Empty where it cannot be told.
    """
    text = _COMMENT.sub(" ", scene)
    gammas = set(_GAMMA.findall(text))
    versions = len(re.findall(r"#\s*version\b", text))
    first = _VERSION.match(text)
    if not text or "" in gammas or len(gammas) > 1 or versions != bool(first):
        return ""
    version = f"#version {first[1]};\n" if first else ""
    gamma = f"assumed_gamma {gammas.pop()}" if gammas else ""
    return f"{version}global_settings {{ {gamma} }}\ncamera {{ location z look_at 0 }}\n"
