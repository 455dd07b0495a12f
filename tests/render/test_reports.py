"""What a report and a bench say of the real POV-Ray."""

from __future__ import annotations

from pathlib import Path

import pytest
from launchers import MPICH
from render.stills import Stage, assert_same, results, still

from mpirender.report.records import COMPLETED, DROPPED

pytestmark = pytest.mark.usefixtures("povray")

SCENE = ("fine_edges.pov", "+W160", "+H120", "+A0.1")


@pytest.mark.parametrize(("ranks", "policy"), [(1, "auto"), (2, "auto"), (2, "static")])
def test_a_report_tells_what_povray_said_and_did(ranks: int, policy: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    done = stage.mpirender(MPICH, ranks, [*SCENE, "--policy", policy, "--report", "report"])
    assert done.returncode == 0, done.stderr
    report = results(stage.directory / "report")
    assert report.setting.versions["povray"].startswith("3.7")
    assert len(report.setting.scene_hash) == 64
    (run,) = report.runs
    completed = [attempt for attempt in run.attempts if attempt.outcome == COMPLETED]
    called_back = [attempt for attempt in run.attempts if attempt.outcome == DROPPED]
    assert len(completed) + len(called_back) == len(run.attempts)
    assert not called_back or policy == "auto"  # some have nothing left to do when they come
    assert {attempt.rank for attempt in run.attempts} == set(range(ranks))
    assert all(a.peak_memory > 1 << 20 and a.first_word > a.started for a in completed)
    assert sum(attempt.cpu_seconds for attempt in run.attempts) > 0
    assert max(rank.memory for rank in run.ranks) > 1 << 28


@pytest.mark.parametrize(
    ("options", "frames", "name"),
    [((), 0, "fine_edges.png"), (("--frames", "1-3"), 3, "fine_edges1.png")],
    ids=["still", "animation"],
)
def test_every_run_of_a_bench_gives_the_picture_that_povray_gives(
    options: tuple[str, ...], frames: int, name: str, tmp_path: Path
) -> None:
    stage = Stage(tmp_path / "ours")
    arguments = ["bench", *SCENE, *options, "--repeats", "1"]
    done = stage.mpirender(MPICH, 2, arguments, timeout=120)
    assert done.returncode == 0, done.stderr
    report = results(stage.directory / "bench")
    assert sorted(run.size for run in report.runs) == [1, 2, 2]
    assert len({run.pictures for run in report.runs}) == 1
    assert report.setting.frames == frames
    theirs = Stage(tmp_path / "theirs")
    theirs.plain(*SCENE)
    assert_same(stage.directory / "bench" / "pictures" / name, still(theirs.picture))
