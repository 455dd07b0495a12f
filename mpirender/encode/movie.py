"""A movie that somebody wants, checked before a frame is rendered."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from mpirender.encode.formats import CODECS, CONTAINERS, Codec, Container
from mpirender.errors import UsageError

__all__ = ["DEFAULT_QUALITY", "Movie", "is_movie", "movie_of"]

DEFAULT_FPS = "25"
DEFAULT_QUALITY = 75

_NTSC_NOMINAL = (24, 30, 48, 60, 120)
_NTSC_TOLERANCE = Fraction(1, 200)  # "23.98" and "23.976" both mean 24000/1001
_GREATEST_TERM = 2**31 - 1  # of a time base in MP4 and AVI
_MULTIPLES = {"": 1, "k": 1000, "m": 1_000_000, "g": 1_000_000_000}


@dataclass(frozen=True, slots=True)
class Movie:
    """A movie that somebody wants.

    Parameters
    ----------
    path : Path
        Its suffix tells the kind of file.
    rate : Fraction
        Frames a second, > 0.
    codec : str
        Name in `CODECS`; empty for the container's default.
    quality : int, optional
        0 (small) to 100 (good); 75 if left out. Of no meaning for lossless codecs and GIF.
    bitrate : int, optional
        Bits a second, instead of a quality.
    bits : int, optional
        At most so many bits a channel, >= 8; as many as the frames have, and the codec can keep,
        if left out.

    Raises
    ------
    UsageError
        If there can be no such movie; the message says what there can be instead.
    """

    path: Path
    rate: Fraction
    codec: str = ""
    quality: int | None = None
    bitrate: int | None = None
    bits: int | None = None

    def __post_init__(self) -> None:
        _check_names(self.path, self.codec)
        _check_rate(self)
        _check_amounts(self)

    @property
    def container(self) -> Container:
        """The kind of file."""
        return CONTAINERS[self.path.suffix.lower()]

    @property
    def codec_name(self) -> str:
        """The codec asked for, or the container's default."""
        return self.codec or self.container.codecs[0]

    @property
    def kind(self) -> Codec:
        """How its video is made."""
        return CODECS[self.codec_name]

    @property
    def may_copy_jpeg(self) -> bool:
        """True where frames that are JPEG files go in as they are."""
        asked = (self.codec, self.quality, self.bitrate, self.bits)
        return self.container.copies_jpeg and asked in (
            ("", None, None, None),
            ("mjpeg", None, None, None),
        )


def movie_of(
    path: Path,
    *,
    fps: str = DEFAULT_FPS,
    codec: str = "",
    quality: int | None = None,
    bitrate: str = "",
    bits: int | None = None,
) -> Movie:
    """Understand a movie as typed.

    Parameters
    ----------
    path : Path
    fps : str
        "25", "30000/1001", or "23.976", which is taken for 24000/1001 as the others of its family
        are.
    codec : str
        Name in `CODECS`, in small letters or not; empty for the default.
    quality : int, optional
    bitrate : str
        Bits a second, such as "8M" or "800k"; empty for none.
    bits : int, optional

    Returns
    -------
    movie : Movie

    Raises
    ------
    UsageError
        If it is not understood, or cannot be.
    """
    amount = _bitrate(bitrate) if bitrate else None
    return Movie(path, _rate(fps), codec.lower(), quality, amount, bits)


def is_movie(path: Path) -> bool:
    """Return whether the suffix is one of a movie."""
    return path.suffix.lower() in CONTAINERS


def _check_names(path: Path, codec: str) -> None:
    """Raise UsageError unless suffix and codec are known and go together."""
    suffix = path.suffix.lower()
    if suffix == ".png":
        raise UsageError(f"{path} is a picture", hint="an animated PNG is called .apng")
    if suffix not in CONTAINERS:
        raise UsageError(
            f"{path} is of no known kind of movie", hint="known: " + " ".join(CONTAINERS)
        )
    fitting = CONTAINERS[suffix].codecs
    if codec and codec not in fitting:
        unknown = f"unknown codec {codec!r}"
        wrong = f"{CODECS[codec].title} does not go into {path}" if codec in CODECS else unknown
        raise UsageError(wrong, hint=f"codecs for {suffix}: " + " ".join(fitting))


def _check_rate(movie: Movie) -> None:
    """Raise UsageError unless the codec can have the rate."""
    rate, kind = movie.rate, movie.kind
    if rate <= 0 or max(rate.numerator, rate.denominator) > _GREATEST_TERM:
        raise UsageError(f"a rate of {rate} frames a second is out of range", hint="--fps 25")
    if kind.rates and rate not in kind.rates:
        raise UsageError(
            f"{kind.title} cannot have {rate} frames a second",
            hint="rates it can have: " + " ".join(map(str, kind.rates)),
        )
    if kind.fastest is not None and rate > kind.fastest:
        raise UsageError(
            f"{kind.title} cannot have {rate} frames a second", hint=f"at most {kind.fastest}"
        )


def _check_amounts(movie: Movie) -> None:
    """Raise UsageError unless quality, bit rate and depth can be had, and together."""
    quality, bitrate, kind = movie.quality, movie.bitrate, movie.kind
    if quality is not None and not 0 <= quality <= 100:
        raise UsageError(f"a quality of {quality} is out of range", hint="0 (small) to 100 (good)")
    if movie.bits is not None and movie.bits < 8:
        raise UsageError(f"{movie.bits} bits a channel are too few", hint="8 or more")
    if bitrate is None:
        return
    if not kind.bitrate:
        raise UsageError(f"{kind.title} has no bit rate ({movie.path})", hint="leave --bitrate out")
    if bitrate <= 0:
        raise UsageError(f"a bit rate of {bitrate} is out of range", hint="--bitrate 8M")
    if quality is not None:
        raise UsageError("quality and bit rate exclude each other", hint="give one of them")


def _rate(text: str) -> Fraction:
    """Frames a second from a whole number, a fraction or a decimal."""
    if not re.fullmatch(r"\d+(\.\d+|/\d*[1-9]\d*)?", text):
        raise UsageError(
            f"got {text!r}, expected frames a second", hint="such as 25, 30000/1001 or 23.976"
        )
    rate = Fraction(text)
    for nominal in _NTSC_NOMINAL:
        meant = Fraction(nominal * 1000, 1001)
        if "." in text and abs(rate - meant) < _NTSC_TOLERANCE:
            return meant
    return rate


def _bitrate(text: str) -> int:
    """Bits a second from a number with or without k, M or G."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([kmg]?)", text.lower())
    if not found:
        raise UsageError(f"got {text!r}, expected bits a second", hint="such as 8M or 800k")
    return round(Fraction(found[1]) * _MULTIPLES[found[2]])
