from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mpirender.errors import RendererNotFound
from mpirender.process import STALLED_AFTER, clean_environment
from mpirender.resting import close_resting
from mpirender.session import Session, Sitting

STAYER = """
import os, sys, time
held = []
for line in sys.stdin:
    number, _, request = line.strip().partition(" ")
    if request.startswith("tell "):
        continue
    print(f"@mpirender {number} begin", flush=True)
    print(f"got {request}", flush=True)
    if request == "die":
        os.kill(os.getpid(), 9)
    while request == "hang":
        time.sleep(0.1)
    if request == "grow":
        held.append(b"x" * (64 << 20))
    if request == "listen":
        print("heard", sys.stdin.readline().strip(), flush=True)
    print(f"@mpirender {number} end {int(request == 'fail')} 1.5 4096", flush=True)
"""


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[[str], Sitting]]:
    """Ask a session for something; it is at `begin.session`."""
    session = session_of(tmp_path)

    def ask(request: str) -> Sitting:
        return session.begin(request, tmp_path / f"{request}.log")

    ask.session = session  # type: ignore[attr-defined]
    yield ask
    session.close()


def session_of(folder: Path, *, most_memory: int = 0, program: str = sys.executable) -> Session:
    (folder / "stayer.py").write_text(STAYER)
    return Session(
        (program, "-u", str(folder / "stayer.py")),
        directory=folder,
        environment=clean_environment(os.environ),
        log=folder / "session.log",
        most_memory=most_memory,
    )


def said(sitting: Sitting) -> list[str]:
    """All that is said of a request down to its end."""
    lines: list[str] = []
    for _ in range(2000):
        end = sitting.poll()
        lines += sitting.lines()
        if end:
            return lines
        time.sleep(0.005)
    raise AssertionError(f"no end of {sitting.request}: {lines}")


def starts(begin: Callable[[str], Sitting]) -> int:
    session = begin.session  # type: ignore[attr-defined]
    assert isinstance(session, Session)
    return session.starts


def test_a_process_stays_for_the_next_request(begin: Callable[[str], Sitting]) -> None:
    first = begin("one")
    assert said(first) == ["got one"]
    second = begin("two")
    assert said(second) == ["got two"]
    assert (starts(begin), first.exit, second.exit) == (1, second.exit, first.exit)


def test_an_end_tells_what_the_request_has_cost(begin: Callable[[str], Sitting]) -> None:
    sitting = begin("fail")
    said(sitting)
    assert sitting.exit
    assert (sitting.exit.status, sitting.cpu_seconds(), sitting.memory()) == (1, 1.5, 4096)


def test_a_request_waits_for_the_one_before(begin: Callable[[str], Sitting]) -> None:
    first, second = begin("one"), begin("two")
    assert (first.is_waiting, second.is_waiting) == (False, True)
    assert (said(second), said(first)) == (["got two"], ["got one"])
    assert (first.is_waiting, second.is_waiting) == (False, False)


def test_a_log_has_what_was_said_of_its_request_only(
    begin: Callable[[str], Sitting], tmp_path: Path
) -> None:
    for sitting in (begin("one"), begin("two")):
        said(sitting)
        sitting.kill()
    assert (tmp_path / "two.log").read_text() == "got two\n"


def test_a_process_that_dies_takes_its_request_with_it_and_no_other(
    begin: Callable[[str], Sitting],
) -> None:
    dies, waits = begin("die"), begin("two")
    assert said(dies) == ["got die"]
    assert dies.exit
    assert dies.exit.status == -9
    assert said(waits) == ["got two"]
    assert starts(begin) == 2


def test_a_request_is_ended_with_its_process(begin: Callable[[str], Sitting]) -> None:
    hangs, waits = begin("hang"), begin("two")
    while not hangs.lines():
        time.sleep(0.005)
    pid = hangs.pid
    hangs.kill()
    assert not Path(f"/proc/{pid}").exists()
    assert said(waits) == ["got two"]


def test_a_request_that_waits_is_left_without_harm(begin: Callable[[str], Sitting]) -> None:
    first, second = begin("one"), begin("two")
    second.kill()
    assert said(first) == ["got one"]
    assert second.lines() == []


def test_an_answered_request_leaves_the_process_alone(begin: Callable[[str], Sitting]) -> None:
    first = begin("one")
    said(first)
    first.kill()
    said(begin("two"))
    assert starts(begin) == 1


def test_words_reach_the_request_that_they_are_about(begin: Callable[[str], Sitting]) -> None:
    sitting = begin("listen")
    sitting.tell("leave frame 7")
    assert said(sitting) == ["got listen", "heard 0 tell leave frame 7"]


def test_only_the_request_that_is_worked_on_can_hang(begin: Callable[[str], Sitting]) -> None:
    hangs, waits = begin("hang"), begin("two")
    while not hangs.lines():
        time.sleep(0.005)
    for sitting in (hangs, waits):
        sitting.is_stalled(1000.0)
    late = 1001.0 + STALLED_AFTER
    hangs.is_stalled(late)  # the processor time of its start is noticed now
    late += 1 + STALLED_AFTER
    assert (hangs.is_stalled(late), waits.is_stalled(late)) == (True, False)


