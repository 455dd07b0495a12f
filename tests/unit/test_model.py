from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st
from unit.samples import job

from mpirender import model
from mpirender.model import Limits, PictureFormat, PictureType, Tile

EDGES = st.integers(0, 50)


@pytest.mark.parametrize("edges", [(3, 3, 0, 1), (4, 3, 0, 1), (-1, 3, 0, 1), (0, 1, 5, 5)])
def test_a_tile_without_pixels_cannot_be_made(edges: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="not a rectangle"):
        Tile(*edges)


def test_a_tile_knows_its_size() -> None:
    tile = Tile(2, 5, 10, 14)
    assert (tile.height, tile.width, tile.pixels) == (3, 4, 12)


def test_a_tile_reads_with_both_ends_in() -> None:
    assert str(Tile(0, 32, 64, 65)) == "rows 0-31, columns 64-64"


@given(EDGES, EDGES, EDGES, EDGES)
def test_a_tile_contains_what_has_no_pixel_outside(a: int, b: int, c: int, d: int) -> None:
    outer = Tile(10, 30, 20, 40)
    inner = Tile(min(a, b), max(a, b) + 1, min(c, d), max(c, d) + 1)
    pixels = {(y, x) for y in range(10, 30) for x in range(20, 40)}
    corners = {(y, x) for y in (inner.start, inner.stop - 1) for x in (inner.left, inner.right - 1)}
    assert outer.contains(inner) == (corners <= pixels)


def test_a_tile_contains_nothing_of_another_frame() -> None:
    assert not Tile(0, 9, 0, 9, frame=1).contains(Tile(1, 2, 1, 2, frame=2))


def test_a_job_holds_its_area() -> None:
    with pytest.raises(ValueError, match="is not within 16 x 24 pixels"):
        job(area=Tile(0, 25, 0, 16))


def test_a_job_of_any_frame_holds_its_area() -> None:
    assert job(area=Tile(0, 8, 0, 8, frame=7)).area.frame == 7


def test_a_block_has_at_least_one_pixel() -> None:
    with pytest.raises(ValueError, match="block size: got 0"):
        dataclasses.replace(job(), block=0)


@pytest.mark.parametrize("limits", [{"retries": -1}, {"timeout": 0.0}, {"timeout": -1.0}])
def test_limits_out_of_range_cannot_be_made(limits: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="limits out of range"):
        Limits(**limits)  # type: ignore[arg-type]


def test_a_task_may_be_tried_only_once() -> None:
    assert Limits(retries=0).retries == 0


def test_a_picture_type_has_a_known_depth() -> None:
    with pytest.raises(ValueError, match="got 12, expected 8 or 16"):
        PictureType("png", bits=12)


@pytest.mark.parametrize(("channels", "alpha"), [("L", 0), ("LA", 1), ("RGB", 0), ("RGBA", 1)])
def test_alpha_is_the_last_channel(channels: str, alpha: int) -> None:
    assert PictureFormat("png", "uint8", channels).has_alpha == bool(alpha)


def test_metadata_is_found_by_its_first_name() -> None:
    form = PictureFormat("png", "uint8", "RGB", (("gAMA", b"1"), ("gAMA", b"2")))
    assert form.get("gAMA") == b"1"
    assert form.get("tIME", b"none") == b"none"


def test_every_noun_is_frozen() -> None:
    nouns = [getattr(model, name) for name in model.__all__ if name not in ("Chore", "Metadata")]
    assert all(noun.__dataclass_params__.frozen for noun in nouns)
