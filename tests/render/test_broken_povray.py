"""A POV-Ray that fails once: a script in its place breaks one attempt, and the picture is whole."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest
from launchers import MPICH, OPENMPI5, Launcher
from render.stills import Stage, Still, assert_same, own_words, still

SCENE = ("fine_edges.pov", "+W64", "+H96")


# The questions that come first are answered by the real one. mkdir succeeds once.
SCRIPT = """\
#!/bin/sh
real={real}
case " $* " in *" +GI"*{whole}) exec "$real" "$@";; esac
if mkdir {once} 2>/dev/null; then
  {fault}
fi
exec "$real" "$@"
"""
NOT_SPARES = "|*mpirender-spare-*"
PICTURE_NAME = 'for a; do case "$a" in +O*) picture=${a#+O};; esac; done'

# what the first attempt does instead, options, what is said of it
FAULTS = {
    "fails": ("echo 'Cannot allocate a thing.' >&2; exit 1", (), "ended with exit status 1"),
    "hangs": ("exec sleep 300", ("--timeout", "6"), "over the time limit of 6.0 s"),
    "says nothing and succeeds": ("exit 0", (), "but said 0 of 0 pixels, expected 2048"),
    "renders less": ('exec "$real" "$@" +EC32', (), "expected 2048"),
    "leaves no picture": ('exec "$real" "$@" -F', (), "no picture file"),
    "leaves another size": ('exec "$real" "$@" +W65', (), "a picture of 65x96, expected 64x96"),
    "is killed": ("kill -9 $$", (), "ended with signal SIGKILL"),
    "crashes": ("kill -SEGV $$", (), "ended with signal SIGSEGV"),
    "is asked to end": ("kill -TERM $$", (), "ended with signal SIGTERM"),
}

# the same about the task's own picture, which nobody looks at where blocks come one by one
PICTURE_FAULTS = {
    "leaves an empty picture": (
        f'{PICTURE_NAME}; "$real" "$@"; : >"$picture"; exit 0',
        (),
        "is empty",
    ),
    "leaves half a picture": (
        f'{PICTURE_NAME}; "$real" "$@"; truncate -s 300 "$picture"; exit 0',
        (),
        "torn",
    ),
    "leaves another depth": ('exec "$real" "$@" +FN16', (), "expected uint8"),
}


def broken(folder: Path, real: Path, fault: str, *, whole: str = "") -> Path:
    """Return a folder with a `povray` whose first attempt is broken, but for some commands."""
    programs = folder / "programs"
    programs.mkdir()
    once = shlex.quote(str(folder / "once"))
    text = SCRIPT.format(real=shlex.quote(str(real)), once=once, fault=fault, whole=whole)
    (programs / "povray").write_text(text)
    (programs / "povray").chmod(0o755)
    return programs


@pytest.fixture
def header(tmp_path: Path) -> str:
    """A user's own header: then each task has a process that is started for it."""
    (tmp_path / "empty.inc").touch()
    return f"+HI{tmp_path}/empty.inc"


@pytest.fixture(scope="module")
def whole(povray: Path, tmp_path_factory: pytest.TempPathFactory) -> Still:
    stage = Stage(tmp_path_factory.mktemp("plain"))
    stage.plain(*SCENE)
    return still(stage.picture)


@pytest.mark.parametrize(
    ("fault", "ranks"),
    [*((fault, 2) for fault in FAULTS), ("renders less", 1), ("is killed", 1)],
)
def test_the_picture_is_whole_after_one_broken_attempt(
    fault: str, ranks: int, povray: Path, whole: Still, header: str, tmp_path: Path
) -> None:
    instead, options, said = FAULTS[fault]
    stage = Stage(tmp_path)
    programs = broken(tmp_path, povray, instead, whole=NOT_SPARES)
    arguments = [*SCENE, header, "--rows-per-task", "32", *options]
    done = stage.mpirender(MPICH, ranks, arguments, path=programs)
    assert done.returncode == 0, done.stderr
    (complaint,) = own_words(done.stderr)
    assert said in complaint
    assert ", attempt 1, rank " in complaint
    assert_same(stage.picture, whole)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_picture_is_whole_after_one_broken_spare(
    fault: str, povray: Path, whole: Still, tmp_path: Path
) -> None:
    instead, options, _ = FAULTS[fault]
    stage = Stage(tmp_path)
    programs = broken(tmp_path, povray, instead)
    arguments = [*SCENE, "--rows-per-task", "32", *options]
    done = stage.mpirender(MPICH, 2, arguments, path=programs)
    assert done.returncode == 0, done.stderr
    assert len(own_words(done.stderr)) <= 1  # none where it has died before there was a task
    assert_same(stage.picture, whole)
    assert (tmp_path / "once").is_dir()


