"""Stills whose tiles are taken from POV-Ray while it renders: nothing is lost, nothing changes."""

from __future__ import annotations

import os
import random
import re
import shlex
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from launchers import MPICH, end_tree
from render.stills import Stage, Still, assert_same, own_words, still

from mpirender.backoff import Backoff
from mpirender.compose import Excerpt
from mpirender.images import read_picture
from mpirender.model import Job, Task
from mpirender.partition import Grid
from mpirender.process import Process
from mpirender.renderers.base import Request
from mpirender.renderers.povray.renderer import Povray

pytestmark = pytest.mark.usefixtures("povray")

# ---------------------------------------------------------------------- killed in the middle

LONG = ("soft_shadow.pov", "+W640", "+H480", "+A0.0", "+R3", "--", "-J")
KILLS = 4
END_LIMIT_S = 60.0
AT_WORK_S = 0.2


def plain(folder: Path, *arguments: str) -> Still:
    """What POV-Ray alone makes of it."""
    folder.mkdir()
    stage = Stage(folder)
    stage.plain(*(word for word in arguments if word != "--"))
    return still(stage.picture)


def tracing(mpirun: int) -> list[psutil.Process]:
    """The POV-Rays of a run that are at work on a task, as others use hardly any time."""
    found = []
    with suppress(psutil.NoSuchProcess):
        for process in psutil.Process(mpirun).children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                words = " ".join(process.cmdline())
                is_task = "/task-" in words or "/mpirender-spare-" in words
                if process.name() == "povray" and is_task and process.cpu_times().user > AT_WORK_S:
                    found.append(process)
    return found


def kill_at_random(run: subprocess.Popen[str], kills: int, dice: random.Random) -> int:
    """Kill so many POV-Rays of a run, each after it has worked for a while; return how many."""
    killed, limit = 0, time.monotonic() + END_LIMIT_S
    while killed < kills and run.poll() is None and time.monotonic() < limit:
        time.sleep(0.02)
        working = [p for p in tracing(run.pid) if time.time() - p.create_time() > 0.5]
        if working:
            with suppress(psutil.NoSuchProcess):
                dice.choice(working).kill()
                killed += 1
            time.sleep(dice.uniform(0.1, 0.3))
    return killed


@pytest.mark.parametrize("seed", [1, 2])
def test_whoever_is_killed_the_picture_is_the_same_and_hardly_any_tile_is_traced_twice(
    seed: int, tmp_path: Path
) -> None:
    whole = plain(tmp_path / "plain", *LONG)
    stage = Stage(tmp_path)
    command = MPICH.command(3, *LONG[:-2], "-vv", "--retries", "9", *LONG[-2:])
    run = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=stage.directory,
        env={**psutil.Process().environ(), **MPICH.env, "TMPDIR": str(stage.scratch)},
        start_new_session=True,
        text=True,
    )
    try:
        killed = kill_at_random(run, KILLS, random.Random(seed))
        said, _ = run.communicate(timeout=END_LIMIT_S)
    finally:
        end_tree(run)
    assert run.returncode == 0, said
    failures = said.count("ended with signal SIGKILL")  # fewer where its tiles were all there
    assert 2 <= failures <= killed, said
    assert_same(stage.picture, whole)
    twice = re.findall(r"(\d+) blocks had been rendered before", said)
    assert sum(map(int, twice)) <= killed


# ------------------------------------------------------------- what image blocks could not do

DIFFUSED = ("fine_edges.pov", "+W160", "+H128", "+FN8", "+THFS")
RUNS = ("half_transparent.pov", "+W320", "+H64", "+FC")  # packets of 128 equal pixels


@pytest.mark.parametrize("arguments", [DIFFUSED, RUNS], ids=["dithered", "run lengths"])
@pytest.mark.parametrize("split", ["auto", "tiles"])
def test_what_depends_on_neighbouring_pixels_of_the_file_is_the_same(
    arguments: Sequence[str], split: str, tmp_path: Path
) -> None:
    whole = plain(tmp_path / "plain", *arguments)
    stage = Stage(tmp_path)
    done = stage.mpirender(MPICH, 3, [*arguments, "--split", split])
    assert done.returncode == 0, done.stderr
    assert own_words(done.stderr) == []
    assert_same(stage.picture, whole)


@pytest.mark.parametrize("ranks", [2, 3])
def test_a_picture_with_radiosity_has_no_gap(ranks: int, tmp_path: Path) -> None:
    arguments = ("bounced_light.pov", "+W160", "+H128")
    whole = plain(tmp_path / "plain", *arguments).pixels.astype(int)
    stage = Stage(tmp_path)
    done = stage.mpirender(MPICH, ranks, [*arguments, "--threads", "1"])
    assert done.returncode == 0, done.stderr
    assert own_words(done.stderr) == []
    ours = still(stage.picture).pixels.astype(int)
    assert ours.shape == whole.shape
    assert np.abs(ours - whole).mean() < 3  # POV-Ray itself differs from run to run by threads


