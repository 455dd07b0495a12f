"""What the program knows of the fake renderer."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mpirender.errors import OutputMismatch, RendererFailed, SceneError, UsageError
from mpirender.frames import parse_frames
from mpirender.model import Job, JobFrame, PictureFormat, PictureType, Task, Tile, TileRecord
from mpirender.partition import Grid, Split
from mpirender.process import Exit
from mpirender.renderers.base import Command, Finding, Request, SceneInfo
from mpirender.renderers.fake import child
from mpirender.renderers.fake.child import FakeScene
from mpirender.renderers.fake.spare import FakeSpare, task_arguments
from mpirender.units import Pixels, Seconds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mpirender.compose import Excerpt
    from mpirender.images import Picture

__all__ = ["Fake", "FakeStream", "FakeWatch"]

_START = (  # imported, it is compiled once; as a script it would be at every start
    f"import sys; sys.path.append({str(Path(child.__file__).parent)!r}); "
    "import child; sys.exit(child.main(sys.argv[1:]))"
)


class Fake:
    """See `mpirender.renderers.base.Renderer`."""

    name = "fake"
    variables: tuple[str, ...] = ()
    splits = frozenset((Split.AUTO, Split.ROWS, Split.TILES))
    start_latency = 0.0
    small_blocks: tuple[str, ...] = ()
    divides = True

    def ask(self, request: Request) -> FakeQuestion:
        """Read the scene; see `Renderer.ask`."""
        return FakeQuestion(request)

    def audit(self, info: SceneInfo) -> list[Finding]:
        """Return nothing: every pixel tells where it is."""
        return []

    def start_early(self, request: Request) -> None:
        """Start a spare for the first task, if the scene wants any; see `Renderer.start_early`."""
        if request.ranks > 1 and (info := FakeQuestion(request).answer()).spares:
            FakeSpare.rested(_argv(info.arguments)).rest()

    def spare(self, job: Job, *, threads: int) -> FakeSpare | None:
        """Return a process that waits for its task; see `Renderer.spare`."""
        return FakeSpare.rested(_argv(job.arguments)) if job.spares else None

    def command(
        self, job: Job, task: Task, *, attempt: int, threads: int, scratch: Path
    ) -> Command:
        """Return the command of the child; see `Renderer.command`."""
        output = scratch / f"task-{task.id:06d}.{attempt}.{'f.' if task.numbers else ''}ppm"
        argv = _argv(job.arguments, streams=job.streams)
        return Command(argv=(*argv, *task_arguments(task, attempt, output)), output=output)

    def watch(self, job: Job, task: Task) -> FakeWatch:
        """Return a listener for one attempt; see `Renderer.watch`."""
        return FakeWatch(frames=task.tile.frames)

    def frame_output(self, job: Job, output: Path, number: int) -> Path:
        """Return the file with the number in its name; see `Renderer.frame_output`."""
        return output.with_stem(f"{output.stem}{number}")

    def read(self, job: Job, task: Task, output: Path) -> Picture:
        """Read a task's part of the full-size picture; see `Renderer.read`."""
        from mpirender.images import read_region

        tile = task.tile
        return read_region(
            output,
            rows=(tile.start, tile.stop),
            columns=(tile.left, tile.right),
            canvas=(job.height, job.width),
        )

    def check(self, job: Job, task: Task, output: Path) -> None:
        """Read the picture; see `Renderer.check`."""
        self.read(job, task, output)

    def first_pass(self, job: Job, output: Path) -> None:
        """Return None: nothing is shared; see `Renderer.first_pass`."""

    def after_first_pass(self, job: Job, output: Path) -> Job:
        """Return the job as it is; see `Renderer.after_first_pass`."""
        return job

    def stream(self, job: Job, task: Task, output: Path) -> FakeStream:
        """Prepare to read what the child writes; see `Renderer.stream`."""
        return FakeStream(output, Grid(job.area, job.block))

    def preview(self, record: bytes, tile: Tile) -> NDArray[np.uint8]:
        """Return a record's rows; see `Renderer.preview`."""
        import numpy as np

        return np.frombuffer(record, np.uint8, offset=8).reshape(tile.height, tile.width, 3)

    def last_pass(self, job: Job, frame: JobFrame | None, scratch: Path) -> FakeLastPass:
        """Prepare to compose the picture; see `Renderer.last_pass`."""
        return FakeLastPass(job, scratch)

    def clear_up(self, pid: int) -> None:
        """Do nothing; see `Renderer.clear_up`."""

    def final_format(self, job: Job, tile_format: PictureFormat) -> PictureFormat:
        """Return the format of the tiles; see `Renderer.final_format`."""
        return tile_format


def _argv(arguments: Sequence[str], *, streams: bool = True) -> tuple[str, ...]:
    """Return program and arguments for the whole picture."""
    argv = sys.executable, "-I", "-S", "-c", _START, *arguments
    return (*argv, "--stream") if streams else argv


def _understand(text: str) -> FakeScene:
    try:
        return FakeScene.parse(text)
    except ValueError as error:
        if line := str(error):
            raise UsageError(f"a line of the .fake scene is not understood: {line}") from error
        raise UsageError("the .fake scene has no size", hint="add a line: size = 64x48") from error


def _check_costs(path: Path, blocks: int) -> None:
    try:
        got = len([*map(float, path.read_text().split())])
    except (OSError, ValueError) as error:
        raise UsageError(f"costs of the .fake scene: {error}") from error
    if got < blocks:
        raise UsageError(f"{path}: got {got} costs, expected one for each of {blocks} blocks")


