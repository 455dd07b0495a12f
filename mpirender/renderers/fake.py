"""A renderer without a renderer: the whole program runs, in milliseconds, and fails on request.

A ``.fake`` scene is a text file of ``key = value`` lines::

    size    = 64x48      # pixels, the only key that must be there
    bits    = 16         # a channel, 8 (the default) or 16
    block   = 8          # edge of its blocks in pixels, 32 by default
    frames  = 1-10       # an animation; none by default
    stream  = yes        # finished blocks are sent one by one
    seconds = 0.05       # what a task takes, 0 by default; each block, where it streams
    setup   = 0.01       # what it takes before the first pixel, 0 by default
    fault   = exit:3     # every attempt at task 3 fails; as often as wanted
    fault   = hang:2@1   # the first attempt at task 2 hangs

The faults are those that real renderers have: ``exit`` (ends with status 1), ``signal`` (dies),
``hang`` (never ends), ``lie`` (ends with 0 and says less than all pixels), ``missing`` (no
picture), ``empty``, ``torn`` (half a file), ``size`` (another one than asked), ``scene`` (the
scene is at fault), ``version`` (another one than rank 0's). Every pixel tells where it is, so that
a picture shows at once what is missing or in the wrong place.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mpirender.errors import OutputMismatch, RendererFailed, SceneError, UsageError
from mpirender.frames import parse_frames
from mpirender.model import Job, JobFrame, PictureFormat, PictureType, Task, Tile, TileRecord
from mpirender.partition import Grid, Split
from mpirender.process import Exit
from mpirender.renderers.base import Command, Finding, Request, SceneInfo, Witness
from mpirender.units import Seconds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mpirender.images import Picture

__all__ = ["Fake", "FakeScene", "FakeWatch", "pixel_row"]

_VERSION = "1.0"
_KEYS: dict[str, Callable[[str], float | str]] = {
    "bits": int,
    "block": int,
    "stream": ("no", "yes").index,
    "frames": str,
    "seconds": float,
    "setup": float,
}
_STREAM_HEADER = b"tiles of the fake renderer\n"
_FAULTS = (
    "exit",
    "signal",
    "hang",
    "lie",
    "missing",
    "empty",
    "torn",
    "size",
    "scene",
    "version",
)


@dataclass(frozen=True, slots=True)
class FakeScene:
    """What a ``.fake`` file says."""

    width: int
    height: int
    bits: int = 8
    block: int = 32
    stream: bool = False
    frames: str = ""
    seconds: Seconds = 0.0
    setup: Seconds = 0.0
    faults: tuple[tuple[str, int, int], ...] = ()

    @classmethod
    def parse(cls, text: str) -> FakeScene:
        """Understand a scene.

        Raises
        ------
        UsageError
            If a line is not understood.
        """
        fields: dict[str, float | str] = {}
        faults: list[tuple[str, int, int]] = []
        for line in text.splitlines():
            key, _, value = (part.strip() for part in line.partition("#")[0].partition("="))
            try:
                if key == "size":
                    fields["width"], fields["height"] = map(int, value.split("x"))
                elif key == "fault":
                    kind, _, where = value.partition(":")
                    task, _, attempt = where.partition("@")
                    faults.append((_FAULTS[_FAULTS.index(kind)], int(task), int(attempt or 0)))
                elif key:
                    fields[key] = _KEYS[key](value)
            except (ValueError, KeyError) as error:
                raise UsageError(f"a line of the .fake scene is not understood: {line}") from error
        if "width" not in fields:
            raise UsageError("the .fake scene has no size", hint="add a line: size = 64x48")
        return cls(**fields, faults=tuple(faults))  # type: ignore[arg-type]

    def fault(self, task: int, attempt: int) -> str:
        """Return what is to go wrong in an attempt; empty for nothing."""
        fitting = (k for k, t, a in self.faults if t == task and a in (0, attempt))
        return next(fitting, "")


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

    def command(
        self, job: Job, task: Task, *, attempt: int, threads: int, scratch: Path
    ) -> Command:
        """Return the command of this module's own `main`; see `Renderer.command`."""
        output = scratch / f"task-{task.id:06d}.{attempt}.{'f.' if task.numbers else ''}ppm"
        tile = task.tile
        numbers = ",".join(str(number) for number in task.numbers)
        rectangle = f"{tile.start},{tile.stop},{tile.left},{tile.right}"
        return Command(
            argv=(
                *(sys.executable, "-S", "-m", "mpirender.renderers.fake", *job.arguments),
                *(("--stream",) if job.streams else ()),
                *(str(task.id), str(attempt), numbers, rectangle, str(output)),
            ),
            output=output,
            environment=(("PYTHONPATH", os.pathsep.join(path for path in sys.path if path)),),
        )

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

    def stream(self, job: Job, output: Path) -> FakeStream:
        """Prepare to read what the child writes; see `Renderer.stream`."""
        return FakeStream(output, Grid(job.area, job.block))

    def preview(self, record: bytes, tile: Tile) -> NDArray[np.uint8]:
        """Return a record's rows; see `Renderer.preview`."""
        import numpy as np

        return np.frombuffer(record, np.uint8, offset=8).reshape(tile.height, tile.width, 3)

    def last_pass(self, job: Job, frame: JobFrame | None, scratch: Path) -> FakeLastPass:
        """Prepare to compose the picture; see `Renderer.last_pass`."""
        return FakeLastPass(job, scratch)

    def leftovers(self, pid: int) -> list[Path]:
        """Return nothing; see `Renderer.leftovers`."""
        return []

    def final_format(self, job: Job, tile_format: PictureFormat) -> PictureFormat:
        """Return the format of the tiles; see `Renderer.final_format`."""
        return tile_format


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
        scene = FakeScene.parse(path.read_text())
        output = Path.cwd() / (self._request.output or path.with_suffix(".ppm").name)
        numbers = parse_frames(scene.frames).resolve() if scene.frames else ()
        width, height = self._request.size or (scene.width, scene.height)
        return SceneInfo(
            program=sys.executable,
            version=_VERSION,
            arguments=(str(path.absolute()), f"{width}x{height}", *self._request.arguments),
            width=width,
            height=height,
            area=Tile(0, height, 0, width),
            block=scene.block,
            picture=PictureType("ppm", bits=scene.bits),
            streams=scene.stream,
            output=output,
            frames=tuple(
                JobFrame(n, output.with_stem(f"{output.stem}{n}"), str(n)) for n in numbers
            ),
        )

    def close(self) -> None:
        """Nothing has been started; see `Question.close`."""


