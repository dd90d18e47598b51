"""A simulated study with known effects: the report must find them, and never pass for a rating."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from edge.basics.errors import InputOutputError
from tests.trainer.mdos.conftest import draw_methods, wish_of
from trainer.mdos.command import PAPER_MEANS
from trainer.mdos.create import create_study
from trainer.mdos.ratings import RatingBook, read_sheets
from trainer.mdos.report import SIMULATED, text_of, write_report
from trainer.mdos.results import MDOS, Results
from trainer.mdos.simulate import simulate
from trainer.mdos.study import Study, read_study


def results_of(study: Study) -> Results:
    return Results(study, read_sheets(study))


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = tmp_path_factory.mktemp("mdos")
    create_study(folder / "study", wish_of(draw_methods(folder / "pictures", num=40), num_raters=4))
    study = read_study(folder / "study")
    simulate(study, PAPER_MEANS)
    return results_of(study)


def test_the_papers_table_comes_out_as_it_was_put_in(simulated):
    rows = {row.method: row for row in simulated.table() if row.aspect == MDOS}
    assert list(rows) == ["original", "cyclegan", "miinet", "hq"]
    assert all(row.num_pictures == 40 for row in rows.values())
    habit = rows["original"].mean - PAPER_MEANS["original"]  # of these raters, the same for all methods
    for method in ("cyclegan", "miinet"):
        assert rows[method].mean - habit == pytest.approx(PAPER_MEANS[method], abs=0.25)
    assert rows["original"].mean < rows["cyclegan"].mean < rows["miinet"].mean < rows["hq"].mean


@pytest.mark.slow
def test_differences_are_found_and_hq_is_compared_with_nothing(simulated):
    found = {(one.aspect, one.one, one.other): one for one in simulated.differences()}
    assert not [key for key in found if "hq" in key]  # other subjects
    gain = found["quality", "original", "miinet"]
    assert gain.low < PAPER_MEANS["miinet"] - PAPER_MEANS["original"] < gain.high + 0.1
    assert gain.p_corrected < 0.001
    assert ("reproducibility", "original", "miinet") not in found
    assert ("reproducibility", "cyclegan", "miinet") in found


def test_agreement_and_retest_are_those_of_raters_who_agree(simulated):
    alpha, one, all_of_them = simulated.agreement()["quality"]
    assert 0.4 < alpha < 0.95
    assert 0.4 < one < all_of_them < 1
    retests = simulated.retests()
    assert [retest.rater for retest in retests] == list(simulated.study.raters)
    assert all(retest.num >= 16 and retest.within_one > 0.9 for retest in retests)


def test_mixed_effects_are_against_the_first_method(simulated):
    effects = simulated.effects()
    effect, low, high, _ = effects["quality"]["miinet"]
    assert low < PAPER_MEANS["miinet"] - PAPER_MEANS["original"] < high + 0.1
    assert effect == pytest.approx(1.75, abs=0.3)
    assert set(effects["reproducibility"]) == {"miinet"}


@pytest.mark.slow
def test_what_was_simulated_says_so_everywhere(simulated, tmp_path):
    page = write_report(simulated, tmp_path)
    assert SIMULATED in page.read_text()
    assert SIMULATED in text_of(simulated)
    for path in Path(tmp_path).glob("*.csv"):
        head, *rows = csv.reader(path.open())
        assert head[-1] == "simulated"
        assert rows
        assert {row[-1] for row in rows} == {"yes"}


@pytest.mark.slow
def test_the_page_holds_all_and_asks_nobody_else(simulated, tmp_path):
    text = write_report(simulated, tmp_path).read_text()
    for title in ("Scores by method", "Distributions", "Comparisons", "Mixed effects", "Agreement", "Test and retest"):
        assert f"<h2>{title}" in text
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    assert "nan" not in text.lower().replace("finance", "")


@pytest.mark.slow
def test_pictures_and_ratings_are_all_in_the_tables(simulated, tmp_path):
    write_report(simulated, tmp_path)
    pictures = list(csv.DictReader((tmp_path / "pictures.csv").open()))
    assert len(pictures) == 160
    assert not [row for row in pictures if row["method"] == "hq" and row["reproducibility"] != "nan"]
    ratings = list(csv.DictReader((tmp_path / "ratings.csv").open()))
    assert len(ratings) == len(simulated.ratings)
    assert {row["showing"] for row in ratings} == {"1", "2"}


@pytest.mark.slow
def test_a_rater_who_stopped_half_way_is_kept_and_reported_so(study, tmp_path):
    simulate(study, PAPER_MEANS, share=0.5)
    results = results_of(study)
    assert all(not one.is_complete and one.num_done > 0 for one in results.progress)
    assert "INCOMPLETE, counted as far as it goes" in text_of(results)
    assert "incomplete" in write_report(results, tmp_path / "report").read_text()


def test_one_rater_and_a_few_clicks_are_enough_for_a_report(study, tmp_path):
    book = RatingBook(study, study.raters[0])
    for place in range(4):
        for aspect in study.items[book.order[place]].aspects:
            book.add(f"{place}{aspect}", place, aspect, 3, 1000)
    book.close()
    text = write_report(results_of(study), tmp_path / "report").read_text()
    assert SIMULATED not in text
    assert "not begun" in text


def test_nothing_to_report_and_a_mixture_are_refused(study):
    with pytest.raises(InputOutputError, match=r"nobody has rated anything yet; run: edge-train mdos serve .+"):
        results_of(study)
    simulate(study, PAPER_MEANS)
    sheets = read_sheets(study)
    study.folder.joinpath("ratings", f"{study.raters[0]}.jsonl").unlink()
    book = RatingBook(study, study.raters[0])
    book.add("a", 0, "quality", 3, 1000)
    book.close()
    with pytest.raises(InputOutputError, match="simulated and real ratings side by side"):
        results_of(study)
    assert len(sheets) == 3


def test_a_name_that_a_spreadsheet_would_run_is_made_harmless(tmp_path):
    methods = draw_methods(tmp_path / "pictures", num=2)
    methods["=1+1"] = methods.pop("hq")
    create_study(tmp_path / "study", wish_of(methods, quality_only=frozenset({"original", "=1+1"})))
    study = read_study(tmp_path / "study")
    simulate(study, {**PAPER_MEANS, "=1+1": 4.0})
    write_report(results_of(study), tmp_path / "report")
    assert ",'=1+1," in (tmp_path / "report" / "table1.csv").read_text()
