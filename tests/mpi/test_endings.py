"""Killed runs: nothing goes on working for nobody, and no half a picture is left."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from launchers import LAUNCHERS, MPICH, Launcher, end_tree
from mpi.fakes import Folder

RANKS = 3
START_LIMIT_S = 30.0
END_LIMIT_S = 20.0
LOOK_EVERY_S = 0.05
LONG = ("size = 24x48", "block = 8", "seconds = 120")

every_launcher = pytest.mark.parametrize("launcher", LAUNCHERS, ids=str)


def wait_until(condition: Callable[[], bool], what: str, limit: float) -> None:
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, f"after {limit} s still waiting: {what}"
        time.sleep(LOOK_EVERY_S)


def processes(folder: Folder, program: str = "", word: str = "") -> list[psutil.Process]:
    """Return the living processes whose command line has the scene's path and this word."""
    found = []
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
            alive = process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            continue
        ours = str(folder.scene) in line and word in ("", *line)
        if alive and ours and Path(line[0]).name.startswith(program):
            found.append(process)
    return found


def renderers(folder: Folder) -> list[psutil.Process]:
    return processes(folder, "python", "-S")  # as the fake renderer is started, and no rank is


def ranks(folder: Folder) -> list[psutil.Process]:
    """Return the processes of the program itself, launchers and renderers left out."""
    return processes(folder, "python", "mpirender")


@contextmanager
def running(
    folder: Folder, command: list[str], env: dict[str, str]
) -> Iterator[subprocess.Popen[str]]:
    """Start a run, and leave none of it behind."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=folder.path,
        env={**psutil.Process().environ(), **env, **folder.env},
        start_new_session=True,
        text=True,
    )
    try:
        yield process
    finally:
        end_tree(process)
        for left in processes(folder):
            with suppress(psutil.NoSuchProcess):
                left.kill()
        process.communicate(timeout=END_LIMIT_S)


@contextmanager
def mid_render(
    folder: Folder, launcher: Launcher, number: int = RANKS
) -> Iterator[subprocess.Popen[str]]:
    """A run of which every rank has a renderer; all command lines have the scene's full path."""
    command = launcher.command(number, folder.scene)
    with running(folder, command, dict(launcher.env)) as process:
        wait_until(lambda: len(renderers(folder)) == number, "renderers", START_LIMIT_S)
        yield process


def assert_all_is_over(folder: Folder) -> None:
    wait_until(lambda: not renderers(folder), "end of the renderers", END_LIMIT_S)
    wait_until(lambda: not processes(folder), "end of ranks and launcher", END_LIMIT_S)
    assert folder.files == set()


@every_launcher
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_no_renderer_outlives_its_launcher(
    launcher: Launcher, number: signal.Signals, tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, *LONG)
    with mid_render(folder, launcher) as mpirun:
        mpirun.send_signal(number)
        assert_all_is_over(folder)
        _, errors = mpirun.communicate(timeout=END_LIMIT_S)
    assert mpirun.returncode != 0
    assert "Traceback" not in errors


@every_launcher
@pytest.mark.parametrize("which", [0, 1])
def test_no_renderer_outlives_the_death_of_one_rank(
    launcher: Launcher, which: int, tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, *LONG)
    with mid_render(folder, launcher) as mpirun:
        by_age = sorted(ranks(folder), key=lambda process: process.pid)
        assert len(by_age) == RANKS
        by_age[which].kill()
        assert_all_is_over(folder)
        mpirun.communicate(timeout=END_LIMIT_S)
    assert mpirun.returncode != 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_without_a_launcher_it_cleans_up_and_says_so(
    number: signal.Signals, tmp_path: Path
) -> None:
    folder = Folder.with_scene(tmp_path, *LONG)
    command = [str(MPICH.python), "-m", "mpirender", str(folder.scene)]
    with running(folder, command, {}) as process:
        wait_until(lambda: len(renderers(folder)) == 1, "a renderer", START_LIMIT_S)
        process.send_signal(number)
        output, errors = process.communicate(timeout=END_LIMIT_S)
        assert_all_is_over(folder)
    assert process.returncode == 130
    assert (output, errors) == ("", "mpirender: interrupted\n")
    assert folder.scratch_folders == []


def test_killed_without_a_launcher_its_renderer_ends_too(tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, *LONG)
    command = [str(MPICH.python), "-m", "mpirender", str(folder.scene)]
    with running(folder, command, {}) as process:
        wait_until(lambda: len(renderers(folder)) == 1, "a renderer", START_LIMIT_S)
        process.kill()
        assert_all_is_over(folder)


@every_launcher
def test_a_rank_that_waits_sleeps(launcher: Launcher, tmp_path: Path) -> None:
    folder = Folder.with_scene(tmp_path, "size = 8x8", "block = 8", "seconds = 6")
    command = launcher.command(4, folder.scene)
    with running(folder, command, dict(launcher.env)) as mpirun:
        wait_until(lambda: len(renderers(folder)) == 1, "a renderer", START_LIMIT_S)
        waiting = ranks(folder)
        time.sleep(1.5)  # the one that has the task loads what will read its picture
        before = [process.cpu_times() for process in waiting]
        time.sleep(2.5)
        after = [process.cpu_times() for process in waiting]
        _, errors = mpirun.communicate(timeout=60)
    assert mpirun.returncode == 0, errors
    assert len(waiting) == 4
    used = [b.user + b.system - a.user - a.system for a, b in zip(before, after, strict=True)]
    assert max(used) < 0.5, used
    assert sum(used) < 1.0, used
