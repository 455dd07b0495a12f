"""Frames, one after the other, into a movie file; the edge to FFmpeg's encoders (PyAV)."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from mpirender.encode.engine import engine_errors, find_encoder, open_output
from mpirender.encode.frames import flat, with_alpha
from mpirender.encode.movie import Movie
from mpirender.encode.options import options_for
from mpirender.encode.planes import COLOURS, LAYOUTS, Frame, Layout, pad_to_even, planes_of
from mpirender.encode.priority import ordinary_priority
from mpirender.errors import EncodeError

if TYPE_CHECKING:
    from av import VideoFrame
    from av.filter import Graph
    from av.video.stream import VideoStream

__all__ = ["Encoder", "open_encoder"]

_log = logging.getLogger(__name__)

_LIMITED, _FULL = 1, 2  # AVCOL_RANGE_MPEG, AVCOL_RANGE_JPEG
_X265_DELAY = 2  # frames, with a pyramid of B frames; it leaves it unset in movies of one or two
_GIF_TICK = Fraction(1, 100)  # seconds; GIF knows no shorter time
# A palette of its own for each frame keeps memory small and shades smooth.
_GIF_FILTERS = (
    ("palettegen", "stats_mode=single"),
    ("paletteuse", "new=1:diff_mode=rectangle"),
)


class Encoder(Protocol):
    """Takes the frames of one movie in their order."""

    @property
    def count(self) -> int:
        """Frames that have been taken."""

    def write(self, frame: Frame) -> None:
        """Take the next frame.

        Parameters
        ----------
        frame : (H, W, 3 or 4) uint8 or uint16 ndarray
            As `mpirender.encode.display_frame` makes it, of the size that was announced. Depth
            and alpha are brought to those of the movie.

        Raises
        ------
        EncodeError
            If it has another size, or the encoder fails.
        WriteError
            If the disk is full.
        """

    def close(self) -> None:
        """Write what is still held back, and end the file; the second time, do nothing.

        Raises
        ------
        EncodeError
            If there has been no frame, or the encoder fails.
        WriteError
            If the disk is full.
        """


def open_encoder(
    movie: Movie,
    width: int,
    height: int,
    *,
    bits: int = 8,
    alpha: bool = False,
    at: Path | None = None,
) -> Encoder:
    """Begin a movie.

    Parameters
    ----------
    movie : Movie
    width, height : int
        Of every frame, in pixels.
    bits : int
        Of the frames, 8 or 16; the movie has as many of them as its codec can keep.
    alpha : bool
        Whether frames have alpha. Movies that cannot keep it are over black.
    at : Path, optional
        Where to write meanwhile; at the movie's own path if left out.

    Returns
    -------
    encoder : Encoder

    Raises
    ------
    SetupError
        If this installation has no encoder for the codec.
    EncodeError
        If the encoder refuses the size.
    WriteError
        If the file cannot be written.
    """
    encoder, names = find_encoder(movie)
    if max(width, height) < movie.kind.least:
        raise EncodeError(
            f"{movie.path}: {width}x{height} is too small for {movie.kind.title}, expected one"
            f" side of {movie.kind.least} or more",
            hint="choose another --codec",
        )
    name = _layout_name(names, bits=bits, most=movie.bits or bits, alpha=alpha)
    _say_what_is_changed(movie, (width, height), bits=bits, kept=LAYOUTS[name].bits)
    with engine_errors(movie.path):
        return _VideoEncoder(movie, (width, height), encoder, name, at or movie.path)


def _layout_name(names: Sequence[str], *, bits: int, most: int, alpha: bool) -> str:
    """Choose the pixel format that loses least, and of those the smallest.

    Parameters
    ----------
    names : sequence of str
    bits : int
        Of the frames.
    most : int
        Bits that are allowed.
    alpha : bool
        Whether frames have it.
    """

    def loss(name: str) -> tuple[int, ...]:
        layout = LAYOUTS[name]
        lost = max(0, min(bits, most) - layout.bits)
        return (alpha > layout.alpha, layout.bits > most, lost, layout.alpha, layout.bits)

    return min(names, key=loss)


def _say_what_is_changed(movie: Movie, size: tuple[int, int], *, bits: int, kept: int) -> None:
    """Warn of padding, and of depth that the codec could keep and this encoder cannot."""
    path, title, (width, height) = movie.path, movie.kind.title, size
    if movie.kind.even and (width % 2 or height % 2):
        even = f"{width + width % 2}x{height + height % 2}"
        _log.warning(
            "%s: %s needs even sizes, %dx%d is padded to %s", path, title, width, height, even
        )
    possible = max(LAYOUTS[name].bits for name in movie.kind.pixels)
    if kept < min(possible, bits, movie.bits or bits):
        _log.warning("%s: this PyAV's %s keeps %d bits of %d", path, title, kept, bits)


class _VideoEncoder:
    """Frames through one of FFmpeg's encoders."""

    def __init__(
        self, movie: Movie, size: tuple[int, int], encoder: str, pixel_format: str, at: Path
    ) -> None:
        os.environ.setdefault("SVT_LOG", "1")  # else SVT-AV1 tells its life on stderr
        self._movie = movie
        self._size = size
        self.count = 0
        self._packets = 0
        self._closed = False
        self._format = pixel_format
        self._layout = LAYOUTS[pixel_format]
        self._colours = COLOURS.get(movie.kind.colours)
        self._file = open_output(movie, at)
        self._open(encoder)

    def _open(self, encoder: str) -> None:
        """Describe the stream."""
        movie, (width, height) = self._movie, self._size
        options = options_for(movie, alpha=self._layout.alpha)
        stream = self._file.add_stream(encoder, rate=movie.rate, options=dict(options))
        self._stream = cast("VideoStream", stream)
        even = int(movie.kind.even)
        context = self._stream.codec_context
        context.width, context.height = width + even * (width % 2), height + even * (height % 2)
        context.pix_fmt = self._format
        self._graph: Graph | None = None
        if movie.codec_name == "gif":
            context.pix_fmt = "pal8"
            context.time_base = _GIF_TICK
            self._graph = self._palette_graph()
        if movie.codec_name == "h265" and movie.container.format in ("mp4", "mov"):
            context.codec_tag = "hvc1"  # the only one that Apple plays
        if self._colours and self._colours.codes:
            matrix, primaries, transfer = self._colours.codes
            context.colorspace, context.color_primaries = matrix, primaries
            context.color_trc = transfer
        if self._colours:
            context.color_range = _FULL if self._colours.full else _LIMITED
        with ordinary_priority():
            context.open()

    def _palette_graph(self) -> Graph:
        """Chain of filters from a frame to one of at most 256 colours."""
        import av

        graph = av.filter.Graph()
        width, height = self._size
        source = graph.add_buffer(
            width=width,
            height=height,
            format=av.VideoFormat(self._format, width, height),
            time_base=1 / self._movie.rate,
        )
        split = graph.add("split")
        generate, use = (graph.add(name, arguments) for name, arguments in _GIF_FILTERS)
        source.link_to(split)
        split.link_to(generate, 0, 0)
        split.link_to(use, 1, 0)
        generate.link_to(use, 0, 1)
        use.link_to(graph.add("buffersink"))
        graph.configure()
        return graph

    def write(self, frame: Frame) -> None:
        """Take the next frame; see `Encoder`."""
        height, width = frame.shape[:2]
        if (width, height) != self._size:
            raise EncodeError(
                f"a frame is {width}x{height}, the movie {self._size[0]}x{self._size[1]}"
            )
        video = self._video_frame(with_alpha(frame) if self._layout.alpha else flat(frame))
        with engine_errors(self._movie.path):
            if self._graph is None:
                self._encode(video)
            else:
                self._graph.push(video)
                self._drain(self._graph)
        self.count += 1

    def _video_frame(self, frame: Frame) -> VideoFrame:
        """Return the frame as FFmpeg has it."""
        import av

        if self._movie.kind.even:
            frame = pad_to_even(frame)
        height, width = frame.shape[:2]
        video = av.VideoFrame(width, height, self._format)
        _fill(video, planes_of(frame, self._layout, self._colours), self._layout)
        video.pts, video.time_base = self.count, 1 / self._movie.rate
        if self._colours:
            video.color_range = _FULL if self._colours.full else _LIMITED
            if self._colours.codes:
                video.colorspace, video.color_primaries, video.color_trc = self._colours.codes
        return video

    def _drain(self, graph: Graph) -> None:
        """Encode what the filters have ready."""
        import av

        while True:
            try:
                video = graph.vpull()
            except (av.error.BlockingIOError, av.error.EOFError):
                return
            self._encode(video)

    def _encode(self, video: VideoFrame | None) -> None:
        for packet in self._stream.encode(video):
            if self._movie.codec_name == "h265":
                packet.dts = self._packets - _X265_DELAY
            self._packets += 1
            self._file.mux(packet)

    def close(self) -> None:
        """End the file; see `Encoder`."""
        if self._closed:
            return
        self._closed = True
        try:
            if self.count == 0:
                raise EncodeError(f"no frames for {self._movie.path}")
            with engine_errors(self._movie.path):
                if self._graph is not None:
                    self._graph.push(None)
                    self._drain(self._graph)
                self._encode(None)
        finally:
            with engine_errors(self._movie.path):
                self._file.close()


def _fill(video: VideoFrame, planes: list[NDArray[Any]], layout: Layout) -> None:
    """Copy planes into a frame of FFmpeg's, whose rows are longer."""
    for target, plane in zip(video.planes, planes, strict=True):
        whole = np.frombuffer(memoryview(target), layout.dtype)
        rows = whole.reshape(-1, target.line_size // layout.dtype.itemsize)
        rows[: plane.shape[0], : plane.shape[1]] = plane
