from __future__ import annotations

import pickle
from fractions import Fraction
from pathlib import Path

import pytest

from mpirender.encode import CODECS, CONTAINERS, Movie, can_join, is_movie, movie_of
from mpirender.encode.options import options_for
from mpirender.errors import UsageError

EVERY = [(suffix, codec) for suffix, kind in CONTAINERS.items() for codec in kind.codecs]


def refusal(name: str, **typed: object) -> str:
    """What is said of a movie that cannot be, hint included."""
    with pytest.raises(UsageError) as refused:
        movie_of(Path(name), **typed)  # type: ignore[arg-type]
    assert "\n" not in refused.value.message
    return f"{refused.value.message}: {refused.value.hint}"


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("25", Fraction(25)),
        ("12.5", Fraction(25, 2)),
        ("30000/1001", Fraction(30000, 1001)),
        ("23.976", Fraction(24000, 1001)),
        ("23.98", Fraction(24000, 1001)),
        ("29.97", Fraction(30000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        ("119.88", Fraction(120000, 1001)),
        ("24.0", Fraction(24)),
        ("0.5", Fraction(1, 2)),
    ],
)
def test_a_rate_is_a_fraction_however_it_is_written(text: str, rate: Fraction) -> None:
    assert movie_of(Path("a.mp4"), fps=text).rate == rate


@pytest.mark.parametrize(
    "text", ["", "0", "x", "-5", "25fps", "25/0", "1e3", "99999999999", "1/0.5"]
)
def test_a_wrong_rate_is_refused_with_an_example(text: str) -> None:
    assert "25" in refusal("a.mp4", fps=text)


@pytest.mark.parametrize(("suffix", "codec"), EVERY)
def test_every_codec_of_a_suffix_makes_a_movie(suffix: str, codec: str) -> None:
    movie = movie_of(Path(f"A{suffix.upper()}"), codec=codec.upper())
    assert (movie.codec_name, movie.kind) == (codec, CODECS[codec])
    assert is_movie(movie.path)
    assert pickle.loads(pickle.dumps(movie)) == movie


def test_the_first_codec_of_a_suffix_is_the_default() -> None:
    defaults = {suffix: movie_of(Path(f"a{suffix}")).codec_name for suffix in CONTAINERS}
    assert defaults == {
        ".mp4": "h264",
        ".webm": "vp9",
        ".mov": "prores",
        ".mkv": "ffv1",
        ".avi": "mjpeg",
        ".mpg": "mpeg2",
        ".mpeg": "mpeg2",
        ".gif": "gif",
        ".webp": "webp",
        ".apng": "apng",
    }


def test_an_unknown_suffix_is_answered_with_the_known_ones() -> None:
    said = refusal("movie.xyz")
    assert all(suffix in said for suffix in CONTAINERS)


def test_a_png_is_answered_with_the_suffix_of_an_animated_one() -> None:
    assert ".apng" in refusal("movie.png")


def test_a_codec_that_does_not_go_in_is_answered_with_those_that_do() -> None:
    assert refusal("a.webm", codec="h264") == (
        "H.264 does not go into a.webm: codecs for .webm: vp9 av1"
    )
    assert refusal("a.webm", codec="divx") == "unknown codec 'divx': codecs for .webm: vp9 av1"


@pytest.mark.parametrize("codec", ["mpeg1", "mpeg2"])
def test_mpeg_names_the_rates_that_it_has(codec: str) -> None:
    assert "24000/1001 24 25 30000/1001 30 50 60000/1001 60" in refusal(
        "a.mpg", codec=codec, fps="12"
    )


def test_a_gif_is_not_faster_than_browsers_show_it() -> None:
    assert "at most 50" in refusal("a.gif", fps="60")


def test_quality_and_bit_rate_are_looked_at() -> None:
    assert "0 (small) to 100 (good)" in refusal("a.mp4", quality=101)
    assert "out of range" in refusal("a.mp4", quality=-1)
    assert "such as 8M" in refusal("a.mp4", bitrate="fast")
    assert "out of range" in refusal("a.mp4", bitrate="0")
    assert "exclude each other" in refusal("a.mp4", bitrate="1M", quality=50)
    assert "8 or more" in refusal("a.mp4", bits=4)


@pytest.mark.parametrize("name", ["a.mkv", "a.mov", "a.gif", "a.webp", "a.apng"])
def test_what_has_no_bit_rate_refuses_one(name: str) -> None:
    assert "has no bit rate" in refusal(name, bitrate="1M")


@pytest.mark.parametrize(
    ("text", "bits"), [("8M", 8_000_000), ("800k", 800_000), ("1.5m", 1_500_000), ("64000", 64_000)]
)
def test_a_bit_rate_may_have_a_letter(text: str, bits: int) -> None:
    movie = movie_of(Path("a.mp4"), bitrate=text)
    assert movie.bitrate == bits
    options = dict(options_for(movie, alpha=False))
    assert options["b"] == str(bits)
    assert "crf" not in options


def test_jpeg_is_copied_only_where_nothing_else_is_asked_for() -> None:
    assert movie_of(Path("a.avi")).may_copy_jpeg
    assert movie_of(Path("a.mov")).may_copy_jpeg
    assert movie_of(Path("a.mkv"), codec="mjpeg").may_copy_jpeg
    assert not movie_of(Path("a.mkv"), codec="ffv1").may_copy_jpeg
    assert not movie_of(Path("a.avi"), quality=50).may_copy_jpeg
    assert not movie_of(Path("a.mp4")).may_copy_jpeg


def test_pictures_that_build_on_each_other_without_key_frames_cannot_be_joined() -> None:
    apart = {suffix for suffix in CONTAINERS if not can_join(movie_of(Path(f"a{suffix}")))}
    assert apart == {".gif", ".webp", ".apng"}


@pytest.mark.parametrize(("suffix", "codec"), EVERY)
def test_better_quality_never_gives_other_options_but_numbers(suffix: str, codec: str) -> None:
    def names(quality: int) -> set[str]:
        movie = Movie(Path(f"a{suffix}"), Fraction(25), codec, quality)
        return {name for name, _ in options_for(movie, alpha=False)}

    assert names(0) == names(50) == names(99)


def test_quality_75_is_the_default() -> None:
    for suffix, codec in EVERY:
        plain, asked = (Movie(Path(f"a{suffix}"), Fraction(25), codec, q) for q in (None, 75))
        assert options_for(plain, alpha=False) == options_for(asked, alpha=False)
