"""Parts of a movie, encoded on several ranks, into one, without encoding again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from mpirender.encode.engine import engine_errors, open_output
from mpirender.encode.movie import Movie
from mpirender.errors import EncodeError
from mpirender.paths import atomic_replace

if TYPE_CHECKING:
    from av import Packet
    from av.container import InputContainer, OutputContainer
    from av.video.stream import VideoStream

__all__ = ["can_join", "join_chunks"]

_NEEDS_RATE = ("matroska", "webm")  # files that name it; others have a clock made for it
_PYAV_WITH_RATE = (18, 1)  # those before cannot say the rate of a stream that is copied
_APPLE_H265 = "hvc1"  # not taken over from the template, unlike all else


@dataclass(frozen=True, slots=True)
class _Part:
    """What must be known of a part before the first packet is written.

    Attributes
    ----------
    path : Path
    first : int
        Number in the whole movie of the part's first frame.
    shown : tuple of int
        For each packet as it stands in the file, which frame of the part it shows.
    delay : int
        Frames by which showing is later than decoding.
    """

    path: Path
    first: int
    shown: tuple[int, ...]
    delay: int


def can_join(movie: Movie) -> bool:
    """Return whether parts of the movie, encoded apart, can be joined without encoding again.

    Parameters
    ----------
    movie : Movie

    Returns
    -------
    possible : bool
        False for GIF, WebP and APNG, whose frames build on those before; and for .mkv and .webm
        where PyAV is older than 18.1.
    """
    pyav = tuple(map(int, version("av").split(".")[:2]))
    return movie.kind.parts and (
        movie.container.format not in _NEEDS_RATE or pyav >= _PYAV_WITH_RATE
    )


def join_chunks(parts: Sequence[Path], movie: Movie) -> int:
    """Write one movie from its parts, in their order.

    Parameters
    ----------
    parts : sequence of Path
        Movies with the suffix, rate, codec and quality of the whole, each encoded by itself.
    movie : Movie
        What they become; under its final name only when it is whole.

    Returns
    -------
    frames : int
        How many there are in the whole.

    Raises
    ------
    EncodeError
        If there is no part, if one is missing, broken, has other properties than the first, or
        frames at uneven times, or if such movies cannot be joined.
    WriteError
        If the movie cannot be written.

    Notes
    -----
    Times are made anew from the numbers of the frames, as some files note them only to the
    millisecond. Parts are read twice; memory grows with the number of frames, not their size.
    """
    if not can_join(movie) or not parts:
        raise EncodeError(f"{movie.kind.title} movies cannot be joined: {movie.path}")
    with engine_errors(movie.path, "join"):
        known: list[_Part] = []
        for path in parts:
            first = known[-1].first + len(known[-1].shown) if known else 0
            known.append(_part(path, first, movie))
        delay = max(part.delay for part in known)
        with atomic_replace(movie.path) as temporary, open_output(movie, temporary) as output:
            _copy(known, delay, movie, output)
    return known[-1].first + len(known[-1].shown)


def _open(path: Path) -> InputContainer:
    import av

    with engine_errors(path, "read"):
        return av.open(f"file:{path.absolute()}")


def _packets(source: InputContainer) -> Iterator[Packet[VideoStream]]:
    """Packets of the one stream, without the empty one that ends it."""
    return (packet for packet in source.demux(source.streams.video[0]) if packet.size)


def _part(path: Path, first: int, movie: Movie) -> _Part:
    """Find out which frame each packet shows."""
    times: list[Fraction | None] = []
    delay = 0
    with _open(path) as source:
        for packet in _packets(source):
            if not times and packet.pts is not None and packet.dts is not None:
                delay = round((packet.pts - packet.dts) * packet.time_base * movie.rate)
            times.append(None if packet.pts is None else packet.pts * packet.time_base)
    start = min((time for time in times if time is not None), default=None)
    if start is None:
        raise EncodeError(f"{path} has no frames")
    # Where a packet has no time, as in program streams, none is shown out of its order.
    shown = tuple(
        place if time is None else round((time - start) * movie.rate)
        for place, time in enumerate(times)
    )
    if sorted(shown) != list(range(len(shown))):
        raise EncodeError(f"{path} has frames at uneven times, expected {movie.rate} a second")
    delay = max(delay, *(place - number for place, number in enumerate(shown)))
    return _Part(path, first, shown, delay)


def _copy(parts: Sequence[_Part], delay: int, movie: Movie, output: OutputContainer) -> None:
    """Write the packets of all parts with their new times."""
    target: VideoStream | None = None
    first_kind = None
    for part in parts:
        with _open(part.path) as source:
            stream = source.streams.video[0]
            kind = _kind(stream)
            if target is None:
                first_kind = kind
                target = output.add_stream_from_template(stream, opaque=True)
                target.time_base = 1 / movie.rate
                target.codec_context.framerate = movie.rate
                if stream.codec_tag == _APPLE_H265:
                    target.codec_tag = stream.codec_tag
            if kind != first_kind:
                raise EncodeError(f"{part.path} was not encoded as {parts[0].path} was")
            for place, packet in enumerate(_packets(source)):
                packet.stream = target
                packet.time_base = 1 / movie.rate
                packet.pts = part.first + part.shown[place]
                packet.dts = part.first + place - delay
                packet.duration = 1
                output.mux(packet)


def _kind(stream: VideoStream) -> tuple[object, ...]:
    """Return what a decoder is told once, which all parts must have in common."""
    context = stream.codec_context
    return context.name, context.width, context.height, context.pix_fmt, context.extradata
