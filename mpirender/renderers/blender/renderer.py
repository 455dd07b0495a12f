"""Blender as a renderer: one process a rank that stays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpirender.errors import OutputMismatch, UsageError
from mpirender.model import Job, JobFrame, PictureFormat, Task, Tile
from mpirender.partition import Split
from mpirender.renderers.base import Command, Finding, Request, SceneInfo
from mpirender.renderers.blender.blocks import (
    BlenderLastPass,
    BlenderStream,
    part_of,
    preview_of,
)
from mpirender.renderers.blender.options import parse_options
from mpirender.renderers.blender.play import Play, argv_of, environment_of
from mpirender.renderers.blender.question import BlenderQuestion
from mpirender.renderers.blender.watch import BlenderWatch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mpirender.images import Picture

__all__ = ["Blender"]


class Blender:
    """The stock `blender` program or the module `bpy`; see `mpirender.renderers.base.Renderer`."""

    name = "blender"
    variables: tuple[str, ...] = ()
    splits = frozenset((Split.AUTO, Split.ROWS, Split.SAMPLES))
    start_latency = 0.05  # a request waits in the process while the one before is at work
    small_blocks: tuple[str, ...] = ()
    divides = False

    def ask(self, request: Request) -> BlenderQuestion:
        """Have Blender open the scene; see `Renderer.ask`."""
        scene = Path(request.scene)
        if scene.is_dir():
            raise UsageError(
                f"{scene} is a folder, expected a scene",
                hint=f"name a scene in it: {scene}/*.blend",
            )
        if not scene.is_file():
            raise UsageError(f"no such scene: {scene}", hint=f"looked in {Path.cwd()}")
        refused = {
            "--track": request.curves,
            "--clock": request.clock,
            "--motion-blur": request.motion_blur > 1,
        }
        for option in (option for option, typed in refused.items() if typed):
            raise UsageError(f"{option} with a .blend scene", hint="set it in Blender itself")
        if request.scenes:
            raise UsageError(
                "several .blend scenes", hint="list them as shots of a job file, film.toml"
            )
        return BlenderQuestion(request)

    def audit(self, info: SceneInfo) -> list[Finding]:
        """Return nothing: no pixel of Blender's depends on its threads; see `Renderer.audit`."""
        return []

    def start_early(self, request: Request) -> None:
        """Have Blender open the scene and wait for tasks; see `Renderer.start_early`.

        But for graphics cards: which one is this rank's is not known yet.
        """
        if "device" not in dict(parse_options(request.arguments).overrides):
            BlenderQuestion(request).close()

    def spare(self, job: Job, *, threads: int) -> None:
        """Return None: one process does all tasks; see `Renderer.spare`."""

    def command(
        self, job: Job, task: Task, *, attempt: int, threads: int, scratch: Path
    ) -> Command:
        """Return what a rank's Blender is asked for a task; see `Renderer.command`."""
        play, tile = Play.of(job.arguments[0]), task.tile
        name = f"task-{task.id:06d}.{attempt}"
        asked: dict[str, Any]
        if tile.spans(job.area):
            output = scratch / f"{name}.f#{play.ending}"
            frames = [[n, str(self.frame_output(job, output, n))] for n in task.numbers]
            asked = {"do": "frames", "frames": frames}
        else:
            output = scratch / f"{name}.f#.exr"
            asked = {
                "do": "block",
                "frame": task.numbers[0],
                "part": part_of(play, job, tile),
                "output": str(self.frame_output(job, output, task.numbers[0])),
            }
        return Command(
            argv=argv_of(job.program, threads=threads, scripts=play.scripts),
            output=output,
            environment=(*job.environment, *environment_of(scratch)),
            request=json.dumps({**asked, "play": play.for_blender(threads)}),
        )

    def watch(self, job: Job, task: Task) -> BlenderWatch:
        """Return a listener for one request; see `Renderer.watch`."""
        return BlenderWatch(Play.of(job.arguments[0]).engine, frames=task.tile.frames)

    def frame_output(self, job: Job, output: Path, number: int) -> Path:
        """Return the file with the number in its name; see `Renderer.frame_output`."""
        return output.with_name(output.name.replace("#", str(number)))

    def check(self, job: Job, task: Task, output: Path) -> None:
        """Decode the picture and look at its size; see `Renderer.check`."""
        from mpirender.images import size_of

        expected, got = Play.of(job.arguments[0]).picture, size_of(output)
        if expected is not None and tuple(expected) != got:
            raise OutputMismatch(
                f"{output.name}: got {got[0]} x {got[1]} pixels, expected"
                f" {expected[0]} x {expected[1]}"
            )

    def read(self, job: Job, task: Task, output: Path) -> Picture:
        """Read a whole picture; see `Renderer.read`."""
        from mpirender.images import read_picture

        return read_picture(output)

    def first_pass(self, job: Job, output: Path) -> None:
        """Return None: nothing is shared; see `Renderer.first_pass`."""

    def after_first_pass(self, job: Job, output: Path) -> Job:
        """Return the job as it is; see `Renderer.after_first_pass`."""
        return job

    def stream(self, job: Job, task: Task, output: Path) -> BlenderStream:
        """Prepare to read a part of a frame; see `Renderer.stream`."""
        return BlenderStream(job, task.tile, output)

    def preview(self, record: bytes, tile: Tile) -> NDArray[np.uint8]:
        """Return a block's pixels for the eye; see `Renderer.preview`."""
        return preview_of(record, tile)

    def last_pass(self, job: Job, frame: JobFrame | None, scratch: Path) -> BlenderLastPass:
        """Prepare to have Blender write the picture; see `Renderer.last_pass`."""
        assert frame, "every picture of a .blend is of a frame"
        return BlenderLastPass(job, frame, scratch)

    def clear_up(self, pid: int) -> None:
        """Do nothing: what Blender leaves lies in the scratch folder; see `Renderer`."""

    def final_format(self, job: Job, tile_format: PictureFormat) -> PictureFormat:
        """Return the format of the pieces; see `Renderer.final_format`."""
        return tile_format
