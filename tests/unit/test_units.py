from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpirender.units import format_bytes, format_percent, format_seconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.00 s"),
        (0.42, "0.42 s"),
        (7.25, "7.2 s"),
        (59.94, "59.9 s"),
        (60, "1:00 min"),
        (245, "4:05 min"),
        (3599.4, "59:59 min"),
        (3599.6, "1:00:00 h"),
        (7445, "2:04:05 h"),
        (90000, "25:00:00 h"),
    ],
)
def test_a_duration_reads_as_people_say_it(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (26_528_973, "25.3 MiB"),
        (3 << 30, "3.0 GiB"),
        (5 << 40, "5.0 TiB"),
        (5 << 50, "5120.0 TiB"),
    ],
)
def test_a_size_has_a_binary_prefix(size: int, text: str) -> None:
    assert format_bytes(size) == text


@given(st.floats(0, 1, exclude_max=True))
def test_a_hundred_percent_is_never_shown_before_it_is_reached(fraction: float) -> None:
    assert int(format_percent(fraction).removesuffix(" %")) <= 99


def test_all_of_it_is_a_hundred_percent() -> None:
    assert format_percent(1.0) == "100 %"


def test_a_percentage_is_rounded_down() -> None:
    assert format_percent(0.999) == "99 %"
    assert format_percent(0.119) == "11 %"
