"""The page of a comparison as a file: whole, of bounded size, with nothing in it that leads away."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from edge.basics.errors import ConfigError, InputOutputError
from tests.doubles.training.comparison_folder import methods, write_comparison
from trainer.judging.comparing.records import RECORDS_FILE, read_comparison, write_run
from trainer.judging.reporting import chosen
from trainer.judging.reporting.chosen import picks, shown_cases
from trainer.judging.reporting.report import write_report


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


class Reader(HTMLParser):
    """Tags that are open, ids, and what is referred to."""

    VOID = frozenset({"meta", "link", "br", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.wanted: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        self._see(dict(attrs))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._see(dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def _see(self, of: dict[str, str | None]) -> None:
        self.ids += [of["id"]] if of.get("id") else []
        self.wanted |= {of["href"][1:]} if (of.get("href") or "").startswith("#") and of["href"] else set()
        self.wanted |= {of["aria-labelledby"]} if of.get("aria-labelledby") else set()
        self.wanted |= {of["for"]} if of.get("for") else set()


def test_the_page_is_whole_and_every_reference_leads_somewhere(report: Path) -> None:
    reader = Reader()
    reader.feed(text_of(report))
    assert reader.open == []
    assert len(reader.ids) == len(set(reader.ids))
    assert reader.wanted <= set(reader.ids)
    assert {"side-by-side", "gallery", "fog", "fog-not-taught", "real", "what"} <= set(reader.ids)


def test_nothing_leads_away_from_the_file(report: Path) -> None:
    text = text_of(report).replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"\b(?:https?|wss?)://", text) == []
    assert set(re.findall(r"""(?:src|href)="([^"]{1,5})""", text)) <= {
        "data:",
        *(f"#{x}" for x in re.findall(r'="#([^"]{1,4})', text)),
    }
    assert "default-src 'none'" in text


def test_each_picture_stands_in_it_once(report: Path) -> None:
    found = re.findall(r'href="data:image/jpeg;base64,([^"]+)"', text_of(report))
    assert len(found) == len(set(found)) == 14 * 6 + 2 * 5


def test_tables_have_intervals_the_best_and_what_is_significant(report: Path) -> None:
    text = text_of(report)
    assert re.search(r'<td class="best"><b>[\d.]+</b><small>[\d.]+ to [\d.]+</small>', text)
    assert re.search(r'<tr class="significant">.*live is better', text)
    assert "Kernel distance" in text and "by β" in text


def test_what_was_run_is_told(report: Path) -> None:
    text = text_of(report)
    for method in methods():
        assert method.name in text and method.sha256 in text
    assert "20261" in text and "ab" * 32 in text and "94 of 94" in text and "Not finished" not in text


@pytest.mark.slow
def test_the_same_records_make_the_same_page(report: Path) -> None:
    before = report.read_bytes()
    assert write_report(report.parent).read_bytes() == before


def test_figures_for_the_cards_stand_beside_it(report: Path) -> None:
    figures = json.loads((report.parent / "figures.json").read_text())
    one = figures["miinet"]["fog_gain_best_db"]
    assert one["num"] == 14 and one["low"] < one["mean"] < one["high"]
    assert "fog_structure_ssim" not in figures["original"], "it is measured against it"


@pytest.mark.parametrize("num_records", [0, 1, 9, 30])
def test_a_run_that_is_not_finished_has_a_page_that_says_so(tmp_path: Path, num_records: int) -> None:
    write_comparison(tmp_path / "run", 6, 1, num_records=num_records)
    text = text_of(write_report(tmp_path / "run"))
    assert f"{num_records} of 41 pictures are measured" in text
    assert ('id="side-by-side"' in text) == (num_records > 0)


def test_names_from_outside_are_text(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    write_comparison(folder, 3, 0)
    evil = "</script><script>alert(1)</script><img src=x>"
    for name in ("run.json", RECORDS_FILE):
        path = folder / name
        path.write_text(
            path.read_text().replace('"live"', json.dumps(evil)).replace("throat-001.jpg", f"{evil[:8]}'\\\".jpg")
        )
    text = text_of(write_report(folder))
    assert "<img src=x" not in text and "<script>alert" not in text and "&lt;img src=x" in text


@pytest.mark.parametrize("shown", ["/etc/passwd", "pictures/../run.json", "../x.jpg", "pictures/"])
def test_no_file_outside_the_folder_is_shown(tmp_path: Path, shown: str) -> None:
    folder = tmp_path / "run"
    write_comparison(folder, 2, 0)
    path = folder / RECORDS_FILE
    path.write_text(path.read_text().replace("pictures/0001-live.jpg", shown))
    with pytest.raises(ConfigError, match=r"expected a file of pictures/"):
        write_report(folder)


@pytest.mark.parametrize("content", [None, b"no picture", b""])
def test_a_picture_that_is_gone_or_damaged_is_named(tmp_path: Path, content: bytes | None) -> None:
    write_comparison(tmp_path / "run", 2, 0)
    path = tmp_path / "run" / "pictures" / "0001-live.jpg"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputOutputError, match=r"0001-live.jpg"):
        write_report(tmp_path / "run")


def test_a_folder_without_a_comparison_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputOutputError, match=r"run.json"):
        write_report(tmp_path)


def test_one_network_without_a_beta_has_no_curve(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    run = write_comparison(folder, 3, 0, num_records=0)
    alone = type(run)(run.settings, tuple(one for one in run.methods if one.beta is None), run.cases, run.inputs)
    write_run(folder, alone)
    assert "by β" not in text_of(write_report(folder))


def test_best_median_and_worst_are_by_what_was_gained(report: Path) -> None:
    comparison = read_comparison(report.parent)
    ranks = {(one.method, one.rank): one for one in picks(comparison)}
    assert len(ranks) == 4 * 3
    values = sorted(comparison.values("live", "gain_best").values())
    found = [ranks["live", rank].value for rank in ("worst", "median", "best")]
    assert (found[0], found[2]) == (values[0], values[-1]) and found[1] in values[6:8]


def test_pictures_have_a_bound_and_the_picks_come_first(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    comparison = read_comparison(report.parent)
    picked = picks(comparison)
    monkeypatch.setattr(chosen, "MOST_BYTES", 250)
    sizes = {case.number: 100 for case in comparison.run.cases}
    first = list(dict.fromkeys(pick.record.number for pick in picked))[:2]
    assert shown_cases(comparison, picked, sizes) == sorted(first)
