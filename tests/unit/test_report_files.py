"""Tables, traces and pages: what is written of a report besides its raw record."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from unit.pages import Page
from unit.runs import attempt, report, run, run_of

from mpirender.report.html import html_of
from mpirender.report.metrics import metrics_of
from mpirender.report.records import FAILED, RENDER, STRONG, WEAK, Report
from mpirender.report.tables import Table, csv_of, shown, table_of, tex_of
from mpirender.report.trace import trace_of

ONE = report([run(attempt(0, 0, 8), attempt(1, 0, 4), ranks=2)], RENDER)
BENCH = report([run_of(n, 8 / n + 1, repeat=r) for n in (1, 2, 4) for r in (1, 2)])
SVG = '<?xml version="1.0"?>\n<svg><g id="a" fill="url(#b)" stroke="#000000"/></svg>'
REPORTS = pytest.mark.parametrize("of", [ONE, BENCH], ids=["render", "bench"])


# ------------------------------------------------------------------------------------- tables


def test_a_render_has_a_row_a_rank() -> None:
    table = table_of(ONE)
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [(row["rank"], row["busy [s]"], row["idle [%]"]) for row in rows] == [
        (0, 8, 0),
        (1, 4, 50),
    ]
    assert [(row["render [s]"], row["wait [s]"]) for row in rows] == [(2, 0), (1, 4)]


def test_a_bench_has_a_row_a_number_of_ranks() -> None:
    table = table_of(BENCH)
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    assert [(row["ranks"], row["repeats"], row["time [s]"]) for row in rows] == [
        (1, 2, 9),
        (2, 2, 5),
        (4, 2, 3),
    ]
    assert [row["speed-up"] for row in rows] == [1, 9 / 5, 3]
    assert rows[0]["Karp-Flatt"] is None
    assert rows[2]["Karp-Flatt"] == pytest.approx(1 / 9)


@REPORTS
def test_csv_has_all_numbers_as_they_are(of: Report) -> None:
    table = table_of(of)
    head, *rows = csv.reader(io.StringIO(csv_of(table)))
    assert tuple(head) == table.columns
    for read, row in zip(rows, table.rows, strict=True):
        assert read == ["" if cell is None else str(cell) for cell in row]


@REPORTS
def test_latex_has_as_many_cells_in_every_row(of: Report) -> None:
    table = table_of(of)
    lines = tex_of(table).splitlines()
    assert lines[0].startswith(r"\begin{tabular}{") and lines[-1] == r"\end{tabular}"
    rows = [line for line in lines if line.endswith(r"\\")]
    assert len(rows) == 1 + len(table.rows)
    assert {len(re.findall(r"(?<!\\)&", row)) for row in rows} == {len(table.columns) - 1}


def test_latex_takes_special_characters_as_letters() -> None:
    text = tex_of(Table(("share [%]",), (("a_b & c",),)))
    assert r"share [\%]" in text
    assert r"a\_b \& c" in text


@pytest.mark.parametrize(
    ("cell", "text"),
    [(None, ""), (3, "3"), ("a", "a"), (1.23456, "1.235"), (12.3456, "12.35"), (123.456, "123.5")],
)
def test_people_see_as_many_digits_as_they_can_use(cell: float | None, text: str) -> None:
    assert shown(cell) == text


# -------------------------------------------------------------------------------------- trace


def test_a_trace_has_every_attempt_once_with_its_times_in_microseconds() -> None:
    events = json.loads(trace_of(BENCH))["traceEvents"]
    tasks = [event for event in events if event["name"].startswith("task")]
    assert len(tasks) == sum(len(each.attempts) for each in BENCH.runs)
    assert {event["dur"] for event in tasks if event["pid"] == 0} == {9e6}


def test_events_of_one_thread_of_a_trace_lie_within_each_other_or_apart() -> None:
    overlapping = run(attempt(0, 0, 8), attempt(0, 6, 12, task=1), attempt(0, 9, 20, task=2))
    events = json.loads(trace_of(report([overlapping], RENDER)))["traceEvents"]
    spans = [(e["tid"], e["ts"], e["ts"] + e["dur"]) for e in events if e["ph"] == "X"]
    for thread, began, ended in spans:
        for other, since, until in spans:
            apart = ended <= since or until <= began
            within = (since <= began and ended <= until) or (began <= since and until <= ended)
            assert thread != other or apart or within
    named = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    assert named.keys() == {thread for thread, _, _ in spans}
    assert sorted(named.values()) == ["rank 0 on here", "rank 0 on here", "run"]


def test_a_trace_says_what_came_to_nothing() -> None:
    lost = run(attempt(0, 0, 8, outcome=FAILED))
    events = json.loads(trace_of(report([lost], RENDER)))["traceEvents"]
    assert [event["name"] for event in events if "args" in event and event["ph"] == "X"] == [
        "task 0, failed"
    ]


# --------------------------------------------------------------------------------------- page


@REPORTS
def test_a_page_is_well_formed_and_needs_nothing_else(of: Report) -> None:
    html = html_of(of, {"gantt": SVG, "phases": SVG})
    page = Page(html)
    assert page.open == []
    assert page.links == []
    assert "@import" not in html and "<script" not in html and "<?xml" not in html


def test_names_within_plots_are_each_plots_own() -> None:
    html = html_of(ONE, {"gantt": SVG, "phases": SVG})
    assert Page(html).ids == ["gantt-a", "phases-a"]
    assert "url(#gantt-b)" in html and "url(#phases-b)" in html


def test_plots_are_drawn_in_the_colour_of_the_text() -> None:
    assert 'stroke="currentColor"' in html_of(ONE, {"gantt": SVG})


def test_a_page_shows_names_as_they_are() -> None:
    html = html_of(ONE, {})
    assert "a <b> & c.pov" in Page(html).text
    assert "<b>" not in html


@pytest.mark.parametrize("kind", [STRONG, WEAK])
def test_a_page_of_a_bench_tells_speed_up_and_serial_fraction(kind: str) -> None:
    text = Page(html_of(report(BENCH.runs, kind), {})).text
    assert "speed-up, 4 ranks3.00" in text
    assert {STRONG: "serial fraction (Amdahl)11.1%", WEAK: "Gustafson"}[kind] in text


def test_a_page_of_a_render_tells_how_idle_its_ranks_were() -> None:
    assert metrics_of(ONE.runs[0]).idle == 0.25
    assert "idle25.0%" in Page(html_of(ONE, {})).text
