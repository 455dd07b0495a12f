"""One frame of a .blend scene by all ranks: the picture is that of Blender alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from launchers import run
from render.blenders import BPY42, BPY45, DEBIAN, Blender, make
from render.blends import Desk
from render.stills import results, still

SCENES = ("plain", "compositor_blur", "layers", "adaptive", "motion_blur", "transparent")


@dataclass(frozen=True)
class Case:
    """A scene, the type of its picture, how it is divided and among how many ranks."""

    scene: str
    kind: str
    split: str
    ranks: int
    blender: Blender = DEBIAN
    tolerance: float = 0  # in the file's own levels
    size: str = "97x61"

    def __str__(self) -> str:
        return f"{self.scene} {self.kind} {self.split} {self.ranks} {self.blender}"


@dataclass(frozen=True)
class Blends:
    """Scenes that are written when they are first needed."""

    folder: Path

    def scene(self, case: Case) -> Path:
        folder = self.folder / f"{case.kind}-{case.size}"
        if not folder.exists():
            make(folder, SCENES, "--as", case.kind, "--size", case.size)
        return folder / f"{case.scene}.blend"


@pytest.fixture(scope="module")
def blends(tmp_path_factory: pytest.TempPathFactory) -> Blends:
    return Blends(tmp_path_factory.mktemp("blends"))


CASES = [
    Case("plain", "png8", "rows", 2),
    Case("plain", "png8", "rows", 3, BPY42),
    Case("compositor_blur", "png8", "rows", 5),
    Case("adaptive", "png16", "rows", 3),
    Case("layers", "multilayer", "rows", 2, BPY45),
    Case("motion_blur", "exr_half", "rows", 3),
    Case("transparent", "jpeg", "rows", 2),
    Case("plain", "multilayer", "samples", 2, tolerance=1e-5),
    Case("motion_blur", "multilayer", "samples", 3, BPY42, tolerance=1e-5),
    Case("compositor_blur", "png8", "samples", 2, BPY45, tolerance=1),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_picture_is_that_of_blender_alone(case: Case, blends: Blends, tmp_path: Path) -> None:
    scene, desk = blends.scene(case), Desk(tmp_path)
    alone = run(case.blender.render(scene, tmp_path / "alone" / "##", 3, 3), timeout=60)
    assert alone.returncode == 0, alone.stdout + alone.stderr
    (theirs,) = (tmp_path / "alone").iterdir()
    words = ("--program", case.blender.program, "--split", case.split, "-f", "3")
    report = tmp_path / "report"
    done = desk.render(case.ranks, scene, *words, "-o", "##", "--report", report)
    assert done.returncode == 0, done.stderr
    assert desk.files == [theirs.name]
    (of_run,) = results(report).runs
    assert {attempt.rank for attempt in of_run.attempts} == set(range(case.ranks))
    got, expected = still(desk.folder / theirs.name).pixels, still(theirs).pixels
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(got.astype(float), expected, rtol=0, atol=case.tolerance)
    assert desk.scratch_files == []
