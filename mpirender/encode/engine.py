"""The edge to FFmpeg (PyAV): its errors, its files, and which encoders this build of it has."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mpirender.encode.movie import Movie
from mpirender.errors import EncodeError, SetupError, WriteError

if TYPE_CHECKING:
    from av.container import OutputContainer

__all__ = ["engine_errors", "find_encoder", "open_output"]

_LEAST_TIMESCALE = 1000  # ticks a second
# What goes wrong with a file that is written, rather than with what is in it.
_DISK = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO),
    *(errno.EROFS, errno.EACCES, errno.ENOENT, errno.EISDIR),
)


@contextmanager
def engine_errors(path: Path, act: str = "encode") -> Iterator[None]:
    """Turn what FFmpeg raises into this program's errors.

    Parameters
    ----------
    path : Path
        The file in work.
    act : str
        What is done to it, for the message.

    Raises
    ------
    EncodeError
        If FFmpeg cannot do what is asked.
    WriteError
        If the disk is full, or may not be written to.
    """
    import av

    try:
        yield
    except (av.error.FFmpegError, OSError) as error:
        if error.errno in _DISK and act != "read":
            raise WriteError(f"cannot write {path}: {error.strerror}") from error
        raise EncodeError(f"cannot {act} {path}: {error.strerror or error}") from error


def open_output(movie: Movie, at: Path) -> OutputContainer:
    """Open a file for a movie's frames or packets; to be used within `engine_errors`."""
    import av

    options = dict(movie.container.options)
    if movie.container.format in ("mp4", "mov"):
        # Unless told, the whole movie's duration is in milliseconds.
        terms = movie.rate.numerator
        options["movie_timescale"] = str(terms * -(-_LEAST_TIMESCALE // terms))
    name = f"file:{at.absolute()}"  # FFmpeg takes what is before a colon for a protocol
    return av.open(name, "w", format=movie.container.format, options=options)


def find_encoder(movie: Movie) -> tuple[str, tuple[str, ...]]:
    """Find an encoder for a movie.

    Returns
    -------
    name : str
        Of the encoder, as FFmpeg has it.
    pixels : tuple of str
        Those of the codec's pixel formats that this build of the encoder takes.

    Raises
    ------
    SetupError
        If there is none.
    """
    import av

    for name in movie.kind.encoders:
        try:
            formats = av.Codec(name, "w").video_formats
        except ValueError:  # PyAV's UnknownCodecError
            continue
        known = {each.name for each in formats or ()}
        if movie.codec_name == "gif":  # filters make a palette of all others
            return name, movie.kind.pixels
        if fitting := tuple(each for each in movie.kind.pixels if each in known):
            return name, fitting
    raise SetupError(
        f"this PyAV has no encoder for {movie.kind.title} ({', '.join(movie.kind.encoders)})",
        hint="pip install --upgrade av, or choose another --codec",
    )
