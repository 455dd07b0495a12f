"""JPEG files as the frames of a movie, untouched: mencoder's `-ovc copy`."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path

from mpirender.encode.engine import engine_errors, open_output
from mpirender.encode.movie import Movie
from mpirender.errors import EncodeError

__all__ = ["JpegCopy", "is_jpeg"]

_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_FRAME_HEADERS = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # ITU-T T.81, table B.1
_WITHOUT_LENGTH = {0x01, 0xFF, *range(0xD0, 0xD8)}


def is_jpeg(path: Path) -> bool:
    """Return whether a file begins as a JPEG file does; False where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(3) == _SOI + b"\xff"
    except OSError:
        return False


class JpegCopy:
    """A movie whose packets are JPEG files, byte for byte.

    Parameters
    ----------
    movie : Movie
        Into .avi, .mov or .mkv; see `Movie.may_copy_jpeg`.
    at : Path, optional
        Where to write meanwhile; at the movie's own path if left out.

    Raises
    ------
    EncodeError
        If the movie is of another kind.
    WriteError
        If the file cannot be written.

    Attributes
    ----------
    count : int
        Frames that have been taken.
    """

    def __init__(self, movie: Movie, *, at: Path | None = None) -> None:
        if not movie.may_copy_jpeg:
            raise EncodeError(f"JPEG files cannot be copied into {movie.path}")
        self._movie = movie
        self._size: tuple[int, int] | None = None
        self.count = 0
        self._closed = False
        with engine_errors(movie.path):
            self._file = open_output(movie, at or movie.path)

    def write_file(self, source: Path | bytes) -> None:
        """Take the next frame.

        Parameters
        ----------
        source : Path or bytes
            A JPEG file, or what is in one.

        Raises
        ------
        EncodeError
            If it is no whole JPEG file, or has another size than the first.
        WriteError
            If the disk is full.
        """
        import av

        name, data = _read(source) if isinstance(source, Path) else ("a frame", source)
        size = _size_of(data)
        if size is None:
            raise EncodeError(f"{name} is torn or no JPEG file")
        if self._size is None:
            self._size = size
            self._begin(size)
        if size != self._size:
            got, expected = (f"{each[0]}x{each[1]}" for each in (size, self._size))
            raise EncodeError(f"{name} is {got}, the frames before it {expected}")
        with engine_errors(self._movie.path):
            packet = av.Packet(data)
            packet.stream = self._stream
            packet.pts = packet.dts = self.count
            packet.duration = 1
            packet.time_base = Fraction(1) / self._movie.rate
            packet.is_keyframe = True
            self._file.mux(packet)
        self.count += 1

    def _begin(self, size: tuple[int, int]) -> None:
        """Describe the stream."""
        with engine_errors(self._movie.path):
            self._stream = self._file.add_mux_stream(
                "mjpeg", rate=self._movie.rate, width=size[0], height=size[1]
            )
            self._stream.time_base = 1 / self._movie.rate

    def close(self) -> None:
        """End the file; the second time, do nothing.

        Raises
        ------
        EncodeError
            If there has been no frame.
        WriteError
            If the disk is full.
        """
        if self._closed:
            return
        self._closed = True
        with engine_errors(self._movie.path):
            self._file.close()
        if self.count == 0:
            raise EncodeError(f"no frames for {self._movie.path}")


def _read(path: Path) -> tuple[str, bytes]:
    """Name and content of a file."""
    try:
        return str(path), path.read_bytes()
    except OSError as error:
        raise EncodeError(f"cannot read {path}: {error.strerror}") from error


def _size_of(data: bytes) -> tuple[int, int] | None:
    """Width and height of a JPEG file; None if it is torn or none."""
    if not data.startswith(_SOI) or not data.rstrip(b"\0").endswith(_EOI):
        return None
    position = 2
    try:
        while data[position] == 0xFF:
            marker = data[position + 1]
            if marker in _FRAME_HEADERS:
                height, width = struct.unpack_from(">HH", data, position + 5)
                return width, height
            if marker in _WITHOUT_LENGTH:
                position += 1 if marker == 0xFF else 2
            else:
                position += 2 + struct.unpack_from(">H", data, position + 2)[0]
    except (IndexError, struct.error):
        pass
    return None
