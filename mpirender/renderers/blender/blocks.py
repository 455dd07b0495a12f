"""Parts of frames on their way: from Blender's files to records, and from records to a picture."""

from __future__ import annotations

import json
import os
import re
import struct
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from mpirender.errors import OutputMismatch, RendererFailed
from mpirender.model import Job, JobFrame, Tile, TileRecord
from mpirender.partition import Grid
from mpirender.process import clean_environment
from mpirender.renderers.blender.play import Play, argv_of, environment_of
from mpirender.renderers.blender.watch import BlenderWatch
from mpirender.session import Session, Sitting

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mpirender.compose import Excerpt

__all__ = [
    "BlenderLastPass",
    "BlenderStream",
    "assemble",
    "part_of",
    "passes_of",
    "preview_of",
]

_NOTE = re.compile(r"cycles\..*samples|cryptomatte/.*")  # the others are times
_OF_FIRST = ("Depth", "Position", "IndexOB", "IndexMA")  # passes that only the first sample makes
_PREFIX = struct.Struct(">II")


def part_of(play: Play, job: Job, tile: Tile) -> dict[str, list[int]]:
    """Return what of a frame is to be rendered for a task: a rectangle, or some of the samples."""
    if play.samples:
        return {"samples": list(play.samples_of(tile, job.area.height))}
    more = _with_margin(tile, job, play.margin)
    return {"tile": [more.start, more.stop, more.left, more.right]}


def _with_margin(tile: Tile, job: Job, margin: int) -> Tile:
    """Return what is rendered for a part: some more around it, as far as there is any."""
    return Tile(
        max(0, tile.start - margin),
        min(job.height, tile.stop + margin),
        max(0, tile.left - margin),
        min(job.width, tile.right + margin),
    )


class BlenderStream:
    """The part of a frame that Blender leaves in a file; see `mpirender.renderers.base.TileStream`.

    The header is a line of JSON with the names of the channels. A record is the number of its
    block, its size, and the block's pixels in single precision, channel by channel within each.
    """

    def __init__(self, job: Job, tile: Tile, output: Path) -> None:
        self.header = b""
        self._job = job
        self._tile = tile
        self._path = output
        self._is_read = tile.spans(job.area)  # a whole picture is no part

    def read(self, *, ended: bool = False) -> list[TileRecord]:
        """Return all blocks once Blender is done with them; see `TileStream.read`."""
        if self._is_read or not ended:
            return []
        import numpy as np

        from mpirender.images import read_layers

        self._is_read = True
        job, tile, play = self._job, self._tile, Play.of(self._job.arguments[0])
        frame = Tile(0, job.height, 0, job.width)
        whole = frame if play.samples else _with_margin(tile, job, play.margin)
        layers = read_layers(self._path)
        if layers.pixels.shape[:2] != (whole.height, whole.width):
            raise OutputMismatch(
                f"{self._path.name}: got {layers.pixels.shape[:2]} rows and columns, expected"
                f" {whole.height, whole.width}"
            )
        order = sorted(
            range(len(layers.names)), key=lambda at: ".Combined." not in layers.names[at]
        )
        names = [layers.names[at] for at in order]
        notes = {k: v for k, v in layers.notes.items() if _NOTE.fullmatch(k)}
        if play.samples:
            notes |= {k: str(play.samples) for k in notes if k.startswith("cycles.")}
        self.header = json.dumps({"channels": names, "notes": notes}).encode() + b"\n"
        grid = Grid(job.area, job.block)
        if play.samples:
            first_sample, count = play.samples_of(tile, job.area.height)
            weights = [
                float(not first_sample) if _pass_of(name) in _OF_FIRST else count / play.samples
                for name in names
            ]
            data = (layers.pixels[..., order] * np.array(weights, "<f4")).tobytes()
            first, *others = grid.blocks_of(tile)  # all is with the first of them
            return [_record(first, data), *(_record(block, b"") for block in others)]
        records = []
        for block in grid.blocks_of(tile):
            part = grid.tile_of(block)
            rows = slice(part.start - whole.start, part.stop - whole.start)
            columns = slice(part.left - whole.left, part.right - whole.left)
            records.append(_record(block, layers.pixels[rows, columns][..., order].tobytes()))
        return records

    def close(self) -> None:
        """Nothing is open; see `TileStream.close`."""


def _record(block: int, data: bytes) -> TileRecord:
    return TileRecord(block, _PREFIX.pack(block, len(data)) + data)


def preview_of(record: bytes, tile: Tile) -> NDArray[np.uint8]:
    """Return a record's first three channels for the eye."""
    import numpy as np

    pixels = np.frombuffer(record, "<f4", offset=_PREFIX.size).reshape(tile.height, tile.width, -1)
    return np.asarray((pixels[..., :3].clip(0, 1) ** (1 / 2.2) * 255).round(), np.uint8)


