from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from unit.pages import Page
from unit.runs import attempt, report, run, run_of

from mpirender.errors import SetupError, WriteError
from mpirender.images import read_picture
from mpirender.report.records import RENDER, Report, from_json
from mpirender.reporter import check_report, page_of, write_report, write_results

ONE = report([run(attempt(0, 0, 8), attempt(1, 0, 4), ranks=2)], RENDER)
BENCH = report([run_of(n, 8 / n + 1, repeat=r) for n in (1, 2, 4) for r in (1, 2)])
PLOTS = {"render": ("gantt", "phases"), "bench": ("speed-up", "efficiency", "phases-by-ranks")}


def test_a_page_alone_is_one_file(tmp_path: Path) -> None:
    write_report(ONE, tmp_path / "run.html")
    assert [path.name for path in tmp_path.iterdir()] == ["run.html"]
    assert (tmp_path / "run.html").read_text().count("<svg") == 2


@pytest.mark.parametrize(
    ("of", "plots"), [(ONE, PLOTS["render"]), (BENCH, PLOTS["render"] + PLOTS["bench"])]
)
def test_a_folder_has_everything(of: Report, plots: tuple[str, ...], tmp_path: Path) -> None:
    write_report(of, tmp_path / "all")
    written = {path.name for path in (tmp_path / "all").iterdir()}
    texts = {"results.json", "table.csv", "table.tex", "trace.json", "report.html"}
    assert written == texts | {f"{name}.{kind}" for name in plots for kind in ("svg", "png")}


def test_a_folder_holds_what_its_results_say(tmp_path: Path) -> None:
    write_report(BENCH, tmp_path)
    assert from_json((tmp_path / "results.json").read_text()) == BENCH
    assert json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    page = Page((tmp_path / "report.html").read_text())
    assert page.open == []
    assert len(page.ids) == len(set(page.ids))
    assert all(link.startswith("#") and link[1:] in page.ids for link in page.links)


def test_plots_are_pictures(tmp_path: Path) -> None:
    write_report(BENCH, tmp_path)
    for path in tmp_path.glob("*.png"):
        pixels = read_picture(path).pixels[..., :3]
        assert np.ptp(pixels) == 255, path
        assert (pixels == 255).mean() > 0.2, path


def test_the_same_record_gives_the_same_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_report(BENCH, tmp_path / name)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes(), path.name


def test_a_thousand_ranks_can_be_drawn(tmp_path: Path) -> None:
    write_report(report([run_of(1000, 5)], RENDER), tmp_path / "many.html")
    assert (tmp_path / "many.html").stat().st_size > 0


def test_results_alone_replace_those_before(tmp_path: Path) -> None:
    write_results(ONE, tmp_path / "out")
    write_results(BENCH, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["results.json"]
    assert from_json((tmp_path / "out" / "results.json").read_text()) == BENCH


def test_a_target_is_a_page_by_its_suffix(tmp_path: Path) -> None:
    assert page_of(Path("a/b.HTML")) == Path("a/b.HTML")
    assert page_of(Path("a/b")) == Path("a/b/report.html")


def test_a_folder_is_made_beforehand(tmp_path: Path) -> None:
    check_report(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir()


def test_a_page_in_no_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WriteError, match="no such folder"):
        check_report(tmp_path / "nowhere" / "a.html")


def test_without_matplotlib_reports_are_refused_with_what_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SetupError) as caught:
        check_report(tmp_path / "a.html")
    assert caught.value.hint == "pip install 'mpirender[report]'"
