"""Radiosity samples: what is said of them to POV-Ray, and how bands are put together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from unit.samples import job

from mpirender.model import Job
from mpirender.renderers.povray.samples import (
    KIND,
    SampleMerge,
    SampleStream,
    after_first_pass,
    first_pass,
)
from mpirender.renderers.povray.switches import file_arguments


@pytest.fixture
def still(tmp_path: Path) -> Job:
    scene = tmp_path / "light.pov"
    scene.write_bytes(b'#version 3.7; // \xe9\n#include "light.inc"\n')
    return replace(job(), scene=scene, shares_samples=True)


def test_the_first_pass_is_streamed_and_leaves_no_picture(still: Job, tmp_path: Path) -> None:
    first = first_pass(still, tmp_path / "found")
    assert first is not None
    assert (first.picture.kind, first.streams, first.shares_samples) == (KIND, True, False)
    assert not first.bears_witness


@pytest.mark.parametrize("own", ["+RFI", "-RFO", "+RFmine.rca", "Radiosity_From_File=on"])
def test_who_keeps_samples_is_left_alone(own: str, still: Job, tmp_path: Path) -> None:
    assert first_pass(replace(still, arguments=("+Il.pov", own)), tmp_path / "found") is None


def test_bands_come_when_povray_has_ended_and_whole_lines_only(tmp_path: Path) -> None:
    stream = SampleStream(tmp_path / "task.png", [4, 5])
    (tmp_path / "task.rca").write_bytes(b"one\ntwo\nhal")
    assert stream.read() == []
    assert [(r.block, r.data) for r in stream.read(ended=True)] == [
        (5, b""),
        (4, b"4 8\none\ntwo\n"),
    ]


def test_a_band_without_samples_is_complete_too(tmp_path: Path) -> None:
    records = SampleStream(tmp_path / "task.png", [0]).read(ended=True)
    assert [(record.block, record.data) for record in records] == [(0, b"0 0\n")]


def test_bands_are_put_in_the_order_of_the_picture(tmp_path: Path) -> None:
    tiles = tmp_path / "tiles"
    tiles.write_bytes(SampleStream.header + b"8 4\n8 8\n" + b"0 4\n0 0\n" + b"4 0\n")
    merge = SampleMerge(tmp_path / "merged")
    merge.begin(tiles, (), None)
    assert merge.poll().read_bytes() == b"0 0\n8 8\n"


def test_all_tasks_load_the_samples_of_all(still: Job, tmp_path: Path) -> None:
    found = tmp_path / "found"
    found.write_text("C1 sample\n")
    second = after_first_pass(still, found)
    files = dict(second.files)
    assert files["samples.rca"] == "C1 sample\n"
    copy = files["with-samples.pov"].encode(errors="surrogateescape")
    assert copy.startswith(still.scene.read_bytes())
    assert b"pretrace_start 1" in copy
    assert not second.shares_samples
    assert file_arguments(second, (), Path("/s")) == [
        *("+I/s/with-samples.pov", "+RFI", "+RF/s/samples.rca")
    ]


def test_without_samples_nothing_is_switched_on(still: Job, tmp_path: Path) -> None:
    found = tmp_path / "found"
    found.write_text("")
    assert after_first_pass(still, found) == replace(still, shares_samples=False)