@pytest.mark.parametrize("kills", [1, 2, 4])
def test_the_picture_is_whole_however_often_its_last_pass_is_killed(
    kills: int, povray: Path, whole: Still, tmp_path: Path
) -> None:
    stage = Stage(tmp_path)
    programs = tmp_path / "programs"
    programs.mkdir()
    tries = " || ".join(f"mkdir {tmp_path}/once-{number} 2>/dev/null" for number in range(kills))
    (programs / "povray").write_text(
        f"""#!/bin/sh
case " $* " in *" +Q8 "*) if {tries}; then kill -9 $$; fi;; esac
exec {shlex.quote(str(povray))} "$@"
"""
    )
    (programs / "povray").chmod(0o755)
    done = stage.mpirender(MPICH, 2, SCENE, path=programs)
    assert done.returncode == 0, done.stderr
    said = own_words(done.stderr)
    assert len(said) == kills // 2  # a stub of the scene and the scene itself are one try
    assert all("could not write the picture from its tiles" in line for line in said)
    assert all("signal SIGKILL" in line and "it is tried again" in line for line in said)
    assert_same(stage.picture, whole)


@pytest.mark.parametrize("fault", PICTURE_FAULTS)
def test_a_broken_picture_of_a_task_is_told_where_it_is_needed(
    fault: str, povray: Path, whole: Still, tmp_path: Path
) -> None:
    instead, options, said = PICTURE_FAULTS[fault]
    stage = Stage(tmp_path)
    programs = broken(tmp_path, povray, instead)
    arguments = [*SCENE, "--rows-per-task", "32", *options]
    done = stage.mpirender(MPICH, 1, arguments, path=programs)
    assert done.returncode == 0, done.stderr
    (complaint,) = own_words(done.stderr)
    assert said in complaint
    assert_same(stage.picture, whole)


@pytest.mark.parametrize("fault", PICTURE_FAULTS)
def test_a_broken_picture_of_a_task_does_not_matter_where_blocks_come_one_by_one(
    fault: str, povray: Path, whole: Still, tmp_path: Path
) -> None:
    instead, options, _ = PICTURE_FAULTS[fault]
    stage = Stage(tmp_path)
    programs = broken(tmp_path, povray, instead)
    done = stage.mpirender(MPICH, 2, [*SCENE, *options], path=programs)
    assert done.returncode == 0, done.stderr
    assert own_words(done.stderr) == []
    assert_same(stage.picture, whole)


def test_want_of_memory_is_no_fault_of_the_scene(povray: Path, header: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    low = 'ulimit -v 300000; exec "$real" "$@"'
    programs = broken(tmp_path, povray, low, whole=NOT_SPARES)
    done = stage.mpirender(MPICH, 2, ["much_memory.pov", *SCENE[1:], header], path=programs)
    assert done.returncode == 0, done.stderr
    (complaint,) = own_words(done.stderr)
    assert ", attempt 1, rank " in complaint
    assert "memory" in complaint or "bad_alloc" in complaint


def test_a_program_that_is_named_is_used(povray: Path, whole: Still, tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    programs = broken(tmp_path, povray, "exit 1")
    done = stage.mpirender(MPICH, 2, [*SCENE, "--program", programs / "povray"])
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "once").is_dir()
    assert_same(stage.picture, whole)


@pytest.mark.parametrize("launcher", [MPICH, OPENMPI5], ids=str)
def test_another_version_on_one_host_ends_the_run(
    launcher: Launcher, povray: Path, tmp_path: Path
) -> None:
    stage = Stage(tmp_path)
    other = "echo 'Persistence of Vision(tm) Ray Tracer Version 3.6.1' >&2; sleep 5; exit 0"
    programs = broken(tmp_path, povray, other)
    done = stage.mpirender(launcher, 3, SCENE, path=programs)
    assert done.returncode == 3, done.stderr
    (complaint,) = own_words(done.stderr)
    assert f"povray on {os.uname().nodename} is version 3.6.1, on rank 0's host 3.7" in complaint
    assert "install the same version on all hosts" in done.stderr
    assert stage.new_files == set()


def test_rows_that_povray_never_renders_are_named(
    povray: Path, header: str, tmp_path: Path
) -> None:
    stage = Stage(tmp_path)
    programs = broken(tmp_path, povray, "true")
    script = (programs / "povray").read_text()
    never = 'case " $* " in *" +SR33 "*) echo "no such cheese" >&2; exit 1;; esac\nexec "$real"'
    (programs / "povray").write_text(script.replace('exec "$real" "$@"\n', f'{never} "$@"\n'))
    arguments = [*SCENE, header, "--rows-per-task", "32", "--retries", "1"]
    done = stage.mpirender(MPICH, 2, arguments, path=programs)
    assert done.returncode == 4, done.stderr
    *_, last = own_words(done.stderr)
    assert last.endswith("black where nothing could be rendered: rows 32-63, columns 0-63")
    pixels = still(stage.picture).pixels
    assert not pixels[32:64].any()
    assert pixels[:32].any() and pixels[64:].any()
    assert "no such cheese" in done.stderr