@pytest.mark.parametrize("ranks", [2, 5])
def test_ranks_of_a_host_share_the_samples_of_radiosity(ranks: int, tmp_path: Path) -> None:
    arguments = ("bounced_light.pov", "+W160", "+H128")
    whole = plain(tmp_path / "plain", *arguments).pixels.astype(int)
    stage = Stage(tmp_path)
    done = stage.mpirender(MPICH, ranks, [*arguments, "-v"])
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("leaves its cores") == ranks - 1
    assert len(re.findall(r"task \d+ \(rows 0-127, columns 0-159\)", done.stderr)) == 1
    assert np.abs(still(stage.picture).pixels.astype(int) - whole).mean() < 3


def test_more_ranks_than_blocks_give_the_same(tmp_path: Path) -> None:
    arguments = ("fine_edges.pov", "+W40", "+H32")
    whole = plain(tmp_path / "plain", *arguments)
    stage = Stage(tmp_path)
    done = stage.mpirender(MPICH, 6, arguments)
    assert done.returncode == 0, done.stderr
    assert_same(stage.picture, whole)


def test_a_scratch_folder_with_odd_letters_does_no_harm(tmp_path: Path) -> None:
    arguments = ("fine_edges.pov", "+W96", "+H80")
    whole = plain(tmp_path / "plain", *arguments)
    stage = Stage(tmp_path)
    scratch = tmp_path / "it's = 1 \\n [x]"
    scratch.mkdir()
    done = stage.mpirender(MPICH, 2, arguments, env={"TMPDIR": str(scratch)})
    assert done.returncode == 0, done.stderr
    assert_same(stage.picture, whole)
    assert list(scratch.glob("mpirender*")) == []


# -------------------------------------------------------------------------------- last passes

BODY = """
camera { location -3*z look_at 0 } light_source { <2, 4, -3> 1.5 } background { rgb 0.2 }
sphere { 0, 1 pigment { gradient x color_map { [0 rgb 0.1] [1 rgb 1] } } }
"""
# the scene, its include, and whether the stub's picture is the right one
SCENES = {
    "gamma of the scene": ("#version 3.7; global_settings { assumed_gamma 1.8 }" + BODY, "", True),
    "srgb": ("#version 3.7; global_settings { assumed_gamma srgb }" + BODY, "", True),
    "no gamma": ("#version 3.7;" + BODY, "", True),
    "no version": ("global_settings { assumed_gamma 1 }" + BODY, "", True),
    "old version": ("#version 3.6; global_settings { assumed_gamma 2.2 }" + BODY, "", True),
    "gamma of an include": (
        '#version 3.7;\n#include "g.inc"\n' + BODY,
        "global_settings { assumed_gamma 2.2 }",
        False,
    ),
    "gamma of an include and of the scene": (
        '#version 3.7;\n#include "g.inc"\nglobal_settings { assumed_gamma 1 }' + BODY,
        "global_settings { assumed_gamma 2.2 }",
        False,
    ),
    "two gammas": (
        "#version 3.7; #if (1) global_settings { assumed_gamma 1.4 }\n"
        "#else global_settings { assumed_gamma 1 } #end" + BODY,
        "",
        False,
    ),
    "gamma that is computed": (
        "#version 3.7; #declare G = 1.4; global_settings { assumed_gamma G }" + BODY,
        "",
        False,
    ),
}


def wait_for(condition: Callable[[], bool]) -> None:
    backoff, end = Backoff(), time.monotonic() + END_LIMIT_S
    while not condition():
        assert time.monotonic() < end
        backoff.sleep()


class Darkroom:
    """A scene, its picture by POV-Ray alone, its tiles, and a record of how POV-Ray is called."""

    def __init__(self, folder: Path, real: Path, scene: str, include: str, *options: str) -> None:
        self.calls = folder / "calls"
        program = folder / "recording"
        program.write_text(
            f'#!/bin/sh\necho " $* " >>{shlex.quote(str(self.calls))}\nexec {real} "$@"\n'
        )
        program.chmod(0o755)
        (folder / "s.pov").write_text(scene)
        (folder / "g.inc").write_text(include)
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        self.renderer = Povray()
        request = Request(str(program), "s.pov", ("+W70", "+H60", *options))
        with closing(self.renderer.ask(request)) as question:
            info = question.answer()
        self.job = Job(
            renderer="povray",
            program=info.program,
            version=info.version,
            arguments=info.arguments,
            directory=folder,
            environment=(),
            width=info.width,
            height=info.height,
            area=info.area,
            block=info.block,
            picture=info.picture,
            output=info.output,
            scene=info.scene,
            streams=info.streams,
        )
        self.grid = Grid(info.area, info.block)
        self.picture, self.tiles = self._render()

    def _render(self) -> tuple[Path, bytes]:
        task = Task(0, self.job.area)
        command = self.renderer.command(self.job, task, attempt=1, threads=1, scratch=self.scratch)
        stream = self.renderer.stream(self.job, task, command.output)
        process = Process(
            command.argv,
            directory=self.job.directory,
            environment=os.environ,
            log=self.scratch / "log",
        )
        wait_for(lambda: process.poll() is not None)
        process.close()
        records = stream.read()
        stream.close()
        return command.output, stream.header + b"".join(record.data for record in records)

    def witness(self, block: int = 1) -> Excerpt:
        tile = self.grid.tile_of(block)
        pixels = read_picture(self.picture).pixels
        return Excerpt(tile, pixels[tile.start : tile.stop, tile.left : tile.right])

    def last_pass(self, witness: Excerpt | None = None) -> Path:
        """The picture that is made of the tiles."""
        (self.scratch / "tiles").write_bytes(self.tiles)
        last_pass = self.renderer.last_pass(self.job, None, self.scratch)
        last_pass.begin(self.scratch / "tiles", [], witness)
        wait_for(lambda: last_pass.poll() is not None)
        picture = last_pass.poll()
        assert picture
        last_pass.close()
        return picture

    @property
    def was_parsed_again(self) -> bool:
        """Whether the last pass needed the scene itself."""
        calls = self.calls.read_text().splitlines()
        return any(" +C " in call and "stub.pov" not in call for call in calls)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", SCENES)
