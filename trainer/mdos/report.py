"""`edge-train mdos report`: one page for people, and tables for programs."""

from __future__ import annotations

import csv
import html
import io
import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from pathlib import Path

import numpy as np

from edge.basics.errors import InputOutputError
from edge.basics.whole_files import PRIVATE_FILE, PRIVATE_FOLDER, make_folder, write_whole
from trainer.mdos.results import MDOS, Results
from trainer.mdos.statistics import densities, num_subjects_for
from trainer.mdos.study import ASPECTS

WISHED = (0.25, 0.5, 1.0)
"""Differences of a score that a next study may want to see."""
COLOURS = ("#8a97a5", "#e0883f", "#2f9e94", "#4f7ddb", "#b0539b", "#7d9a35")
TITLES = {MDOS: "MDOS", "quality": "Quality", "reproducibility": "Reproducibility"}
NOTHING = "\N{EN DASH}"
SIMULATED = "SIMULATED: nobody has looked at these pictures. This is a test of the report and no result."
Table = tuple[Sequence[str], list[Sequence[object]]]

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b2128;background:#fff}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.2rem}table{border-collapse:collapse;margin:.6rem 0}
th,td{padding:.3rem .8rem;border-bottom:1px solid #d5dbe1;text-align:right}
th:first-child,td:first-child{text-align:left}
.note{color:#55606c}.simulated{background:#b3261e;color:#fff;padding:.8rem 1rem;border-radius:8px;font-weight:600}
svg{max-width:100%;height:auto}
"""


def write_report(results: Results, folder: Path) -> Path:
    """Write `report.html` and five CSV files; the page.

    Raises:
        InputOutputError: the folder takes nothing.
    """
    tables = {
        "table1.csv": _table1(results),
        "pictures.csv": _pictures(results),
        "ratings.csv": _ratings(results),
        "comparisons.csv": _comparisons(results),
        "agreement.csv": _agreement(results),
    }
    try:
        make_folder(folder, PRIVATE_FOLDER)
        for name, table in tables.items():
            write_whole(folder / name, _csv(table, results.is_simulated), PRIVATE_FILE)
        page = folder / "report.html"
        write_whole(page, _page(results).encode(), PRIVATE_FILE)
    except OSError as error:
        raise InputOutputError(f"{folder}: {error.strerror or error}; name another with --output") from error
    return page


def text_of(results: Results) -> str:
    """The same in short, for a terminal."""
    lines = [SIMULATED] if results.is_simulated else []
    for one in results.progress:
        state = "complete" if one.is_complete else "INCOMPLETE, counted as far as it goes"
        lines.append(f"{one.rater}: {one.num_done} of {one.num_all} pictures, {state}")
    lines += [f"{title:<16}{'method':<20}{'pictures':>9}{'mean':>7}{'SD':>7}" for title in ("",)]
    for row in results.table():
        lines.append(
            f"{TITLES[row.aspect]:<16}{row.method:<20}{row.num_pictures:>9}{row.mean:>7.2f}{_figure(row.spread):>7}"
        )
    for aspect, (alpha, one_rater, all_raters) in results.agreement().items():
        lines.append(
            f"{TITLES[aspect]}: Krippendorff's alpha {_figure(alpha)}, ICC(A,1) {_figure(one_rater)}, "
            f"ICC(A,k) {_figure(all_raters)}"
        )
    return "\n".join(lines)


# ---- tables


def _table1(results: Results) -> Table:
    head = ("aspect", "method", "pictures", "mean", "sd")
    return head, [(row.aspect, row.method, row.num_pictures, row.mean, row.spread) for row in results.table()]


def _pictures(results: Results) -> Table:
    study = results.study
    rows: list[Sequence[object]] = []
    for item, means in results.by_picture.items():
        values = [means.get(aspect, math.nan) for aspect in (*ASPECTS, MDOS)]
        rows.append((study.subject_of[item], study.method_of[item], item, *values))
    rows.sort(key=lambda row: (str(row[0]), study.methods.index(str(row[1]))))
    return ("subject", "method", "item", *ASPECTS, MDOS), rows


def _ratings(results: Results) -> Table:
    head = ("rater", "item", "method", "subject", "aspect", "showing", "score", "ms")
    rows: list[Sequence[object]] = [
        (one.rater, one.item, one.method, one.subject, one.aspect, one.showing + 1, one.score, one.ms)
        for one in results.ratings
    ]
    return head, rows


def _comparisons(results: Results) -> Table:
    head = ("aspect", "one", "other", "subjects", "difference", "low", "high", "p", "p_holm", "sd_of_differences")
    rows: list[Sequence[object]] = [
        (one.aspect, one.one, one.other, one.num, one.mean, one.low, one.high, one.p, one.p_corrected, one.spread)
        for one in results.differences()
    ]
    return head, rows


def _agreement(results: Results) -> Table:
    rows: list[Sequence[object]] = [
        (aspect, "all", "krippendorff_alpha_ordinal", alpha) for aspect, (alpha, _, _) in results.agreement().items()
    ]
    for aspect, (_, one, all_of_them) in results.agreement().items():
        rows += [(aspect, "all", "icc_a_1", one), (aspect, "all", "icc_a_k", all_of_them)]
    for retest in results.retests():
        figures = {"same": retest.same, "within_one": retest.within_one, "kappa_quadratic": retest.kappa}
        rows += [("both", retest.rater, name, value) for name, value in figures.items()]
    return ("aspect", "rater", "figure", "value"), rows


def _csv(table: Table, is_simulated: bool) -> bytes:
    head, rows = table
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*head, *(["simulated"] if is_simulated else [])])
    for row in rows:
        told = [f"{value:.4f}" if isinstance(value, float) else _harmless(value) for value in row]
        writer.writerow([*told, *(["yes"] if is_simulated else [])])
    return text.getvalue().encode()


def _harmless(value: object) -> object:
    """A spreadsheet takes a text that begins so for a formula (CWE-1236)."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


# ---- the page


def _page(results: Results) -> str:
    study, title = results.study, html.escape(results.study.title)
    made_at = datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    warning = f'<p class="simulated">{SIMULATED}</p>' if results.is_simulated else ""
    parts = [
        f"<!doctype html><html lang='en'><meta charset='utf-8'><title>{title}</title><style>{_STYLE}</style>",
        f"<h1>{title}</h1>{warning}",
        f"<p class='note'>{len(study.items)} pictures, {len(study.methods)} methods, {len(results.progress)} of "
        f"{len(study.raters)} raters. Study {study.sha256[:16]}, report of {made_at}. Scores are 1 (bad) to 5 "
        "(excellent); a picture's score is the mean of its raters, and MDOS the mean of the aspects that it was rated "
        "for. Hidden repeats count for test and retest alone.</p>",
        _section("Scores by method", _scores_table(results)),
        _section("Distributions", _density_plot(results), "As the paper's Fig. 5: one line a method."),
        _section("Comparisons", _comparison_table(results), "The other less the one, on the same pictures. 95% "
                 "intervals by drawing pictures anew; Wilcoxon's signed-rank test, Holm's correction over all rows."),
        _section("Mixed effects", _effects_table(results), "Score by method, with random raters and pictures: the "
                 "effect against the first method."),
        _section("Agreement of the raters", _agreement_table(results), "Krippendorff's alpha on an ordinal scale; "
                 "ICC(A,1) of one rater and ICC(A,k) of all."),
        _section("Test and retest", _retest_table(results), "The same picture twice, without being told."),
        _section("Raters", _progress_table(results)),
        _section("How many pictures a next study takes", _size_table(results), "A paired test with 80% power at the "
                 "5% level, from the spread of the differences seen here."),
        "</html>",
    ]  # fmt: skip
    return "\n".join(part for part in parts if part)


def _section(title: str, content: str, note: str = "") -> str:
    told = f"<p class='note'>{note}</p>" if note else ""
    return f"<h2>{title}</h2>{told}{content}" if content else ""


def _html_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    if not body:
        return ""
    return "<table><tr>" + "".join(f"<th>{html.escape(cell)}</th>" for cell in head) + f"</tr>{body}</table>"


def _scores_table(results: Results) -> str:
    rows = {(row.method, row.aspect): row for row in results.table()}
    aspects = [aspect for aspect in (MDOS, *ASPECTS) if any(key[1] == aspect for key in rows)]
    lines = []
    for method in results.study.methods:
        cells = [rows.get((method, aspect)) for aspect in aspects]
        if any(cells):
            told = [NOTHING if row is None else f"{row.mean:.2f} ± {_figure(row.spread)}" for row in cells]
            num = max(row.num_pictures for row in cells if row is not None)
            lines.append([method, str(num), *told])
    return _html_table(["Method", "Pictures", *(TITLES[aspect] for aspect in aspects)], lines)


def _comparison_table(results: Results) -> str:
    return _html_table(
        ["Aspect", "One", "Other", "Pictures", "Difference", "95% interval", "p", "p (Holm)"],
        [
            [TITLES[one.aspect], one.one, one.other, str(one.num), f"{one.mean:+.2f}",
             f"{one.low:+.2f} to {one.high:+.2f}", _p(one.p), _p(one.p_corrected)]
            for one in results.differences()
        ],
    )  # fmt: skip


def _effects_table(results: Results) -> str:
    rows = []
    for aspect, effects in results.effects().items():
        for method, (effect, low, high, p) in effects.items():
            rows.append([TITLES[aspect], method, f"{effect:+.2f}", f"{low:+.2f} to {high:+.2f}", _p(p)])
    return _html_table(["Aspect", "Method", "Effect", "95% interval", "p"], rows)


def _agreement_table(results: Results) -> str:
    rows = [[TITLES[aspect], *map(_figure, figures)] for aspect, figures in results.agreement().items()]
    return _html_table(["Aspect", "Krippendorff's alpha", "ICC(A,1)", "ICC(A,k)"], rows)


def _retest_table(results: Results) -> str:
    return _html_table(
        ["Rater", "Scores twice", "The same", "Within one", "Kappa, quadratic weights"],
        [
            [one.rater, str(one.num), f"{one.same:.0%}", f"{one.within_one:.0%}", _figure(one.kappa)]
            for one in results.retests()
        ],
    )


def _progress_table(results: Results) -> str:
    begun = {one.rater for one in results.progress}
    rows = [
        [one.rater, f"{one.num_done} of {one.num_all}", "complete" if one.is_complete else "incomplete",
         _figure(one.median_s)]
        for one in results.progress
    ]  # fmt: skip
    rows += [[rater, "none", "not begun", NOTHING] for rater in results.study.raters if rater not in begun]
    return _html_table(["Rater", "Pictures", "State", "Median seconds a click"], rows)


def _size_table(results: Results) -> str:
    rows = []
    for one in results.differences():
        nums = [num_subjects_for(wished, one.spread) for wished in WISHED]
        rows.append(
            [TITLES[one.aspect], f"{one.one}, {one.other}", *(NOTHING if num is None else str(num) for num in nums)]
        )
    return _html_table(["Aspect", "Methods", *(f"{wished} apart" for wished in WISHED)], rows)


def _density_plot(results: Results) -> str:
    grid = np.linspace(0.5, 5.5, 201)
    lines = []
    for index, method in enumerate(results.study.methods):
        values = list(results.values(method, MDOS).values())
        if values:
            lines.append((method, COLOURS[index % len(COLOURS)], densities(values, grid)))
    if not lines:
        return ""
    top = max(float(line.max()) for _, _, line in lines) * 1.08
    width, height, left, base = 720, 320, 50, 270

    def across(score: float) -> float:
        return left + (score - 0.5) / 5 * (width - left - 20)

    def up(density: float) -> float:
        return base - density / top * (base - 20)

    drawn = [f'<line x1="{left}" y1="{base}" x2="{width - 20}" y2="{base}" stroke="#9aa5b1"/>']
    for score in range(1, 6):
        drawn.append(f'<text x="{across(score):.0f}" y="{base + 22}" text-anchor="middle">{score}</text>')
        drawn.append(f'<line x1="{across(score):.0f}" y1="{base}" x2="{across(score):.0f}" y2="20" stroke="#edf0f3"/>')
    drawn.append(f'<text x="{across(3):.0f}" y="{base + 44}" text-anchor="middle">MDOS of a picture</text>')
    for place, (method, colour, line) in enumerate(lines):
        points = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in zip(grid, line, strict=True))
        drawn.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        y = 30 + 20 * place
        drawn.append(f'<rect x="{left + 12}" y="{y - 9}" width="18" height="4" fill="{colour}"/>')
        drawn.append(f'<text x="{left + 38}" y="{y}">{html.escape(method)}</text>')
    label = "Density of scores by method"
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{label}" '
        f'font-family="system-ui" font-size="14">{"".join(drawn)}</svg>'
    )


def _figure(value: float) -> str:
    return NOTHING if math.isnan(value) else f"{value:.2f}"


def _p(value: float) -> str:
    return NOTHING if math.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"
