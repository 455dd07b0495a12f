"""Files of a report: where they lie, and what of the program and the machine they name."""

from __future__ import annotations

import hashlib
import platform
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from mpirender import __version__
from mpirender.flags import Flags
from mpirender.model import Job
from mpirender.paths import atomic_replace, check_writable, make_folder
from mpirender.plots import check_plots, draw_plots
from mpirender.report.html import html_of
from mpirender.report.records import Report, Setting, to_json
from mpirender.report.tables import csv_of, table_of, tex_of
from mpirender.report.trace import trace_of

__all__ = ["check_report", "page_of", "setting_of", "write_report", "write_results"]

_PAGE = "report.html"
_PAGES = (".html", ".htm")


def page_of(target: Path) -> Path:
    """Return where the HTML of a report will be: the target, or in it where that is a folder."""
    return target if target.suffix.lower() in _PAGES else target / _PAGE


def check_report(target: Path) -> None:
    """Find out, before hours are spent, whether a report could be made.

    Raises
    ------
    SetupError
        If what draws its figures is missing.
    WriteError
        If it cannot be written.
    """
    check_plots()
    page = page_of(target)
    if page != target:
        make_folder(target)
    check_writable(page)


def setting_of(
    kind: str, jobs: Sequence[Job], flags: Flags, *, mpi: str, options: dict[str, str]
) -> Setting:
    """Return what a report says of where and how its runs were made.

    Parameters
    ----------
    kind : str
        See `mpirender.report.records.Setting`.
    jobs : sequence of Job
        Of the largest run.
    flags : Flags
    mpi : str
        Version of the MPI library; empty where there is none.
    options : dict of str to str
        More of them than a render has.
    """
    job = jobs[0]
    scene = job.scene if job.scene.is_file() else Path(flags.scenes[0])
    is_one_file = len(jobs) == 1 and len(flags.scenes) == 1 and scene.is_file()
    return Setting(
        kind=kind,
        date=datetime.now().astimezone().isoformat(timespec="seconds"),
        argv=("mpirender", *sys.argv[1:]),
        directory=str(Path.cwd()),
        versions={
            "mpirender": __version__,
            "Python": platform.python_version(),
            "MPI": mpi or "none, one process",
            job.renderer: job.version,
            "kernel": f"{platform.system()} {platform.release()}",
        },
        scene=" ".join(flags.scenes),
        scene_hash=hashlib.sha256(scene.read_bytes()).hexdigest() if is_one_file else "",
        width=job.width,
        height=job.height,
        frames=sum(len(job.frames) for job in jobs),
        options={
            "arguments of the renderer": " ".join(job.arguments),
            "threads a rank": str(flags.threads or "auto"),
            "split": flags.split.value,
            "rows a task": str(flags.rows_per_task or "as the policy says"),
            **({"frames are not cut": job.whole} if job.whole else {}),
            **options,
        },
    )


def write_report(report: Report, target: Path) -> None:
    """Write one page, or a folder of all there is; see `page_of`.

    Raises
    ------
    WriteError
        If that cannot be.
    """
    plots = draw_plots(report)
    page = html_of(report, {plot.name: plot.svg for plot in plots})
    if page_of(target) == target:
        _write(target, page)
        return
    write_results(report, target)
    table = table_of(report)
    _write(target / "table.csv", csv_of(table))
    _write(target / "table.tex", tex_of(table))
    _write(target / "trace.json", trace_of(report))
    for plot in plots:
        _write(target / f"{plot.name}.svg", plot.svg)
        _write(target / f"{plot.name}.png", plot.png)
    _write(target / _PAGE, page)


def write_results(report: Report, folder: Path) -> None:
    """Write the raw record, all of it, in place of the one before.

    Raises
    ------
    WriteError
        If that cannot be.
    """
    make_folder(folder)
    _write(folder / "results.json", to_json(report))


def _write(path: Path, content: str | bytes) -> None:
    with atomic_replace(path) as temporary:
        temporary.write_bytes(content.encode() if isinstance(content, str) else content)
