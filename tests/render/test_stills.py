"""The picture of any number of ranks is the one that plain `povray` writes: name, pixels, type."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from launchers import MPICH, OPENMPI4, OPENMPI5, Launcher
from render.stills import DATA, Stage, Still, assert_same, own_words, still

pytestmark = pytest.mark.usefixtures("povray")

RANKS = (1, 2, 3, 5)


@dataclass(frozen=True)
class Case:
    """One way to call POV-Ray.

    Attributes
    ----------
    arguments : str
        As typed for both programs; no blanks within one.
    behind : str
        Switches with a minus, which mpirender takes after `--`.
    within : str
        Folder in which the command is typed.
    """

    arguments: str
    behind: str = "-A"
    within: str = "."

    def __str__(self) -> str:
        return f"{self.arguments} {self.behind}".strip()

    @property
    def plain(self) -> list[str]:
        return [*self.arguments.split(), *self.behind.split()]

    @property
    def ours(self) -> list[str]:
        return [*self.arguments.split(), "--", *self.behind.split()]


@dataclass(frozen=True)
class Reference:
    """What plain POV-Ray has left."""

    names: set[str]
    still: Still


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Case], Reference]:
    """A function that returns what plain POV-Ray makes of a case."""
    known: dict[Case, Reference] = {}

    def answer(case: Case) -> Reference:
        if case not in known:
            stage = Stage(tmp_path_factory.mktemp("plain"), case.within)
            stage.plain(*case.plain)
            known[case] = Reference(stage.new_files, still(stage.picture))
        return known[case]

    return answer


def render(case: Case, launcher: Launcher, ranks: int, folder: Path) -> Stage:
    """Render a case with mpirender; it must succeed and name its picture."""
    folder.mkdir()
    stage = Stage(folder, case.within)
    done = stage.mpirender(launcher, ranks, case.ours)
    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.removesuffix("\n")).resolve() == stage.picture
    return stage


EDGES = "fine_edges.pov +W96 +H80"
ALPHA = "half_transparent.pov +W96 +H80"
BRIGHT = "brighter_than_white.pov +W96 +H80"

TYPES = [
    Case(f"{EDGES} +FN8"),
    Case(f"{EDGES} +FN16"),
    Case(f"{EDGES} +FNg"),
    Case(f"{ALPHA} +FN8 +UA"),
    Case(f"{ALPHA} +FN16 +UA"),
    Case(f"{EDGES} +FP8"),
    Case(f"{EDGES} +FP16"),
    Case(f"{EDGES} +FT"),
    Case(f"{ALPHA} +FC +UA"),
    Case(f"{EDGES} +FB"),
    Case(f"{BRIGHT} +FE"),
    Case(f"{ALPHA} +FE +UA"),
    Case(f"{BRIGHT} +FH"),
    Case(f"{EDGES} +FJ"),
    Case(f"{EDGES} +FJ Compression=40"),
    Case(f"{EDGES} +FN8 File_Gamma=1.5"),
]

FEATURES = [
    Case(f"{EDGES} +A0.1 +AM1 +R3", behind="-J"),
    Case(f"{EDGES} +A0.1 +AM1 +J0.8", behind=""),
    Case(f"{EDGES} +A0.1 +AM2 +R3", behind=""),
    Case(f"{EDGES} +A0.0", behind="-J"),
    Case(f"{EDGES} +BS16 +A0.1", behind="-J"),
    Case("out_of_focus.pov +W80 +H64"),
    Case("soft_shadow.pov +W96 +H80 +A0.2", behind=""),
]

SIZES = [
    Case("fine_edges.pov +W1 +H1"),
    Case("fine_edges.pov +W33 +H1"),
    Case("fine_edges.pov +W1 +H33"),
    Case("fine_edges.pov +W64 +H1 +A0.1", behind="-J"),
    Case("fine_edges.pov +W1 +H31 +A0.1", behind="-J"),
    Case("fine_edges.pov +W33 +H33 +A0.1", behind="-J"),
    Case("fine_edges.pov +W70 +H97 +A0.1", behind="-J"),
]

PARTS = [
    Case(f"{EDGES} +SR10 +ER71 +SC20 +EC77 +A0.1", behind="-J"),
    Case(f"{EDGES} +SR0.25 +ER0.75"),
    Case(f"{ALPHA} +UA +ER0.02"),  # the first row alone, the rest black and opaque
    Case(f"{EDGES} +SC96 +EC96"),
    Case(f"{EDGES} +BS16 +SR10 +ER71 +SC20 +EC77 +A0.1", behind="-J"),
]


@pytest.mark.parametrize("case", [*TYPES, *FEATURES, *SIZES, *PARTS], ids=str)
def test_any_number_of_ranks_writes_what_povray_alone_writes(
    case: Case, reference: Callable[[Case], Reference], tmp_path: Path
) -> None:
    with ThreadPoolExecutor(len(RANKS)) as together:  # POV-Ray sleeps for most of such a run
        stages = list(
            together.map(lambda n: render(case, MPICH, n, tmp_path / f"{n} ranks"), RANKS)
        )
    for stage in stages:
        assert stage.new_files == reference(case).names
        assert_same(stage.picture, reference(case).still)


@pytest.mark.parametrize("launcher", [OPENMPI4, OPENMPI5], ids=str)
def test_every_launcher_writes_what_povray_alone_writes(
    launcher: Launcher, reference: Callable[[Case], Reference], tmp_path: Path
) -> None:
    case = FEATURES[0]
    stage = render(case, launcher, 3, tmp_path / "run")
    assert stage.new_files == reference(case).names
    assert_same(stage.picture, reference(case).still)


# ----------------------------------------------------------------------- names, folders, settings

CALLS = [
    Case(f"{EDGES} +SP32 +EP2"),  # a mosaic first
    Case(f"{EDGES} +C"),
    Case(f"{EDGES} +WT2 +RP4 +RS2 +THB4"),
    Case(EDGES, behind="-A -V -GA"),  # without a word
    Case("sections.ini", behind=""),
    Case("sections.ini[small]", behind=""),
    Case("sections.ini[quoted]", behind=""),
    Case("sections.ini +W50 +Oother.png", behind=""),
    Case("include_beside_it/scene.pov +Linclude_beside_it +W64 +H48"),
    Case("../include_beside_it/scene.pov +L../include_beside_it +W64 +H48", within="elsewhere"),
    Case("include_from_a_library.pov +Llibrary +W64 +H48"),
    Case("declared_from_outside.pov +W64 +H48 Declare=Spheres=3"),
    Case("moved_by_the_clock.pov +W64 +H48 +K0.5"),
    Case("fine_edges.pov +W64 +H48 +Oname.png"),
    Case("fine_edges.pov +W64 +H48 +Oname"),
    Case("fine_edges.pov +W64 +H48 +FE +Oname.png"),  # plain POV-Ray makes name.png.exr of it
    Case("fine_edges.pov +W64 +H48 +FN16 +Oname.with.dots"),
    Case("fine_edges.pov +W64 +H48 +Oelsewhere/"),
    Case("fine_edges.pov +W64 +H48 +FJ +Oname.jpg"),
    Case("fine_edges.pov +W64 +H48 +FT +Oname.targa"),
    Case("fine_edges.pov +W64 +H48 Output_File_Type=E Output_File_Name=library/name"),
    Case("+Ifine_edges.pov fine_edges.pov +W64 +H48"),
]


@pytest.mark.parametrize("case", CALLS, ids=str)
def test_picture_and_its_name_are_those_of_povray_alone(
    case: Case, reference: Callable[[Case], Reference], tmp_path: Path
) -> None:
    stage = render(case, MPICH, 2, tmp_path / "run")
    assert stage.new_files == reference(case).names
    assert_same(stage.picture, reference(case).still)


def test_includes_are_found_beside_the_scene_from_anywhere(
    reference: Callable[[Case], Reference], tmp_path: Path
) -> None:
    known = reference(Case("include_beside_it/scene.pov +Linclude_beside_it +W64 +H48"))
    stage = render(Case("include_beside_it/scene.pov +W64 +H48"), MPICH, 2, tmp_path / "run")
    assert stage.new_files == known.names
    assert_same(stage.picture, known.still)


@pytest.mark.parametrize(
    ("scene", "picture"),
    [
        ("a scene.pov", "a picture.png"),
        ("it's.pov", "it's = 1.png"),
        ('say "hello".pov', 'say "hello".png'),
    ],
)
def test_names_may_have_blanks_and_quotation_marks(
    scene: str,
    picture: str,
    reference: Callable[[Case], Reference],
    weird_folder: Path,
) -> None:
    stage = Stage(weird_folder)
    shutil.copy(DATA / "fine_edges.pov", stage.directory / scene)
    (stage.directory / "sub folder").mkdir()
    arguments = ["--size", "64x48", "-o", f"sub folder/{picture}", "--", "-A"]
    done = stage.mpirender(MPICH, 3, [scene, *arguments])
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{stage.directory}/sub folder/{picture}\n"
    known = reference(Case("fine_edges.pov +W64 +H48 +Oname.png"))
    assert_same(stage.directory / "sub folder" / picture, known.still)


@pytest.mark.parametrize(
    "arguments",
    [("größe.pov", "-o", "a.png"), ("fine_edges.pov", "-o", "größe.png")],
    ids=["scene", "picture"],
)
def test_names_that_povray_cannot_take_are_refused(
    arguments: tuple[str, ...], tmp_path: Path
) -> None:
    stage = Stage(tmp_path)
    shutil.copy(DATA / "fine_edges.pov", stage.directory / "größe.pov")
    done = stage.mpirender(MPICH, 2, arguments)
    assert done.returncode == 2, done.stderr
    (line,) = own_words(done.stderr)
    assert "größe" in line and "POV-Ray takes no letters beyond ASCII" in line


def test_the_folder_where_the_command_is_typed_may_have_any_name(
    reference: Callable[[Case], Reference], tmp_path: Path
) -> None:
    stage = Stage(tmp_path)
    typed_in = stage.folder / "größe \"'"
    typed_in.mkdir()
    shutil.copy(DATA / "fine_edges.pov", typed_in)
    command = ["fine_edges.pov", "+W64", "+H48", "--", "-A"]
    env = {"TMPDIR": str(stage.scratch)}
    done = MPICH.run(2, command, cwd=typed_in, env=env)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{typed_in}/fine_edges.png\n"
    known = reference(Case("fine_edges.pov +W64 +H48 +Oname.png"))
    assert_same(typed_in / "fine_edges.png", known.still)


def test_the_pictures_differ_where_the_cases_do(reference: Callable[[Case], Reference]) -> None:
    """A guard of this file's own: a scene that came out black would agree with anything."""
    for case in (*TYPES, *FEATURES):
        assert len(np.unique(reference(case).still.pixels)) > 20, case


def test_png_chunks_of_colour_are_compared(reference: Callable[[Case], Reference]) -> None:
    """A guard of this file's own: the chunks that say what the numbers mean are in there."""
    assert "\ngAMA: " in reference(TYPES[0]).still.metadata
    assert "\nsRGB: " in reference(TYPES[0]).still.metadata
