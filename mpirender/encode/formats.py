"""Which kinds of movie there are: the suffixes, and the codecs that go into each.

======  ==============================================  =======================================
suffix  codecs, the default first                       note
======  ==============================================  =======================================
.mp4    h264 h265 av1                                   index in front, so that it plays at once
.webm   vp9 av1
.mov    prores h264 h265 mjpeg                          prores 4444 where frames have alpha
.mkv    ffv1 h264 h265 av1 vp9 prores mjpeg mpeg2       ffv1 is lossless, 8 or 16 bits, alpha
.avi    mjpeg ffv1
.mpg    mpeg2 mpeg1                                     eight rates only
.gif    gif                                             a palette a frame; whole 1/100 s
.webp   webp                                            lossless at quality 100; whole 1/1000 s
.apng   apng                                            lossless, 8 or 16 bits, alpha
======  ==============================================  =======================================

JPEG frames for .avi, .mov and .mkv are copied as they are where no other codec is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

__all__ = ["CODECS", "CONTAINERS", "Codec", "Container"]

_NTSC_RATES = tuple(Fraction(n, 1001) for n in (24000, 30000, 60000))
# Those that the standards number; FFmpeg knows others, which most players do not.
_MPEG_RATES = tuple(sorted((*_NTSC_RATES, *map(Fraction, (24, 25, 30, 50, 60)))))


@dataclass(frozen=True, slots=True)
class Codec:
    """How one kind of video is made.

    Attributes
    ----------
    title : str
        For people.
    encoders : tuple of str
        FFmpeg's names, the one to take first where the build has it.
    pixels : tuple of str
        Names in `mpirender.encode.planes.LAYOUTS`; the one with the bits and alpha of the frames
        is taken.
    colours : str
        Name in `mpirender.encode.planes.COLOURS`; empty for RGB.
    even : bool
        True where width and height must be even.
    lossless : bool
        True where quality means nothing.
    bitrate : bool
        True where a bit rate can be asked for.
    parts : bool
        True where pieces can be joined without encoding again.
    rates : tuple of Fraction
        The only rates possible; empty for any.
    fastest : Fraction or None
        The highest rate that players keep.
    least : int
        Pixels that the longer side must have.
    """

    title: str
    encoders: tuple[str, ...]
    pixels: tuple[str, ...]
    colours: str = ""
    even: bool = False
    lossless: bool = False
    bitrate: bool = False
    parts: bool = True
    rates: tuple[Fraction, ...] = ()
    fastest: Fraction | None = None
    least: int = 1


@dataclass(frozen=True, slots=True)
class Container:
    """A kind of file that holds a movie.

    Attributes
    ----------
    format : str
        FFmpeg's name.
    codecs : tuple of str
        Names in `CODECS`, the default first.
    options : tuple of (str, str)
        FFmpeg's, for the file.
    copies_jpeg : bool
        True where JPEG files go in as they are.
    """

    format: str
    codecs: tuple[str, ...]
    options: tuple[tuple[str, str], ...] = ()
    copies_jpeg: bool = False


CODECS: Mapping[str, Codec] = {
    "h264": Codec(
        "H.264", ("libx264",), ("yuv420p", "yuv420p10le"), "bt709", even=True, bitrate=True
    ),
    "h265": Codec(
        "H.265",
        ("libx265",),
        ("yuv420p", "yuv420p10le"),
        "bt709",
        even=True,
        bitrate=True,
        least=64,  # x265 4.2 writes beyond its memory below
    ),
    "av1": Codec(
        "AV1", ("libsvtav1", "libaom-av1"), ("yuv420p", "yuv420p10le"), "bt709", bitrate=True
    ),
    "vp9": Codec("VP9", ("libvpx-vp9",), ("yuv420p", "yuv420p10le"), "bt709", bitrate=True),
    "prores": Codec("ProRes", ("prores_ks",), ("yuv422p10le", "yuva444p10le"), "bt709"),
    "ffv1": Codec("FFV1", ("ffv1",), ("bgr0", "bgra", "gbrp16le", "gbrap16le"), lossless=True),
    "mjpeg": Codec("MJPEG", ("mjpeg",), ("yuvj420p",), "jfif", bitrate=True),
    "mpeg1": Codec(
        "MPEG-1",
        ("mpeg1video",),
        ("yuv420p",),
        "bt601",
        bitrate=True,
        rates=_MPEG_RATES,
    ),
    "mpeg2": Codec(
        "MPEG-2",
        ("mpeg2video",),
        ("yuv420p",),
        "bt709",
        bitrate=True,
        rates=_MPEG_RATES,
    ),
    # Browsers show a picture of less than 2/100 s for 10/100 s.
    "gif": Codec("GIF", ("gif",), ("rgb24", "rgba"), parts=False, fastest=Fraction(50)),
    "webp": Codec("WebP", ("libwebp_anim",), ("bgra",), parts=False, fastest=Fraction(1000)),
    "apng": Codec(
        "APNG",
        ("apng",),
        ("rgb24", "rgba", "rgb48be", "rgba64be"),
        lossless=True,
        parts=False,
    ),
}
"""Name that `--codec` takes → how it is made."""

_MPG = Container("mpeg", ("mpeg2", "mpeg1"))
CONTAINERS: Mapping[str, Container] = {
    ".mp4": Container("mp4", ("h264", "h265", "av1"), (("movflags", "+faststart"),)),
    ".webm": Container("webm", ("vp9", "av1")),
    ".mov": Container("mov", ("prores", "h264", "h265", "mjpeg"), copies_jpeg=True),
    ".mkv": Container(
        "matroska",
        ("ffv1", "h264", "h265", "av1", "vp9", "prores", "mjpeg", "mpeg2"),
        copies_jpeg=True,
    ),
    ".avi": Container("avi", ("mjpeg", "ffv1"), copies_jpeg=True),
    ".mpg": _MPG,
    ".mpeg": _MPG,
    ".gif": Container("gif", ("gif",), (("loop", "0"),)),
    ".webp": Container("webp", ("webp",), (("loop", "0"),)),
    ".apng": Container("apng", ("apng",), (("plays", "0"),)),
}
"""Suffix → kind of file."""
