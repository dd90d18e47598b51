"""`report.html` of a comparison: one file that needs nothing else, not even a network."""

from __future__ import annotations

import base64
import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from edge.basics.command import exit_code_of, say
from edge.basics.errors import ConfigError, InputOutputError
from edge.basics.folders import read_plain
from edge.basics.whole_files import write_whole
from firmware_bridge.command_line import Parser
from trainer.judging.comparing.catalogue import MEASURES
from trainer.judging.comparing.records import PICTURES_FOLDER, Case, Comparison, Record, read_comparison
from trainer.judging.comparing.summary import Summary, sets_of, summarised
from trainer.judging.reporting.card_figures import FIGURES_FILE, card_figures
from trainer.judging.reporting.chosen import Pick, picks, shown_cases
from trainer.judging.reporting.jpeg_size import jpeg_size
from trainer.judging.reporting.views import TITLES, curves, differences, method_views, plots, tables, titled, told

REPORT_FILE = "report.html"
PAGE = Path(__file__).parent / "page"
TOLD = ("psnr", "gain_best", "structure_ssim", "colour_de00", "haze")
"""What stands beneath a picture that is looked at."""
MOST_PICTURE_BYTES = 2_000_000
"""Of one picture; a comparison's have some 40,000."""


def write_report(folder: Path) -> Path:
    """Write the page of a comparison, finished or not, into its folder; the same records give the same bytes.

    Beside it `figures.json` has each method's figures as `edge-export describe --figures` takes them.

    Raises:
        InputOutputError: no such folder, or it cannot be read or written.
        ConfigError: a file in it is not what a comparison writes.
    """
    comparison = read_comparison(folder)
    summary = summarised(comparison)
    page, figures = page_of(comparison, summary), card_figures(summary)
    path = folder / REPORT_FILE
    try:
        write_whole(path, page.encode())
        write_whole(folder / FIGURES_FILE, (json.dumps(figures, indent=1) + "\n").encode())
    except OSError as error:
        raise InputOutputError(f"{path}: cannot be written ({error.strerror}); make room or mend its rights") from error
    return path