def test_the_picture_is_povrays_whether_the_stub_has_the_right_gamma_or_not(
    name: str, povray: Path, folder: Path
) -> None:
    scene, include, is_right = SCENES[name]
    room = Darkroom(folder, povray, scene, include)
    assert_same(room.last_pass(room.witness()), still(room.picture))
    assert room.was_parsed_again is not is_right


def test_without_a_witness_the_scene_itself_is_used(povray: Path, folder: Path) -> None:
    room = Darkroom(folder, povray, *SCENES["gamma of the scene"][:2])
    assert_same(room.last_pass(), still(room.picture))
    assert room.was_parsed_again


def test_a_witness_that_disagrees_calls_for_the_scene_itself(povray: Path, folder: Path) -> None:
    room = Darkroom(folder, povray, *SCENES["gamma of the scene"][:2])
    good = room.witness(block=3)
    bad = Excerpt(good.tile, good.pixels[::-1])
    assert_same(room.last_pass(bad), still(room.picture))
    assert room.was_parsed_again


@pytest.mark.parametrize(
    "options",
    [("+FE",), ("+FN16",), ("+FT",), ("+FP16",), ("+FH",), ("+FB",), ("File_Gamma=1.5",)],
    ids=str,
)
def test_the_stub_will_do_for_every_type_without_loss(
    options: tuple[str, ...], povray: Path, folder: Path
) -> None:
    room = Darkroom(folder, povray, *SCENES["gamma of the scene"][:2], *options)
    assert_same(room.last_pass(room.witness()), still(room.picture))
    assert not room.was_parsed_again


def test_an_include_header_is_not_read_for_the_stub(povray: Path, folder: Path) -> None:
    (folder / "header.inc").write_text("#declare Header = 1;\n")
    scene = SCENES["gamma of the scene"][0] + '#ifndef (Header) #error "no header" #end'
    room = Darkroom(folder, povray, scene, "", "+HIheader.inc")
    assert_same(room.last_pass(room.witness()), still(room.picture))


def test_the_file_of_a_large_canvas_does_not_stay(povray: Path, folder: Path) -> None:
    """POV-Ray keeps canvases above a limit in /tmp, and leaves them there where it is killed."""
    before = set(Path("/tmp").glob("pov[0-9]*"))
    options = ("+W900", "+H700", "Max_Image_Buffer_Memory=1")
    room = Darkroom(folder, povray, *SCENES["gamma of the scene"][:2], *options)
    room.last_pass()
    started = {path for path in Path("/tmp").glob("pov[0-9]*") if path not in before}
    assert not [path for path in started if not psutil.pid_exists(int(path.name[3:]))]


@pytest.mark.parametrize("switches", [(), ("+FN16",), ("+FJ",)], ids=str)
@pytest.mark.parametrize("ranks", [1, 3])
def test_the_last_snapshot_is_the_picture(
    ranks: int, switches: tuple[str, ...], tmp_path: Path
) -> None:
    stage = Stage(tmp_path)
    arguments = ["fine_edges.pov", "+W96", "+H80", *switches, "-o", "out"]
    done = stage.mpirender(MPICH, ranks, [*arguments, "--snapshot", "s.png"])
    assert done.returncode == 0, done.stderr
    snapshot = still(stage.folder / "s.png").pixels.astype(int)
    (name,) = stage.new_files - {"s.png"}
    picture = still(stage.folder / name).pixels.astype(int)
    apart = np.abs(snapshot - (picture // 257 if "+FN16" in switches else picture))
    if "+FJ" in switches:  # which has losses of its own
        assert apart.mean() < 12
    else:
        assert apart.max() <= 1