def test_a_process_that_has_grown_is_started_anew(tmp_path: Path) -> None:
    session = session_of(tmp_path, most_memory=32 << 20)
    try:
        for request in ("one", "grow", "two", "three"):
            said(session.begin(request, tmp_path / "log"))
        assert session.starts == 2
    finally:
        session.close()


def test_a_large_process_that_does_not_grow_stays(tmp_path: Path) -> None:
    session = session_of(tmp_path, most_memory=1)
    try:
        for request in ("one", "two", "three"):
            said(session.begin(request, tmp_path / "log"))
        assert session.starts == 1
    finally:
        session.close()


@pytest.fixture
def resting(tmp_path: Path) -> Iterator[int]:
    """Let a session rest; the number of its process."""
    session = session_of(tmp_path)
    said(session.begin("one", tmp_path / "one.log"))
    assert session.process
    pid = session.process.pid
    session.rest()
    yield pid
    close_resting()


def rested(folder: Path) -> Session | None:
    return Session.rested((sys.executable, "-u", str(folder / "stayer.py")), folder)


def test_whoever_needs_such_a_process_finds_the_one_that_rests(
    resting: int, tmp_path: Path
) -> None:
    session = rested(tmp_path)
    assert session
    assert rested(tmp_path) is None  # it has an owner again
    sitting = session.begin("two", tmp_path / "two.log")
    assert (sitting.pid, said(sitting)) == (resting, ["got two"])
    session.close()


def test_who_needs_another_process_does_not(resting: int, tmp_path: Path) -> None:
    argv = (sys.executable, "-u", str(tmp_path / "stayer.py"))
    assert Session.rested((*argv, "-t"), tmp_path) is None
    assert Session.rested(argv, tmp_path / "elsewhere") is None


def test_a_process_that_nobody_needs_is_ended(resting: int, tmp_path: Path) -> None:
    close_resting()
    assert not Path(f"/proc/{resting}").exists()
    assert rested(tmp_path) is None


def test_of_two_that_are_alike_one_rests(resting: int, tmp_path: Path) -> None:
    other = session_of(tmp_path)
    sitting = other.begin("one", tmp_path / "other.log")
    said(sitting)
    pid = other.process.pid if other.process else 0
    other.rest()
    assert not Path(f"/proc/{pid}").exists()
    assert Path(f"/proc/{resting}").exists()


def test_a_request_from_before_the_rest_is_answered_to_nobody(tmp_path: Path) -> None:
    session = session_of(tmp_path, most_memory=1)
    session.begin("one", tmp_path / "one.log")
    asked = session.begin("two", tmp_path / "two.log")
    pid = asked.pid
    session.rest()
    taken = rested(tmp_path)
    assert taken is session
    sitting = taken.begin("three", tmp_path / "three.log")
    assert (sitting.pid, sitting.is_waiting, asked.exit is None) == (pid, False, False)
    assert said(sitting)[-1] == "got three"
    assert session.starts == 1
    session.close()


def test_one_that_has_died_at_rest_is_started_again(resting: int, tmp_path: Path) -> None:
    session = rested(tmp_path)
    assert session
    os.kill(resting, signal.SIGKILL)
    os.waitid(os.P_PID, resting, os.WEXITED | os.WNOWAIT)
    first, second = (session.begin(word, tmp_path / word) for word in ("two", "three"))
    assert (said(first), said(second)) == (["got two"], ["got three"])
    assert first.exit
    assert first.exit.status == 0
    session.close()


def dead(begin: Callable[[str], Sitting]) -> None:
    """Wait until a session's process has died, without having heard of it."""
    process = begin.session.process  # type: ignore[attr-defined]
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)


def test_one_that_dies_with_nothing_to_do_is_started_again(begin: Callable[[str], Sitting]) -> None:
    first = begin("one")
    said(first)
    os.kill(first.pid, signal.SIGKILL)
    dead(begin)
    second = begin("two")
    assert said(second) == ["got two"]
    assert second.exit
    assert (second.exit.status, starts(begin)) == (0, 2)


def test_a_request_is_not_lost_with_the_one_before_that_nobody_wants(
    begin: Callable[[str], Sitting],
) -> None:
    first, unwanted, last = begin("one"), begin("die"), begin("three")
    dead(begin)  # in the second one
    unwanted.kill()  # the answer to the first has not been heard: it seems to wait
    assert (said(first), said(last)) == (["got one"], ["got three"])
    assert last.exit
    assert (last.exit.status, starts(begin)) == (0, 2)


@pytest.mark.parametrize("torn", ["end", "end 0", "end 0 1.", "end 0 1.5", "end 0 1.5 4096x", "en"])
def test_a_torn_sign_is_no_answer(torn: str, tmp_path: Path) -> None:
    session = session_of(tmp_path)
    words = f"@mpirender 0 begin\n@mpirender 0 {torn}"
    (tmp_path / "stayer.py").write_text(f"print({words!r}); raise SystemExit(3)")
    sitting = session.begin("one", tmp_path / "log")
    said(sitting)
    assert sitting.exit
    assert sitting.exit.status == 3
    session.close()


def test_a_program_that_is_not_there_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(RendererNotFound):
        session_of(tmp_path, program="no-such-program").begin("one", tmp_path / "log")
