from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from mpirender.backoff import Backoff
from mpirender.compose import Excerpt
from mpirender.errors import OutputMismatch, OutputMissing, UsageError
from mpirender.images import Picture, read_picture
from mpirender.model import Job, Task, Tile, TileRecord
from mpirender.partition import Grid
from mpirender.process import Exit, Process, clean_environment
from mpirender.renderers import NAMES, renderer_named
from mpirender.renderers.base import Command, Renderer, Request, SceneInfo, Spare, Watch

WIDTH, HEIGHT = 80, 96
SCENES = {  # Blender has none of a few lines, and tests of its own
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
            scene=info.scene,
            streams=info.streams,
            spares=info.spares,
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


@pytest.fixture(params=[name for name in NAMES if name in SCENES])
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


def test_the_watch_knows_version_size_progress_and_time(easel: Easel) -> None:
    watch, end, _ = easel.start(Task(0, PARTS[1]))
    assert (end.status, watch.fraction, watch.version) == (0, 1.0, easel.info.version)
    assert watch.size == (WIDTH, HEIGHT)
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


# ------------------------------------------------------------- block by block, and back again


@pytest.fixture
def streaming(easel: Easel) -> Easel:
    """The same, and the renderer says block by block what it has finished."""
    scene, text = SCENES[easel.renderer.name]
    if easel.renderer.name == "fake":
        Path(scene).write_text(text + "stream = yes\nspares = yes\n")
    easel.info = replace(easel.info, streams=True, spares=True)
    return easel


def stream(easel: Easel, tile: Tile, number: int = 0) -> tuple[bytes, list[TileRecord]]:
    """Render a task; header and records of its blocks."""
    task = Task(number, tile)
    blocks = easel.renderer.stream(easel.job, task, easel.command(task).output)
    easel.start(task)
    records = blocks.read()
    blocks.close()
    return blocks.header, records


def spare_of(easel: Easel) -> Spare:
    """A renderer that waits for its task."""
    spare = easel.renderer.spare(easel.job, threads=1)
    assert spare is not None
    return spare


def picture_of(
    easel: Easel,
    data: bytes,
    missing: Sequence[int] = (),
    witness: Excerpt | None = None,
) -> Picture:
    """What the renderer makes of header and records."""
    scratch = easel.folder / "scratch"
    scratch.mkdir()
    (scratch / "tiles").write_bytes(data)
    last_pass = easel.renderer.last_pass(easel.job, None, scratch)
    last_pass.begin(scratch / "tiles", missing, witness)
    backoff = Backoff()
    while (path := last_pass.poll()) is None:
        backoff.sleep()
    picture = read_picture(path)
    last_pass.close()
    return picture


def test_every_block_of_a_task_comes_once(streaming: Easel) -> None:
    grid = Grid(streaming.info.area, streaming.info.block)
    for number, part in enumerate(PARTS[:5]):
        header, records = stream(streaming, part, number)
        assert header
        assert sorted(record.block for record in records) == grid.blocks_of(part)


def test_the_blocks_become_the_picture(streaming: Easel) -> None:
    header, records = stream(streaming, PARTS[0])
    whole = streaming.render(PARTS[0])
    picture = picture_of(streaming, header + b"".join(record.data for record in records))
    assert picture.format.layout == whole.format.layout
    assert np.array_equal(picture.pixels, whole.pixels)


def test_blocks_of_several_tasks_in_any_order_become_the_picture(streaming: Easel) -> None:
    parts = (Tile(32, 64, 32, 80), Tile(64, 96, 0, 80), Tile(32, 64, 0, 32), Tile(0, 32, 0, 80))
    data = b""
    for number, part in enumerate(parts):
        header, records = stream(streaming, part, number)
        data = (data or header) + b"".join(record.data for record in reversed(records))
    whole = streaming.render(PARTS[0])
    grid = Grid(streaming.info.area, streaming.info.block)
    tile = grid.tile_of(4)
    pixels = whole.pixels[tile.start : tile.stop, tile.left : tile.right]
    picture = picture_of(streaming, data, witness=Excerpt(tile, pixels))
    assert np.array_equal(picture.pixels, whole.pixels)


def test_a_block_that_is_missing_is_black(streaming: Easel) -> None:
    header, records = stream(streaming, PARTS[0])
    there = b"".join(record.data for record in records if record.block not in (1, 8))
    picture = picture_of(streaming, header + there, missing=[1, 8])
    whole = streaming.render(PARTS[0]).pixels.copy()
    whole[0:32, 32:64] = whole[64:96, 64:80] = 0
    assert np.array_equal(picture.pixels, whole)


def test_a_stream_before_the_first_block_is_empty(streaming: Easel) -> None:
    task = Task(0, PARTS[0])
    blocks = streaming.renderer.stream(streaming.job, task, streaming.command(task).output)
    assert blocks.read() == []
    blocks.close()


def test_a_last_pass_that_was_not_needed_leaves_nothing_running(streaming: Easel) -> None:
    before = psutil.Process().children()
    scratch = streaming.folder / "scratch"
    scratch.mkdir()
    streaming.renderer.last_pass(streaming.job, None, scratch).close()
    assert psutil.Process().children() == before


def test_a_spare_does_what_a_process_started_for_the_task_does(streaming: Easel) -> None:
    renderer, grid = streaming.renderer, Grid(streaming.info.area, streaming.info.block)
    for number, part in enumerate(PARTS[:5]):
        task, spare = Task(number, part), spare_of(streaming)
        output, watch = streaming.command(task).output, renderer.watch(streaming.job, task)
        blocks, log = renderer.stream(streaming.job, task, output), streaming.folder / "words"
        backoff = Backoff()
        with closing(blocks):
            assert spare.take_up(task, blocks, output, log)
            while (end := spare.poll()) is None:
                backoff.sleep()
            for line in spare.lines():
                watch.see(line)
            watch.judge(end)
            assert sorted(record.block for record in blocks.read()) == grid.blocks_of(part)
        spare.kill()
        assert watch.version == streaming.info.version
        assert watch.version in log.read_text()


def test_a_spare_that_is_not_needed_leaves_nothing(
    streaming: Easel, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = streaming.folder / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    before = psutil.Process().children()
    spare = spare_of(streaming)
    assert len(psutil.Process().children()) == len(before) + 1
    spare.kill()
    assert psutil.Process().children() == before
    assert list(scratch.iterdir()) == []


def test_a_spare_that_has_died_takes_up_nothing(streaming: Easel) -> None:
    task, spare = Task(0, PARTS[1]), spare_of(streaming)
    process, backoff = psutil.Process(spare.pid), Backoff()
    process.kill()
    while process.status() != psutil.STATUS_ZOMBIE:
        backoff.sleep()
    output = streaming.command(task).output
    with closing(streaming.renderer.stream(streaming.job, task, output)) as blocks:
        assert not spare.take_up(task, blocks, output, streaming.folder / "words")
    spare.kill()


def test_a_spare_whose_words_have_no_place_takes_up_nothing(streaming: Easel) -> None:
    task, spare = Task(0, PARTS[1]), spare_of(streaming)
    output = streaming.command(task).output
    with closing(streaming.renderer.stream(streaming.job, task, output)) as blocks:
        assert not spare.take_up(task, blocks, output, streaming.folder / "none" / "words")
    spare.kill()


def test_a_spare_that_was_started_early_is_the_one_for_such_a_job(streaming: Easel) -> None:
    scene, _ = SCENES[streaming.renderer.name]
    size = (WIDTH, HEIGHT)
    before = psutil.Process().children()
    streaming.renderer.start_early(Request("", scene, (), Path("o ut.png"), size, ranks=2))
    (early,) = {*psutil.Process().children()} - {*before}
    spare = spare_of(streaming)
    assert spare.pid == early.pid
    spare.kill()


@pytest.mark.parametrize("name", NAMES)
def test_a_scene_that_is_not_there_is_told(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no such scene"):
        renderer_named(name).ask(Request("", "none")).answer()
