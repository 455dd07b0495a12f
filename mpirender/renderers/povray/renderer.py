"""The stock `povray` program as a renderer."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from mpirender.errors import MpirenderError, OutputMismatch, UsageError
from mpirender.model import Job, JobFrame, PictureFormat, PictureType, Task, Tile
from mpirender.partition import Grid, Split
from mpirender.renderers.base import (
    Command,
    Finding,
    LastPass,
    Request,
    SceneInfo,
    TileStream,
    variables_of,
    without_section,
)
from mpirender.renderers.povray import samples
from mpirender.renderers.povray.audit import audit
from mpirender.renderers.povray.question import PovrayQuestion, foretold_command
from mpirender.renderers.povray.spare import PovraySpare
from mpirender.renderers.povray.switches import (
    area_arguments,
    ending_of,
    file_arguments,
    frame_arguments,
    path_argument,
    remove_canvas,
    thread_arguments,
)
from mpirender.renderers.povray.watch import PovrayWatch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mpirender.images import Picture

__all__ = ["Povray"]

_MOST_MARKS = 15_000  # 8 us each to write and to read: half of what a spare saves
_CARRIER = ("+FP8", "-TH")
"""What tiles of a JPEG are rendered as: lossless, and the 8-bit values that the encoder gets."""


class Povray:
    """The stock `povray` binary; see `mpirender.renderers.base.Renderer`."""

    name = "povray"
    variables = ("POVINI",)
    splits = frozenset((Split.AUTO, Split.ROWS, Split.TILES))
    start_latency = 0.3  # measured: it polls in steps of 50 ms before it reads the scene
    small_blocks = ("Render_Block_Size=8",)  # each costs 0.1 ms beside its pixels; 4 is the least
    divides = True

    def ask(self, request: Request) -> PovrayQuestion:
        """Start POV-Ray with a scene that stops at its first line; see `Renderer.ask`."""
        scene = without_section(request.scene)[0]
        if Path(scene).is_dir():
            raise UsageError(
                f"{scene} is a folder, expected a scene", hint=f"name a scene in it: {scene}/*.pov"
            )
        if not any(Path(scene + ending).is_file() for ending in ("", ".pov", ".ini")):
            raise UsageError(f"no such scene: {scene}", hint=f"looked in {Path.cwd()}")
        question = PovrayQuestion(request)
        with suppress(MpirenderError):  # the task will bring it to light
            self.start_early(request)
        return question

    def start_early(self, request: Request) -> None:
        """Start a spare for the first task; see `Renderer.start_early`."""
        command = foretold_command(request) if request.ranks > 1 else ()
        if command:
            argv = (*command, *thread_arguments(request.arguments, request.threads))
            PovraySpare(argv, Path.cwd(), variables_of(self.variables)).rest()

    def spare(self, job: Job, *, threads: int) -> PovraySpare | None:
        """Return a POV-Ray that can be told its part later; see `Renderer.spare`."""
        grid = Grid(job.area, job.block)
        if not job.spares or grid.rows * grid.columns > _MOST_MARKS:
            return None
        argv = job.program, *job.arguments, *_own(job, threads)
        rested = PovraySpare.rested(argv, job.directory, job.environment)
        return rested or PovraySpare(argv, job.directory, job.environment)

    def audit(self, info: SceneInfo) -> list[Finding]:
        """Read the scene; see `Renderer.audit`."""
        return audit(info.scene, info.library)

    def command(
        self, job: Job, task: Task, *, attempt: int, threads: int, scratch: Path
    ) -> Command:
        """Return POV-Ray's command for a task; see `Renderer.command`."""
        is_frame = bool(task.numbers) and task.tile.spans(job.area)
        ending = ending_of(job.picture.kind) if is_frame else _ending(job)
        name = f"task-{task.id:06d}.{attempt}" + (".f" if task.numbers else "")
        output = scratch / f"{name}.{ending}"
        own = ["-D", "+V", "-P", "-C", "All_Console=On", *frame_arguments(job, task.numbers)]
        own += file_arguments(job, task.numbers, scratch)
        if job.picture.kind == samples.KIND:
            own += samples.arguments(output)
        own += _own(job, threads, is_frame=is_frame)
        return Command(
            argv=(
                job.program,
                *job.arguments,
                *area_arguments(task.tile, job.width, job.height),
                path_argument("+O", output),
                *own,
            ),
            output=output,
            environment=job.environment,
        )

    def watch(self, job: Job, task: Task) -> PovrayWatch:
        """Return a listener for one attempt; see `Renderer.watch`."""
        tile = task.tile
        return PovrayWatch(
            expected_pixels=tile.width * tile.height,
            area_pixels=job.area.pixels,
            first_block=min(job.block, tile.width) * min(job.block, tile.height),
            frames=tile.frames,
        )

    def frame_output(self, job: Job, output: Path, number: int) -> Path:
        """Return the file with the number in its name; see `Renderer.frame_output`."""
        return output.with_stem(output.stem + job.frame(number).label)

    def read(self, job: Job, task: Task, output: Path) -> Picture:
        """Read a task's rows and columns from POV-Ray's full-size picture; see `Renderer.read`."""
        from mpirender.images import read_region

        tile = task.tile
        picture = read_region(
            output,
            rows=(tile.start, tile.stop),
            columns=(tile.left, tile.right),
            canvas=(job.height, job.width),
        )
        depths, alpha = _expected(job.picture)
        got = picture.format
        if got.dtype not in depths or got.has_alpha != alpha:
            raise OutputMismatch(
                f"{output.name}: got {got.dtype} {got.channels}, expected {' or '.join(depths)}"
                f" {'with' if alpha else 'without'} alpha, as POV-Ray had announced"
            )
        return picture

    def check(self, job: Job, task: Task, output: Path) -> None:
        """Read the picture; see `Renderer.check`."""
        self.read(job, task, output)

    def first_pass(self, job: Job, output: Path) -> Job | None:
        """Return the job that finds radiosity samples; see `Renderer.first_pass`."""
        return samples.first_pass(job, output)

    def after_first_pass(self, job: Job, output: Path) -> Job:
        """Return the job that loads them; see `Renderer.after_first_pass`."""
        return samples.after_first_pass(job, output)

    def stream(self, job: Job, task: Task, output: Path) -> TileStream:
        """Prepare to read POV-Ray's state file; see `Renderer.stream`."""
        if job.picture.kind == samples.KIND:
            return samples.SampleStream(output, Grid(job.area, job.block).blocks_of(task.tile))
        from mpirender.renderers.povray.state import StateFile

        return StateFile(output, Grid(job.area, job.block))

    def preview(self, record: bytes, tile: Tile) -> NDArray[np.uint8]:
        """Return a block's pixels for the eye; see `Renderer.preview`."""
        from mpirender.renderers.povray.state import preview_of

        return preview_of(record, tile)

    def last_pass(self, job: Job, frame: JobFrame | None, scratch: Path) -> LastPass:
        """Prepare to have POV-Ray write the picture; see `Renderer.last_pass`."""
        if job.picture.kind == samples.KIND:
            return samples.SampleMerge(scratch / "merged")
        from mpirender.renderers.povray.lastpass import PovrayLastPass

        return PovrayLastPass(job, frame, scratch)

    def clear_up(self, pid: int) -> None:
        """Remove a canvas above Max_Image_Buffer_Memory; see `Renderer.clear_up`."""
        remove_canvas(pid)

    def final_format(self, job: Job, tile_format: PictureFormat) -> PictureFormat:
        """Return the format of the user's picture; see `Renderer.final_format`."""
        if job.picture.kind != "jpeg":
            return tile_format
        from mpirender.images import jpeg_format

        return jpeg_format(job.picture.quality, tile_format)


def _ending(job: Job) -> str:
    """Return the ending of a task's picture where it is a part of the user's."""
    return "ppm" if job.picture.kind == "jpeg" else ending_of(job.picture.kind)


def _own(job: Job, threads: int, *, is_frame: bool = False) -> tuple[str, ...]:
    """Return the switches for what a task's picture is written as, and how many threads trace."""
    carrier = _CARRIER if job.picture.kind == "jpeg" and not is_frame else ()
    return (*carrier, *thread_arguments(job.arguments, threads))


def _expected(picture: PictureType) -> tuple[tuple[str, ...], bool]:
    """Return the numpy types that a tile's pixels may have, and whether the file has alpha."""
    if picture.kind == "exr":
        return ("float16",), picture.alpha
    depths = (f"uint{picture.bits}",) if picture.bits else ("uint8", "uint16")
    return depths, picture.alpha and picture.kind in ("png", "tga", "bmp")
