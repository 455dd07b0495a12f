"""A report as one HTML file that needs nothing else: no script, no font, no network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape

from mpirender.report.metrics import metrics_of
from mpirender.report.records import RENDER, WEAK, PhaseRecord, Report, RunRecord
from mpirender.report.remarks import remarks_of
from mpirender.report.scaling import Fit, scaling_of
from mpirender.report.tables import Table, shown, table_of
from mpirender.units import format_bytes, format_seconds, plural

__all__ = ["html_of"]

_STYLE = """\
:root { color-scheme: light dark; --ink: #1a1c20; --soft: #5b6270; --line: #d5d9e0;
  --paper: #ffffff; --shade: #f4f6f9; --note: #b45309; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ec; --soft: #a0a7b4; --line: #3a404b;
  --paper: #15171b; --shade: #1e2127; --note: #fbbf24; } }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 62rem; margin: 0 auto; padding: 2rem 1.2rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; }
p.under, figcaption, .small { color: var(--soft); font-size: .9rem; }
.numbers { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr));
  gap: .8rem; margin: 1.4rem 0; padding: 0; }
.numbers div { background: var(--shade); border-radius: .5rem; padding: .6rem .9rem; }
.numbers dt { color: var(--soft); font-size: .85rem; }
.numbers dd { margin: 0; font-size: 1.3rem; font-weight: 600; }
.remarks li { border-left: .25rem solid var(--note); padding-left: .8rem; margin: .7rem 0; }
.remarks { list-style: none; padding: 0; }
figure { margin: 1rem 0; }
svg { width: 100%; height: auto; }
svg text { fill: currentColor; }
.scroll { overflow-x: auto; margin: 0 0 1rem; }
table { border-collapse: collapse; font-size: .8rem; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .45rem; border-bottom: 1px solid var(--line); text-align: right; }
th { vertical-align: bottom; color: var(--soft); font-weight: 600; }
th.text, td.text { text-align: left; }
td.long { overflow-wrap: anywhere; }
code { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
@media print { :root { --ink: #000; --soft: #444; --line: #bbb; --paper: #fff; --shade: #f4f4f4; }
  body { max-width: none; padding: 0; font-size: 10pt; } h2 { break-after: avoid; }
  figure, tr, li, .numbers div { break-inside: avoid; } .scroll { overflow: visible; }
  table { font-size: 7pt; } th, td { padding: .15rem .3rem; } }
"""

_CAPTIONS = {
    "speed-up": "Speed-up: the middle one of the repeats; bars reach from the least to the most."
    " The dashed line is the ideal, the thin one the fitted law.",
    "efficiency": "Efficiency: speed-up by ranks.",
    "phases-by-ranks": "How the ranks spent their time, the mean of all of a run's ranks.",
    "gantt": "What every rank did, from the first task handed out to the last picture in its"
    " place. The grey stretch at the end is rank 0's, which puts the picture together and writes"
    " it.",
    "phases": "How every rank spent that time, summed up.",
}

_WORDS = """\
<dl class="small">
<dt>time, makespan</dt><dd>from the first task handed out to the last picture in its place; the
start of MPI, the question what is meant and a first pass over the picture, where there is one, come
before that, see the phases of rank 0</dd>
<dt>busy, idle</dt><dd>a rank has a renderer running, or has none</dd>
<dt>launch, parse, render, finish</dt><dd>the renderer has not begun to parse; parses (bounding
and photons too); traces pixels; writes and ends. Ranks look at their renderers every 0.06 s at
most; where blocks are sent one by one, the start of the renderer counts as parsing</dd>
<dt>send</dt><dd>a task or its pixels are on the way to the other rank, or wait there</dd>
<dt>imbalance</dt><dd>largest busy time of a rank by the mean of all</dd>
<dt>load balance, communication efficiency, parallel efficiency</dt><dd>as the POP Centre of
Excellence defines them, with the time in which renderers parse or trace as the useful one: mean
useful time by the largest; largest useful time by makespan; their product</dd>
%s</dl>
"""

_WORDS_OF_BENCH = """\
<dt>speed-up, efficiency</dt><dd>T(1) / T(n), the middle ones of the repeats%s; speed-up / n</dd>
<dt>Karp-Flatt</dt><dd>the serial fraction that a speed-up shows, (1/S - 1/n) / (1 - 1/n): where it
grows with n, overhead does; where it stays, the serial part is the limit</dd>
<dt>forecast</dt><dd>the time that the program's own schedule takes under a simulated clock, with
what the parts of the picture have cost in a run of the fewest ranks above one: where the measured
time is longer, ranks have been in each other's way (cores, memory, network); what
<code>mpirender plan results.json</code> says rests on the same</dd>
<dt>%s's law</dt><dd>%s; intervals of 95 %%, Student's t</dd>
"""

_AMDAHL = (
    "T(n) = a + b/n, by linear least squares of the relative residuals of all repeats;"
    " serial fraction a / (a + b)"
)
_GUSTAFSON = (
    "S(n) = n - s (n - 1), by least squares of the efficiencies of all repeats; serial fraction s"
)


def html_of(report: Report, plots: Mapping[str, str]) -> str:
    """Return a report as HTML.

    Parameters
    ----------
    report : Report
    plots : mapping of str to str
        Name of each plot, and its SVG; they appear in this order.
    """
    body = "\n".join(_body(report, plots))
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(_title(report))}</title>\n<style>\n{_STYLE}</style>\n</head>\n<body>\n"
        f"{body}\n</body>\n</html>\n"
    )


def _title(report: Report) -> str:
    kind = {RENDER: "Report", WEAK: "Weak scaling"}.get(report.setting.kind, "Strong scaling")
    return f"{kind}: {report.setting.scene}"


def _body(report: Report, plots: Mapping[str, str]) -> Iterator[str]:
    setting = report.setting
    frames = f", {plural(setting.frames, 'frame')}" if setting.frames else ""
    yield f"<h1>{escape(_title(report))}</h1>"
    yield (
        f'<p class="under">{setting.width} x {setting.height} pixels{frames};'
        f" {escape(setting.date)}<br><code>{escape(' '.join(setting.argv))}</code></p>"
    )
    yield _numbers(_of_bench(report) if setting.kind != RENDER else _of_run(report.runs[-1]))
    remarks = remarks_of(report)
    if remarks:
        items = "\n".join(f"<li>{escape(remark)}</li>" for remark in remarks)
        yield f'<h2>To be known</h2>\n<ul class="remarks">\n{items}\n</ul>'
    if plots:
        yield "<h2>Plots</h2>"
    for name, svg in plots.items():
        caption = escape(_CAPTIONS[name])
        yield f"<figure>\n{_inline(svg, name)}\n<figcaption>{caption}</figcaption>\n</figure>"
    yield f"<h2>Numbers</h2>\n{_table(table_of(report))}"
    largest = max(report.counted or report.runs, key=lambda run: run.size)
    yield f"<h2>Phases of rank 0</h2>\n{_table(_phases(largest.phases))}"
    yield f"<h2>Where and with what</h2>\n{_table(_hosts(largest))}\n{_facts(report)}"
    yield f"<h2>Words</h2>\n{_words(report)}"


def _numbers(numbers: Sequence[tuple[str, str]]) -> str:
    cells = "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in numbers)
    return f'<dl class="numbers">{cells}</dl>'


def _of_run(run: RunRecord) -> list[tuple[str, str]]:
    """Return the most telling numbers of one render."""
    numbers = metrics_of(run)
    return [
        ("time", format_seconds(numbers.makespan)),
        ("ranks", str(run.size)),
        ("idle", f"{numbers.idle:.1%}"),
        ("imbalance", f"{numbers.imbalance:.3f}"),
        ("load balance", f"{numbers.load_balance:.3f}"),
        ("parallel efficiency", f"{numbers.parallel_efficiency:.3f}"),
        ("largest renderer", format_bytes(numbers.peak_memory)),
    ]


def _of_bench(report: Report) -> list[tuple[str, str]]:
    """Return the most telling numbers of a bench."""
    found: list[tuple[str, str]] = []
    scalings = scaling_of(report)
    for each in scalings:
        of = f", {escape(each.policy)}" if len(scalings) > 1 else ""
        best = each.points[-1]
        found += [
            (f"speed-up, {plural(best.ranks, 'rank')}{of}", f"{best.speed_up:.2f}"),
            (f"efficiency{of}", f"{best.efficiency:.3f}"),
        ]
        if each.fit:
            found.append((f"serial fraction ({each.fit.law}){of}", _interval(each.fit)))
    return [*found, ("runs", str(len(report.counted)))]


def _interval(fit: Fit) -> str:
    """Return a serial fraction with its interval."""
    if fit.low is None or fit.high is None:
        return f"{fit.serial:.1%}"
    return (
        f'{fit.serial:.1%} <span class="small">{fit.low:.1%}&nbsp;&hellip;&nbsp;{fit.high:.1%}'
        "</span>"
    )


def _table(table: Table) -> str:
    is_text = [
        any(isinstance(row[i], str) for row in table.rows) for i in range(len(table.columns))
    ]

    def row(tag: str, cells: Sequence[str]) -> str:
        return "".join(
            f'<{tag} class="text">{escape(cell)}</{tag}>' if text else f"<{tag}>{cell}</{tag}>"
            for cell, text in zip(cells, is_text, strict=True)
        )

    head = row("th", table.columns)
    body = "\n".join(f"<tr>{row('td', [shown(c) for c in cells])}</tr>" for cells in table.rows)
    return (
        f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n'
        "</table></div>"
    )


def _phases(phases: Sequence[PhaseRecord]) -> Table:
    rows = tuple((p.name, p.began, p.ended, p.ended - p.began) for p in phases)
    return Table(("phase", "from [s]", "to [s]", "takes [s]"), rows)


def _hosts(run: RunRecord) -> Table:
    """Return a row a host."""
    rows = []
    for host in dict.fromkeys(rank.host for rank in run.ranks):
        ranks = [rank for rank in run.ranks if rank.host == host]
        cores = {core for rank in ranks for core in rank.cores}
        first = ranks[0]
        memory = format_bytes(first.memory) if first.memory else ""
        bound = all(len(rank.cores) < len(cores) for rank in ranks)
        threads = sum(rank.threads for rank in ranks)
        affinity = "each its own" if bound else "all of them"
        rows.append((host, first.cpu, len(cores), affinity, memory, len(ranks), threads))
    columns = ("host", "processor", "cores", "a rank may use", "memory", "ranks", "threads")
    return Table(columns, tuple(rows))


def _facts(report: Report) -> str:
    setting = report.setting
    facts = {
        "folder": setting.directory,
        **setting.versions,
        "SHA-256 of the scene": setting.scene_hash,
        **setting.options,
    }
    pictures = {run.pictures for run in report.counted} - {""}
    if pictures:
        facts["SHA-256 of the pixels"] = ", ".join(sorted(pictures))
    rows = "\n".join(
        f'<tr><td class="text">{escape(name)}</td><td class="text long">{escape(value)}</td></tr>'
        for name, value in facts.items()
        if value
    )
    return f'<div class="scroll"><table>\n{rows}\n</table></div>'


def _words(report: Report) -> str:
    if report.setting.kind == RENDER:
        return _WORDS % ""
    is_weak = report.setting.kind == WEAK
    scaled = ", times the growth of the work" if is_weak else ""
    law = ("Gustafson", _GUSTAFSON) if is_weak else ("Amdahl", _AMDAHL)
    return _WORDS % (_WORDS_OF_BENCH % (scaled, *law))


def _inline(svg: str, name: str) -> str:
    """Return an SVG as part of a page: names of its own, lines and letters in the page's colour."""
    svg = svg[svg.index("<svg") :].strip()
    svg = re.sub(r'\b(id=")', rf"\g<1>{name}-", svg)
    svg = re.sub(r'(url\(#|href="#)', rf"\g<1>{name}-", svg)
    return re.sub(r"#000000|\bblack\b", "currentColor", svg)
