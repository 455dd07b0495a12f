from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from mpirender.backoff import Backoff
from mpirender.errors import RendererNotFound, SetupError
from mpirender.process import (
    STALLED_AFTER,
    Exit,
    Process,
    age_of_this_process,
    clean_environment,
    find_program,
)


class Start:
    """Starts tiny Python programs, and ends what a failed test leaves running."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "child.log"
        self.folder = folder
        self.started: list[Process] = []

    def __call__(self, code: str, *arguments: str) -> Process:
        child = Process(
            [sys.executable, "-S", "-c", code, *arguments],
            directory=self.folder,
            environment=os.environ,
            log=self.log,
        )
        self.started.append(child)
        return child


@pytest.fixture
def start(weird_folder: Path) -> Iterator[Start]:
    starter = Start(weird_folder)
    yield starter
    for child in starter.started:
        child.kill()


def wait(child: Process) -> Exit:
    """The exit of a process, which is waited for until it ends by itself."""
    os.waitid(os.P_PID, child._child.pid, os.WEXITED | os.WNOWAIT)
    end = child.poll()
    assert end is not None
    return end


def heard(child: Process) -> list[str]:
    """Wait for the next whole line of a process."""
    while not (lines := child.lines()):
        select.select([child._pipe], [], [])
    return lines


def fall_asleep(child: Process) -> None:
    """Wait until a process that says a line and then sleeps does so."""
    heard(child)
    while psutil.Process(child.pid).status() != psutil.STATUS_SLEEPING:
        time.sleep(0.01)


def test_what_a_process_says_comes_line_by_line(start: Start) -> None:
    child = start("print('one'); print(); print('thr\\u00e9e')")
    wait(child)
    assert child.lines() == ["one", "", "thrée"]
    assert child.lines() == []


def test_both_its_streams_are_heard(start: Start) -> None:
    child = start("import sys; print('out', flush=True); print('err', file=sys.stderr)")
    wait(child)
    assert child.lines() == ["out", "err"]


def test_a_progress_record_counts_as_a_line(start: Start) -> None:
    child = start("print('1 of 2\\r2 of 2\\r\\ndone')")
    wait(child)
    assert child.lines() == ["1 of 2", "2 of 2", "", "done"]


def test_half_a_line_is_kept_until_its_end(start: Start) -> None:
    child = start("import sys; print('ha', end='', flush=True); sys.stdin.read(); print('lf')")
    wait(child)
    assert child.lines() == ["half"]


def test_half_a_line_is_not_told_while_the_process_runs(start: Start) -> None:
    child = start("import signal; print('whole\\nha', end='', flush=True); signal.pause()")
    assert heard(child) == ["whole"]
    assert child.lines() == []


def test_the_last_words_need_no_line_end(start: Start) -> None:
    child = start("print('no end', end='')")
    wait(child)
    assert child.lines() == ["no end"]


def test_bytes_that_are_no_text_do_no_harm(start: Start) -> None:
    child = start("import os; os.write(1, b'\\xff\\xfe!\\n')")
    wait(child)
    assert child.lines() == ["\ufffd\ufffd!"]


def test_the_log_has_all_but_the_progress(start: Start) -> None:
    child = start("print('begin'); print('1 of 2\\r2 of 2\\r\\nend', end='')")
    wait(child)
    child.lines()
    child.close()
    assert start.log.read_bytes() == b"begin\n\nend"


def test_the_last_lines_are_kept_for_the_report(start: Start) -> None:
    child = start("for n in range(50): print(f'line {n}'); print(' ')")
    wait(child)
    child.lines()
    assert list(child.last_lines) == [f"line {n}" for n in range(30, 50)]


def test_more_than_a_pipe_holds_arrives_whole(start: Start) -> None:
    child = start("print('x' * 100_000); print('y' * 100_000)")
    lines: list[str] = []
    while child.poll() is None:
        lines += child.lines()
    lines += child.lines()
    assert lines == ["x" * 100_000, "y" * 100_000]


def test_a_running_process_has_no_exit(start: Start) -> None:
    child = start("import signal; signal.pause()")
    assert child.poll() is None


@pytest.mark.parametrize("status", [0, 1, 77])
def test_a_process_ends_with_its_status(start: Start, status: int) -> None:
    end = wait(start(f"raise SystemExit({status})"))
    assert (end.status, str(end)) == (status, f"exit status {status}")


def test_a_process_that_dies_by_a_signal_names_it(start: Start) -> None:
    end = wait(start("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)"))
    assert (end.status, str(end)) == (-11, "signal SIGSEGV")


def test_a_signal_without_a_name_is_told_by_its_number(start: Start) -> None:
    end = wait(start("import os, signal; os.kill(os.getpid(), signal.SIGRTMIN + 3)"))
    assert str(end) == f"signal {signal.SIGRTMIN + 3}"


def test_processor_time_is_told_beside_a_process_whose_name_is_cut_in_a_letter(
    start: Start,
) -> None:
    named = start(  # the kernel keeps 15 bytes of a name
        "import ctypes, time; ctypes.CDLL(None).prctl(15, ('a' * 14 + 'ü').encode());"
        " print('named', flush=True); time.sleep(60)"
    )
    while "named" not in named.lines():
        time.sleep(0.01)
    assert Path(f"/proc/{named.pid}/comm").read_bytes() == b"a" * 14 + b"\xc3\n"
    child = start(
        "x = sum(range(3_000_000)); print('done', flush=True); __import__('time').sleep(60)"
    )
    while "done" not in child.lines():
        time.sleep(0.01)
    assert child.cpu_seconds() > 0


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"cannot work in .*none: No such file"):
        Process(
            [sys.executable, "-c", ""],
            directory=tmp_path,
            environment=os.environ,
            log=tmp_path / "none" / "child.log",
        )


def test_a_file_of_any_number_wakes_who_sleeps() -> None:
    ear, mouth = os.pipe()
    high = fcntl.fcntl(ear, fcntl.F_DUPFD, 1500)
    os.write(mouth, b"word")
    began = time.monotonic()
    Backoff(shortest=30).sleep([high])
    assert time.monotonic() - began < 20
    for file in (ear, mouth, high):
        os.close(file)


def test_the_exit_tells_processor_time_and_memory(start: Start) -> None:
    end = wait(start("x = bytearray(1 << 25); sum(range(1_000_000))"))
    assert end.cpu_seconds > 0
    assert 1 << 25 < end.peak_memory < 1 << 30


def test_the_exit_stays_the_same(start: Start) -> None:
    child = start("raise SystemExit(3)")
    end = wait(child)
    child.kill()
    assert child.poll() is end


def test_a_running_process_tells_processor_time_and_memory(start: Start) -> None:
    child = start("x = bytearray(1 << 25)\nprint('up', flush=True)\nwhile True: pass")
    assert heard(child) == ["up"]
    while child.cpu_seconds() == 0:
        assert child.poll() is None
    assert child.memory() > 1 << 25


def test_a_process_that_has_ended_has_no_memory(start: Start) -> None:
    child = start("")
    wait(child)
    assert (child.memory(), child.cpu_seconds()) == (0, 0)


GRANDCHILD = """
import signal, subprocess, sys
child = subprocess.Popen([sys.executable, "-S", "-c", "import signal; signal.pause()"])
print(child.pid, flush=True)
signal.pause()
"""


def test_killing_ends_the_whole_group(start: Start) -> None:
    child = start(GRANDCHILD)
    grandchild = psutil.Process(int(heard(child)[0]))
    child.kill()
    psutil.wait_procs([grandchild], timeout=30)
    assert not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE
    assert child.exit is not None
    assert child.exit.status == -9


def test_killing_twice_does_no_harm(start: Start) -> None:
    child = start("import signal; signal.pause()")
    child.kill()
    child.kill()


def test_a_process_has_a_session_and_an_input_of_its_own(start: Start) -> None:
    child = start("import os, sys; print(os.getsid(0) == os.getpid(), repr(sys.stdin.read()))")
    wait(child)
    assert child.lines() == ["True ''"]


def test_arguments_arrive_as_they_are(start: Start) -> None:
    odd = ["a b", "it's", '"quoted"', "$HOME", "a=b", "*", ""]
    child = start("import sys; print(sys.argv[1:])", *odd)
    wait(child)
    assert child.lines() == [str(odd)]


def test_a_process_runs_in_its_folder_with_its_variables(weird_folder: Path) -> None:
    code = "import os; print(os.getcwd()); print(sorted(k for k in os.environ if k != 'LC_CTYPE'))"
    child = Process(
        [sys.executable, "-S", "-c", code],
        directory=weird_folder,
        environment={"ONLY": "1"},
        log=weird_folder / "log",
    )
    wait(child)
    assert child.lines() == [str(weird_folder), "['ONLY']"]
    child.kill()


def test_a_missing_program_is_told(tmp_path: Path) -> None:
    with pytest.raises(RendererNotFound, match="no program 'no-such-thing' on the PATH"):
        Process(["no-such-thing"], directory=tmp_path, environment={}, log=tmp_path / "log")


def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"cannot start .* No such file"):
        Process([sys.executable], directory=tmp_path / "none", environment={}, log=tmp_path / "log")


def test_a_program_is_looked_for_on_the_path_of_its_environment(tmp_path: Path) -> None:
    program = tmp_path / "tool"
    program.write_text("#!/bin/sh\n")
    with pytest.raises(RendererNotFound):
        find_program("tool", {"PATH": str(tmp_path)})
    program.chmod(0o755)
    assert find_program("tool", {"PATH": str(tmp_path)}) == str(program)


LAUNCHERS_OWN = (
    "OMPI_COMM_WORLD_RANK",
    "OMPI_COMM_WORLD_SIZE",
    "OMPI_UNIVERSE_SIZE",
    "OMPI_FILE_LOCATION",
    "OMPI_MCA_ess_base_jobid",
    "OMPI_MCA_orte_launch",
    "PMIX_RANK",
    "PRTE_LAUNCHED",
    "PMI_RANK",
    "PMI_FD",
    "PMI2_SPAWNED",
    "HYDI_CONTROL_FD",
    "MPIR_CVAR_CH3_PORT_RANGE",
    "MPI_LOCALRANKID",
)


@pytest.mark.parametrize("name", LAUNCHERS_OWN)
def test_a_child_does_not_see_the_launchers_variables(name: str) -> None:
    assert clean_environment({name: "1", "HOME": "/root"}) == {"HOME": "/root"}


@pytest.mark.parametrize(
    "name", ["PATH", "HOME", "POVINI", "LD_LIBRARY_PATH", "SLURM_JOB_ID", "MY_PMI_RANK"]
)
def test_a_child_sees_all_other_variables(name: str) -> None:
    assert clean_environment({name: "1"}) == {name: "1"}


def test_a_process_hangs_that_neither_speaks_nor_works(start: Start) -> None:
    process = start("import time; print(flush=True); time.sleep(60)")
    fall_asleep(process)
    assert not process.is_stalled(1000.0)
    assert not process.is_stalled(1000.0 + STALLED_AFTER)
    assert process.is_stalled(1001.0 + STALLED_AFTER)


def test_a_process_that_works_in_silence_does_not_hang(start: Start) -> None:
    process = start("while True: pass")
    assert not process.is_stalled(1000.0)
    while process.cpu_seconds() < 0.1:  # more than its start had taken
        time.sleep(0.01)
    assert not process.is_stalled(1001.0 + STALLED_AFTER)


def test_the_age_of_this_process_is_counted_from_its_start() -> None:
    first, second = age_of_this_process(), age_of_this_process()
    assert 0 < first <= second
    known = time.time() - psutil.Process().create_time()
    assert second == pytest.approx(known, abs=5)


def test_who_had_nothing_to_do_is_not_hung_when_spoken_to(start: Start) -> None:
    process = start("import time; print(flush=True); time.sleep(60)")
    fall_asleep(process)
    assert not process.is_stalled(1000.0)
    assert not process.is_stalled(1000.0 + STALLED_AFTER)
    assert process.is_stalled(1001.0 + STALLED_AFTER)
    process.tell("go on")
    assert not process.is_stalled(1002.0 + STALLED_AFTER)