class FakeQuestion:
    """See `mpirender.renderers.base.Question`."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def answer(self) -> SceneInfo:
        """Return what the scene says; see `Question.answer`."""
        path = Path(self._request.scene)
        if path.is_dir():
            raise UsageError(f"{path} is a folder, expected a scene")
        if not path.is_file():
            raise UsageError(f"no such scene: {path}", hint=f"looked in {Path.cwd()}")
        scene = _understand(path.read_text())
        output = Path.cwd() / (self._request.output or path.with_suffix(".ppm").name)
        numbers = parse_frames(scene.frames).resolve() if scene.frames else ()
        width, height = self._request.size or (scene.width, scene.height)
        if scene.costs:
            grid = Grid(Tile(0, height, 0, width), scene.block)
            _check_costs(path.parent / scene.costs, grid.rows * grid.columns)
        return SceneInfo(
            program=sys.executable,
            version=child.VERSION,
            arguments=(str(path.absolute()), f"{width}x{height}", *self._request.arguments),
            width=width,
            height=height,
            area=Tile(0, height, 0, width),
            block=scene.block,
            picture=PictureType("ppm", bits=scene.bits),
            streams=scene.stream,
            spares=scene.spares and scene.stream and not numbers,
            output=output,
            frames=tuple(
                JobFrame(n, output.with_stem(f"{output.stem}{n}"), str(n)) for n in numbers
            ),
        )

    def close(self) -> None:
        """Nothing has been started; see `Question.close`."""


class FakeStream:
    """See `mpirender.renderers.base.TileStream`; a record is the block's number and its rows."""

    header = child.STREAM_HEADER

    def __init__(self, output: Path, grid: Grid) -> None:
        self._grid = grid
        self._rest = b""
        path = output.with_suffix(".tiles")
        path.touch()
        self._file = path.open("rb")

    def read(self, *, ended: bool = False) -> list[TileRecord]:
        """Return the blocks that are new; see `TileStream.read`."""
        self._rest += self._file.read()
        records: list[TileRecord] = []
        while len(self._rest) >= 8:
            block, size = (
                int.from_bytes(self._rest[:4], "big"),
                int.from_bytes(self._rest[4:8], "big"),
            )
            if not 0 <= block < self._grid.rows * self._grid.columns:
                raise OutputMismatch(f"no block {block}")
            if len(self._rest) < 8 + size:
                break
            records.append(TileRecord(block, self._rest[: 8 + size]))
            self._rest = self._rest[8 + size :]
        return records

    def close(self) -> None:
        """Read no more; see `TileStream.close`."""
        self._file.close()


class FakeLastPass:
    """See `mpirender.renderers.base.LastPass`."""

    def __init__(self, job: Job, scratch: Path) -> None:
        self._job = job
        self._output = scratch / "picture.ppm"

    def begin(self, tiles: Path, missing: Sequence[int], witness: Excerpt | None) -> None:
        """Compose the picture at once; see `LastPass.begin`."""
        job, grid, size = self._job, Grid(self._job.area, self._job.block), self._job.picture.bits
        rows = [bytearray(3 * size // 8 * job.width) for _ in range(job.height)]
        with tiles.open("rb") as file:
            file.read(len(child.STREAM_HEADER))
            while prefix := file.read(8):
                tile = grid.tile_of(int.from_bytes(prefix[:4], "big"))
                for row in range(tile.start, tile.stop):
                    part = slice(3 * size // 8 * tile.left, 3 * size // 8 * tile.right)
                    rows[row][part] = file.read(part.stop - part.start)
        header = f"P6\n{job.width} {job.height}\n{(1 << size) - 1}\n".encode()
        self._output.write_bytes(header + b"".join(rows))

    def poll(self) -> Path:
        """Return the picture; see `LastPass.poll`."""
        return self._output

    def close(self) -> None:
        """Nothing runs; see `LastPass.close`."""


@dataclass(slots=True)
class FakeWatch:
    """See `mpirender.renderers.base.Watch`."""

    frames: int = 1
    frames_done: int = 0
    fraction: float = 0.0
    version: str = ""
    size: tuple[Pixels, Pixels] = (0, 0)
    is_setting_up: bool = True
    is_pretracing: bool = False
    has_pretraced: bool = False
    setup_seconds: Seconds = 0.0
    render_seconds: Seconds = 0.0
    _fault: str = ""

    def see(self, line: str) -> None:
        """Take in one line; see `Watch.see`."""
        key, _, value = line.partition(" ")
        if key == "version":
            self.version = value
        elif key == "size":
            width, height = map(int, value.split("x"))
            self.size = width, height
        elif key == "set-up-in":
            self.setup_seconds = float(value)
            self.is_setting_up = False
        elif key == "done":
            self.fraction = (self.frames_done + float(value)) / self.frames
        elif key == "rendered-in":
            self.render_seconds += float(value)
            self.frames_done += 1
        elif key == "scene-error":
            self._fault = value

    def judge(self, end: Exit) -> None:
        """Decide whether the task was done; see `Watch.judge`."""
        if self._fault:
            raise SceneError(f"fake: {self._fault}")
        if end.status != 0:
            raise RendererFailed(f"fake ended with {end}")
        if self.fraction < 1:
            raise RendererFailed(f"fake said {self.fraction:.0%} of its pixels, expected all")
