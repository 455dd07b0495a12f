"""One frame on rank 0, from the first piece that arrives to its file."""

from __future__ import annotations

import logging
import shutil
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mpirender.backoff import Backoff
from mpirender.errors import MpirenderError, RendererFailed
from mpirender.messages import TilesDone, Witness
from mpirender.model import Job, JobFrame, PictureFormat, Tile
from mpirender.partition import Grid
from mpirender.paths import Scratch, atomic_replace, working_in
from mpirender.preload import preload
from mpirender.renderers import renderer_named
from mpirender.renderers.base import LastPass
from mpirender.tilefile import TileFile
from mpirender.units import Seconds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mpirender.compose import Excerpt, Frame

__all__ = ["Canvas"]

log = logging.getLogger(__name__)

_LOOK_FOR_PICTURE: Seconds = 0.01


class Canvas:
    """Where the pieces of a frame are put together.

    Pieces come as pixels, or as the renderer's own record of each block; or as both, where some
    ranks could not follow their renderer.

    Parameters
    ----------
    job : Job
    frame : JobFrame or None
        None in a job of one still.
    """

    def __init__(self, job: Job, frame: JobFrame | None = None) -> None:
        self.output = frame.output if frame else job.output
        self.grid = Grid(job.area, job.block)
        self.missing = set(self.grid.blocks_of(job.area))
        self._job = job
        self._of = frame
        self.is_being_made = False
        self._witness: Excerpt | None = None
        self._scratch: Scratch | None = None
        self._tiles: TileFile | None = None
        self._last_pass: LastPass | None = None
        self._failures = 0
        self._frame: Frame | None = None
        self._format: PictureFormat | None = None

    @property
    def is_of_animation(self) -> bool:
        """Whether its picture is to be made as soon as all is there."""
        return self._of is not None

    def take_tiles(self, message: TilesDone) -> list[int]:
        """Keep the blocks that are not there yet, and return their numbers."""
        assert message.pixels is not None, "the transport delivers pixels with their message"
        if self._tiles is None:
            self._scratch = Scratch(0)
            self._scratch.place(self._job.files)
            self._tiles = TileFile(self._scratch.folder / "tiles", message.header)
            self._last_pass = self._prepared(self._scratch.folder)
        at, new, records = 0, [], memoryview(message.pixels)
        for block, size in zip(message.blocks, message.sizes, strict=True):
            if block in self.missing:
                self._tiles.append(records[at : at + size])
                new.append(block)
            at += size
        self.missing.difference_update(new)
        if len(new) < len(message.blocks):
            log.debug("%d blocks had been rendered before", len(message.blocks) - len(new))
        return new

    def take_pixels(self, tile: Tile, format_: PictureFormat, pixels: NDArray[np.generic]) -> int:
        """Lay the pixels of a task into the frame, but for blocks that are there; return how many.

        Another rank may have done a part of the task.
        """
        if self._frame is None:
            from mpirender.compose import Frame

            height, width = self._job.height, self._job.width
            self._format = format_
            self._frame = Frame(
                *(height, width, pixels.shape[2]), dtype=format_.dtype, opaque=format_.has_alpha
            )
        blocks = set(self.grid.blocks_of(tile))
        new = blocks & self.missing
        parts = [tile] if new == blocks else self.grid.tiles_of(new)
        for part in parts:
            rows = slice(part.start - tile.start, part.stop - tile.start)
            columns = slice(part.left - tile.left, part.right - tile.left)
            self._frame.put(part, pixels[rows, columns])
        self.missing -= new
        return sum(part.height * part.width for part in parts)

    @property
    def has_witness(self) -> bool:
        """Whether there are pixels that the picture must agree with."""
        return self._witness is not None

    def hear(self, witness: Witness) -> None:
        """Keep of a renderer's own picture what the whole one must agree with; one is enough."""
        if self._witness or not (self._scratch and witness.pixels):
            return
        preload()
        from mpirender.compose import telling_block

        tile, path = witness.task.tile, self._scratch.folder / "witness"
        try:
            path.write_bytes(zlib.decompress(witness.pixels))
            picture = renderer_named(self._job.renderer).read(self._job, witness.task, path)
        except (OSError, zlib.error, MpirenderError) as error:
            log.debug("no witness: %s", error)
            return
        blocks = [self.grid.tile_of(block) for block in self.grid.blocks_of(tile)]
        self._witness = telling_block(picture.pixels, tile, blocks)

    # ----------------------------------------------------------------------------- the picture

    def begin_picture(self) -> None:
        """Have the renderer make the picture, where its pieces are records of blocks."""
        self.is_being_made = True
        if self._tiles is None or self._last_pass is None:
            return
        absent = self.missing
        if self._frame:
            absent = absent.union(*(self.grid.blocks_of(tile) for tile in self._frame.tiles))
        self._tiles.close()
        with working_in(self._tiles.path.parent):
            self._last_pass.begin(self._tiles.path, sorted(absent), self._witness)

    def _prepared(self, folder: Path) -> LastPass:
        with working_in(folder):
            return renderer_named(self._job.renderer).last_pass(self._job, self._of, folder)

    def _made(self) -> Path | None:
        """Return what the renderer has made, None before; one that fails is tried again."""
        assert self._tiles and self._last_pass, "the renderer makes the picture"
        try:
            with working_in(self._tiles.path.parent):
                return self._last_pass.poll()
        except RendererFailed as error:
            self._failures += 1
            if self._failures > self._job.limits.retries:
                raise
            log.warning("%s; it is tried again", error.message)
        self._last_pass.close()
        self._last_pass = self._prepared(self._tiles.path.parent)
        with working_in(self._tiles.path.parent):  # what is missing was put in the first time
            self._last_pass.begin(self._tiles.path, (), self._witness)
        return None

    def poll_picture(self) -> bool:
        """Return whether the picture is in its place now.

        Raises
        ------
        WriteError
            If it cannot be written.
        RendererFailed
            If the renderer could not make it, as often as a task is tried.
        SetupError
            If there is no room for it among the scratch files.
        """
        made: Path | None = None
        if self._last_pass:
            made = self._made()
            if made is None:
                return False
        self.is_being_made = False
        with atomic_replace(self.output) as temporary:
            if made:
                shutil.copyfile(made, temporary)
            if self._frame:
                self._write_frame(temporary)
        return True

    def wait_for_picture(self) -> None:
        """Make the picture and put it in its place; see `poll_picture`."""
        if not self.is_being_made:
            self.begin_picture()
        backoff = Backoff(longest=_LOOK_FOR_PICTURE)
        while not self.poll_picture():
            backoff.sleep()

    def _write_frame(self, path: Path) -> None:
        """Write what has come as pixels, into the picture of the rest where there is one."""
        from mpirender.images import Picture, read_picture, write_picture

        assert self._frame and self._format, "there are pixels"
        format_ = renderer_named(self._job.renderer).final_format(self._job, self._format)
        if self._tiles:
            below = read_picture(path)
            self._frame.lay_over(below.pixels)
            format_ = below.format
        write_picture(path, Picture(self._frame.pixels, format_))

    def gaps(self) -> Iterable[Tile]:
        """Return rectangles of what is missing."""
        return self.grid.tiles_of(self.missing)

    def close(self) -> None:
        """Leave nothing behind."""
        if self._last_pass:
            self._last_pass.close()
        if self._tiles:
            self._tiles.close()
        if self._scratch and not self._job.keep:
            self._scratch.remove()