class BlenderLastPass:
    """Blender writes the picture of parts; see `mpirender.renderers.base.LastPass`.

    It is started, and opens the scene, while the parts are still being rendered.
    """

    def __init__(self, job: Job, frame: JobFrame, scratch: Path) -> None:
        self._job = job
        self._frame = frame
        self._scratch = scratch
        self._play = Play.of(job.arguments[0])
        self._output = scratch / f"picture{self._play.ending}"
        self._watch = BlenderWatch(self._play.engine)
        self._hall = _Hall.of(job)
        self._hall.users += 1
        self._sitting: Sitting | None = None
        self._ask({"do": "opened"})

    def _ask(self, what: dict[str, Any]) -> Sitting:
        request = json.dumps({**what, "play": self._play.for_blender(self._hall.threads)})
        return self._hall.session.begin(request, self._scratch / f"{what['do']}.log")

    def begin(self, tiles: Path, missing: Sequence[int], witness: Excerpt | None) -> None:
        """Put the parts together, and hand them to Blender; see `LastPass.begin`."""
        passes, notes = assemble(tiles, self._job, self._scratch)
        self._sitting = self._ask(
            {
                "do": "finish",
                "frame": self._frame.number,
                "passes": passes,
                "notes": notes,
                "output": str(self._output),
            }
        )

    def poll(self) -> Path | None:
        """Return the picture once it is there; see `LastPass.poll`."""
        assert self._sitting, "it has begun"
        now, first = time.monotonic(), self._hall.session.first
        if first and first is not self._sitting and first.is_stalled(now):
            first.kill()  # to open the scene, mostly; then another Blender is asked
        end = self._sitting.poll()
        for line in self._sitting.lines():
            self._watch.see(line)
        if end is None:
            if self._sitting.is_stalled(now):
                raise RendererFailed("Blender could not write the picture of its parts: it hangs")
            return None
        self._watch.judge(end)
        return self._output

    def close(self) -> None:
        """End Blender, if nobody else needs it; see `LastPass.close`."""
        if self._sitting:
            self._sitting.kill()
        self._hall.users -= 1
        if not self._hall.users:
            self._hall.close()


class _Hall:
    """A Blender for the last passes of all frames of a job: not one for each."""

    _open: ClassVar[dict[tuple[str, ...], _Hall]] = {}

    def __init__(self, job: Job) -> None:
        play = Play.of(job.arguments[0])
        self.users = 0
        self.threads = len(os.sched_getaffinity(0))
        self._key = (job.program, *job.arguments)
        self._folder = tempfile.TemporaryDirectory(prefix="mpirender-last-")
        folder = Path(self._folder.name)
        environment = (*job.environment, *environment_of(folder))
        self.session = Session(
            argv_of(job.program, threads=self.threads, scripts=play.scripts),
            directory=job.directory,
            environment=clean_environment(os.environ) | dict(environment),
            log=folder / "last-pass.log",
        )

    @classmethod
    def of(cls, job: Job) -> _Hall:
        """Return the one of a job."""
        key = (job.program, *job.arguments)
        if key not in cls._open:
            cls._open[key] = cls(job)
        return cls._open[key]

    def close(self) -> None:
        """End Blender and leave nothing behind."""
        self.session.close()
        self._folder.cleanup()
        del self._open[self._key]


def assemble(tiles: Path, job: Job, folder: Path) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Write a file for each pass of the whole frame, from the bottom up as Blender has it.

    Returns
    -------
    passes : list of dict
        Layer, name, channels and file of each.
    notes : dict of str to str
        What the parts' files have said besides.
    """
    import numpy as np

    grid, has_samples = Grid(job.area, job.block), Play.of(job.arguments[0]).samples > 0
    with tiles.open("rb") as file:
        header = json.loads(file.readline())
        names: list[str] = header["channels"]
        frame = np.zeros((job.height, job.width, len(names)), "<f4")
        for block, size, offset in sorted(_records_in(file)):  # sums depend on the order
            tile = Tile(0, job.height, 0, job.width) if has_samples else grid.tile_of(block)
            place = frame[tile.start : tile.stop, tile.left : tile.right]
            if size:  # of some samples: with the weight that they have
                file.seek(offset)
                place += np.frombuffer(file.read(size), "<f4").reshape(place.shape)
    passes = []
    for at, (layer, name, channels) in enumerate(passes_of(names)):
        path = folder / f"pass-{at}"
        ids = "".join(channel for channel, _ in channels)
        frame[::-1, :, [index for _, index in channels]].tofile(path)
        passes.append(
            {"layer": layer, "pass": name, "ids": ids, "channels": len(ids), "path": str(path)}
        )
    return passes, header["notes"]


def _records_in(file: BinaryIO) -> list[tuple[int, int, int]]:
    """Return the block of each record, and size and place of its data; read on from here."""
    found = []
    while prefix := file.read(_PREFIX.size):
        block, size = _PREFIX.unpack(prefix)
        found.append((block, size, file.tell()))
        file.seek(size, os.SEEK_CUR)
    return found


def _pass_of(name: str) -> str:
    """Return the pass of a channel such as ``ViewLayer.Combined.R``."""
    return name.rsplit(".", 2)[1]


def passes_of(names: Sequence[str]) -> list[tuple[str, str, list[tuple[str, int]]]]:
    """Return layer, pass and channels of names such as ``ViewLayer.Combined.R``."""
    found: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for index, name in enumerate(names):
        layer, of_pass, channel = name.rsplit(".", 2)
        found.setdefault((layer, of_pass), []).append((channel, index))
    return [(layer, of_pass, _ordered(channels)) for (layer, of_pass), channels in found.items()]


def _ordered(channels: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return channels as Blender has them in memory: RGBA, XYZW, UVA; the file sorts them."""
    return sorted(channels, key=lambda one: "RXUGYVBZAW".find(one[0].upper()))
