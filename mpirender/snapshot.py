"""The picture so far, in a file that is refreshed while it renders."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mpirender.encode import display_frame, flat
from mpirender.errors import MpirenderError, UsageError
from mpirender.images import Picture, PictureFormat, read_picture, write_picture
from mpirender.messages import TilesDone
from mpirender.model import Job, Tile
from mpirender.partition import Grid
from mpirender.paths import atomic_replace
from mpirender.renderers import renderer_named
from mpirender.units import Seconds

__all__ = ["Snapshot"]

log = logging.getLogger(__name__)

_EVERY: Seconds = 2.0
_RARELY = 20  # times what a refresh takes, at least: rank 0 has other work
_KINDS = {".png": "png", ".ppm": "ppm", ".bmp": "bmp"}


class Snapshot:
    """A picture of 8 bits that shows how far a still is, or the last frame of an animation.

    Parameters
    ----------
    path : Path
        Its suffix is .png, .ppm or .bmp.
    job : Job
        Of the still; of an animation, any.
    """

    def __init__(self, path: Path, job: Job) -> None:
        self.path = path
        self._job = job
        self._grid = Grid(job.area, job.block)
        self._renderer = renderer_named(job.renderer)
        self._format = PictureFormat(_kind(path), "uint8", "RGB")
        self._pixels = np.zeros((job.height, job.width, 3), np.uint8)
        self._is_new = False
        self._last: Path | None = None
        self._next: Seconds = 0.0
        self._thread: threading.Thread | None = None

    def take_tiles(self, message: TilesDone) -> None:
        """Show finished blocks."""
        assert message.pixels is not None, "the transport delivers pixels with their message"
        at = 0
        for block, size in zip(message.blocks, message.sizes, strict=True):
            tile, record = self._grid.tile_of(block), bytes(message.pixels[at : at + size])
            self._put(tile, self._renderer.preview(record, tile))
            at += size

    def take_pixels(self, tile: Tile, picture: Picture) -> None:
        """Show the pixels of a task."""
        self._put(tile, _eight_bits(picture))

    def take_frame(self, path: Path) -> None:
        """Show a frame whose picture is in its place."""
        self._last, self._is_new = path, True

    def _put(self, tile: Tile, pixels: NDArray[np.uint8]) -> None:
        self._pixels[tile.start : tile.stop, tile.left : tile.right] = pixels
        self._is_new = True

    def step(self, now: Seconds) -> None:
        """Refresh the file, in a thread, where there is something new and it is time."""
        if not self._is_new or now < self._next:
            return
        if self._thread is None or not self._thread.is_alive():
            self._is_new = False
            self._next = now + _EVERY
            self._thread = threading.Thread(target=self._refresh, name="snapshot", daemon=True)
            self._thread.start()

    def _refresh(self) -> None:
        began = time.monotonic()
        try:
            pixels = _eight_bits(read_picture(self._last)) if self._last else self._pixels.copy()
            with atomic_replace(self.path) as temporary:
                write_picture(temporary, Picture(pixels, self._format))
        except MpirenderError as error:  # the frame may be a blend's part, and gone
            log.info("no snapshot: %s", error.message)
        took = time.monotonic() - began
        self._next = max(self._next, began + _RARELY * took)

    def close(self) -> None:
        """Let the last refresh end, and show the very last state."""
        if self._thread:
            self._thread.join()
        if self._is_new:
            self._refresh()


def _eight_bits(picture: Picture) -> NDArray[np.uint8]:
    """Return what a display shows, over black."""
    frame = flat(display_frame(picture))
    return (frame >> 8 * (frame.dtype.itemsize - 1)).astype(np.uint8)


def _kind(path: Path) -> str:
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise UsageError(f"snapshot {path}: expected one of {' '.join(_KINDS)}")
    return kind
