from __future__ import annotations

import os
from pathlib import Path

import pytest

from mpirender.errors import SetupError, WriteError
from mpirender.paths import Scratch, atomic_replace, check_writable


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_appears_under_its_name_when_it_is_whole(weird_folder: Path) -> None:
    path = weird_folder / "it's = 1.png"
    with atomic_replace(path) as temporary:
        temporary.write_bytes(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    assert names(weird_folder) == ["it's = 1.png"]


def test_the_temporary_file_lies_beside_its_own_and_has_its_ending(tmp_path: Path) -> None:
    with atomic_replace(tmp_path / "a.b.png") as temporary:
        temporary.touch()
        assert (temporary.parent, temporary.suffix) == (tmp_path, ".png")
        assert temporary.name.startswith(".")


def test_a_link_stays_a_link_to_what_is_written(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "a.png"
    link.symlink_to(tmp_path / "elsewhere" / "b.png")
    with atomic_replace(link) as temporary:
        temporary.write_text("picture")
    assert link.is_symlink()
    assert (tmp_path / "elsewhere" / "b.png").read_text() == "picture"


@pytest.mark.parametrize("crash", [ValueError, KeyboardInterrupt, WriteError])
def test_a_crash_in_between_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, crash: type[BaseException]
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with pytest.raises(crash), atomic_replace(path) as temporary:
        temporary.write_bytes(b"half of the n")
        raise crash("now")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.png"]


def test_a_full_disk_is_told_and_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"old")
    with (
        pytest.raises(WriteError, match=r"cannot write .*a\.png: No space left on device"),
        atomic_replace(path) as temporary,
    ):
        temporary.write_bytes(b"half of the n")
        raise OSError(28, os.strerror(28))
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["a.png"]


def test_a_file_that_was_never_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="No such file"), atomic_replace(tmp_path / "a.png"):
        pass


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.png").mkdir()
    with pytest.raises(WriteError), atomic_replace(tmp_path / "a.png") as temporary:
        temporary.touch()
    assert names(tmp_path) == ["a.png"]


def test_a_place_that_can_be_written_to_is_left_as_it_was(weird_folder: Path) -> None:
    check_writable(weird_folder / "out.png")
    assert names(weird_folder) == []


def test_a_missing_folder_is_told_with_its_cure(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="no such folder") as caught:
        check_writable(tmp_path / "none" / "out.png")
    assert caught.value.hint == f"make it: mkdir -p '{tmp_path / 'none'}'"


def test_a_folder_instead_of_a_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="is a folder, expected a file name"):
        check_writable(tmp_path)


def test_a_folder_that_takes_no_files_is_told() -> None:
    with pytest.raises(WriteError, match="cannot write to /proc/self"):
        check_writable(Path("/proc/self/out.png"))


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scratch:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return Scratch(7)


def test_a_scratch_folder_lies_where_the_host_wants_it(scratch: Scratch, tmp_path: Path) -> None:
    assert scratch.folder.parent == tmp_path
    assert scratch.folder.name.startswith("mpirender-007-")


def test_every_attempt_has_a_log_of_its_own(scratch: Scratch) -> None:
    assert scratch.log(42, 1).name == "task-000042.1.log"
    assert len({scratch.log(t, a) for t in range(3) for a in range(3)}) == 9


def test_sweeping_an_attempt_leaves_its_log_and_all_others(scratch: Scratch) -> None:
    others = ["task-000001.12.png", "task-000001.2.png", "task-000011.1.png"]
    for name in ("task-000001.1.png", "task-000001.1.png.tmp", "task-000001.1.pov-state", *others):
        (scratch.folder / name).touch()
    scratch.log(1, 1).touch()
    scratch.sweep(task_id=1, attempt=1)
    assert names(scratch.folder) == ["task-000001.1.log", *others]


def test_a_removed_scratch_folder_is_gone(scratch: Scratch) -> None:
    scratch.log(1, 1).touch()
    scratch.remove()
    scratch.remove()
    assert not scratch.folder.exists()


def test_no_room_for_a_scratch_folder_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/proc/nowhere")
    with pytest.raises(SetupError, match="no scratch folder on this host") as caught:
        Scratch(0)
    assert "TMPDIR" in caught.value.hint
