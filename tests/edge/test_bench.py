"""Benches of one rank, made in this process."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from mpirender.bench import bench
from mpirender.cli.bench import parse_arguments
from mpirender.errors import RendererFailed
from mpirender.flags import BenchFlags
from mpirender.hosts import Claim
from mpirender.report.records import from_json
from mpirender.root import Root
from mpirender.run import produce


def flags(*argv: str) -> BenchFlags:
    typed = parse_arguments(argv)
    assert typed is not None
    return typed


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "s.fake"
    path.write_text("size = 16x24")
    return path


def test_a_bench_needs_no_launcher(scene: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(flags("s.fake", "--repeats", "2"), Claim()) == 0
    printed = capsys.readouterr()
    assert printed.out == f"{scene.parent / 'bench' / 'report.html'}\n"
    assert [line.partition(": 1 rank")[0] for line in printed.err.splitlines()] == [
        f"mpirender: run {number} of 3" for number in (1, 2, 3)
    ]
    read = from_json((scene.parent / "bench" / "results.json").read_text())
    assert [run.repeat for run in read.runs] == [0, 1, 2]
    assert read.setting.scene_hash == hashlib.sha256(scene.read_bytes()).hexdigest()


def test_runs_before_a_failure_are_kept(scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def produce_twice(*arguments: Any) -> Root:
        calls.append(1)
        if len(calls) > 2:
            raise RendererFailed("the third run is out of luck")
        return produce(*arguments)

    monkeypatch.setattr("mpirender.bench.produce", produce_twice)
    with pytest.raises(RendererFailed):
        bench(flags("s.fake", "-q"), Claim())
    out = scene.parent / "bench"
    assert [run.repeat for run in from_json((out / "results.json").read_text()).runs] == [0, 1]
    assert (out / "report.html").exists()