def page_of(comparison: Comparison, summary: Summary) -> str:
    """The page as text.

    Raises:
        InputOutputError: a picture that the records name cannot be read.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(PAGE), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    script = (PAGE / "report.js").read_text(encoding="utf-8")
    context = _context(comparison, summary)
    return environment.get_template("report.html").render(
        **context,
        style=(PAGE / "report.css").read_text(encoding="utf-8"),
        script=script,
        script_hash=_hash_of(script),
    )


def _context(comparison: Comparison, summary: Summary) -> dict[str, Any]:
    run, methods = comparison.run, method_views(comparison.run.methods)
    picked = picks(comparison)
    pictures = _pictures(comparison, picked)
    sets = sets_of(comparison)
    done = {one.number for one in comparison.records}
    cases = {case.number: case for case in run.cases}
    return {
        "program": version("edge-enhance"),
        "run": run,
        "num_done": len(comparison.records),
        "num_expected": sum(1 for _ in run.expected()),
        "methods": methods,
        "colours": {view.name: view.colour for view in methods},
        "kinds": [
            {
                "name": kind.replace(" ", "-"),
                "title": TITLES.get(kind, kind),
                "num": len(sets[kind] & done),
                "tables": tables(summary.means, summary.tests, methods, kind),
                "differences": differences(summary.tests, kind),
                "plots": plots(comparison, summary.means, methods, kind, sets[kind]),
                "curves": curves(summary.means, methods, kind),
                "kid": [one for one in summary.kid if one.kind == kind],
            }
            for kind in summary.kinds
        ],
        "pictures": pictures,
        "gallery": _gallery(picked, methods, pictures),
        "viewer": _viewer(pictures, cases, comparison),
        "case_title": {number: case_title(case) for number, case in cases.items()},
        "measures": MEASURES,
        "told": told,
    }


def case_title(case: Case) -> str:
    """Such as `12: throat-003.jpg, airlight 0.6`."""
    fog = f", {case.fog.replace('_', ' ')} {case.strength:g}" if case.fog else ", real fog"
    return f"{case.number}: {Path(case.source).name}{fog}"


def _hash_of(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


Pictures = dict[int, dict[str, dict[str, Any]]]
"""Case -> method -> what is embedded: `id`, `data`, `width`, `height`."""


def _pictures(comparison: Comparison, picked: Sequence[Pick]) -> Pictures:
    """The pictures that the page embeds, each once, as many cases as fit."""
    records: dict[int, list[Record]] = {}
    for record in comparison.records:
        records.setdefault(record.number, []).append(record)
    sizes = {number: sum(_size_of(_place(comparison, one)) for one in of) for number, of in records.items()}
    order = {name: number for number, name in enumerate(comparison.run.names)}
    return {
        number: {one.method: _embedded(_place(comparison, one), order[one.method], number) for one in records[number]}
        for number in shown_cases(comparison, picked, sizes)
    }


def _place(comparison: Comparison, record: Record) -> Path:
    """A picture's file; one that the folder of pictures does not hold is nobody's to show."""
    folder, _, name = record.shown.partition("/")
    if folder != PICTURES_FOLDER or not name or Path(name).name != name:
        raise ConfigError(
            f"{comparison.folder}: shown = {record.shown!r}: expected a file of {PICTURES_FOLDER}/; run it again"
        )
    return comparison.folder / folder / name


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise InputOutputError(f"{path}: {error.strerror}; the comparison's records name it: run it again") from error


def _embedded(path: Path, method: int, number: int) -> dict[str, Any]:
    try:
        content = read_plain(path, MOST_PICTURE_BYTES)
    except OSError as error:
        raise InputOutputError(
            f"{path}: {error.strerror or error}; the comparison's records name it: run it again"
        ) from (error)
    width_px, height_px = jpeg_size(content, path)
    data = base64.b64encode(content).decode()
    return {"id": f"p{number}-{method}", "data": data, "width": width_px, "height": height_px}


def _figure(name: str, value: float) -> str:
    measure = MEASURES[name]
    unit = f" {measure.unit}" if titled(measure) != measure.title else ""
    return f"{measure.title}: {told(value, measure.digits)}{unit}"


def _gallery(picked: Sequence[Pick], methods: Sequence[Any], pictures: Pictures) -> list[dict[str, Any]]:
    """A network's picks whose pictures are embedded."""
    found = []
    for view in methods:
        of_method = [pick for pick in picked if pick.method == view.name and pick.record.number in pictures]
        if of_method:
            found.append({"view": view, "picks": of_method, "measure": MEASURES[of_method[0].measure]})
    return found


def _viewer(pictures: Pictures, cases: Mapping[int, Case], comparison: Comparison) -> str:
    """What the page's script needs, as JSON that may stand inside a script element."""
    measures = {(one.number, one.method): one.measures for one in comparison.records}
    cases_told = {
        number: {
            "title": case_title(cases[number]),
            "methods": {
                name: {
                    "id": one["id"],
                    "figures": [_figure(key, value) for key, value in measures[number, name].items() if key in TOLD],
                }
                for name, one in of.items()
            },
            "size": [max(one[side] for one in of.values()) for side in ("width", "height")],
        }
        for number, of in pictures.items()
    }
    text = json.dumps(cases_told, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def main(argv: Sequence[str] | None = None) -> int:
    """`python -m trainer.judging.reporting.report DIR`: the page of a comparison, of one that was stopped too."""
    parser = Parser(prog="python -m trainer.judging.reporting.report", description=main.__doc__)
    parser.add_argument("folder", type=Path, metavar="DIR", help="what edge-train evaluate --report has filled")
    args = parser.parse_args(argv)

    def run() -> int:
        path = write_report(args.folder)
        say(f"{path}: {path.stat().st_size / 1e6:.1f} MB")
        return 0

    return exit_code_of("report", run, debug=False)


if __name__ == "__main__":
    sys.exit(main())
