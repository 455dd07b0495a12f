from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest

from mpirender.backoff import Backoff
from mpirender.errors import OutputMismatch, OutputMissing, UsageError
from mpirender.images import Picture
from mpirender.model import Job, Task, Tile
from mpirender.process import Exit, Process, clean_environment
from mpirender.renderers import NAMES, renderer_named
from mpirender.renderers.base import Command, Renderer, Request, SceneInfo, Watch

WIDTH, HEIGHT = 80, 96
SCENES = {
    "fake": ("s.fake", f"size = {WIDTH}x{HEIGHT}\nblock = 32\n"),
    "povray": (
        "s.pov",
        "#version 3.7; global_settings { assumed_gamma 1 } camera { location -3*z look_at 0 }\n"
        "light_source { <2, 4, -3> 1.5 } background { rgb <0.1, 0.2, 0.4> }\n"
        "sphere { 0, 1 pigment { checker rgb 1, rgb <1, 0, 0> scale 0.2 } }\n",
    ),
}
PARTS = (
    Tile(0, HEIGHT, 0, WIDTH),
    Tile(0, 32, 0, WIDTH),
    Tile(64, HEIGHT, 0, WIDTH),
    Tile(32, 64, 32, 64),
    Tile(32, 64, 64, WIDTH),
    Tile(0, 1, 0, WIDTH),
)


@dataclass
class Easel:
    """A renderer and a scene of its own, in a folder of its own."""

    renderer: Renderer
    info: SceneInfo
    folder: Path

    @property
    def job(self) -> Job:
        info = self.info
        return Job(
            renderer=self.renderer.name,
            program=info.program,
            version=info.version,
            arguments=info.arguments,
            directory=self.folder,
            environment=(),
            width=info.width,
            height=info.height,
            area=info.area,
            block=info.block,
            picture=info.picture,
            output=info.output,
        )

    def command(self, task: Task) -> Command:
        return self.renderer.command(self.job, task, attempt=1, threads=1, scratch=self.folder)

    def start(self, task: Task) -> tuple[Watch, Exit, Path]:
        """Render a task to its end."""
        command, watch = self.command(task), self.renderer.watch(self.job, task)
        process = Process(
            command.argv,
            directory=self.folder,
            environment=clean_environment(os.environ) | dict(command.environment),
            log=self.folder / "log",
        )
        backoff = Backoff()
        while (end := process.poll()) is None:
            for line in process.lines():
                watch.see(line)
            backoff.sleep()
        for line in process.lines():
            watch.see(line)
        process.close()
        return watch, end, command.output

    def render(self, tile: Tile) -> Picture:
        """The pixels of a tile, after all has been checked."""
        task = Task(0, tile)
        watch, end, output = self.start(task)
        watch.judge(end)
        return self.renderer.read(self.job, task, output)


@pytest.fixture(params=NAMES)
def easel(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Easel:
    name: str = request.param
    if name == "povray":
        request.getfixturevalue("povray")
    folder = tmp_path / "it's a = b"
    folder.mkdir()
    monkeypatch.chdir(folder)
    scene, text = SCENES[name]
    Path(scene).write_text(text)
    renderer = renderer_named(name)
    with closing(renderer.ask(Request("", scene, (), Path("o ut.png"), (WIDTH, HEIGHT)))) as asked:
        return Easel(renderer, asked.answer(), folder)


def test_the_answer_is_about_the_whole_picture(easel: Easel) -> None:
    info = easel.info
    assert (info.width, info.height) == (WIDTH, HEIGHT)
    assert info.area == Tile(0, HEIGHT, 0, WIDTH)
    assert info.block == 32
    assert info.output == easel.folder / "o ut.png"
    assert info.version


def test_asking_leaves_nothing_behind(easel: Easel) -> None:
    scene, _ = SCENES[easel.renderer.name]
    assert [path.name for path in easel.folder.iterdir()] == [scene]


def test_a_question_without_an_answer_leaves_nothing_running(easel: Easel) -> None:
    scene, _ = SCENES[easel.renderer.name]
    before = psutil.Process().children()
    easel.renderer.ask(Request("", scene)).close()
    assert psutil.Process().children() == before


def test_a_tile_is_what_the_whole_picture_has_there(easel: Easel) -> None:
    whole = easel.render(PARTS[0])
    assert whole.pixels.shape == (HEIGHT, WIDTH, 3)
    for part in PARTS[1:]:
        picture = easel.render(part)
        assert picture.format.layout == whole.format.layout
        assert np.array_equal(
            picture.pixels, whole.pixels[part.start : part.stop, part.left : part.right]
        ), part


def test_the_watch_knows_version_progress_and_time(easel: Easel) -> None:
    watch, end, _ = easel.start(Task(0, PARTS[1]))
    assert (end.status, watch.fraction, watch.version) == (0, 1.0, easel.info.version)
    assert watch.render_seconds >= 0


def test_the_format_of_the_tiles_can_be_written(easel: Easel) -> None:
    form = easel.render(PARTS[1]).format
    assert easel.renderer.final_format(easel.job, form).kind == easel.info.picture.kind


def test_every_task_and_attempt_has_an_output_of_its_own(easel: Easel) -> None:
    outputs = {
        easel.renderer.command(
            easel.job, Task(number, PARTS[1]), attempt=attempt, threads=1, scratch=easel.folder
        ).output
        for number in range(3)
        for attempt in range(1, 4)
    }
    assert len(outputs) == 9
    assert {output.parent for output in outputs} == {easel.folder}


def damage(path: Path, keep: Callable[[bytes], bytes]) -> None:
    path.write_bytes(keep(path.read_bytes()))


def test_a_picture_that_is_missing_is_told(easel: Easel) -> None:
    task = Task(0, PARTS[1])
    with pytest.raises(OutputMissing):
        easel.renderer.read(easel.job, task, easel.command(task).output)


def test_a_picture_that_is_empty_is_told(easel: Easel) -> None:
    task = Task(0, PARTS[1])
    _, _, output = easel.start(task)
    damage(output, lambda data: b"")
    with pytest.raises(OutputMissing):
        easel.renderer.read(easel.job, task, output)


def test_a_picture_that_is_torn_is_told(easel: Easel) -> None:
    task = Task(0, PARTS[1])
    _, _, output = easel.start(task)
    damage(output, lambda data: data[: len(data) * 2 // 3])
    with pytest.raises(OutputMismatch):
        easel.renderer.read(easel.job, task, output)


@pytest.mark.parametrize("name", NAMES)
def test_a_scene_that_is_not_there_is_told(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no such scene"):
        renderer_named(name).ask(Request("", "none")).answer()
