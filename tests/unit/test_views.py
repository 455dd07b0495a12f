from __future__ import annotations

import errno
import io
import os
import sys
from pathlib import Path

import pytest

from mpirender.views.base import NoView, Status
from mpirender.views.progress import MODES, BarView, PlainView, terminal_behind, view_for


def status(fraction: float = 0.5, seconds: float = 30, busy: int = 3) -> Status:
    return Status(fraction=fraction, seconds=seconds, ranks=4, busy=busy)


def test_the_time_left_is_in_proportion_to_the_time_spent() -> None:
    assert status(fraction=0.25, seconds=30).seconds_left == 90


def test_nothing_is_promised_at_the_very_beginning() -> None:
    assert status(fraction=0.009).seconds_left is None
    assert status(fraction=0.01).seconds_left is not None


def test_no_time_is_left_at_the_end() -> None:
    assert status(fraction=1).seconds_left == 0


def test_plain_lines_come_now_and_then() -> None:
    stream = io.StringIO()
    view = PlainView(stream, every=10)
    for tenth in range(301):
        view.show(status(fraction=tenth / 301, seconds=tenth / 10))
    view.close()
    assert [line.split()[4] for line in stream.getvalue().splitlines()] == ["10.0", "20.0", "30.0"]


def test_a_plain_line_tells_how_far_how_long_and_how_busy() -> None:
    stream = io.StringIO()
    PlainView(stream, every=10).show(status())
    expected = "mpirender: 50 % after 30.0 s, about 30.0 s left, 3 of 4 ranks busy\n"
    assert stream.getvalue() == expected


def test_a_plain_line_promises_nothing_too_early() -> None:
    stream = io.StringIO()
    PlainView(stream, every=10).show(status(fraction=0))
    assert stream.getvalue() == "mpirender: 0 % after 30.0 s, 3 of 4 ranks busy\n"


def test_a_short_run_has_no_plain_lines() -> None:
    stream = io.StringIO()
    PlainView(stream).show(status(seconds=9.9))
    assert stream.getvalue() == ""


def test_the_bar_is_drawn_through_a_launchers_pipe() -> None:
    stream = io.StringIO()
    view = BarView(stream, width=80)
    view.show(status())
    drawn = stream.getvalue()
    view.close()
    assert "50%" in drawn
    assert "3/4 ranks busy" in drawn
    assert "ETA 30.0 s" in drawn


def test_the_bar_is_not_drawn_more_often_than_needed() -> None:
    stream = io.StringIO()
    view = BarView(stream)
    view.show(status(seconds=1))
    once = stream.getvalue()
    view.show(status(seconds=1.1, fraction=0.9))
    assert stream.getvalue() == once
    view.show(status(seconds=1.3, fraction=0.9))
    view.close()
    assert "90%" in stream.getvalue()


def test_the_bar_leaves_the_cursor_visible() -> None:
    stream = io.StringIO()
    view = BarView(stream)
    view.show(status())
    view.close()
    shown = stream.getvalue()
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")


class Gone(io.StringIO):
    """A terminal, or a pipe, that nobody reads any more."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number, self.tries = number, 0

    def write(self, text: str) -> int:
        self.tries += 1
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize("number", [errno.EIO, errno.EPIPE], ids=errno.errorcode.get)
@pytest.mark.parametrize("kind", [PlainView, BarView])
def test_a_view_that_nobody_sees_does_no_harm(kind: type[PlainView | BarView], number: int) -> None:
    stream = Gone(number)
    view = kind(stream)
    for seconds in (20, 40):
        view.show(status(seconds=seconds))
    view.close()
    assert stream.tries >= 1


def test_no_view_shows_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    view = view_for("none", launched=False)
    view.show(status())
    view.close()
    assert isinstance(view, NoView)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("mode", "kind"), [("plain", PlainView), ("auto", PlainView)])
def test_a_run_without_a_terminal_gets_plain_lines(
    mode: str, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mpirender.views.progress.terminal_behind", lambda *, launched: None)
    assert isinstance(view_for(mode, launched=True), kind)


def test_a_bar_that_was_asked_for_comes_without_a_terminal(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mpirender.views.progress.terminal_behind", lambda *, launched: None)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    view = view_for("bar", launched=True)
    view.close()
    assert isinstance(view, BarView)


def test_a_terminal_behind_the_launcher_gets_the_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    master, slave = os.openpty()
    terminal = Path(os.ttyname(slave))
    monkeypatch.setattr("mpirender.views.progress.terminal_behind", lambda *, launched: terminal)
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    view = view_for("auto", launched=True)
    view.close()
    os.close(slave)
    os.close(master)
    assert isinstance(view, BarView)


def test_a_stream_that_is_no_terminal_is_seen_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert terminal_behind(launched=False) is None


def test_no_terminal_is_found_where_no_launcher_is_an_ancestor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mpirender.views.progress._LAUNCHERS", ())
    assert terminal_behind(launched=True) is None


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_has_a_view(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    view_for(mode, launched=False).close()