class FakeStream:
    """See `mpirender.renderers.base.TileStream`; a record is the block's number and its rows."""

    header = _STREAM_HEADER

    def __init__(self, output: Path, grid: Grid) -> None:
        self._grid = grid
        self._rest = b""
        path = output.with_suffix(".tiles")
        path.touch()
        self._file = path.open("rb")

    def read(self) -> list[TileRecord]:
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

    def begin(self, tiles: Path, missing: Sequence[int], witnesses: Sequence[Witness]) -> None:
        """Compose the picture at once; see `LastPass.begin`."""
        job, grid, size = self._job, Grid(self._job.area, self._job.block), self._job.picture.bits
        rows = [bytearray(3 * size // 8 * job.width) for _ in range(job.height)]
        with tiles.open("rb") as file:
            file.read(len(_STREAM_HEADER))
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


# ------------------------------------------------------------------------------ the child side


def pixel_row(row: int, width: int, bits: int, columns: range) -> bytes:
    """Return one row of the picture in PPM's own bytes.

    Parameters
    ----------
    row, width : int
    bits : int
        8 or 16.
    columns : range
        Columns that are rendered; all others are black.

    Returns
    -------
    row : bytes
        ``width * 3 * bits / 8`` of them: the row's number, the column's number, and their sum.
    """
    size, largest = bits // 8, (1 << bits) - 1
    black = bytes(3 * size)
    out = bytearray()
    for column in range(width):
        if column not in columns:
            out += black
            continue
        for value in (row + 1, column + 1, 7 * row + 13 * column + 1):
            out += (value % largest + 1 if value > largest else value).to_bytes(size, "big")
    return bytes(out)


def _say(text: str) -> None:
    print(text, flush=True)


def _write_tiles(
    scene: FakeScene, tile: Tile, width: int, height: int, output: Path, fault: str
) -> None:
    """Write one block after the other; those with a fault end in the middle of their tile."""
    grid = Grid(Tile(0, height, 0, width), scene.block)
    blocks = grid.blocks_of(tile)
    with output.with_suffix(".tiles").open("ab", buffering=0) as file:
        for number, block in enumerate(blocks):
            if fault in ("exit", "signal") and number >= len(blocks) / 2:
                os.kill(os.getpid(), signal.SIGKILL) if fault == "signal" else sys.exit(1)
            time.sleep(scene.seconds)
            part = grid.tile_of(block)
            cut = slice(3 * scene.bits // 8 * part.left, 3 * scene.bits // 8 * part.right)
            data = b"".join(
                pixel_row(row, width, scene.bits, range(part.left, part.right))[cut]
                for row in range(part.start, part.stop)
            )
            if fault not in ("lie", "missing") or number:
                file.write(block.to_bytes(4, "big") + len(data).to_bytes(4, "big") + data)
            _say(f"done {(number + 1) / len(blocks) * (0.8 if fault == 'lie' else 1)}")


def main(argv: list[str]) -> int:
    """Render one task: scene, size, ..., task id, attempt, frames, rectangle, output.

    Returns
    -------
    status : int
        Exit status.
    """
    scene = FakeScene.parse(Path(argv[0]).read_text())
    width, height = map(int, argv[1].split("x"))
    task, attempt, output = int(argv[-5]), int(argv[-4]), Path(argv[-1])
    tile = Tile(*map(int, argv[-2].split(",")))
    streams = "--stream" in argv
    fault = scene.fault(task, attempt)
    _say("version " + ("0.9" if fault == "version" else _VERSION))
    time.sleep(scene.setup)
    _say(f"set-up-in {scene.setup}")
    if fault == "scene":
        _say("scene-error line 3: no such colour")
        return 1
    while fault == "hang":
        time.sleep(1)
    for number in argv[-3].split(","):
        picture = output.with_stem(output.stem + number)
        if streams:
            _write_tiles(scene, tile, width, height, picture, fault)
        for step in () if streams else range(1, 5):
            time.sleep(scene.seconds / 4)
            _say(f"done {step / 4 if fault != 'lie' else step / 5}")
        _write_picture(scene, tile, width, height, picture, fault)
        _say(f"rendered-in {scene.seconds}")
    if fault == "signal":
        os.kill(os.getpid(), signal.SIGKILL)
    return 1 if fault == "exit" else 0


def _write_picture(
    scene: FakeScene, tile: Tile, width: int, height: int, output: Path, fault: str
) -> None:
    if fault == "size":
        height += 1
    columns = range(tile.left, tile.right)
    rows = (
        pixel_row(row, width, scene.bits, columns if tile.start <= row < tile.stop else range(0))
        for row in range(height)
    )
    header = f"P6\n{width} {height}\n{(1 << scene.bits) - 1}\n".encode()
    picture = b"" if fault == "empty" else header + b"".join(rows)
    if fault != "missing":
        output.write_bytes(picture[: len(picture) // 2] if fault == "torn" else picture)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
