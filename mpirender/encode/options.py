"""What each encoder of FFmpeg is told: quality or bit rate, key frames, closed groups."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mpirender.encode.movie import DEFAULT_QUALITY, Movie

__all__ = ["Options", "options_for"]

Options = tuple[tuple[str, str], ...]
"""Name and value of each option."""

_KEY_FRAME_SECONDS = 2  # a viewer that jumps about in a movie has to decode from the last one
_PRORES_PROFILES = ("proxy", "lt", "standard", "hq")
_PRORES_WITH_ALPHA = "4444"


def options_for(movie: Movie, *, alpha: bool) -> Options:
    """Return the options of the movie's encoder.

    Parameters
    ----------
    movie : Movie
    alpha : bool
        Whether the movie keeps alpha.

    Returns
    -------
    options : tuple of (str, str)

    Notes
    -----
    No frame refers to one before the last key frame, so that parts can be joined; the MPEG
    encoders make no B frames unless asked. Quality 75 is about what each encoder's makers hold for
    very good, 100 for without visible loss.
    """
    if movie.codec_name == "prores":
        return _prores(movie, alpha)
    fixed = _FIXED.get(movie.codec_name, ())
    if movie.kind.lossless or movie.codec_name == "gif":
        return fixed
    if movie.bitrate is not None:
        return (("b", str(movie.bitrate)), *_key_frames(movie), *fixed)
    quality = DEFAULT_QUALITY if movie.quality is None else movie.quality
    return (*_QUALITY[movie.codec_name](quality), *_key_frames(movie), *fixed)


def _key_frames(movie: Movie) -> Options:
    """Frames from one key frame to the next, for codecs that have more than those."""
    if movie.codec_name in ("mjpeg", "webp"):
        return ()
    longest = 15 if movie.codec_name in ("mpeg1", "mpeg2") else 250
    return (("g", str(max(1, min(longest, round(_KEY_FRAME_SECONDS * movie.rate))))),)


def _prores(movie: Movie, alpha: bool) -> Options:
    """Profile by quality; only one of them keeps alpha."""
    quality = DEFAULT_QUALITY if movie.quality is None else movie.quality
    profile = _PRORES_WITH_ALPHA if alpha else _PRORES_PROFILES[min(quality // 25, 3)]
    return (("profile", profile), ("vendor", "apl0"))


def _factor(worst: float, best: float) -> Callable[[int], Options]:
    """Constant rate factor, in equal steps."""
    return lambda quality: (("crf", str(round(worst + (best - worst) * quality / 100))),)


def _step(quality: int) -> Options:
    """Quantiser of the JPEG and MPEG family, 31 to 1 in equal ratios.

    A fixed one would have to be set frame by frame, which PyAV cannot; no other is allowed instead.
    """
    scale = str(round(31 ** (1 - quality / 100)))
    return (("qmin", scale), ("qmax", scale))


def _webp(quality: int) -> Options:
    """Quality as WebP has it; the best is without any loss."""
    return (("lossless", "1"),) if quality == 100 else (("quality", str(quality)),)


_QUALITY: Mapping[str, Callable[[int], Options]] = {
    "h264": _factor(48, 8),
    "h265": _factor(50, 10),
    "av1": _factor(60, 15),
    "vp9": lambda quality: (*_factor(60, 15)(quality), ("b", "0")),
    "mjpeg": _step,
    "mpeg1": _step,
    "mpeg2": _step,
    "webp": _webp,
}
_FIXED: Mapping[str, Options] = {
    "h265": (("x265-params", "log-level=error:open-gop=0"),),
    "av1": (("preset", "8"),),
    "vp9": (("row-mt", "1"), ("cpu-used", "4")),
    "ffv1": (("level", "3"), ("g", "1"), ("slicecrc", "1")),
    "apng": (("compression_level", "4"),),  # zlib's 6 takes six times as long, for 4 % less
}
